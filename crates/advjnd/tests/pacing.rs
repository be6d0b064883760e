// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deadlines without a clock on the wall: what a pace allows, given what things took.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/staged.rs"]
#[allow(dead_code, reason = "only the clock is used")]
mod staged;

use std::sync::Arc;
use std::time::Duration;

use advjnd::pacing::{Pace, Schedule, Stage};
use proptest::prelude::*;
use staged::ManualClock;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A pace that has seen a first frame, which takes long, and one in which a unit of each stage took so long.
fn pace(costs: &[(Stage, u64)]) -> (Pace, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let mut pace = Pace::new(clock.clone());
    pace.begin(None);
    take(&mut pace, &clock, &costs.iter().map(|(stage, cost)| (*stage, 100 * cost)).collect::<Vec<_>>());
    take(&mut pace, &clock, costs);
    (pace, clock)
}

/// Two units of each stage.
fn take(pace: &mut Pace, clock: &ManualClock, costs: &[(Stage, u64)]) {
    for (stage, milliseconds) in costs {
        pace.measure(*stage, |_| {
            clock.advance(2 * ms(*milliseconds));
            ((), 2.0)
        });
    }
}

fn is_near(cost: Duration, milliseconds: u64) -> bool {
    cost.abs_diff(ms(milliseconds)) < Duration::from_micros(200)
}

fn near(pace: &Pace, stage: Stage, milliseconds: u64) -> bool {
    is_near(pace.cost(stage, 1), milliseconds)
}

const COSTS: [(Stage, u64); 6] = [
    (Stage::Detect, 4),
    (Stage::LayOut, 1),
    (Stage::Enroll, 3),
    (Stage::Iterate, 8),
    (Stage::IterateBeside, 10),
    (Stage::Check, 6),
];

/// The stages of a face that was shown.
const SHOWN: [Stage; 3] = [Stage::LayOut, Stage::Enroll, Stage::Check];

#[test]
fn a_schedule_is_a_share_of_the_interval_or_what_the_user_says() {
    let automatic = Schedule { interval: Some(ms(40)), ..Schedule::default() };
    assert_eq!((automatic.latency(), automatic.budget(Duration::ZERO)), (ms(38), ms(38)));
    assert_eq!(automatic.budget(ms(10)), ms(28));
    assert_eq!(automatic.budget(ms(1000)), Duration::from_micros(15_200));
    let slow = Schedule { proportion: 2.0, ..automatic };
    assert_eq!((slow.latency(), slow.budget(Duration::ZERO)), (ms(38), ms(19)));
    let fast = Schedule { proportion: 0.2, ..automatic };
    assert_eq!(fast.budget(Duration::ZERO), ms(38));
    let own = Schedule { deadline: ms(10), ..automatic };
    assert_eq!(own.latency(), ms(10));
}

#[test]
fn without_a_deadline_everything_is_allowed_whatever_it_took() {
    let (mut pace, clock) = pace(&COSTS);
    pace.begin(None);
    clock.advance(ms(1_000_000));
    assert!(pace.allows(ms(1_000_000)) && !pace.is_over());
    assert_eq!(pace.faces(&[SHOWN; 100]), 100);
    assert_eq!(pace.iterations(3, 2, 7, ms(18)), [7, 7, 7]);
}

#[test]
fn iterations_are_those_that_leave_time_for_the_check() {
    let (mut pace, clock) = pace(&COSTS);
    pace.begin(Some(ms(33)));
    assert_eq!(pace.iterations(1, 2, 10, ms(6)), [3], "27 ms of 8");
    assert_eq!(pace.iterations(1, 2, 2, ms(6)), [2], "no more than asked for");
    clock.advance(ms(20));
    assert_eq!(pace.iterations(1, 2, 10, ms(6)), [0], "7 ms of 8");
    assert!(pace.allows(ms(13)) && !pace.allows(ms(14)));
    clock.advance(ms(14));
    assert!(pace.is_over());
    assert_eq!(pace.faces(&[SHOWN]), 0);
}

