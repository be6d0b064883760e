// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole line on a picture with a face, and on frames with hardly a pixel.

use std::time::Duration;

use crate::common;
use advjnd::jnd::Model;
use advjnd::report::CoverReason;
use advjnd::{
    Colorimetry, Context, FailPolicy, FrameMut, FrameReport, Models, PixelFormat, PlaneMut, Protector, Settings,
    Transfer, Verdict, View,
};

struct Picture {
    width: usize,
    height: usize,
    clean: Vec<u8>,
}

fn astronaut() -> Picture {
    let picture = common::picture("astronaut.png");
    Picture { width: picture.width() as usize, height: picture.height() as usize, clean: picture.into_raw() }
}

fn protector() -> Protector {
    Protector::new(Models::embedded().expect("models"), 1, 0).expect("protector")
}

fn process(
    protector: &mut Protector,
    picture: &Picture,
    settings: &Settings,
) -> (Vec<u8>, advjnd::Result<FrameReport>) {
    let mut data = picture.clean.clone();
    let planes = vec![PlaneMut { data: &mut data, stride: 3 * picture.width }];
    let format = PixelFormat::Rgb;
    let mut frame =
        FrameMut::new(format, Colorimetry::default(), picture.width, picture.height, planes).expect("frame");
    let report = protector.process(&mut frame, &Context::default(), settings);
    (data, report)
}

#[test]
fn a_face_is_covered_or_protected_and_soon_protected() {
    let (picture, mut protector) = (astronaut(), protector());
    let mut verdicts = Vec::new();
    for frame in 0..12 {
        let (data, report) = process(&mut protector, &picture, &Settings::default());
        let report = report.expect("report");
        assert_eq!(report.faces.len(), 1);
        let face = &report.faces[0];
        assert_eq!((face.id.0, report.fault.as_deref(), report.drop), (0, None, false));
        assert!(face.iterations <= Settings::default().max_iterations);
        assert_eq!(face.changed, verdicts.last() != Some(&face.verdict), "frame {frame}");
        for (index, (new, old)) in data.iter().zip(&picture.clean).enumerate() {
            let (x, y) = (index / 3 % picture.width, index / 3 / picture.width);
            assert!(new == old || face.region.contains(x, y), "{x},{y} changed outside {:?}", face.region);
        }
        if face.verdict == Verdict::Protected {
            assert!(face.margin > 0.0 && face.similarity_after < face.similarity_before);
            let most = data.iter().zip(&picture.clean).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(most.is_some_and(|most| most > 0 && most < 96), "changed by {most:?}");
        }
        verdicts.push(face.verdict);
    }
    let first = verdicts.iter().position(|verdict| *verdict == Verdict::Protected);
    assert!(first.is_some_and(|first| first <= 6), "{verdicts:?}");
}

#[test]
fn who_returns_is_protected_in_the_first_frame() {
    let (picture, mut protector) = (astronaut(), protector());
    let empty = Picture { clean: vec![90; picture.clean.len()], ..picture };
    let settings = Settings { max_iterations: 3, ..Settings::default() };
    let mut verdicts = |picture, count| -> Vec<_> {
        let frames = (0..count).map(|_| process(&mut protector, picture, &settings).1.expect("report"));
        frames.map(|report| report.faces.first().map(|face| (face.id, face.verdict))).collect()
    };
    let first = verdicts(&picture, 30);
    assert_ne!(first[0].map(|(_, verdict)| verdict), Some(Verdict::Protected), "nothing to show here");
    assert_eq!(first[29].map(|(_, verdict)| verdict), Some(Verdict::Protected));
    assert_eq!(verdicts(&empty, 60)[59], None, "the track has ended");
    let again = verdicts(&picture, 1)[0];
    assert_eq!(again.map(|(_, verdict)| verdict), Some(Verdict::Protected));
    assert_ne!(again.map(|(id, _)| id), first[0].map(|(id, _)| id), "a new track");
    protector.reset();
    let after_a_cut = process(&mut protector, &picture, &settings).1.expect("report");
    assert_eq!(after_a_cut.faces[0].verdict, Verdict::Protected);
}

