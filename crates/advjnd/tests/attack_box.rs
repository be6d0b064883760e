// SPDX-License-Identifier: MIT OR Apache-2.0
//! The attack where the answer is known: a linear value in a box is greatest at a corner.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use advjnd::Result;
use advjnd::attack::{Attack, Budget, Direction, Objective, Perturbation};
use proptest::prelude::*;

struct Linear(Vec<f32>);

impl Objective for Linear {
    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        gradient.copy_from_slice(&self.0);
        Ok(self.0.iter().zip(delta).map(|(w, d)| w * d).sum())
    }
}

proptest! {
    #[test]
    fn sign_steps_reach_the_best_corner(
        (weights, bounds) in (1usize..40).prop_flat_map(|n| (
            prop::collection::vec(prop_oneof![-3.0f32..-0.1, 0.1f32..3.0], n),
            prop::collection::vec(0.0f32..4.0, n),
        )),
    ) {
        let attack = Attack { direction: Direction::Sign, momentum: 0.9, step_size: 0.25, approach: 0.0 };
        let mut state = Perturbation::zeros(weights.len());
        let mut budget = Budget::symmetric(&bounds);
        attack.run(&mut Linear(weights.clone()), &mut budget, &mut state, 20, f32::INFINITY).expect("run");
        for ((delta, weight), bound) in state.delta.iter().zip(&weights).zip(&bounds) {
            prop_assert!((delta - bound * weight.signum()).abs() < 1e-5);
        }
    }

    #[test]
    fn a_part_of_a_box_lies_in_it_and_near_its_centre(
        elements in prop::collection::vec((0.0f32..4.0, -6.0f32..6.0, -9.0f32..9.0), 1..40),
        share in prop_oneof![Just(0.0f32), 0.0f32..3.0, Just(-1.0), Just(f32::INFINITY), Just(f32::NAN)],
    ) {
        let [bounds, center, point]: [Vec<f32>; 3] =
            [|e: &(f32, f32, f32)| e.0, |e: &(f32, f32, f32)| e.1, |e: &(f32, f32, f32)| e.2]
                .map(|field| elements.iter().map(field).collect());
        let mut part = Budget::symmetric(&bounds).near(&center, share);
        prop_assert!(part.half_widths().eq(bounds.iter().copied()), "the widths stay");
        let mut projected = point.clone();
        part.project(&mut projected);
        for (index, value) in projected.iter().enumerate() {
            let (bound, center) = (bounds[index], center[index].clamp(-bounds[index], bounds[index]));
            prop_assert!(value.abs() <= bound);
            let reach = if share.is_nan() { f32::INFINITY } else { share.max(0.0) * bound };
            prop_assert!((value - center).abs() <= reach + 1e-5, "{} from {}", value, center);
        }
        let mut again = projected.clone();
        part.project(&mut again);
        prop_assert_eq!(again, projected);
    }

    #[test]
    fn a_bound_mean_square_is_kept_inside_the_box_and_what_keeps_it_stays(
        elements in prop::collection::vec((prop_oneof![Just(0.0f32), 0.01f32..4.0], -9.0f32..9.0), 1..60),
        share in prop_oneof![Just(0.0f32), 0.01f32..1.2, Just(-1.0)],
    ) {
        let (bounds, point): (Vec<f32>, Vec<f32>) = elements.into_iter().unzip();
        let rms = |delta: &[f32]| {
            let ratios = delta.iter().zip(&bounds).filter(|(_, bound)| **bound > 0.0).map(|(d, b)| f64::from(d / b));
            let squares: Vec<f64> = ratios.map(|ratio| ratio * ratio).collect();
            (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt() as f32
        };
        let mut budget = Budget::symmetric(&bounds).with_rms(share);
        let mut projected = point.clone();
        budget.project(&mut projected);
        prop_assert!(rms(&projected) <= share.clamp(0.0, 1.0) + 1e-5);
        let scale = if share < 1.0 && rms(&point) > share { share.max(0.0) / rms(&point).max(1e-9) } else { 1.0 };
        for ((projected, point), bound) in projected.iter().zip(&point).zip(&bounds) {
            let expected = (scale * point).clamp(-bound, *bound);
            prop_assert!((projected - expected).abs() < 1e-4, "{} instead of {}", projected, expected);
        }
        let mut again = projected.clone();
        budget.project(&mut again);
        prop_assert!(again.iter().zip(&projected).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn the_value_rises_and_the_budget_holds(
        (weights, bounds) in (1usize..40).prop_flat_map(|n| (
            prop::collection::vec(-3.0f32..3.0, n),
            prop::collection::vec(0.0f32..4.0, n),
        )),
        steps in 1u32..15,
    ) {
        let mut state = Perturbation::zeros(weights.len());
        let mut budget = Budget::symmetric(&bounds);
        let mut last = 0.0;
        for _ in 0..steps {
            Attack::default().run(&mut Linear(weights.clone()), &mut budget, &mut state, 1, f32::INFINITY).expect("run");
            let value: f32 = weights.iter().zip(&state.delta).map(|(w, d)| w * d).sum();
            prop_assert!(value >= last - 1e-4, "{} after {}", value, last);
            last = value;
            for (delta, bound) in state.delta.iter().zip(&bounds) {
                prop_assert!(delta.abs() <= *bound);
            }
        }
    }
}

#[test]
fn scaled_steps_follow_the_gradient_in_units_of_the_bounds() {
    let weights = vec![3.0, -4.0];
    let mut budget = Budget::symmetric(&[10.0, 10.0]);
    let mut state = Perturbation::zeros(2);
    let attack = Attack { direction: Direction::Scaled, momentum: 0.0, step_size: 0.1, approach: 0.0 };
    attack.run(&mut Linear(weights), &mut budget, &mut state, 1, f32::INFINITY).expect("run");
    // Root mean square 0.1 bounds = 1.0, along (3, −4).
    let rms = ((state.delta[0].powi(2) + state.delta[1].powi(2)) / 2.0).sqrt();
    assert!((rms - 1.0).abs() < 1e-5, "{rms}");
    assert!((state.delta[0] / state.delta[1] + 0.75).abs() < 1e-5);
}

#[test]
fn a_zero_gradient_changes_nothing_and_makes_no_nan() {
    for direction in [Direction::Sign, Direction::Scaled] {
        let attack = Attack { direction, ..Attack::default() };
        let mut state = Perturbation::zeros(5);
        attack.run(&mut Linear(vec![0.0; 5]), &mut Budget::symmetric(&[1.0; 5]), &mut state, 4, 1.0).expect("run");
        assert_eq!(state.delta, vec![0.0; 5]);
    }
}

#[test]
fn iterations_stop_at_the_goal_and_the_warm_start_is_kept() {
    let mut budget = Budget::symmetric(&[1.0; 4]);
    let mut state = Perturbation::zeros(4);
    let attack = Attack { direction: Direction::Sign, momentum: 0.0, step_size: 0.5, approach: 0.0 };
    let first = attack.run(&mut Linear(vec![1.0; 4]), &mut budget, &mut state, 10, 1.5).expect("run");
    assert_eq!(first.iterations, 2, "0 at the start, 2 after one step");
    let again = attack.run(&mut Linear(vec![1.0; 4]), &mut budget, &mut state, 10, 1.5).expect("run");
    assert_eq!((again.iterations, again.value), (1, 2.0));
}

#[test]
fn not_a_number_is_an_error_and_leaves_the_budget() {
    struct Nan;
    impl Objective for Nan {
        fn value_and_grad(&mut self, _: &[f32], gradient: &mut [f32]) -> Result<f32> {
            gradient.fill(f32::NAN);
            Ok(f32::NAN)
        }
    }
    let mut state = Perturbation::zeros(3);
    Attack::default().run(&mut Nan, &mut Budget::symmetric(&[1.0; 3]), &mut state, 2, 1.0).expect_err("not a number");
    assert!(state.delta.iter().all(|d| d.abs() <= 1.0));
}

#[test]
fn a_box_within_a_picture_ends_at_its_range() {
    let mut budget = Budget::symmetric(&[8.0; 3]).within(&[0.0, 250.0, 128.0], 0.0, 255.0);
    let mut delta = [-8.0, 8.0, -8.0];
    budget.project(&mut delta);
    assert_eq!(delta, [0.0, 5.0, -8.0]);
}

/// For the same mean square, weights that are far from even reach more in a wide box: here √n times the mean of one
/// peak.
#[test]
fn peaks_reach_more_for_the_same_mean_square() {
    let mut weights = vec![0.1f32; 64];
    weights[7] = 5.0;
    let reached = |mut budget: Budget| {
        let mut state = Perturbation::zeros(64);
        let attack = Attack { approach: 0.0, ..Attack::default() };
        attack.run(&mut Linear(weights.clone()), &mut budget, &mut state, 40, f32::INFINITY).expect("run");
        weights.iter().zip(&state.delta).map(|(w, d)| w * d).sum::<f32>()
    };
    let even = reached(Budget::symmetric(&[1.0; 64]));
    let peaked = reached(Budget::symmetric(&[8.0; 64]).with_rms(1.0 / 8.0));
    let norm = weights.iter().map(|w| w * w).sum::<f32>().sqrt();
    assert!((even - weights.iter().sum::<f32>()).abs() < 1e-3, "{even}");
    assert!((peaked / (8.0 * norm) - 1.0).abs() < 1e-3, "{peaked} of {}", 8.0 * norm);
}
