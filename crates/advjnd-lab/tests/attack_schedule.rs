// SPDX-License-Identifier: MIT OR Apache-2.0
//! β from attempt to attempt.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use advjnd_lab::attack::recipes::{Decay, Schedule, Schedules};
use proptest::prelude::*;

#[test]
fn beta_falls_by_the_paper_to_a_tenth() {
    let Schedules { dodge, impersonate } = Schedules::XUE;
    assert_eq!([0, 1, 26, 27, 30, 1000].map(|k| dodge.beta(k)), [1500.0, 1450.0, 200.0, 150.0, 150.0, 150.0]);
    assert_eq!([0, 1, 26, 27, 30, 1000].map(|k| impersonate.beta(k)), [30.0, 29.0, 4.0, 3.0, 3.0, 3.0]);
    assert!(!dodge.is_at_floor(26) && dodge.is_at_floor(27));
}

proptest! {
    #[test]
    fn beta_reaches_its_floor_and_never_zero(
        initial in 1e-3f32..1e4,
        decay in prop_oneof![
            (0.01f32..1.0).prop_map(|share| Decay::Add(-share)),
            (0.1f32..0.95).prop_map(Decay::Times),
        ],
        floor in 1e-3f32..1.0,
    ) {
        // The subtraction in shares of the start.
        let decay = if let Decay::Add(share) = decay { Decay::Add(share * initial) } else { decay };
        let schedule = Schedule { initial, decay, floor };
        prop_assert!(schedule.is_valid());
        let reached = (0..1000).find(|failures| schedule.is_at_floor(*failures));
        let reached = reached.expect("the floor is reached");
        for failures in 0..reached + 3 {
            prop_assert!(schedule.beta(failures) >= floor * initial && schedule.beta(failures) > 0.0);
            prop_assert!(schedule.beta(failures + 1) <= schedule.beta(failures));
        }
    }
}