#[test]
fn the_same_frames_and_seed_give_the_same_bytes_on_any_number_of_threads() {
    let picture = astronaut();
    let run = |threads, seed| {
        let mut protector = Protector::new(Models::embedded().expect("models"), threads, seed).expect("protector");
        (0..4).map(|_| process(&mut protector, &picture, &Settings::default()).0).collect::<Vec<_>>()
    };
    let reference = run(1, 7);
    assert!(run(1, 7) == reference && run(2, 7) == reference);
    assert!(run(1, 8) != reference, "the seed decides the views");
}

/// The output and the report of the last of `count` frames that show the same.
fn last(count: usize, picture: &Picture, settings: &Settings) -> (Vec<u8>, FrameReport) {
    last_of(protector(), count, picture, settings)
}

fn last_of(mut protector: Protector, count: usize, picture: &Picture, settings: &Settings) -> (Vec<u8>, FrameReport) {
    let mut frames = (0..count).map(|_| process(&mut protector, picture, settings));
    let (data, report) = frames.by_ref().last().expect("a frame");
    (data, report.expect("report"))
}

#[test]
fn every_model_bounds_the_change_and_lets_the_face_be_protected() {
    let picture = astronaut();
    for jnd_model in Model::ALL {
        let settings = Settings { jnd_model, max_iterations: 60, margin: 0.0, ..Settings::default() };
        let (data, report) = last(4, &picture, &settings);
        assert_eq!(report.faces[0].verdict, Verdict::Protected, "{jnd_model:?}");
        let view = Settings { view: View::Jnd, ..settings };
        let (budget, _) = last(4, &picture, &view);
        for (index, (new, old)) in data.iter().zip(&picture.clean).enumerate() {
            // Ten times the bound, rounded; the change is rounded, too.
            let bound = f32::from(budget[index]) / 10.0 + 0.05;
            let change = f32::from(new.abs_diff(*old));
            assert!(budget[index] == 255 || change <= bound + 0.5, "{jnd_model:?}: {change} where {bound} may be");
        }
    }
}

#[test]
fn thresholds_of_video_are_a_fifth_below_those_of_a_still() {
    let picture = astronaut();
    let mean = |temporal_masking| {
        let settings = Settings { temporal_masking, view: View::Jnd, jnd_scale: 2.5, ..Settings::default() };
        let (budget, _) = last(2, &picture, &settings);
        budget.iter().map(|value| f64::from(*value)).sum::<f64>() / budget.len() as f64
    };
    let (video, still) = (mean(true), mean(false));
    assert!((video / still - 0.81).abs() < 0.02, "{video} of {still}");
}

#[test]
fn smooth_changes_are_held_for_a_viewer_and_not_for_nobody() {
    const BLOCK: usize = 8;
    let picture = astronaut();
    let smooth_share = |viewing_distance| {
        // Too little for this face, so that all of it is spent.
        let settings =
            Settings { viewing_distance, jnd_scale: 1.5, max_iterations: 20, view: View::Delta, ..Settings::default() };
        let change: Vec<f64> = last(2, &picture, &settings).0.iter().map(|value| f64::from(*value) - 128.0).collect();
        let all: f64 = change.iter().map(|v| v * v).sum();
        let blocks = (0..picture.height / BLOCK).flat_map(|y| (0..picture.width / BLOCK).map(move |x| (x, y)));
        let smooth: f64 = blocks
            .map(|(x, y)| {
                let rows = y * BLOCK..(y + 1) * BLOCK;
                let row = |y: usize| &change[3 * (y * picture.width + x * BLOCK)..][..3 * BLOCK];
                rows.map(|y| row(y).iter().sum::<f64>()).sum::<f64>().powi(2) / (3 * BLOCK * BLOCK) as f64
            })
            .sum();
        smooth / all
    };
    let [near, far] = [0.5, 1000.0].map(smooth_share);
    assert!(near < 0.9 * far, "{near} of the change is smooth for a viewer, {far} for nobody");
}

