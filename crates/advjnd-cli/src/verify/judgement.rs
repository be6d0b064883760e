// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was found, and what it means.

use std::collections::BTreeMap;

use advjnd::attack::{cosine_similarity, margin};
use advjnd::net::RecognizerSpec;
use serde::Serialize;

use super::policy::Policy;
use super::wilson::wilson;
use crate::evaluate::{Clean, Figures, Judge, Look, Share, Treatment};

/// Mean cosine, over recognisers, of a face to the clean one of the same frame, from which it counts as untouched:
/// encoding anew leaves more, protection far less.
const UNTOUCHED: f32 = 0.9;

/// All that is told.
#[derive(Debug, Default, Serialize)]
pub struct Judgement {
    /// `PASS` or `FAIL`.
    pub verdict: String,
    /// Why it is `FAIL`.
    pub reasons: Vec<String>,
    pub policy: Policy,
    pub protected: String,
    pub protected_sha256: String,
    pub original: String,
    pub original_sha256: String,
    pub frames: usize,
    /// Faces, one a frame, of people who are kept by choice.
    pub left_out: u64,
    /// Of all others of at least 32 pixels, those that are covered.
    pub covered: Share,
    pub through: Vec<Through>,
}

/// What recognisers make of the file after something became of it.
#[derive(Debug, Serialize)]
pub struct Through {
    pub variant: String,
    pub untouched: Untouched,
    pub recognizers: BTreeMap<String, Recognition>,
}

/// Faces that are shown as they were.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Untouched {
    pub faces: u64,
    /// The first frame with one.
    pub first: Option<usize>,
}

/// What one recogniser makes of the faces that it takes for the person in the original.
#[derive(Debug, Serialize)]
pub struct Recognition {
    /// Whether it may have been attacked.
    pub attacked: bool,
    /// The false match rate at its threshold.
    pub false_match_rate: f32,
    /// Of these faces, covered ones included, those that it still takes for the person.
    pub known: Share,
    /// The share's 95 % interval of Wilson.
    pub known_interval: [f64; 2],
    /// The same of the mean embedding of a track, and of the best frame of a track.
    pub known_pooled: Share,
    pub known_best_frame: Share,
    /// The face that it is surest of.
    pub worst: Option<Worst>,
}

/// A face that is shown.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Worst {
    pub frame: usize,
    pub seconds: f64,
    /// How far beyond the threshold it is, as a share of it; below 0 it is known.
    pub margin: f32,
}

impl Recognition {
    /// From the counts of `figures`.
    pub fn new(spec: &RecognizerSpec, attacked: bool, figures: Figures, worst: Option<Worst>) -> Self {
        let known = Share { count: figures.stopped.of - figures.stopped.count, of: figures.covered.of };
        let rest = |stopped: Share| Share { count: stopped.of - stopped.count, of: stopped.of };
        Self {
            attacked,
            false_match_rate: spec.false_accept_rate,
            known,
            known_interval: wilson(known.count, known.of),
            known_pooled: rest(figures.stopped_pooled_clip),
            known_best_frame: rest(figures.stopped_best_frame),
            worst,
        }
    }
}

impl Judgement {
    /// Comes to a verdict.
    pub fn decide(&mut self) {
        self.reasons = self.policy.reasons(self);
        self.verdict = if self.reasons.is_empty() { "PASS" } else { "FAIL" }.to_owned();
    }
}

impl Untouched {
    /// The `looks` at faces that are to recognisers what they were, and those of `others`, by their frames.
    pub fn of(clean: &Clean, looks: &[Look], others: &[usize]) -> Self {
        let same =
            looks.iter().filter(|look| is_untouched(&clean.sightings[look.sighting].embeddings, &look.embeddings));
        let frames: Vec<usize> =
            same.map(|look| clean.sightings[look.sighting].frame).chain(others.iter().copied()).collect();
        Self { faces: frames.len() as u64, first: frames.into_iter().min() }
    }
}

/// Whether a face with embeddings `shown`, by recogniser, is to recognisers what `clean` was.
pub fn is_untouched(clean: &[Vec<f32>], shown: &[Vec<f32>]) -> bool {
    let cosines = clean.iter().zip(shown).map(|(clean, shown)| cosine_similarity(clean, shown));
    cosines.sum::<f32>() >= UNTOUCHED * clean.len() as f32
}

/// Share of the change of its track, but for a tenth of its faces, from which on a face is changed as others are.
const LITTLE: f64 = 0.6;

/// The faces that are shown and changed far less than others of their tracks, and that no recogniser looks at: their
/// indices.
pub fn suspects(clean: &Clean, treatments: &[Treatment]) -> Vec<usize> {
    let mut changes = vec![Vec::new(); clean.tracks];
    for (sighting, treatment) in clean.sightings.iter().zip(treatments).filter(|(_, treatment)| !treatment.flat) {
        changes[sighting.track].push(treatment.change);
    }
    let usual: Vec<f64> = changes
        .into_iter()
        .map(|mut changes| {
            changes.sort_by(f64::total_cmp);
            changes.get(changes.len() * 9 / 10).copied().unwrap_or(0.0)
        })
        .collect();
    let pairs = clean.sightings.iter().zip(treatments).enumerate();
    let few = pairs.filter(|(_, (sighting, treatment))| {
        let is_little = treatment.change < LITTLE * usual[sighting.track];
        !treatment.flat && is_little && sighting.embeddings.is_empty()
    });
    few.map(|(index, _)| index).collect()
}

/// The margins of the `looks` for one recogniser.
pub fn margins(clean: &Clean, looks: &[Look], Judge { index, spec }: Judge<'_>) -> Vec<f32> {
    let margin_of = |look: &Look| {
        let enrolled = &clean.enrolled[clean.sightings[look.sighting].track][index];
        margin(spec, enrolled, &look.embeddings[index])
    };
    looks.iter().map(margin_of).collect()
}

/// The face that the recogniser is surest of, by the `margins` of the `looks`, among those it knows in the original.
pub fn worst(clean: &Clean, looks: &[Look], Judge { index, spec }: Judge<'_>, margins: &[f32]) -> Option<Worst> {
    let faces = looks.iter().zip(margins).filter_map(|(look, shown)| {
        let sighting = &clean.sightings[look.sighting];
        let was_known = margin(spec, &clean.enrolled[sighting.track][index], &sighting.embeddings[index]) <= 0.0;
        let (frame, seconds) = (sighting.frame, sighting.time.as_secs_f64());
        was_known.then_some(Worst { frame, seconds, margin: *shown })
    });
    faces.min_by(|a, b| a.margin.total_cmp(&b.margin))
}
