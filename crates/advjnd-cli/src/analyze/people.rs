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
    let mut groups: Vec<Group> = trails.iter().enumerate().map(|(index, trail)| Group::of(index, trail)).collect();
    while let Some((first, second)) = closest(&groups, specs) {
        let joined = groups.remove(second);
        groups[first].join(joined);
    }
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

/// The two groups that are most likely one person.
fn closest(groups: &[Group], specs: &[RecognizerSpec]) -> Option<(usize, usize)> {
    let pairs = (0..groups.len()).flat_map(|first| (first + 1..groups.len()).map(move |second| (first, second)));
    pairs
        .filter_map(|(first, second)| Some((groups[first].distance(&groups[second], specs)?, (first, second))))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, pair)| pair)
}
