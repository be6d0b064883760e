// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was found, and what it means.

use std::collections::BTreeMap;

use advjnd::attack::margin;
use advjnd::net::{Metric, RecognizerSpec, cosine_similarity};
use serde::Serialize;

use super::policy::Policy;
use super::ranks::Identification;
use super::reference::{Kind, Reference, Second};
use super::wilson::wilson;
use crate::evaluate::{Clean, Figures, Judge, Look, Mean, Quality, Share, Treated, Treatment};

/// Mean cosine, over recognisers, of a face to the clean one of the same frame, from which it counts as untouched:
/// encoding anew leaves more, protection far less.
pub const UNTOUCHED: f32 = 0.9;

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
    /// What the faces are taken from.
    pub reference: Kind,
    pub original: Option<String>,
    pub original_sha256: Option<String>,
    pub frames: usize,
    /// Faces, one a frame, of people who are kept by choice.
    pub left_out: u64,
    /// Of all others of at least 32 pixels, those that are covered.
    pub covered: Share,
    /// Faces that only the second detector finds.
    pub second_detector: Option<Second>,
    /// Of the faces that are shown and that recognisers look at, against the original.
    pub quality: Quality,
    pub through: Vec<Through>,
}

/// What recognisers make of the file after something became of it.
#[derive(Debug, Serialize)]
pub struct Through {
    pub variant: String,
    /// None where there is no original.
    pub untouched: Option<Untouched>,
    pub recognizers: BTreeMap<String, Recognition>,
}

/// Faces that are shown as they were.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Untouched {
    pub faces: u64,
    /// The first frame with one.
    pub first: Option<usize>,
}

/// What one recogniser makes of the faces.
#[derive(Debug, Serialize)]
pub struct Recognition {
    /// Whether it may have been attacked.
    pub attacked: bool,
    /// Mean similarity of faces to the person enrolled.
    pub similarity: Similarity,
    /// 1:1, at its own false match rate first.
    pub rates: Vec<AtRate>,
    /// 1:N; none for a recogniser of whose other people nothing is known.
    pub identification: Option<Identification>,
    /// The face that it is surest of.
    pub worst: Option<Worst>,
}

/// Means over the faces that a recogniser looks at.
#[derive(Debug, Serialize)]
pub struct Similarity {
    /// `cosine`, more alike when larger, or `distance`, when smaller.
    pub measure: &'static str,
    /// In the original.
    pub before: Mean,
    /// As they are shown; of covered ones there is none.
    pub after: Mean,
}

