// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pool of threads: everything is done once, by whom does not matter, and a panic comes out.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use advjnd::Pool;

#[test]
fn every_part_is_done_once() {
    for threads in [1, 2, 5] {
        let pool = Pool::new(threads).expect("pool");
        for count in (0..40).chain([1000]) {
            let mut parts: Vec<usize> = (0..count).collect();
            let calls = AtomicUsize::new(0);
            pool.for_each(&mut parts, |part| {
                *part *= 3;
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(calls.into_inner(), count, "{threads} threads");
            assert!(parts.iter().enumerate().all(|(index, part)| *part == 3 * index), "{threads} threads");
        }
    }
}

#[test]
fn a_panic_comes_out_after_the_other_parts() {
    let pool = Pool::new(3).expect("pool");
    let caught =
        catch_unwind(AssertUnwindSafe(|| pool.for_each(&mut [1, 2, 3], |part| assert_ne!(*part, 2, "on purpose"))));
    let message = caught.expect_err("a panic");
    assert!(message.downcast_ref::<String>().is_some_and(|message| message.contains("on purpose")));
    pool.for_each(&mut [1, 2, 3], |part| *part += 1);
}
