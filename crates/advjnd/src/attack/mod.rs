// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gradient iterations inside a budget: one loop, with an [`Attack`] as its parameters.
//!
//! The loop is projected gradient ascent with momentum. With [`Direction::Sign`] it is MI-FGSM (Dong et al., CVPR 2018,
//! eq. 6–7), and BIM if the momentum is zero, too. It knows nothing of faces, frames or visibility. It sees an
//! [`Objective`], a [`Budget`] per element, and a [`Perturbation`] that persists from call to call (warm start).

mod budget;
mod objective;
mod octaves;
mod view;

pub use budget::Budget;
pub use objective::{Dodge, margin};
pub use octaves::OCTAVES;
pub use view::ViewSampler;

use crate::error::{Error, Result};

/// What the iterations maximise.
pub trait Objective {
    /// The value at `delta`, and its gradient with respect to `delta` (same length, overwritten).
    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32>;

    /// The quantity for the stopping test and [`Attack::approach`], at the point last evaluated. By default this is
    /// that point's `value`; override it if the stop depends on something else than the value that is maximised.
    fn margin(&self, value: f32) -> f32 {
        value
    }

    /// Whether there is time for another evaluation; asked before each.
    fn goes_on(&self) -> bool {
        true
    }
}

/// How the accumulated gradient becomes a step inside a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Direction {
    /// Every element moves by the same share of its bound: the steepest step for a given largest change relative to the
    /// bounds.
    Sign,
    /// In proportion to the gradient times the squared bound: the steepest step for a given root mean square change
    /// relative to the bounds. Spends less for the same value.
    #[default]
    Scaled,
    /// In proportion to the gradient, whatever the bounds. The element that changes most moves by the step size times
    /// the widest bound (FGV: Rozsa, Rudd & Boult, CVPRW 2016).
    Value,
}

/// An attack: the parameters of the loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attack {
    /// How the gradient becomes a step.
    pub direction: Direction,
    /// Share of the previous accumulated gradient that is kept.
    pub momentum: f32,
    /// Root mean square of a step, as a share of the bounds, or of the root mean square that the budget allows.
    pub step_size: f32,
    /// Distance from the stop at which steps begin to shrink in proportion, down to [`LEAST_STEP`] of their size: a
    /// long first step and little overshoot at the end. Zero: all steps have the same size.
    pub approach: f32,
}

/// Smallest step near the stop, as a share of the step size.
pub const LEAST_STEP: f32 = 0.3;

impl Default for Attack {
    fn default() -> Self {
        Self { direction: Direction::Scaled, momentum: 0.3, step_size: 0.25, approach: 0.5 }
    }
}

/// A perturbation and its momentum: the state for a warm start of the next call.
#[derive(Debug, Clone, Default)]
pub struct Perturbation {
    /// The perturbation.
    pub delta: Vec<f32>,
    /// Gradient of the value last evaluated with respect to it.
    pub gradient: Vec<f32>,
    momentum: Vec<f32>,
}

impl Perturbation {
    /// A zero perturbation of `len` elements.
    pub fn zeros(len: usize) -> Self {
        Self { delta: vec![0.0; len], momentum: vec![0.0; len], gradient: vec![0.0; len] }
    }

    /// Multiplies the perturbation by `factor`; the momentum stays.
    pub fn shrink(&mut self, factor: f32) {
        self.delta.iter_mut().for_each(|delta| *delta *= factor);
    }
}

/// What a run of the loop did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Gradient evaluations.
    pub iterations: u32,
    /// The last value seen; minus infinity if there was no iteration.
    pub value: f32,
}

/// A run of the loop, evaluation by evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    attack: Attack,
    max_iterations: u32,
    stop_at: f32,
    outcome: Outcome,
    reached: bool,
}

impl Run {
    /// Whether another evaluation is wanted.
    pub fn wants_more(&self) -> bool {
        !self.reached && self.outcome.iterations < self.max_iterations
    }

