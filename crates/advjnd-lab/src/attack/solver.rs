// SPDX-License-Identifier: MIT OR Apache-2.0
//! What raises an objective inside a budget.

use advjnd::attack::{Attack, Budget, Objective, Outcome, Perturbation};
use advjnd::{Error, Result};

use super::quasi_newton::Climb;

/// The loop that a recipe runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Solver {
    /// Gradient steps: the product's own loop.
    Gradient(Attack),
    /// Limited-memory BFGS with a line search. The objective must be the same function at every call.
    LimitedMemory {
        /// Root mean square of the first step, as a share of what the budget allows.
        first_step: f32,
    },
}

impl Solver {
    /// At most `max_iterations` iterations from `state`, fewer if a value reaches `stop_at` or the objective does not
    /// go on; the state ends inside the budget.
    ///
    /// # Errors
    /// What the objective reports, and [`Error::NotFinite`] if its value is not a number; the state is inside the
    /// budget still.
    pub fn run(
        &self,
        objective: &mut dyn Objective,
        budget: &mut Budget,
        state: &mut Perturbation,
        max_iterations: u32,
        stop_at: f32,
    ) -> Result<Outcome> {
        match self {
            Self::Gradient(attack) => attack.run(objective, budget, state, max_iterations, stop_at),
            Self::LimitedMemory { first_step } => climb(*first_step, objective, budget, state, max_iterations, stop_at),
        }
    }
}

fn climb(
    first_step: f32,
    objective: &mut dyn Objective,
    budget: &mut Budget,
    state: &mut Perturbation,
    max_iterations: u32,
    stop_at: f32,
) -> Result<Outcome> {
    budget.project(&mut state.delta);
    let mut climb = Climb::default();
    let mut gradient = vec![0.0; state.delta.len()];
    let mut outcome = Outcome { iterations: 0, value: f32::NEG_INFINITY };
    while outcome.iterations < max_iterations && objective.goes_on() {
        outcome.value = objective.value_and_grad(&state.delta, &mut gradient)?;
        outcome.iterations += 1;
        if outcome.value.is_nan() {
            return Err(Error::NotFinite { stage: "the attack's objective" });
        }
        let last = outcome.iterations == max_iterations;
        let reached = objective.margin(outcome.value) >= stop_at;
        if reached || !climb.advance(outcome.value, &gradient, &mut state.delta, budget, first_step, last) {
            break;
        }
    }
    Ok(outcome)
}
