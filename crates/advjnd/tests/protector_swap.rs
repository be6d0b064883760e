// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several recognisers share the looks at a steady face: what that must not hide.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

#[allow(dead_code, reason = "not every test needs everything")]
#[path = "common/attacker.rs"]
mod attacker;

use advjnd::attack::margin;
use advjnd::face::{Landmarks, SimilarityTransform};
use advjnd::net::{Backend, Embedder, Network, Recognizer};
use advjnd::{Context, Models, Pool, Protector, Settings, Verdict};
use attacker::{Attacker, Picture, Place};

/// Every recogniser, by code of the test's own.
struct Judges(Vec<Recognizer>);

impl Judges {
    fn new() -> Self {
        let backend = Backend::Cpu(Pool::new(2).expect("threads"));
        let load = |network: Network| {
            Recognizer::load(network, &common::model(network.name()), &backend).expect("a recogniser")
        };
        Self(Network::ALL.into_iter().map(load).collect())
    }

    /// Margins of the face of `output` from that of `clean`, at `landmarks`, in the eyes of each.
    fn margins(&mut self, clean: &Picture, output: &Picture, landmarks: &Landmarks) -> Vec<f32> {
        let of = |judge: &mut Recognizer| {
            let spec = judge.spec().clone();
            let to_chip = SimilarityTransform::fit(landmarks, &spec.template).expect("a face");
            let [clean, output] = [clean, output].map(|picture| {
                let chip = picture.warped(&to_chip.inverse(), spec.chip_size, spec.chip_size);
                let mut embedding = vec![0.0; spec.embedding_len];
                judge.embed(&chip.planes, &mut embedding).expect("an embedding");
                embedding
            });
            margin(&spec, &clean, &output)
        };
        self.0.iter_mut().map(of).collect()
    }
}

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
    let (mut judges, settings) = (Judges::new(), Settings { max_iterations: 30, ..Settings::default() });
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
            let margins = judges.margins(clean, &output, &face.landmarks);
            assert!(margins.iter().all(|margin| *margin > 0.0), "frame {frame}, person {person}: {margins:?}");
        }
    }
    assert!(shown > 12, "only {shown} of {} frames show a face", order.len());
}
