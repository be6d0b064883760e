// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several recognisers share the looks at a steady face: what that must not hide.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

#[allow(dead_code, reason = "not every test needs everything")]
#[path = "common/attacker.rs"]
mod attacker;
#[path = "common/judges.rs"]
mod judges;

use advjnd::net::Network;
use advjnd::{Context, Models, Protector, Settings, Verdict};
use attacker::{Attacker, Picture, Place};
use judges::Judge;

/// A scene with the face of a picture in the middle.
fn scene(name: &str) -> Picture {
    let portrait = Picture::read(&common::picture(name));
    let of = Attacker::new().place(&portrait);
    let mut scene = Picture::background(360, 320);
    scene.lay(&portrait, &of, &Place { center: [180.0, 160.0], size: 130.0, roll: 0.0 });
    // As the frame stores it.
    scene.map(|value| value)
}

#[test]
fn another_person_in_the_place_of_a_steady_face_is_seen_by_all_at_once() {
    let people = [scene("astronaut.png"), scene("chips/impostor_1.png"), scene("chips/impostor_2.png")];
    let mut judges = Network::ALL.map(Judge::new);
    let settings = Settings { max_iterations: 30, ..Settings::default() };
    let mut protector = Protector::new(Models::embedded().expect("models"), 2, 0).expect("protector");
    let mut shown = 0;
    // Each stays for as long as it takes to be steady, and is followed by another at every place in the rota.
    let order = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0];
    for (frame, person) in order.into_iter().enumerate() {
        let clean = &people[person];
        let (output, report) =
            clean.with_frame(|bytes| protector.process(bytes, &Context::default(), &settings).expect("a report"));
        for face in report.faces.iter().filter(|face| face.verdict == Verdict::Protected) {
            shown += 1;
            let margins = judges.each_mut().map(|judge| judge.margin(clean, &output, &face.landmarks));
            assert!(margins.iter().all(|margin| *margin > 0.0), "frame {frame}, person {person}: {margins:?}");
        }
    }
    assert!(shown > 12, "only {shown} of {} frames show a face", order.len());
}
