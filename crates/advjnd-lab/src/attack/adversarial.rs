// SPDX-License-Identifier: MIT OR Apache-2.0
//! The adversarial term L_adv, and when an attack has succeeded.
//!
//! Xue et al. 2023, eq. 1: L_adv = −E(θ(Z), θ(X)) non-targeted, E(θ(Z), C) targeted, E "a variant of cross-entropy"
//! that is not given. A face recogniser gives an embedding e and no classes, so θ is read in two ways ([`Task`]):
//!
//! * **Identification**: softmax over cos(e, gallery) / temperature. The label is the person shown or the target C.
//! * **Verification**: the margin of [`margin`](advjnd::attack::margin) to one reference, positive beyond the
//!   threshold, divided by a temperature too, so that the quality terms weigh as much against it as against a
//!   cross-entropy.
//!
//! and E in two ([`Loss`]); p is the probability of the label, m the margin, T its temperature, ρ = [`RESERVE`]:
//!
//! | | identification, dodge | identification, impersonate | verification |
//! |---|---|---|---|
//! | [`Loss::Plain`] | ln p | −ln p | −m / T |
//! | [`Loss::Bounded`] | −ln(1 − p) | −ln p | max(0, ρ − m) / T |
//!
//! Plain is the literal reading. Its −E has no lower bound: it goes on to spend quality after the attack has succeeded,
//! and next to a sure label (p ≈ 1) it has hardly a gradient, in the same direction as the bounded one. Bounded is the
//! substitute that keeps to the printed form: least where the attack has succeeded. 1 − p is summed from the other
//! labels, so it needs no constant under the logarithm; a plain slope below [`LEAST_SLOPE`] counts as that, or it would
//! be lost in f32.
//!
//! A verification's gradient is that of the product's own objective, [`Dodge`]; an impersonation takes the opposite
//! one. A dodge that starts from its own reference stands where the margin has no gradient. It moves in the direction
//! `away`, which tilts the gradient and leaves the loss as it is. An empty `away` tilts nothing.

use advjnd::attack::Dodge;
use advjnd::net::{Metric, RecognizerSpec, cosine_similarity};
use advjnd::{Error, Result};

/// Margin at which [`Loss::Bounded`] of a verification stops pushing: beyond any margin that a recipe asks for.
pub const RESERVE: f32 = 0.15;
/// Scale 64 of the cosines, as in ArcFace's training (Deng et al., CVPR 2019).
pub const ARCFACE_TEMPERATURE: f32 = 1.0 / 64.0;
/// Least derivative of the plain loss of an identification with respect to the label's logit.
pub const LEAST_SLOPE: f64 = 1e-20;
const TINY: f32 = 1e-6;

/// What the attack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Not to be recognised as the person (non-targeted).
    Dodge,
    /// To be recognised as the person (targeted).
    Impersonate,
}

/// Which E; see the head of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// As printed.
    Plain,
    /// Least where the attack has succeeded.
    #[default]
    Bounded,
}

/// What the recogniser is asked.
#[derive(Debug, Clone, Copy)]
pub enum Task<'a> {
    /// Who of the enrolled it is.
    Identification {
        /// One embedding per enrolled person, at least two.
        gallery: &'a [Vec<f32>],
        /// Index of the person to dodge or to impersonate.
        label: usize,
        /// What cosines are divided by before the softmax, above zero; [`ARCFACE_TEMPERATURE`].
        temperature: f32,
    },
    /// Whether it is one person.
    Verification {
        /// Metric and threshold.
        spec: &'a RecognizerSpec,
        /// The embedding to dodge or to impersonate.
        reference: &'a [f32],
        /// The direction in which a dodge leaves its reference, or empty.
        away: &'a [f32],
        /// What margins are divided by, above zero; [`ARCFACE_TEMPERATURE`], or 1 for the margin itself.
        temperature: f32,
    },
}

/// The adversarial side of an attack.
#[derive(Debug, Clone, Copy)]
pub struct Adversarial<'a> {
    /// What it is for.
    pub goal: Goal,
    /// What is asked.
    pub task: Task<'a>,
}

/// An embedding, judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// L_adv.
    pub loss: f32,
    /// How far the goal is reached: positive beyond it. Of identification: the difference of two cosines, the label's
    /// and the best of the others. Of verification: [`margin`](advjnd::attack::margin), for impersonation with its sign
    /// changed.
    pub margin: f32,
}

