// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole line with networks that fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::scene::staged::{Call, Fault};
use crate::scene::{Picture, Scene, only};
use advjnd::report::CoverReason;
use advjnd::{Context, Settings, Verdict};

const FAULT: Verdict = Verdict::Covered(CoverReason::Fault);

#[test]
fn a_network_that_fails_has_what_it_saw_covered_and_is_forgiven() {
    let picture = Picture::astronaut();
    for (call, fault) in [
        (Call::Detector, Fault::Error),
        (Call::Detector, Fault::NotFinite),
        (Call::Embedding, Fault::Error),
        (Call::Embedding, Fault::NotFinite),
        (Call::Gradient, Fault::Error),
        (Call::Gradient, Fault::NotFinite),
    ] {
        let mut scene = Scene::new();
        for frame in 0..6 {
            // One frame may be predicted or have its margin left: two frames of faults meet what is needed.
            scene.stage.set_fault((2..4).contains(&frame).then_some((call, fault)));
            let settings = Settings { warm_start: false, max_iterations: 12, ..Settings::default() };
            let (output, report) = scene.frame(&picture, &Context::default(), &settings);
            if (2..4).contains(&frame) {
                let text = report.fault.unwrap_or_default();
                assert!(text.contains("on purpose") || text.contains("not finite"), "{call:?} {fault:?}: {text}");
                if call == Call::Detector {
                    assert!(output.pixels.iter().all(|value| *value == 72), "{fault:?}: not all is covered");
                } else {
                    assert_eq!(report.faces[0].verdict, FAULT);
                    assert_eq!(output.at(report.faces[0].landmarks.0[2]), [72; 3]);
                }
            } else {
                assert_eq!(report.fault, None, "{call:?} {fault:?}, frame {frame}");
                assert_eq!(only(&report).0, Verdict::Protected, "{call:?} {fault:?}, frame {frame}");
            }
        }
    }
}

#[test]
fn a_network_that_panics_lets_nothing_be_said_of_the_frame() {
    let picture = Picture::astronaut();
    for call in [Call::Detector, Call::Embedding, Call::Gradient] {
        let mut scene = Scene::new();
        scene.stage.set_fault(Some((call, Fault::Panic)));
        let caught = catch_unwind(AssertUnwindSafe(|| scene.timed(&picture, 1000, &Settings::default())));
        let message = caught.expect_err("a panic");
        assert!(message.downcast_ref::<String>().is_some_and(|message| message.contains("on purpose")));
    }
}
