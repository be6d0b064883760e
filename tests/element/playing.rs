// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties that change while frames pass: by the application, and by a control source.

use gst::prelude::*;
use gst_controller::prelude::*;
use gst_controller::{DirectControlBinding, InterpolationControlSource, InterpolationMode};
use gst_video::VideoFormat;

use crate::common::{Frames, ONE_FACE, Session, faces, pixels};

#[test]
fn a_controlled_property_is_followed_from_frame_to_frame() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 4);
    let mut session = Session::new(&frames.caps(), &[]);
    let source = InterpolationControlSource::new();
    source.set_mode(InterpolationMode::None);
    let values = [0, 7, 7, 0];
    for (buffer, value) in frames.buffers.iter().zip(values) {
        assert!(source.set(buffer.pts().unwrap(), f64::from(value)));
    }
    let binding = DirectControlBinding::new_absolute(&session.element, "max-iterations", &source);
    session.element.add_control_binding(&binding).unwrap();
    for (buffer, value) in frames.buffers.iter().zip(values) {
        let face = faces(&session.protect(buffer)).swap_remove(0);
        assert_eq!(session.element.property::<i32>("max-iterations"), value);
        let iterations = face.param.get::<u32>("iterations").unwrap();
        assert_eq!(iterations == 0, value == 0, "{iterations} iterations, controlled to {value}");
    }
}

#[test]
fn faces_are_covered_without_further_work_while_the_mode_says_so() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 4);
    let mut session = Session::new(&frames.caps(), &[("mode", "cover"), ("jnd-scale", "10"), ("max-iterations", "40")]);
    for (index, buffer) in frames.buffers.iter().enumerate() {
        if index == 2 {
            session.element.set_property_from_str("mode", "protect");
        }
        let output = session.protect(buffer);
        let face = faces(&output).swap_remove(0);
        let number = |name: &str| face.param.get::<f64>(name).unwrap();
        if index >= 2 {
            assert_eq!(face.verdict, "protected", "frame {index}");
            continue;
        }
        assert_eq!(face.verdict, "covered-on-request");
        let work = (face.param.get::<u32>("iterations").unwrap(), number("similarity-before"));
        assert_eq!(work, (0, 0.0), "a recogniser looked at it");
        let (x, y, width, height) = face.rect;
        let luma = pixels(&output, &frames.info).swap_remove(0);
        let at = |x: u32, y: u32| luma[(y * frames.info.width() + x) as usize];
        assert!((y..y + height).all(|row| (x..x + width).all(|column| at(column, row) == at(x, y))), "not covered");
    }
    assert_eq!((session.count("covered"), session.count("protected")), (2, 2));
}

/// The bounds that the last of four frames of a moving face shows, with temporal masking on or off frame by frame.
fn bounds(masking: [bool; 4]) -> Vec<Vec<u8>> {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 12);
    let mut session = Session::new(&frames.caps(), &[("view", "jnd"), ("jnd-scale", "1"), ("max-iterations", "0")]);
    let outputs = frames.buffers.iter().step_by(3).zip(masking).map(|(buffer, masking)| {
        session.element.set_property("temporal-masking", masking);
        session.protect(buffer)
    });
    pixels(&outputs.last().unwrap(), &frames.info)
}

#[test]
fn temporal_masking_that_is_switched_on_again_does_not_compare_with_an_old_frame() {
    let first = bounds([false, false, false, true]);
    assert!(bounds([true; 4]) != first, "nothing moves");
    assert!(bounds([true, false, false, true]) == first);
}
