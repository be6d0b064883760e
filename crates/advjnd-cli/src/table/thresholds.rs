// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thresholds of verification from the experiment's own impostors: every attacked picture, clean, against everybody
//! else's enrolled one.

use advjnd::net::{Metric, RecognizerSpec, cosine_similarity};
use serde::{Deserialize, Serialize};

use super::key::Setting;
use crate::rounded::rounded;

/// A false accept rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Far {
    /// 1 %.
    OnePercent,
    /// 0.1 %.
    OnePermille,
}

impl Far {
    pub const BOTH: [Self; 2] = [Self::OnePercent, Self::OnePermille];

    /// The rate that an attack has to reckon with: the one whose threshold is the harder for it.
    pub fn attacked(setting: Setting) -> Self {
        match setting {
            Setting::Dodge => Self::OnePercent,
            Setting::Impersonate => Self::OnePermille,
        }
    }

    fn rate(self) -> f64 {
        match self {
            Self::OnePercent => 0.01,
            Self::OnePermille => 0.001,
        }
    }
}

/// The thresholds at false accept rates of 1 % and 0.1 %, in units of the recogniser's metric, and what of the people's
/// own pairs they miss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    pub impostor_pairs: usize,
    pub far_1_percent: f64,
    pub far_01_percent: f64,
    /// Share of people who are not recognised when clean, at either.
    pub clean_miss_far_1_percent: f64,
    pub clean_miss_far_01_percent: f64,
}

impl Thresholds {
    /// Of `clean` embeddings and the `gallery`, by person.
    pub fn measure(spec: &RecognizerSpec, clean: &[&[f32]], gallery: &[Vec<f32>]) -> Self {
        // Smaller is more alike, whatever the metric.
        let apart = |a: &[f32], b: &[f32]| match spec.metric {
            Metric::Cosine => -f64::from(cosine_similarity(a, b)),
            Metric::Euclidean => a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt(),
        };
        let pairs = || (0..clean.len()).flat_map(|i| (0..gallery.len()).map(move |j| (i, j)));
        let mut impostors: Vec<f64> =
            pairs().filter(|(i, j)| i != j).map(|(i, j)| apart(clean[i], &gallery[j])).collect();
        impostors.sort_by(f64::total_cmp);
        let own: Vec<f64> = clean.iter().zip(gallery).map(|(clean, enrolled)| apart(clean, enrolled)).collect();
        let [first, second] = Far::BOTH.map(|far| {
            // Between the last pair that may be accepted and the next.
            let accepted = (far.rate() * impostors.len() as f64) as usize;
            let edge = |at: usize| impostors[at.min(impostors.len() - 1)];
            let threshold = 0.5 * (edge(accepted.saturating_sub(1)) + edge(accepted));
            let missed = own.iter().filter(|apart| **apart > threshold).count();
            let signed = if spec.metric == Metric::Cosine { -threshold } else { threshold };
            (rounded(signed), rounded(missed as f64 / own.len() as f64))
        });
        Self {
            impostor_pairs: impostors.len(),
            far_1_percent: first.0,
            far_01_percent: second.0,
            clean_miss_far_1_percent: first.1,
            clean_miss_far_01_percent: second.1,
        }
    }

    /// The recogniser at a false accept rate.
    pub fn apply(&self, spec: &RecognizerSpec, far: Far) -> RecognizerSpec {
        let threshold = match far {
            Far::OnePercent => self.far_1_percent,
            Far::OnePermille => self.far_01_percent,
        };
        let (verification_threshold, false_accept_rate) = (threshold as f32, far.rate() as f32);
        RecognizerSpec { verification_threshold, false_accept_rate, ..spec.clone() }
    }
}
