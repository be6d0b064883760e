// SPDX-License-Identifier: MIT OR Apache-2.0
//! A search for people in a gallery (1:N): at which rank is the right one?

use advjnd::attack::margin;
use advjnd::net::RecognizerSpec;
use serde::Serialize;

use crate::evaluate::{Judge, Look, Share, Treated};
use crate::population::Population;

/// Ranks up to which somebody counts as found.
const RANKS: [usize; 2] = [1, 10];

/// Other people, as one recogniser sees them.
pub struct Gallery(Vec<Vec<f32>>);

/// What became of the searches, one for each face that the recogniser looks at: the person enrolled is in the gallery
/// (closed set), and no threshold is set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identification {
    /// Other people in the gallery.
    pub others: usize,
    /// Whether these do not exist.
    pub generated: bool,
    /// Searches in which the person was missed in the original, by rank.
    pub missed_before: Vec<Missed>,
    /// The same in the protected file; a face that is covered is missed.
    pub missed_after: Vec<Missed>,
    /// The person's rank in the middle of all searches with a face that is shown.
    pub median_rank: Option<usize>,
}

/// The false-negative identification rate, FNIR(N, R, 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// Found is who is among so many of the most similar ones.
    pub rank: usize,
    pub searches: Share,
}

impl Gallery {
    /// Of `count` people who do not exist; none for a recogniser that `population` does not know, or of nobody.
    pub fn of(population: &Population, spec: &RecognizerSpec, count: usize) -> Option<Self> {
        population.gallery(spec, count).filter(|people| !people.is_empty()).map(Self)
    }

    /// Searches with every face that the recogniser looks at.
    pub fn search(&self, Judge { index, spec }: Judge<'_>, treated: Treated<'_>, looks: &[Look]) -> Identification {
        let Treated { clean, covered } = treated;
        let rank = |track: usize, probe: &[f32]| self.rank(spec, &clean.enrolled[track][index], probe);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (number, face) in clean.sightings.iter().enumerate().filter(|(_, face)| !face.embeddings.is_empty()) {
            before.push(Some(rank(face.track, &face.embeddings[index])));
            let look = looks.binary_search_by_key(&number, |look| look.sighting).ok().filter(|_| !covered[number]);
            after.push(look.map(|at| rank(face.track, &looks[at].embeddings[index])));
        }
        let mut shown: Vec<usize> = after.iter().flatten().copied().collect();
        shown.sort_unstable();
        Identification {
            others: self.0.len(),
            generated: true,
            missed_before: missed(&before),
            missed_after: missed(&after),
            median_rank: shown.get(shown.len() / 2).copied(),
        }
    }

    /// The rank of the person `enrolled` in a search with `probe`, from 1; who is as similar comes before.
    fn rank(&self, spec: &RecognizerSpec, enrolled: &[f32], probe: &[f32]) -> usize {
        let own = margin(spec, enrolled, probe);
        1 + self.0.iter().filter(|other| margin(spec, other, probe) <= own).count()
    }
}

fn missed(ranks: &[Option<usize>]) -> Vec<Missed> {
    let at = |limit: usize| {
        let mut searches = Share::default();
        ranks.iter().for_each(|rank| searches.take(rank.is_none_or(|rank| rank > limit)));
        Missed { rank: limit, searches }
    };
    RANKS.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use advjnd::net::Network;

    use super::*;

    #[test]
    fn who_is_nearer_than_all_others_has_the_first_rank() {
        let spec = Network::SFace.spec().unwrap();
        let unit = |at: usize| (0..spec.embedding_len).map(|own| f32::from(u8::from(own == at))).collect::<Vec<f32>>();
        let between: Vec<f32> = unit(0).iter().zip(unit(2)).map(|(a, b)| 0.8 * a + 0.6 * b).collect();
        let gallery = Gallery(vec![unit(1), unit(2)]);
        assert_eq!(gallery.rank(&spec, &unit(0), &between), 1);
        assert_eq!(gallery.rank(&spec, &unit(1), &between), 3, "a tie counts against the person");
        let searches = missed(&[Some(1), Some(2), Some(11), None]);
        assert_eq!(searches.iter().map(|missed| missed.searches.count).collect::<Vec<_>>(), [3, 2]);
    }
}
