// SPDX-License-Identifier: MIT OR Apache-2.0
//! Published attacks as rows of one table over a loop, [`Solver`].
//!
//! An attack is a [`Recipe`]: objective terms, input transform, direction rule, start, stop and budget. [`Recipe::run`]
//! fills the loop's blanks from it; the rows are in [`rows`], each with its paper and with what of it could not be
//! verified.
//!
//! All work on a [`Chip`], planar RGB in 0..=1, and see the recogniser through [`Embedder`]. What is raised is −L of
//! Xue et al. 2023, eq. 1, L = α·L_adv + β·(quality terms); rows without quality terms raise −L_adv alone.
//!
//! ```text
//! for β of the schedule                 eq. 8; one attempt where there is no schedule
//!     δ ← start
//!     run the loop, at most `steps` gradients, until the margin is reached if it stops on success
//!     judge clean + δ as it is          without input transform; done if the margin is reached
//! ```
//!
//! An attempt starts anew, or, with [`Start::Warm`], where the failed one ended. After a success, a recipe may search
//! for a smaller perturbation that succeeds ([`Recipe::refinements`]).

mod objective;
pub mod rows;
mod schedule;

pub use schedule::{Decay, FLOOR, Schedule, Schedules};

use advjnd::attack::{Budget, Perturbation, ViewSampler};
use advjnd::net::Embedder;
use advjnd::{Error, Result};

use super::Solver;
use super::adversarial::{Adversarial, Loss};
use super::chip::Chip;
use super::diversity::Diversity;
use super::perceptual::{Reading, Thresholds};
use objective::ChipObjective;

/// The quality terms and their share of β; zero: without that term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// L1 of Xue et al., eq. 3.
    pub l1: f32,
    /// L2, eq. 5.
    pub l2: f32,
    /// G, eq. 6.
    pub gradient: f32,
    /// 1 − SSIM.
    pub structure: f32,
    /// Total variation of the perturbation.
    pub total_variation: f32,
    /// V of [`visibility`](super::visibility).
    pub visibility: f32,
}

impl Terms {
    /// None of them.
    pub const NONE: Self =
        Self { l1: 0.0, l2: 0.0, gradient: 0.0, structure: 0.0, total_variation: 0.0, visibility: 0.0 };
}

/// Streams of a run's random numbers: starts and input transforms, and the direction in which a dodge leaves.
const VIEWS: u64 = 0;
const AWAY: u64 = 1;

/// Where an attempt starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the clean picture.
    Zero,
    /// Anywhere in the budget, evenly.
    Random,
    /// Where the last run ended, if that was a perturbation of the same shape.
    Warm,
}

/// When an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// After all steps.
    Steps,
    /// As soon as the recipe's margin is reached; with an input transform, by the transformed picture.
    Success,
}

/// What the perturbation must stay in, besides the range of the picture. White is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Each sample by at most this.
    Epsilon(f32),
    /// Each sample by at most this times its threshold over the mean of all thresholds.
    JndShaped(f32),
    /// Each sample by at most this times its threshold.
    Jnd(f32),
    /// Nothing else.
    Range,
}

impl Bound {
    /// The box for `chip`.
    ///
    /// # Errors
    /// [`Error::Input`] if its factor is negative or not finite.
    pub fn budget(&self, chip: &Chip<'_>) -> Result<Budget> {
        let jnd = chip.jnd();
        let scaled = |factor: f32| jnd.iter().map(|jnd| factor * jnd).collect::<Vec<f32>>();
        let (Self::Epsilon(factor) | Self::JndShaped(factor) | Self::Jnd(factor)) = *self else {
            return Ok(Budget::symmetric(&vec![1.0; jnd.len()]).within(chip.clean(), 0.0, 1.0));
        };
        if !factor.is_finite() || factor < 0.0 {
            return Err(Error::input(format!("a bound of {factor}; give a finite one from zero up, where white is 1")));
        }
        let bounds = match self {
            Self::Epsilon(epsilon) => vec![*epsilon; jnd.len()],
            Self::JndShaped(epsilon) => {
                let mean = jnd.iter().sum::<f32>() / jnd.len() as f32;
                scaled(epsilon / mean.max(f32::MIN_POSITIVE))
            }
            _ => scaled(factor),
        };
        Ok(Budget::symmetric(&bounds).within(chip.clean(), 0.0, 1.0))
    }
}

