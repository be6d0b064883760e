// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one recogniser makes of one variant, in numbers that can be added up over clips.

use std::collections::BTreeMap;
use std::time::Duration;

use advjnd::attack::margin;
use advjnd::net::RecognizerSpec;
use serde::{Deserialize, Serialize};

use super::counts::{Mean, Share};
use super::faces::Treated;
use super::looks::Look;
use crate::pooling::{mean_of, pool};

/// One recogniser and one variant. A face is known where the recogniser takes the clean face of that very frame for
/// the person enrolled; only known faces count. Stopped: shown, and no longer taken for the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Of the known faces, those that are covered.
    pub covered: Share,
    /// Of the known faces that are shown, those that are stopped: per frame.
    pub stopped: Share,
    /// The same share of each track, averaged over tracks: what pooling over tracks is to be compared with.
    #[serde(default)]
    pub stopped_by_track: Mean,
    /// Of the seconds of a track that show a known face, those whose mean embedding is stopped.
    pub stopped_pooled_second: Share,
    /// Of the tracks that show a known face, those whose mean embedding is stopped.
    pub stopped_pooled_clip: Share,
    /// Of the tracks that show a known face, those of which no frame at all is taken for the person.
    pub stopped_best_frame: Share,
    /// Of the frames with a known face, those that leak one: shown, and taken for the person.
    pub leaked_frames: Share,
    /// Of the tracks with a known face, those in which it is stopped in some frame.
    pub reached: Share,
    /// Seconds from the first frame of a track that is looked at to the first that is stopped, where there is one.
    pub seconds_to_protection: Mean,
    /// Margin of the known faces that are shown: above zero they are stopped.
    pub margin: Mean,
}

/// The recogniser whose figures are counted.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// Its place among all who look.
    pub index: usize,
    pub spec: &'a RecognizerSpec,
}

impl Figures {
    /// Counts the `looks` at a variant by one recogniser; `note` gets the margin of each known face that is shown.
    pub fn count(
        Judge { index, spec }: Judge<'_>,
        Treated { clean, covered }: Treated<'_>,
        looks: &[Look],
        mut note: impl FnMut(&Look, f32),
    ) -> Self {
        let mut figures = Self::default();
        let enrolled = |track: usize| clean.enrolled[track][index].as_slice();
        let looked = |sighting: usize| looks.binary_search_by_key(&sighting, |look| look.sighting).ok();
        let (mut tracks, mut frames) = (BTreeMap::<usize, Track>::new(), BTreeMap::<usize, bool>::new());
        let mut begun = BTreeMap::new();
        for (number, sighting) in clean.sightings.iter().enumerate().filter(|(_, face)| !face.embeddings.is_empty()) {
            let start = *begun.entry(sighting.track).or_insert(sighting.time);
            let enrolled = enrolled(sighting.track);
            if margin(spec, enrolled, &sighting.embeddings[index]) > 0.0 {
                continue;
            }
            figures.covered.take(covered[number]);
            let leaked = frames.entry(sighting.frame).or_default();
            let track = tracks.entry(sighting.track).or_default();
            let Some(look) = looked(number).map(|at| &looks[at]) else { continue };
            let (embedding, since) = (&look.embeddings[index], sighting.time.saturating_sub(start));
            let margin = margin(spec, enrolled, embedding);
            note(look, margin);
            let stopped = margin > 0.0;
            figures.stopped.take(stopped);
            figures.margin.take(f64::from(margin));
            *leaked |= !stopped;
            track.shown += 1;
            track.leaks += usize::from(!stopped);
            if stopped {
                track.first_stopped.get_or_insert(since);
            }
            for pooled in [&mut track.whole, track.seconds.entry(since.as_secs()).or_default()] {
                pooled.add(spec, embedding);
            }
        }
        for leaked in frames.into_values() {
            figures.leaked_frames.take(leaked);
        }
        for (number, track) in tracks {
            figures.add_track(spec, enrolled(number), &track);
        }
        figures
    }

    fn add_track(&mut self, spec: &RecognizerSpec, enrolled: &[f32], track: &Track) {
        self.reached.take(track.first_stopped.is_some());
        if let Some(since) = track.first_stopped {
            self.seconds_to_protection.take(since.as_secs_f64());
        }
        if track.shown == 0 {
            return;
        }
        self.stopped_by_track.take(1.0 - track.leaks as f64 / track.shown as f64);
        self.stopped_best_frame.take(track.leaks == 0);
        self.stopped_pooled_clip.take(track.whole.is_stopped(spec, enrolled));
        for second in track.seconds.values() {
            self.stopped_pooled_second.take(second.is_stopped(spec, enrolled));
        }
    }

    /// Adds what `other` counts.
    pub fn add(&mut self, other: &Self) {
        self.covered.add(&other.covered);
        self.stopped.add(&other.stopped);
        self.stopped_by_track.add(&other.stopped_by_track);
        self.stopped_pooled_second.add(&other.stopped_pooled_second);
        self.stopped_pooled_clip.add(&other.stopped_pooled_clip);
        self.stopped_best_frame.add(&other.stopped_best_frame);
        self.leaked_frames.add(&other.leaked_frames);
        self.reached.add(&other.reached);
        self.seconds_to_protection.add(&other.seconds_to_protection);
        self.margin.add(&other.margin);
    }
}

/// What is seen of a person over time.
#[derive(Default)]
struct Track {
    shown: usize,
    leaks: usize,
    first_stopped: Option<Duration>,
    whole: Pooled,
    seconds: BTreeMap<u64, Pooled>,
}

/// A mean embedding in the making.
#[derive(Default)]
struct Pooled {
    sum: Vec<f32>,
    count: usize,
}

impl Pooled {
    fn add(&mut self, spec: &RecognizerSpec, embedding: &[f32]) {
        self.sum.resize(embedding.len(), 0.0);
        pool(spec, &mut self.sum, embedding);
        self.count += 1;
    }

    fn is_stopped(&self, spec: &RecognizerSpec, enrolled: &[f32]) -> bool {
        margin(spec, enrolled, &mean_of(&self.sum, self.count)) > 0.0
    }
}
