// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several recognisers share the looks at a steady face: what that must not hide.

use crate::attacker::Picture;
use crate::judges::Judge;
use advjnd::net::Network;
use advjnd::{Context, Models, Protector, Settings, Verdict};

#[test]
fn another_person_in_the_place_of_a_steady_face_is_seen_by_all_at_once() {
    let people = [
        Picture::scene("astronaut.png"),
        Picture::scene("chips/impostor_1.png"),
        Picture::scene("chips/impostor_2.png"),
    ];
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