/// Verification at one threshold: of the faces that are taken for the person in the original.
#[derive(Debug, Serialize)]
pub struct AtRate {
    pub false_match_rate: f32,
    /// In units of the metric.
    pub threshold: f32,
    /// Of these faces, covered ones included, those that are still taken for the person.
    pub known: Share,
    /// The share's 95 % interval of Wilson.
    pub known_interval: [f64; 2],
    /// The same of the mean embedding of a track, and of the best frame of a track.
    pub known_pooled: Share,
    pub known_best_frame: Share,
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
    /// What a recogniser, at each of its false match rates, makes of `looks`.
    pub fn new(judges: &[Judge<'_>], treated: Treated<'_>, looks: &[Look]) -> Self {
        let own = judges[0];
        let rates = judges.iter().map(|judge| {
            let figures = Figures::count(*judge, treated, looks, |_, _| ());
            AtRate::new(judge.spec, &figures)
        });
        Self {
            attacked: false,
            similarity: Similarity::of(own, treated.clean, looks),
            rates: rates.collect(),
            identification: None,
            worst: worst(treated.clean, looks, own),
        }
    }

    /// At the recogniser's own false match rate.
    pub fn own(&self) -> Option<&AtRate> {
        self.rates.first()
    }
}

impl AtRate {
    fn new(spec: &RecognizerSpec, figures: &Figures) -> Self {
        let known = Share { count: figures.stopped.of - figures.stopped.count, of: figures.covered.of };
        let rest = |stopped: Share| Share { count: stopped.of - stopped.count, of: stopped.of };
        Self {
            false_match_rate: spec.false_accept_rate,
            threshold: spec.verification_threshold,
            known,
            known_interval: wilson(known.count, known.of),
            known_pooled: rest(figures.stopped_pooled_clip),
            known_best_frame: rest(figures.stopped_best_frame),
        }
    }
}

impl Similarity {
    fn of(Judge { index, spec }: Judge<'_>, clean: &Clean, looks: &[Look]) -> Self {
        let similarity = |a: &[f32], b: &[f32]| match spec.metric {
            Metric::Cosine => f64::from(cosine_similarity(a, b)),
            Metric::Euclidean => a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt(),
        };
        let (mut before, mut after) = (Mean::default(), Mean::default());
        for sighting in clean.sightings.iter().filter(|sighting| !sighting.embeddings.is_empty()) {
            before.take(similarity(&clean.enrolled[sighting.track][index], &sighting.embeddings[index]));
        }
        for look in looks {
            let track = clean.sightings[look.sighting].track;
            after.take(similarity(&clean.enrolled[track][index], &look.embeddings[index]));
        }
        let measure = if spec.metric == Metric::Cosine { "cosine" } else { "distance" };
        Self { measure, before, after }
    }
}

impl Judgement {
    /// Of the file that is held against `reference`, before recognisers are asked.
    pub fn new(reference: &Reference, policy: Policy) -> Self {
        let mut judgement = Self {
            policy,
            reference: reference.kind,
            original: reference.original.as_ref().map(|original| original.path.clone()),
            original_sha256: reference.original.as_ref().map(|original| original.sha256.clone()),
            frames: reference.clean.frames,
            left_out: reference.left_out,
            second_detector: reference.second,
            quality: reference.quality,
            ..Self::default()
        };
        reference.treatments.iter().for_each(|treatment| judgement.covered.take(treatment.flat));
        judgement
    }

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
fn is_untouched(clean: &[Vec<f32>], shown: &[Vec<f32>]) -> bool {
    let cosines = clean.iter().zip(shown).map(|(clean, shown)| cosine_similarity(clean, shown));
    cosines.sum::<f32>() >= UNTOUCHED * clean.len() as f32
}

/// Share of the usual change of its track from which on a face is changed as others are.
const LITTLE: f64 = 0.6;
/// The usual change is that of all but so many of ten faces.
const USUAL: usize = 9;

/// How much the faces of each track are changed, in a walk over a video.
#[derive(Debug, Default)]
pub struct Usual {
    /// By track, sorted.
    changes: Vec<Vec<f64>>,
}

impl Usual {
    /// Whether the next face of a track is changed less than those before it were; one that is covered is not.
    pub fn is_little(&mut self, track: usize, treatment: &Treatment) -> bool {
        if treatment.flat {
            return false;
        }
        if self.changes.len() <= track {
            self.changes.resize(track + 1, Vec::new());
        }
        let changes = &mut self.changes[track];
        changes.insert(changes.partition_point(|change| *change < treatment.change), treatment.change);
        treatment.change < LITTLE * usual(changes)
    }
}

/// The usual one of sorted changes.
fn usual(changes: &[f64]) -> f64 {
    changes.get(changes.len() * USUAL / 10).copied().unwrap_or(0.0)
}

/// The faces that are shown and changed far less than others of their tracks, and that no recogniser looks at: their
/// indices.
pub fn suspects(clean: &Clean, treatments: &[Treatment]) -> Vec<usize> {
    let mut changes = vec![Vec::new(); clean.tracks];
    for (sighting, treatment) in clean.sightings.iter().zip(treatments).filter(|(_, treatment)| !treatment.flat) {
        changes[sighting.track].push(treatment.change);
    }
    changes.iter_mut().for_each(|changes| changes.sort_by(f64::total_cmp));
    let usual: Vec<f64> = changes.iter().map(|changes| usual(changes)).collect();
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

/// The face that the recogniser is surest of, among those it knows in the original.
fn worst(clean: &Clean, looks: &[Look], judge: Judge<'_>) -> Option<Worst> {
    let Judge { index, spec } = judge;
    let faces = looks.iter().zip(margins(clean, looks, judge)).filter_map(|(look, shown)| {
        let sighting = &clean.sightings[look.sighting];
        let was_known = margin(spec, &clean.enrolled[sighting.track][index], &sighting.embeddings[index]) <= 0.0;
        let (frame, seconds) = (sighting.frame, sighting.time.as_secs_f64());
        was_known.then_some(Worst { frame, seconds, margin: shown })
    });
    faces.min_by(|a, b| a.margin.total_cmp(&b.margin))
}