    /// What it did so far.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Takes the `value` and the `margin` at the point of `state`, which holds the gradient there, and steps on unless
    /// the margin ends the run. The state ends inside the budget.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if `value` is not a number; the state stays inside the budget.
    pub fn take(&mut self, budget: &mut Budget, state: &mut Perturbation, value: f32, margin: f32) -> Result<()> {
        self.outcome = Outcome { iterations: self.outcome.iterations + 1, value };
        if value.is_nan() {
            return Err(Error::NotFinite { stage: "the attack's objective" });
        }
        self.reached = margin >= self.stop_at;
        if !self.reached {
            self.attack.advance(budget, state, self.stop_at - margin);
        }
        Ok(())
    }
}

impl Attack {
    /// Runs at most `max_iterations` iterations from `state`. Stops early if the margin reaches `stop_at` or the
    /// objective does not go on. The state ends inside the budget.
    ///
    /// # Errors
    /// Errors of the objective, and [`Error::NotFinite`] if its value is not a number; the state stays inside the
    /// budget.
    pub fn run(
        &self,
        objective: &mut dyn Objective,
        budget: &mut Budget,
        state: &mut Perturbation,
        max_iterations: u32,
        stop_at: f32,
    ) -> Result<Outcome> {
        let mut run = self.begin(budget, state, max_iterations, stop_at);
        while run.wants_more() && objective.goes_on() {
            let value = objective.value_and_grad(&state.delta, &mut state.gradient)?;
            run.take(budget, state, value, objective.margin(value))?;
        }
        Ok(run.outcome)
    }

    /// Begins a run of at most `max_iterations` iterations that ends at the margin `stop_at`. The state ends inside the
    /// budget.
    pub fn begin(&self, budget: &mut Budget, state: &mut Perturbation, max_iterations: u32, stop_at: f32) -> Run {
        budget.project(&mut state.delta);
        let outcome = Outcome { iterations: 0, value: f32::NEG_INFINITY };
        Run { attack: *self, max_iterations, stop_at, outcome, reached: false }
    }

    /// Takes one step along the gradient of `state`, `distance` short of the stop. The state ends inside the budget.
    pub fn advance(&self, budget: &mut Budget, state: &mut Perturbation, distance: f32) {
        self.accumulate(state);
        self.step(budget, state, self.step_size * self.slowdown(distance));
        budget.project(&mut state.delta);
    }

    fn slowdown(&self, distance: f32) -> f32 {
        if self.approach > 0.0 { (distance / self.approach).clamp(LEAST_STEP, 1.0) } else { 1.0 }
    }

    /// m ← μ·m + g/mean|g| (Dong et al., eq. 6; the mean in place of the sum only changes m's unit).
    fn accumulate(&self, state: &mut Perturbation) {
        let mean = mean(state.gradient.iter().map(|g| g.abs()));
        let scale = if mean > f32::MIN_POSITIVE { 1.0 / mean } else { 0.0 };
        for (m, g) in state.momentum.iter_mut().zip(&state.gradient) {
            *m = self.momentum * *m + scale * g;
        }
    }

    fn step(&self, budget: &Budget, state: &mut Perturbation, step_size: f32) {
        let step_size = step_size * budget.reach();
        let widths = || budget.half_widths();
        match self.direction {
            Direction::Sign => {
                for ((delta, m), width) in state.delta.iter_mut().zip(&state.momentum).zip(widths()) {
                    // f32::signum(0) is 1.
                    *delta += step_size * width * if *m == 0.0 { 0.0 } else { m.signum() };
                }
            }
            Direction::Scaled => {
                let inside = widths().filter(|&width| width > 0.0).count().max(1) as f32;
                let energy: f32 = state.momentum.iter().zip(widths()).map(|(m, width)| (m * width).powi(2)).sum();
                let rms = (energy / inside).sqrt();
                if rms <= f32::MIN_POSITIVE {
                    return;
                }
                for ((delta, m), width) in state.delta.iter_mut().zip(&state.momentum).zip(widths()) {
                    *delta += step_size / rms * m * width * width;
                }
            }
            Direction::Value => {
                let largest = state.momentum.iter().fold(0.0f32, |largest, m| largest.max(m.abs()));
                if largest > f32::MIN_POSITIVE {
                    let scale = step_size * widths().fold(0.0, f32::max) / largest;
                    state.delta.iter_mut().zip(&state.momentum).for_each(|(delta, m)| *delta += scale * m);
                }
            }
        }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f32;
    values.sum::<f32>() / count
}
