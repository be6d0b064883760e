// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces in every state that an attacker could undo, and what he still knows of them: turned, mirrored, small, large,
//! dark, overlapping, marked wrongly by others. A face that the product says is protected must not be known to somebody
//! who turns, scales, mirrors or brightens the frame and looks for landmarks anew.

use std::time::Duration;

use crate::attacker::{Picture, Place, Trick};
use crate::known::{FRAMES, MIRRORED, PLAIN, Scene, change};
use advjnd::face::{BBox, Landmarks};
use advjnd::frame::Rect;
use advjnd::{Context, GivenFace, Models, Protector, Settings, Thoroughness};

/// Fault 1: heads turned in the picture.
#[test]
fn heads_at_any_roll_are_protected_or_covered() {
    // As in a file.
    let settings = Settings { max_iterations: 60, ..Settings::default() };
    let mut scene = Scene::new();
    let mut shown = 0;
    for (index, roll) in (30..360).step_by(30).enumerate() {
        let size = [90.0, 170.0][index % 2];
        let place = Place { center: [200.0, 180.0], size, roll: roll as f32 };
        let clean = scene.at(400, 360, &place);
        let name = format!("{size} px turned by {roll}°");
        shown += u32::from(scene.hold(&name, &clean, &place, &settings, &[PLAIN, MIRRORED]));
    }
    assert!(shown >= 8, "only {shown} of 11 are shown");
}

/// Fault 1: small ones are found by turned searches alone.
#[test]
fn small_turned_heads_are_found() {
    let scene = Scene::new();
    for roll in [60, 90, 180, 225] {
        for search in [Thoroughness::Fast, Thoroughness::Thorough] {
            let place = Place { center: [150.0, 140.0], size: 28.0, roll: roll as f32 };
            let clean = scene.at(400, 360, &place);
            let settings = Settings { search, ..Settings::default() };
            let (output, report) = clean.protected(&settings, &Context::default(), FRAMES);
            assert!(change(&clean, &output, &place) > 0.02, "turned by {roll}°, {search:?}: {:?}", report.faces);
        }
    }
}

/// A baby's head at a cheek: found too weakly to begin a track by itself, it touches a face, and is turned as a neck
/// is.
#[test]
fn a_turned_head_beside_another_is_found_whoever_comes_first() {
    let scene = Scene::new();
    let large = Place { center: [150.0, 180.0], size: 120.0, roll: 0.0 };
    let alone = scene.at(400, 360, &large);
    for (size, roll) in [(30.0, 90.0), (36.0, 225.0), (30.0, 60.0)] {
        let small = Place { center: [205.0 + 0.3 * size, 200.0], size, roll };
        let mut both = alone.clone();
        both.lay(&scene.portrait, &scene.face, &small);
        for frames_alone in [0, 5] {
            let mut protector = Protector::new(Models::embedded().expect("models"), 2, 0).expect("protector");
            let mut process = |picture: &Picture| {
                let settings = Settings { search: Thoroughness::Thorough, ..Settings::default() };
                let (output, report) =
                    picture.with_frame(|frame| protector.process(frame, &Context::default(), &settings));
                (output, report.expect("a report"))
            };
            (0..frames_alone).for_each(|_| drop(process(&alone)));
            let (output, report) = (0..FRAMES).map(|_| process(&both)).last().expect("frames");
            let touched = change(&both, &output, &small);
            assert!(touched > 0.02, "{size} px, {roll}°, {frames_alone} frames later: {:?}", report.faces);
        }
    }
}

/// Fault 3: marks of others add to the search.
#[test]
fn marks_take_nothing_away() {
    let mut scene = Scene::new();
    let place = Place { center: [200.0, 180.0], size: 100.0, roll: 0.0 };
    let clean = scene.at(400, 360, &place);
    let mark = |x, y, width, height, landmarks| GivenFace { bbox: BBox { x, y, width, height }, landmarks };
    let off = |[x, y]: [f32; 2]| [x + 25.0, y + 5.0];
    let bbox = BBox { x: 150.0, y: 125.0, width: 100.0, height: 110.0 };
    let wrong = Landmarks::guess(&bbox).map(off);
    let marks = [
        ("without pixels", mark(10.0, 10.0, 0.0, 0.0, None), 1),
        ("outside", mark(5000.0, 10.0, 50.0, 50.0, None), 1),
        ("elsewhere", mark(10.0, 10.0, 50.0, 50.0, None), 2),
        ("with wrong landmarks", mark(150.0, 125.0, 100.0, 110.0, Some(wrong)), 1),
    ];
    for (name, mark, count) in marks {
        let context = Context { marks: std::slice::from_ref(&mark), ..Context::default() };
        let (output, report) = clean.protected(&Settings::default(), &context, FRAMES);
        assert_eq!(report.faces.len(), count, "{name}: {:?}", report.faces);
        assert!(scene.judge(name, (&clean, &output), &place, &report.faces, &[PLAIN]), "{name}: covered");
    }
    // Believed alone, wrong landmarks are not believed either.
    let given = [mark(150.0, 125.0, 100.0, 110.0, Some(wrong))];
    let context = Context { faces: Some(&given), ..Context::default() };
    let (output, report) = clean.protected(&Settings::default(), &context, FRAMES);
    scene.judge("wrong landmarks", (&clean, &output), &place, &report.faces, &[PLAIN]);
}