#[test]
fn a_face_that_wants_more_has_the_least_psnr() {
    let picture = astronaut();
    let psnr = |min_psnr| {
        // More is wanted than is allowed.
        let transfer = Transfer { reserve: 4.0, ..Transfer::default() };
        let settings =
            Settings { min_psnr, jnd_rms: 12.0, transfer, margin: 0.0, max_iterations: 60, ..Settings::default() };
        // Of one recogniser: three need more than 37 dB allow.
        let models = Models::open(None, &["dlib_resnet29".to_owned()]).expect("models");
        let protector = Protector::new(models, 2, 0).expect("protector");
        let (data, report) = last_of(protector, 12, &picture, &settings);
        assert_eq!(report.faces[0].verdict, Verdict::Protected, "{min_psnr}");
        let pairs = data.iter().zip(&picture.clean).step_by(3);
        let energy: f64 = pairs.map(|(new, old)| f64::from(new.abs_diff(*old)).powi(2)).sum();
        let area = f64::from(report.faces[0].bbox.width * report.faces[0].bbox.height);
        (10.0 * (255.0f64.powi(2) * area / energy).log10(), report.faces[0].psnr)
    };
    let ((free, _), held) = (psnr(0.0), [37.0, 34.0].map(psnr));
    // The oval is about as large as the box; rounding adds to the change and takes from it.
    for ((psnr, reported), least) in held.into_iter().zip([37.0, 34.0]) {
        assert!((psnr - least).abs() < 1.6, "{psnr}, of at least {least}");
        assert!((-0.1..0.4).contains(&(reported - least as f32)), "{reported} dB where {least} are allowed");
    }
    assert!(free < 32.0, "{free} without a bound");
}

#[test]
fn a_face_that_is_shown_changes_no_faster_than_the_limit() {
    let picture = astronaut();
    let flicker = |flicker_limit| {
        let (settings, mut protector) = (Settings { flicker_limit, ..Settings::default() }, protector());
        let frames = (0..8).map(|_| process(&mut protector, &picture, &settings).1.expect("report").faces[0].flicker);
        frames.fold(0.0, f32::max)
    };
    let (none, little, free) = (flicker(0.0), flicker(0.02), flicker(2.0));
    assert!(none == 0.0 && 0.0 < little && little < free, "{none} {little} {free}");
}

#[test]
fn views_show_maps_and_boxes_in_place_of_the_frame() {
    let picture = astronaut();
    let view = |view| last(6, &picture, &Settings { view, ..Settings::default() });
    let (protected, report) = view(View::Protected);
    let face = &report.faces[0];
    assert_eq!(face.verdict, Verdict::Protected);
    let pixel = |data: &[u8], x: usize, y: usize| data[3 * (y * picture.width + x)..][..3].to_vec();
    let [x, y] = face.landmarks.0[2].map(|v| v as usize);
    for (which, ground) in [(View::Jnd, 0), (View::Delta, 128)] {
        let (map, shown) = view(which);
        let mut expected = report.clone();
        expected.times = shown.times;
        assert_eq!(shown, expected, "a view changes nothing else");
        assert_eq!(pixel(&map, 1, 1), [ground; 3]);
        let inside = (0..9).map(|i| pixel(&map, x + i, y)[0]);
        assert!(inside.clone().any(|value| value != ground), "{which:?}: {:?}", inside.collect::<Vec<_>>());
    }
    let (boxes, _) = view(View::Boxes);
    let changed: Vec<_> = (0..boxes.len() / 3).filter(|i| boxes[3 * i..][..3] != protected[3 * i..][..3]).collect();
    assert!(!changed.is_empty() && changed.iter().all(|i| boxes[3 * i..][..3] == [0, 200, 0]));
    let bbox = &face.bbox;
    let near = |i: &usize| {
        let (dx, dy) = ((i % picture.width) as f32 - bbox.x, (i / picture.width) as f32 - bbox.y);
        [dx, dx - bbox.width, dy, dy - bbox.height].iter().any(|distance| distance.abs() <= 4.0)
    };
    assert!(changed.iter().all(near));
}

