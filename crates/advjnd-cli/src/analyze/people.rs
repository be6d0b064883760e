// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which tracks are of the same person.

use std::collections::BTreeSet;

use advjnd::attack::margin;
use advjnd::net::RecognizerSpec;

use super::trail::Trail;
use crate::analysis::{Action, Person, Sight, Track};
use crate::pooling::mean_of;

/// Tracks that are taken for one person.
#[derive(Debug)]
struct Group {
    trails: Vec<usize>,
    frames: BTreeSet<usize>,
    sums: Vec<Vec<f32>>,
    looks: usize,
}

impl Group {
    fn of(index: usize, trail: &Trail) -> Self {
        Self {
            trails: vec![index],
            frames: trail.faces.iter().map(|face| face.frame).collect(),
            sums: trail.sums.clone(),
            looks: trail.looks,
        }
    }

    /// How far two groups are from being one person, mean over the recognisers, as a share of their thresholds; `None`
    /// if most of them, or a frame that shows both, say that they are two.
    fn distance(&self, other: &Self, specs: &[RecognizerSpec]) -> Option<f32> {
        if self.looks == 0 || other.looks == 0 || !self.frames.is_disjoint(&other.frames) {
            return None;
        }
        let pairs = self.sums.iter().zip(&other.sums).zip(specs);
        let margins: Vec<f32> = pairs
            .map(|((own, its), spec)| margin(spec, &mean_of(own, self.looks), &mean_of(its, other.looks)))
            .collect();
        let same = margins.iter().filter(|margin| **margin <= 0.0).count();
        (2 * same > margins.len()).then(|| margins.iter().sum::<f32>() / margins.len() as f32)
    }

    fn join(&mut self, other: Self) {
        self.trails.extend(other.trails);
        self.frames.extend(other.frames);
        for (sum, its) in self.sums.iter_mut().zip(other.sums) {
            sum.iter_mut().zip(its).for_each(|(sum, value)| *sum += value);
        }
        self.looks += other.looks;
    }
}

/// Who is in a video.
#[derive(Debug, Default)]
pub struct Found {
    /// Who is in most frames first.
    pub people: Vec<Person>,
    /// By person the index of the trail with the best sight.
    pub best: Vec<usize>,
    /// In the order of their first frames.
    pub tracks: Vec<Track>,
}

/// The people of `trails`. The two groups that are most alike become one, as long as most recognisers take them for one
/// person.
pub fn group(trails: &[Trail], specs: &[RecognizerSpec]) -> Found {
    let groups = trails.iter().enumerate().map(|(index, trail)| Group::of(index, trail)).collect();
    let mut groups = joined(groups, specs);
    groups.sort_by_key(|group| std::cmp::Reverse(group.frames.len()));
    let (mut found, mut tracks) = (Found::default(), Vec::new());
    for (id, group) in (1..).zip(&groups) {
        let quality = |index: &usize| trails[*index].quality;
        let best = group.trails.iter().copied().max_by(|a, b| quality(a).total_cmp(&quality(b)));
        let Some((index, best)) = best.map(|index| (index, &trails[index])) else { continue };
        let Some(face) = best.faces.get(best.best) else { continue };
        found.best.push(index);
        found.people.push(Person {
            id,
            name: String::new(),
            action: Action::Protect,
            quality: best.quality,
            best: Sight { frame: face.frame, bbox: face.bbox },
            thumbnail: None,
        });
        tracks.extend(group.trails.iter().map(|index| (id, *index)));
    }
    tracks.sort_by_key(|(_, index)| (trails[*index].faces.first().map(|face| face.frame), *index));
    let tracks = (1..).zip(tracks).map(|(id, (person, index))| {
        let Trail { quality, faces, .. } = &trails[index];
        Track { id, person, struck: false, quality: *quality, faces: faces.clone() }
    });
    found.tracks = tracks.collect();
    found
}

/// Joins the two groups that are most likely one person, again and again.
fn joined(mut groups: Vec<Group>, specs: &[RecognizerSpec]) -> Vec<Group> {
    let mut distances: Vec<_> = (0..groups.len()).map(|first| distances_from(first, &groups, specs)).collect();
    while let Some((first, second)) = closest(&distances) {
        let other = groups.remove(second);
        groups[first].join(other);
        distances.remove(second);
        for row in &mut distances {
            row.remove(second);
        }
        for index in 0..first {
            distances[index][first] = groups[index].distance(&groups[first], specs);
        }
        distances[first] = distances_from(first, &groups, specs);
    }
    groups
}

/// The distances of a group from all that stand after it; none from the others.
fn distances_from(first: usize, groups: &[Group], specs: &[RecognizerSpec]) -> Vec<Option<f32>> {
    let distance = |second| groups[first].distance(&groups[second], specs);
    (0..groups.len()).map(|second| if second > first { distance(second) } else { None }).collect()
}

/// The two groups that are most likely one person.
fn closest(distances: &[Vec<Option<f32>>]) -> Option<(usize, usize)> {
    let rows = distances.iter().enumerate();
    let pairs = rows.flat_map(|(first, row)| row.iter().enumerate().map(move |(second, own)| ((first, second), own)));
    let pairs = pairs.filter_map(|(pair, distance)| Some((pair, (*distance)?)));
    pairs.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(pair, _)| pair)
}

#[cfg(test)]
mod tests {
    use advjnd::net::Network;

    use super::*;

    /// As if all distances were worked out anew after each join.
    fn naive(mut groups: Vec<Group>, specs: &[RecognizerSpec]) -> Vec<Group> {
        loop {
            let all: Vec<_> = (0..groups.len()).map(|first| distances_from(first, &groups, specs)).collect();
            let Some((first, second)) = closest(&all) else { return groups };
            let other = groups.remove(second);
            groups[first].join(other);
        }
    }

    /// Groups about so many directions, in frames of which some are shared.
    fn groups(count: usize, specs: &[RecognizerSpec]) -> Vec<Group> {
        let one = |index: usize| Group {
            trails: vec![index],
            frames: (index..index + 1 + index % 3).collect(),
            sums: specs
                .iter()
                .map(|spec| {
                    let value =
                        |at: usize| f32::from(u8::from(at % 5 == index % 4)) + 0.3 * ((at * index) as f32).sin();
                    (0..spec.embedding_len).map(value).collect()
                })
                .collect(),
            looks: 1,
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn groups_are_those_of_the_naive_way() {
        let specs: Vec<RecognizerSpec> = Network::ALL.into_iter().map(|network| network.spec().unwrap()).collect();
        for count in [0, 1, 2, 17, 40] {
            let trails = |groups: Vec<Group>| groups.into_iter().map(|group| group.trails).collect::<Vec<_>>();
            let (own, naive) = (joined(groups(count, &specs), &specs), naive(groups(count, &specs), &specs));
            let (own, naive) = (trails(own), trails(naive));
            assert_eq!(own, naive);
            assert!(count < 17 || own.len() < count, "none are joined: {own:?}");
        }
    }
}