/// A mark may move the middle of a box out of a region; the face is still the one in it.
#[test]
fn marks_move_no_face_out_of_a_region() {
    let scene = Scene::new();
    let place = Place { center: [200.0, 180.0], size: 100.0, roll: 0.0 };
    let clean = scene.at(400, 360, &place);
    let marks = [GivenFace { bbox: BBox { x: 160.0, y: 125.0, width: 160.0, height: 110.0 }, landmarks: None }];
    let regions = [Rect { x: 180, y: 150, width: 40, height: 60 }];
    let context = Context { marks: &marks, regions: &regions, ..Context::default() };
    let (output, report) = clean.protected(&Settings::default(), &context, 2);
    assert!(change(&clean, &output, &place) > 0.02, "{:?}", report.faces);
}

/// Half a face at the edge, which only mirrored sides show: at ten frames a second, too.
#[test]
fn half_a_face_at_the_edge_is_covered_in_every_frame() {
    let scene = Scene::new();
    let place = Place { center: [4.0, 180.0], size: 110.0, roll: 0.0 };
    let clean = scene.at(400, 360, &place);
    let mut protector = Protector::new(Models::embedded().expect("models"), 2, 0).expect("protector");
    let mut untouched = Vec::new();
    for index in 0..30u32 {
        let context = Context { time: Some(Duration::from_millis(100) * index), ..Context::default() };
        let (output, _) = clean.with_frame(|frame| protector.process(frame, &context, &Settings::default()));
        if change(&clean, &output, &Place { center: [20.0, 180.0], ..place }) <= 0.02 {
            untouched.push(index);
        }
    }
    assert_eq!(untouched, [0; 0]);
}

/// Fault 4: half the size.
#[test]
fn half_the_size_does_not_bring_a_face_back() {
    let mut scene = Scene::new();
    let halved = Trick { halved: true, ..PLAIN };
    for size in [50.0, 60.0, 70.0, 85.0] {
        let place = Place { center: [200.0, 180.0], size, roll: 0.0 };
        let clean = scene.at(400, 360, &place);
        let settings = Settings { max_iterations: 60, ..Settings::default() };
        // Alone, so that it says something: half of the clean face is known.
        let shown = scene.hold(&format!("{size} px"), &clean, &place, &settings, &[halved]);
        assert!(shown || size < 70.0, "{size} px: covered");
    }
}

/// Fault 5: close-ups, up to eyes and mouth alone.
#[test]
fn close_ups_are_one_face() {
    let mut scene = Scene::new();
    for (width, height, size) in [(1280, 720, 660.0), (1280, 720, 1000.0), (3840, 2160, 2000.0), (640, 480, 800.0)] {
        let place = Place { center: [width as f32 / 2.0, height as f32 / 2.0], size, roll: 0.0 };
        let clean = scene.at(width, height, &place);
        let name = format!("{size} px in {width}x{height}");
        let settings = Settings { min_face_size: 12, ..Settings::default() };
        scene.hold(&name, &clean, &place, &settings, &[PLAIN]);
        let (_, report) = clean.protected(&settings, &Context::default(), 2);
        assert_eq!(report.faces.len(), 1, "{name}: {:?}", report.faces);
    }
}

/// Fault 6: faces that overlap.
#[test]
fn faces_that_overlap_are_both_dealt_with() {
    let mut scene = Scene::new();
    for apart in [0.45, 0.55] {
        let size = 120.0;
        let back = Place { center: [180.0, 180.0], size, roll: 0.0 };
        let front = Place { center: [180.0 + apart * size, 195.0], size, roll: 0.0 };
        let mut clean = Picture::background(440, 360);
        clean.lay(&scene.portrait, &scene.face, &front);
        clean.lay(&scene.portrait, &scene.face, &back);
        let (output, report) = clean.protected(&Settings::default(), &Context::default(), FRAMES);
        for (name, place) in [("back", back), ("front", front)] {
            scene.judge(&format!("{name}, {apart} apart"), (&clean, &output), &place, &report.faces, &[PLAIN]);
        }
    }
}

/// Fault 9: dark and washed out.
#[test]
fn dark_and_washed_out_faces_are_found() {
    let mut scene = Scene::new();
    let place = Place { center: [200.0, 180.0], size: 100.0, roll: 0.0 };
    let clean = scene.at(400, 360, &place);
    let bright = [PLAIN, Trick { brightened: true, ..PLAIN }];
    for gain in [0.3, 0.1, 0.06, 0.03] {
        let dark = clean.clone().map(|value| gain * value);
        scene.hold(&format!("x{gain}"), &dark, &place, &Settings::default(), &bright);
    }
    let washed = clean.map(|value| 200.0 + 0.15 * (value - 128.0));
    scene.hold("washed out", &washed, &place, &Settings::default(), &bright);
}

/// Nothing that was shown before is covered now.
#[test]
fn an_upright_face_is_shown() {
    let mut scene = Scene::new();
    for size in [80.0, 120.0, 200.0] {
        let place = Place { center: [200.0, 180.0], size, roll: 0.0 };
        let clean = scene.at(400, 360, &place);
        for search in [Thoroughness::Fast, Thoroughness::Thorough] {
            let settings = Settings { search, ..Settings::default() };
            let shown = scene.hold(&format!("{size} px"), &clean, &place, &settings, &[PLAIN, MIRRORED]);
            assert!(shown, "{size} px, {search:?}: covered");
        }
    }
}