#[test]
fn without_budget_every_policy_hides_the_face() {
    let picture = astronaut();
    let helpless = |fail_policy| Settings { jnd_scale: 0.0, fail_policy, ..Settings::default() };
    // What is no number is no budget.
    let nonsense = |jnd_scale| Settings { jnd_scale, ..Settings::default() };
    let hiding = [FailPolicy::Fill, FailPolicy::Pixelate, FailPolicy::Blur].map(helpless);
    for settings in hiding.into_iter().chain([f32::NAN, f32::INFINITY, -1.0].map(nonsense)) {
        let (data, report) = process(&mut protector(), &picture, &settings);
        let face = report.expect("report").faces.remove(0);
        assert_eq!(face.verdict, Verdict::Covered(CoverReason::NotYetProtected));
        let [x, y] = face.landmarks.0[2].map(|v| v as usize);
        let nose = 3 * (y * picture.width + x);
        assert_ne!(data[nose..nose + 3], picture.clean[nose..nose + 3], "{settings:?}");
    }
    let (_, report) = process(&mut protector(), &picture, &helpless(FailPolicy::Drop));
    assert!(report.expect("report").drop);
    let (_, report) = process(&mut protector(), &picture, &helpless(FailPolicy::Error));
    assert!(report.expect_err("an error").to_string().contains("must not go out"));
}

#[test]
fn a_lost_face_stays_covered_for_the_hold_time() {
    let (picture, mut protector) = (astronaut(), protector());
    let settings = Settings { hold_time: Duration::from_millis(300), ..Settings::default() };
    for _ in 0..5 {
        process(&mut protector, &picture, &settings).1.expect("report");
    }
    let empty = Picture { clean: vec![90; picture.clean.len()], ..picture };
    let verdicts: Vec<_> = (0..12)
        .map(|_| process(&mut protector, &empty, &settings).1.expect("report").faces.first().map(|face| face.verdict))
        .collect();
    assert!(verdicts.contains(&Some(Verdict::Covered(CoverReason::Lost))), "{verdicts:?}");
    assert_eq!(verdicts.last(), Some(&None), "{verdicts:?}");
}

/// `on-lost=cover-frame`: nothing of a frame in which a followed face is not found is shown.
#[test]
fn a_lost_face_covers_the_frame_when_that_is_asked_for() {
    let picture = astronaut();
    let textured: Vec<u8> = (0..picture.clean.len()).map(|at| (60 + at / 3 % 7 * 20) as u8).collect();
    let empty = Picture { clean: textured, ..picture };
    for cover_frame_on_lost in [false, true] {
        let (picture, mut protector) = (astronaut(), protector());
        let settings = Settings { cover_frame_on_lost, ..Settings::default() };
        for _ in 0..5 {
            process(&mut protector, &picture, &settings).1.expect("report");
        }
        let mut lost = 0;
        for _ in 0..6 {
            let (data, report) = process(&mut protector, &empty, &settings);
            let faces = report.expect("report").faces;
            if faces.iter().any(|face| face.verdict == Verdict::Covered(CoverReason::Lost)) {
                lost += 1;
                let is_plain = data.iter().all(|value| *value == data[0]);
                assert_eq!(is_plain, cover_frame_on_lost, "frame {lost}");
            }
        }
        assert!(lost > 0, "the face is not lost: the test says nothing");
    }
}

#[test]
fn frames_with_hardly_a_pixel_come_out_as_they_were() {
    let mut protector = protector();
    for (width, height) in [(1, 1), (16, 16), (640, 1), (1, 480), (3, 5), (33, 31)] {
        let picture = Picture { width, height, clean: (0..3 * width * height).map(|i| (i * 7 % 256) as u8).collect() };
        let (data, report) = process(&mut protector, &picture, &Settings::default());
        assert!(report.expect("report").faces.is_empty(), "{width}x{height}");
        assert_eq!(data, picture.clean, "{width}x{height}");
    }
}