#[test]
fn faces_are_those_that_can_be_looked_at_and_checked() {
    let (mut pace, _) = pace(&COSTS);
    pace.begin(Some(ms(33)));
    assert_eq!(pace.faces(&[SHOWN; 9]), 3);
    assert_eq!(pace.faces(&[SHOWN; 2]), 2);
}

#[test]
fn what_is_too_little_for_all_faces_goes_round() {
    let (mut pace, clock) = pace(&COSTS);
    let mut sums = [0; 5];
    for _ in 0..5 {
        pace.begin(Some(ms(45)));
        let granted = pace.iterations(5, 2, 10, ms(30));
        take(&mut pace, &clock, &COSTS);
        assert_eq!(granted.iter().sum::<u32>(), 3, "15 ms on two threads, of 10");
        sums.iter_mut().zip(granted).for_each(|(sum, granted)| *sum += granted);
    }
    assert_eq!(sums, [3; 5]);
}

#[test]
fn one_hiccup_does_not_end_everything_and_is_forgotten() {
    let (mut pace, clock) = pace(&COSTS);
    pace.begin(Some(ms(33)));
    pace.measure(Stage::Check, |_| {
        clock.advance(ms(5000));
        ((), 1.0)
    });
    assert!(pace.cost(Stage::Check, 1) <= ms(12), "{:?}", pace.cost(Stage::Check, 1));
    for _ in 0..200 {
        pace.begin(Some(ms(33)));
    }
    assert_eq!(pace.faces(&[SHOWN; 9]), 9, "what was not tried for long is tried again");
}

#[test]
fn checks_of_two_kinds_have_a_cost_each() {
    let (mut pace, clock) = pace(&[(Stage::Check, 6), (Stage::CheckThoroughly, 9)]);
    for _ in 0..40 {
        take(&mut pace, &clock, &[(Stage::Check, 6), (Stage::CheckThoroughly, 15)]);
    }
    assert!(near(&pace, Stage::Check, 6) && near(&pace, Stage::CheckThoroughly, 15));
}

#[test]
fn other_work_within_a_stage_does_not_count() {
    let (mut pace, clock) = pace(&COSTS);
    let mut take = |took, other| {
        for _ in 0..40 {
            pace.measure_less(Stage::Check, ms(other), |_| {
                clock.advance(ms(took));
                ((), 1.0)
            });
        }
        pace.cost(Stage::Check, 1)
    };
    assert!(is_near(take(12, 4), 8));
    assert!(is_near(take(12, 0), 12));
    assert!(is_near(take(12, 11), 6), "an estimate of other work takes at most half");
}

#[test]
fn checks_keep_their_costs_for_hours() {
    const CHECKS: [(Stage, u64); 2] = [(Stage::Check, 6), (Stage::CheckThoroughly, 12)];
    let (mut pace, clock) = pace(&CHECKS);
    for frame in 0..40_000u64 {
        pace.begin(Some(ms(33)));
        if frame % 1000 > 900 {
            // Nobody is in view.
            continue;
        }
        let (stage, cost) = CHECKS[frame as usize % 2];
        take(&mut pace, &clock, &[(stage, cost + frame % 3)]);
        for (stage, cost) in CHECKS {
            let seen = pace.cost(stage, 1);
            assert!(frame % 1000 < 20 || (ms(cost / 2)..ms(2 * cost)).contains(&seen), "{stage:?}, {frame}: {seen:?}");
        }
    }
}

proptest! {
    #[test]
    fn grants_are_fair_and_no_more_than_asked_for(
        faces in 0usize..12, threads in 1usize..5, most in 0u32..20, budget in 0u64..200, frames in 1usize..20,
    ) {
        let (mut pace, _) = pace(&COSTS);
        for _ in 0..frames {
            pace.begin(Some(ms(budget)));
        }
        let granted = pace.iterations(faces, threads, most, pace.cost(Stage::Check, faces));
        prop_assert_eq!(granted.len(), faces);
        prop_assert!(granted.iter().all(|granted| *granted <= most));
        let (least, largest) = (granted.iter().min(), granted.iter().max());
        prop_assert!(least.zip(largest).is_none_or(|(least, largest)| largest - least <= 1));
    }
}