impl Adversarial<'_> {
    /// [`Error::Input`] if a part does not fit embeddings of `embedding_len`.
    pub fn check(&self, embedding_len: usize) -> Result<()> {
        let fault = match self.task {
            Task::Identification { gallery, label, temperature } => {
                let fits = gallery.iter().all(|enrolled| enrolled.len() == embedding_len);
                let positive = temperature.is_finite() && temperature > 0.0;
                (gallery.len() < 2 || label >= gallery.len() || !fits || !positive).then(|| {
                    format!(
                        "person {label} of {} enrolled at temperature {temperature}: enrol two or more",
                        gallery.len()
                    )
                })
            }
            Task::Verification { reference, away, temperature, .. } => {
                let fits = reference.len() == embedding_len && (away.is_empty() || away.len() == embedding_len);
                let positive = temperature.is_finite() && temperature > 0.0;
                (!fits || !positive).then(|| {
                    format!(
                        "a reference of {}, a direction of {}, temperature {temperature}",
                        reference.len(),
                        away.len()
                    )
                })
            }
        };
        fault.map_or(Ok(()), |fault| {
            Err(Error::input(format!(
                "cannot attack {fault}; all embeddings must have the recogniser's {embedding_len} values, a label must be \
                 enrolled, a temperature positive"
            )))
        })
    }

    /// Judges `embedding`, and writes dL_adv / d embedding to `cotangent`. All lengths must have passed
    /// [`check`](Self::check).
    pub fn judge(&self, loss: Loss, embedding: &[f32], cotangent: &mut [f32]) -> Judgement {
        cotangent.fill(0.0);
        match self.task {
            Task::Identification { gallery, label, temperature } => {
                self.identify(loss, gallery, label, temperature, embedding, cotangent)
            }
            Task::Verification { spec, reference, away, temperature } => {
                let judgement = self.verify(loss, spec, reference, away, embedding, cotangent);
                cotangent.iter_mut().for_each(|c| *c /= temperature);
                Judgement { loss: judgement.loss / temperature, ..judgement }
            }
        }
    }

    fn identify(
        &self,
        loss: Loss,
        gallery: &[Vec<f32>],
        label: usize,
        temperature: f32,
        embedding: &[f32],
        cotangent: &mut [f32],
    ) -> Judgement {
        let cosines: Vec<f32> = gallery.iter().map(|enrolled| cosine_similarity(enrolled, embedding)).collect();
        let others = || (0..cosines.len()).filter(|&other| other != label);
        let rival = others().map(|other| cosines[other]).fold(f32::NEG_INFINITY, f32::max);
        let top = f64::from(rival.max(cosines[label]));
        let weights: Vec<f64> =
            cosines.iter().map(|c| ((f64::from(*c) - top) / f64::from(temperature)).exp()).collect();
        let total: f64 = weights.iter().sum();
        // 1 − p without the cancellation.
        let rest = others().map(|other| weights[other]).sum::<f64>() / total;
        let p = weights[label] / total;
        let log_p = (f64::from(cosines[label]) - top) / f64::from(temperature) - total.ln();
        // The loss, and its derivative with respect to the label's logit; the others share its opposite.
        let (value, slope) = match (self.goal, loss) {
            (Goal::Impersonate, _) => (-log_p, -rest),
            (Goal::Dodge, Loss::Plain) => (log_p, rest.max(LEAST_SLOPE)),
            (Goal::Dodge, Loss::Bounded) => (-rest.max(f64::MIN_POSITIVE).ln(), p),
        };
        for (index, (enrolled, cosine)) in gallery.iter().zip(&cosines).enumerate() {
            let share = if index == label { 1.0 } else { -weights[index] / (total * rest.max(f64::MIN_POSITIVE)) };
            add_cosine_gradient(
                (slope * share / f64::from(temperature)) as f32,
                enrolled,
                embedding,
                *cosine,
                cotangent,
            );
        }
        let ahead = cosines[label] - rival;
        Judgement { loss: value as f32, margin: if self.goal == Goal::Dodge { -ahead } else { ahead } }
    }

    fn verify(
        &self,
        loss: Loss,
        spec: &RecognizerSpec,
        reference: &[f32],
        away: &[f32],
        embedding: &[f32],
        cotangent: &mut [f32],
    ) -> Judgement {
        let (sign, away) = if self.goal == Goal::Dodge { (1.0, away) } else { (-1.0, &[][..]) };
        let dodge = Dodge { spec, references: [reference; 2], away };
        let margin = sign * dodge.margin_and_cotangent(embedding, cotangent);
        let (value, slope) = match loss {
            Loss::Plain => (-margin, -1.0),
            Loss::Bounded if margin >= RESERVE => (0.0, 0.0),
            Loss::Bounded => (RESERVE - margin, -1.0),
        };
        // What the dodge's direction is of the margin's gradient.
        let unit = match spec.metric {
            Metric::Euclidean => spec.verification_threshold,
            Metric::Cosine => (1.0 - spec.verification_threshold) * norm(embedding),
        };
        cotangent.iter_mut().for_each(|c| *c *= sign * slope / unit);
        Judgement { loss: value, margin }
    }

    /// The same, where a verification dodge leaves its reference in the direction `away`.
    #[must_use]
    pub fn leaving<'b>(&self, away: &'b [f32]) -> Adversarial<'b>
    where
        Self: 'b,
    {
        let mut adversarial = *self;
        if let Task::Verification { away: direction, .. } = &mut adversarial.task {
            *direction = away;
        }
        adversarial
    }
}

/// Adds `scale` · d cos(a, e) / de = a/(‖a‖‖e‖) − cos·e/‖e‖².
fn add_cosine_gradient(scale: f32, a: &[f32], e: &[f32], cosine: f32, gradient: &mut [f32]) {
    let (norm_a, norm_e) = (norm(a), norm(e));
    for ((gradient, a), e) in gradient.iter_mut().zip(a).zip(e) {
        *gradient += scale / norm_e * (a / norm_a - cosine * e / norm_e);
    }
}

/// ‖v‖, but not zero.
fn norm(v: &[f32]) -> f32 {
    v.iter().map(|v| v * v).sum::<f32>().sqrt().max(TINY)
}