/// An attack as data. Rows differ in their fields only: `Recipe { bound: Bound::Epsilon(4.0 / 255.0), ..rows::BIM }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Name in tables.
    pub name: &'static str,
    /// α, the weight of the adversarial term.
    pub alpha: f32,
    /// Which E.
    pub loss: Loss,
    /// Quality terms.
    pub terms: Terms,
    /// What J is in L1, L2 and G.
    pub thresholds: Thresholds,
    /// M(n) in L1, L2 and G, for red, green and blue.
    pub channel_weights: [f32; 3],
    /// How L1, L2 and G are read.
    pub reading: Reading,
    /// Whether a verification dodge follows a constant random direction besides, as the protector's does.
    pub leaves: bool,
    /// β from attempt to attempt; none: one attempt, with β = 1.
    pub schedules: Option<Schedules>,
    /// Input transform.
    pub diversity: Option<Diversity>,
    /// Attempts between the last β that failed and the first that succeeded, each halfway between those that are
    /// nearest (geometric mean), and as many scales of the best perturbation after them.
    pub refinements: u32,
    /// The loop. Its step size is in units of the bound.
    pub solver: Solver,
    /// Where an attempt starts.
    pub start: Start,
    /// Gradients an attempt may take.
    pub steps: u32,
    /// When an attempt ends before that.
    pub stop: Stop,
    /// The margin ([`Judgement::margin`](super::adversarial::Judgement::margin)) from which the attack counts as
    /// successful.
    pub margin: f32,
    /// The box.
    pub bound: Bound,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Whether the margin of the adversarial picture reaches the recipe's.
    pub succeeded: bool,
    /// That margin, without input transform.
    pub margin: f32,
    /// Gradients taken, in all attempts.
    pub iterations: u32,
    /// Attempts.
    pub attempts: u32,
    /// β of the last attempt.
    pub beta: f32,
    /// After how many failures β came down to its floor; none if it did not.
    pub floor_reached_after: Option<u32>,
}

impl Recipe {
    /// Attacks `chip` in the eyes of `embedder`; `state.delta` then is the perturbation, `[3][height][width]`, inside
    /// the recipe's bound and the range of the picture ([`Chip::add`] makes the adversarial picture of it). The same
    /// arguments give the same bytes.
    ///
    /// # Errors
    /// [`Error::Input`] if `chip` has not the size that `embedder` takes, if `adversarial` does not fit it, or if a
    /// field of the recipe lies outside its range; else what the embedder reports, and [`Error::NotFinite`] if the
    /// objective is not a number.
    pub fn run(
        &self,
        embedder: &mut dyn Embedder,
        adversarial: &Adversarial<'_>,
        chip: &Chip<'_>,
        seed: u64,
        state: &mut Perturbation,
    ) -> Result<Report> {
        let away = match self.leaves {
            true => ViewSampler::new(seed, AWAY).direction(embedder.spec().embedding_len),
            false => Vec::new(),
        };
        let left = adversarial.leaving(&away);
        let adversarial = if self.leaves { &left } else { adversarial };
        self.check(embedder, adversarial, chip)?;
        let mut budget = self.bound.budget(chip)?;
        let mut sampler = ViewSampler::new(seed, VIEWS);
        let mut objective = ChipObjective::new(self, *chip, embedder, adversarial, &mut sampler);
        let schedule = self.schedules.map(|schedules| *schedules.of(adversarial.goal));
        let mut stop_at = if self.stop == Stop::Success { self.margin } else { f32::INFINITY };
        let mut report = Report {
            succeeded: false,
            margin: f32::NEG_INFINITY,
            iterations: 0,
            attempts: 0,
            beta: 1.0,
            floor_reached_after: None,
        };
        loop {
            let failures = report.attempts;
            report.attempts += 1;
            let last = schedule.is_none_or(|schedule| schedule.is_at_floor(failures));
            if let Some(schedule) = &schedule {
                report.beta = schedule.beta(failures);
                report.floor_reached_after = last.then_some(failures);
            }
            objective.set_beta(report.beta);
            self.begin(&mut objective, &budget, state);
            report.iterations += self.solver.run(&mut objective, &mut budget, state, self.steps, stop_at)?.iterations;
            report.margin = objective.verify(&state.delta)?;
            report.succeeded = report.margin >= self.margin;
            if report.succeeded {
                let failed = schedule.filter(|_| failures > 0).map(|schedule| schedule.beta(failures - 1));
                self.refine(&mut objective, &mut budget, state, failed, &mut report)?;
            }
            if report.succeeded || last {
                return Ok(report);
            }
            if objective.last_margin() >= stop_at {
                // The embedder that is only looked through sees less of it, for it rounds: that much more is asked for.
                stop_at += self.margin - report.margin;
            }
        }
    }

