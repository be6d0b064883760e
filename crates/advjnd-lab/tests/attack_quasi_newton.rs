// SPDX-License-Identifier: MIT OR Apache-2.0
//! L-BFGS in a box, on functions whose top is known.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/attack.rs"]
mod attack;

use advjnd::Result;
use advjnd::attack::{Budget, Objective, Perturbation};
use advjnd_lab::attack::recipes::rows;
use attack::numbers;

/// −½ Σ h (δ − c)²: greatest in a box where each element is c, or the bound next to it.
struct Bowl {
    curvature: Vec<f32>,
    center: Vec<f32>,
}

impl Objective for Bowl {
    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        let mut value = 0.0;
        for (((g, d), h), c) in gradient.iter_mut().zip(delta).zip(&self.curvature).zip(&self.center) {
            *g = -h * (d - c);
            value -= 0.5 * f64::from(h * (d - c) * (d - c));
        }
        Ok(value as f32)
    }
}

/// −(1 − a)² − 100 (b − a²)².
struct Rosenbrock;

impl Objective for Rosenbrock {
    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        let (a, b) = (delta[0], delta[1]);
        gradient[0] = 2.0 * (1.0 - a) + 400.0 * a * (b - a * a);
        gradient[1] = -200.0 * (b - a * a);
        Ok(-(1.0 - a).powi(2) - 100.0 * (b - a * a).powi(2))
    }
}

fn valley() -> Perturbation {
    let mut state = Perturbation::zeros(2);
    state.delta = vec![-1.2, 1.0];
    state
}

#[test]
fn l_bfgs_finds_the_top() {
    let solver = rows::L_BFGS.solver;
    let bounds = vec![1.0; 50];
    let mut bowl = Bowl { curvature: numbers(1, 50, 1.0, 100.0), center: numbers(2, 50, -2.0, 2.0) };
    let mut state = Perturbation::zeros(50);
    solver.run(&mut bowl, &mut Budget::symmetric(&bounds), &mut state, 60, f32::INFINITY).expect("run");
    for (found, center) in state.delta.iter().zip(&bowl.center) {
        assert!((found - center.clamp(-1.0, 1.0)).abs() < 1e-2, "{found}, not {center}");
    }
    let mut state = valley();
    let outcome =
        solver.run(&mut Rosenbrock, &mut Budget::symmetric(&[5.0; 2]), &mut state, 80, f32::INFINITY).expect("run");
    assert!(state.delta.iter().all(|v| (v - 1.0).abs() < 1e-2), "{:?} after {}", state.delta, outcome.iterations);
}

#[test]
fn l_bfgs_ends_at_the_best_point_it_has_seen() {
    let mut last = f32::NEG_INFINITY;
    for steps in 1..25 {
        let mut state = valley();
        let solver = rows::L_BFGS.solver;
        solver.run(&mut Rosenbrock, &mut Budget::symmetric(&[5.0; 2]), &mut state, steps, f32::INFINITY).expect("run");
        let value = Rosenbrock.value_and_grad(&state.delta, &mut [0.0; 2]).expect("value");
        assert!(value >= last, "{value} after {steps}, {last} before");
        last = value;
    }
}
