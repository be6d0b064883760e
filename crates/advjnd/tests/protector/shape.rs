// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces that are moved and lit: within what is allowed, nothing else touched, frozen once found, and kept for a person
//! who returns.

use crate::common;
use advjnd::face::SimilarityTransform;
use advjnd::face::flow::{OVAL_AXES, OVAL_CENTER};
use advjnd::net::ARCFACE_TEMPLATE;
use advjnd::{
    Colorimetry, Context, FaceReport, FrameMut, Models, PixelFormat, PlaneMut, Protector, Settings, Verdict, View,
};

struct Stream {
    protector: Protector,
    clean: Vec<u8>,
    size: (usize, usize),
}

impl Stream {
    fn new() -> Self {
        let picture = common::picture("astronaut.png");
        let size = (picture.width() as usize, picture.height() as usize);
        let protector = Protector::new(Models::embedded().expect("models"), 1, 0).expect("protector");
        Self { protector, clean: picture.into_raw(), size }
    }

    fn process(&mut self, settings: &Settings) -> (Vec<u8>, FaceReport) {
        let mut data = self.clean.clone();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * self.size.0 }];
        let colorimetry = Colorimetry::default();
        let mut frame = FrameMut::new(PixelFormat::Rgb, colorimetry, self.size.0, self.size.1, planes).expect("frame");
        let mut report = self.protector.process(&mut frame, &Context::default(), settings).expect("report");
        assert_eq!((report.faces.len(), report.fault.as_deref()), (1, None));
        (data, report.faces.remove(0))
    }

    /// The first of six frames that shows the face.
    fn protected(&mut self, settings: &Settings) -> (Vec<u8>, FaceReport) {
        let shown = (0..6).map(|_| self.process(settings)).find(|(_, face)| face.verdict == Verdict::Protected);
        shown.expect("a frame that shows the face")
    }
}

/// Moved, lit and changed.
fn moved() -> Settings {
    Settings { reshape: 4.0, relight: 10.0, max_iterations: 60, ..Settings::default() }
}

/// Moved, lit, and hardly changed besides: what is left is the shape.
fn shape_alone() -> Settings {
    Settings { min_psnr: 60.0, ..moved() }
}

#[test]
fn a_face_is_moved_and_lit_within_what_is_allowed_and_nothing_else_is() {
    let mut stream = Stream::new();
    let (data, face) = stream.protected(&moved());
    assert!(face.displacement > 1.0 && face.displacement <= 4.0, "moved by {} %", face.displacement);
    assert!(face.light > 3.0 && face.light < 10.001, "lit by {} %", face.light);
    assert!((28.0..45.0).contains(&face.psnr), "{} dB", face.psnr);
    let (_, quiet) = stream.process(&Settings { min_psnr: 38.0, ..moved() });
    assert!((37.9..45.0).contains(&quiet.psnr), "{} dB", quiet.psnr);
    let to_chip = SimilarityTransform::fit(&face.landmarks, &ARCFACE_TEMPLATE).expect("a face");
    let mut changed = 0;
    for (index, (new, old)) in data.chunks_exact(3).zip(stream.clean.chunks_exact(3)).enumerate() {
        let point = to_chip.apply([(index % stream.size.0) as f32, (index / stream.size.0) as f32]);
        let unit: [f32; 2] = std::array::from_fn(|axis| (point[axis] - OVAL_CENTER[axis]) / OVAL_AXES[axis]);
        // One part in a thousand for what rounding does at the rim.
        assert!(new == old || unit[0].hypot(unit[1]) < 1.001, "{point:?} of the chip lies outside the oval");
        changed += usize::from(new != old);
    }
    assert!(changed > 1000, "{changed} pixels");
}

#[test]
fn a_shape_is_frozen_once_it_is_found() {
    let mut stream = Stream::new();
    let first = stream.process(&shape_alone());
    assert!(first.1.displacement > 1.0);
    for _ in 0..3 {
        let next = stream.process(&shape_alone());
        assert_eq!((next.1.displacement, next.1.light), (first.1.displacement, first.1.light));
        // At 60 dB a pixel's perturbation is a code value or two; a shape that moved would change edges by more.
        let change = first.0.iter().zip(&next.0).map(|(first, next)| first.abs_diff(*next)).max();
        assert!(change <= Some(6), "{change:?}");
    }
}

#[test]
fn a_person_who_returns_has_the_same_shape() {
    let mut stream = Stream::new();
    let settings = moved();
    let (_, first) = stream.protected(&settings);
    stream.protector.reset();
    let (_, second) = stream.process(&settings);
    assert_ne!(first.id, second.id);
    assert_eq!((second.verdict, second.displacement), (Verdict::Protected, first.displacement));
}

#[test]
fn a_shape_may_be_switched_on_and_off_and_its_size_be_changed() {
    let mut stream = Stream::new();
    let (_, whole) = stream.process(&shape_alone());
    let (_, half) = stream.process(&Settings { reshape: 2.0, relight: 5.0, ..shape_alone() });
    assert!((half.displacement / whole.displacement - 0.5).abs() < 0.1, "{half:?}");
    assert!((half.light / whole.light - 0.5).abs() < 0.01, "{half:?}");
    let (off, face) = stream.process(&Settings { reshape: 0.0, relight: 0.0, view: View::Delta, ..shape_alone() });
    assert_eq!((face.displacement, face.light), (0.0, 0.0));
    // At 60 dB hardly a pixel differs from the clean frame.
    assert!(off.iter().filter(|value| value.abs_diff(128) > 20).count() < 100);
    let (_, again) = stream.process(&shape_alone());
    assert_eq!(again.displacement, whole.displacement);
    let (_, wrong) = stream.process(&Settings { reshape: f32::NAN, relight: -3.0, ..shape_alone() });
    assert_eq!((wrong.displacement, wrong.light), (0.0, 0.0));
    let (_, large) = stream.process(&Settings { reshape: 1e9, relight: 1e9, ..shape_alone() });
    assert!(large.displacement <= 8.0 && large.light < 20.001, "{large:?}");
}
