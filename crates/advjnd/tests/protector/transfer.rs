// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the iterations do for recognisers that are not at hand: each part does what it says, and a seed gives the same
//! bytes.

use crate::common;
use advjnd::{
    Colorimetry, Context, FaceReport, FrameMut, Models, PixelFormat, PlaneMut, Protector, Settings, Transfer, Verdict,
    View,
};

/// The last of `count` frames that show the same face, and its report. With strong views the face comes and goes; with
/// this budget it is shown in the frames that are looked at.
fn last(count: usize, view: View, transfer: Transfer) -> (Vec<u8>, usize, FaceReport) {
    frames(count, &Settings { transfer, view, jnd_rms: 4.2, ..Settings::default() }).pop().expect("a frame")
}

/// `count` frames that show the same face, with the width and the report of each.
fn frames(count: usize, settings: &Settings) -> Vec<(Vec<u8>, usize, FaceReport)> {
    let picture = common::picture("astronaut.png");
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut protector = Protector::new(Models::embedded().expect("models"), 1, 0).expect("protector");
    let frame = |_| {
        let mut data = picture.as_raw().clone();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * width }];
        let mut frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes).expect("frame");
        let mut report = protector.process(&mut frame, &Context::default(), settings).expect("report");
        (data, width, report.faces.remove(0))
    };
    (0..count).map(frame).collect()
}

#[test]
fn a_reserve_is_iterated_for() {
    // The mean of the frames after the first few: that of one frame depends on the last bits of every sum. A smaller
    // budget is spent before the larger reserve is reached.
    let [little, much] = [0.16, 1.0].map(|reserve| {
        let transfer = Transfer { reserve, ..Transfer::default() };
        let settings = Settings { transfer, view: View::Protected, jnd_rms: 5.0, ..Settings::default() };
        let frames = frames(12, &settings).split_off(4);
        assert_eq!(frames.last().expect("a frame").2.verdict, Verdict::Protected);
        frames.iter().map(|(_, _, face)| face.margin).sum::<f32>() / frames.len() as f32
    });
    // Of the least of all looks; a copy of half the size gets a quarter of the reserve.
    assert!(much > little + 0.08, "{much} with a reserve of 1, {little} without");
}

#[test]
fn a_smoothed_gradient_makes_a_smoother_change() {
    let roughness = |smoothing| {
        let (data, width, _) = last(6, View::Delta, Transfer { smoothing, ..Transfer::default() });
        let change: Vec<f64> = data.iter().step_by(3).map(|value| f64::from(*value) - 128.0).collect();
        let steps = change.chunks_exact(width).flat_map(|row| row.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)));
        steps.sum::<f64>() / change.iter().map(|v| v * v).sum::<f64>()
    };
    let (plain, smooth) = (roughness(0.0), roughness(3.0));
    assert!(smooth < 0.8 * plain, "{smooth} smoothed, {plain} as it comes");
}

#[test]
fn strong_views_are_drawn_from_the_seed() {
    let strong = Transfer { diversity: 0.1, momentum: 0.6, ..Transfer::default() };
    let (bytes, _, face) = last(12, View::Protected, strong);
    assert_eq!(face.verdict, Verdict::Protected);
    assert!(last(12, View::Protected, strong).0 == bytes);
    assert!(last(12, View::Protected, Transfer { diversity: 0.0, ..strong }).0 != bytes);
}