    /// From a perturbation that succeeds at the report's β to a smaller one that does.
    fn refine(
        &self,
        objective: &mut ChipObjective<'_>,
        budget: &mut Budget,
        state: &mut Perturbation,
        failed: Option<f32>,
        report: &mut Report,
    ) -> Result<()> {
        let mut best = state.delta.clone();
        if let Some(mut failed) = failed {
            for _ in 0..self.refinements {
                let beta = (failed * report.beta).sqrt();
                objective.set_beta(beta);
                self.begin(objective, budget, state);
                report.attempts += 1;
                report.iterations += self.solver.run(objective, budget, state, self.steps, f32::INFINITY)?.iterations;
                let margin = objective.verify(&state.delta)?;
                if margin >= self.margin {
                    (report.beta, report.margin) = (beta, margin);
                    best.copy_from_slice(&state.delta);
                } else {
                    failed = beta;
                }
            }
        }
        let (mut least, mut most) = (0.0, 1.0);
        let scaled = |scale: f32| best.iter().map(move |delta| scale * delta);
        for _ in 0..self.refinements {
            let scale = 0.5 * (least + most);
            state.delta.clear();
            state.delta.extend(scaled(scale));
            let margin = objective.verify(&state.delta)?;
            if margin >= self.margin {
                (most, report.margin) = (scale, margin);
            } else {
                least = scale;
            }
        }
        state.delta.clear();
        state.delta.extend(scaled(most));
        Ok(())
    }

    fn begin(&self, objective: &mut ChipObjective<'_>, budget: &Budget, state: &mut Perturbation) {
        if self.start == Start::Warm && state.delta.len() == budget.len() {
            return;
        }
        *state = Perturbation::zeros(budget.len());
        if self.start == Start::Random {
            for (delta, width) in state.delta.iter_mut().zip(budget.half_widths()) {
                *delta = width * objective.draw();
            }
        }
    }

    fn check(&self, embedder: &dyn Embedder, adversarial: &Adversarial<'_>, chip: &Chip<'_>) -> Result<()> {
        let spec = embedder.spec();
        if chip.width() != spec.chip_size || chip.height() != spec.chip_size {
            return Err(Error::input(format!(
                "a chip of {}x{} for `{}`, which takes {} on both sides; align the face to that size",
                chip.width(),
                chip.height(),
                spec.name,
                spec.chip_size
            )));
        }
        adversarial.check(spec.embedding_len)?;
        if let Some(diversity) = &self.diversity {
            diversity.check()?;
        }
        let falls = self.schedules.is_none_or(|schedules| schedules.of(adversarial.goal).is_valid());
        if !falls {
            return Err(Error::input(format!(
                "the schedule of `{}` does not fall from above zero to a floor above zero; check its initial value, its \
                 decay and its floor",
                self.name
            )));
        }
        Ok(())
    }
}
