// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a caller says of a frame and its faces: which there are, which are meant, and how much may be done.

use crate::scene::{Picture, Scene, only};
use advjnd::face::{BBox, Landmarks};
use advjnd::frame::Rect;
use advjnd::report::CoverReason;
use advjnd::{Context, FailPolicy, GivenFace, Settings, Transfer, Verdict};

const UNUSABLE: Verdict = Verdict::Covered(CoverReason::Unusable);

#[test]
fn given_faces_are_taken_in_place_of_a_search() {
    let picture = Picture::astronaut();
    let (_, found) = Scene::new().frame(&picture, &Context::default(), &Settings::default());
    let face = &found.faces[0];
    let elsewhere = BBox { x: 300.0, y: 300.0, width: 80.0, height: 80.0 };
    let loose = face.bbox.scaled(1.4);
    let cases = [
        (GivenFace { bbox: face.bbox, landmarks: Some(face.landmarks) }, true),
        (GivenFace { bbox: face.bbox, landmarks: None }, true),
        (GivenFace { bbox: loose, landmarks: None }, true),
        (GivenFace { bbox: face.bbox, landmarks: Some(Landmarks::guess(&elsewhere)) }, true),
        (GivenFace { bbox: elsewhere, landmarks: None }, false),
        (GivenFace { bbox: elsewhere, landmarks: Some(face.landmarks) }, false),
    ];
    for (given, aligned) in cases {
        let mut scene = Scene::new();
        let context = Context { faces: Some(std::slice::from_ref(&given)), ..Context::default() };
        let settings = Settings { max_iterations: 12, ..Settings::default() };
        let mut last = None;
        for _ in 0..3 {
            let (output, report) = scene.frame(&picture, &context, &settings);
            assert!(!report.searched);
            let (verdict, _) = only(&report);
            if verdict != Verdict::Protected {
                let center = given.bbox.center();
                assert_eq!(output.at(center), [72; 3], "{given:?}: covered");
            }
            last = Some(verdict);
        }
        assert_eq!(last, Some(if aligned { Verdict::Protected } else { UNUSABLE }), "{given:?}");
    }
    let none = Context { faces: Some(&[]), ..Context::default() };
    let (output, report) = Scene::new().frame(&picture, &none, &Settings::default());
    assert!(report.faces.is_empty() && output.pixels == picture.pixels);
}

#[test]
fn a_face_that_the_cover_of_another_hides_in_part_is_covered() {
    let picture = Picture::astronaut();
    let (_, found) = Scene::new().frame(&picture, &Context::default(), &Settings::default());
    let face = &found.faces[0];
    let whole = GivenFace { bbox: face.bbox, landmarks: Some(face.landmarks) };
    // Covered, since there is no face in it. Its cover is 1.3 times as large.
    let beside = |gap: f32| {
        let side = 2.5 * face.bbox.width;
        let bbox = BBox { x: face.bbox.x + face.bbox.width + gap, y: face.bbox.y, width: side, height: side };
        GivenFace { bbox, landmarks: None }
    };
    let verdicts = |other: GivenFace| {
        let (mut scene, faces) = (Scene::new(), [whole, other]);
        let context = Context { faces: Some(&faces), ..Context::default() };
        let settings = Settings { max_iterations: 60, ..Settings::default() };
        let mut last = Vec::new();
        for _ in 0..3 {
            let (output, report) = scene.frame(&picture, &context, &settings);
            let mut covered = report.faces.iter().filter(|face| face.verdict != Verdict::Protected);
            assert!(covered.all(|face| output.at(face.bbox.center()) == [72; 3]));
            last = report.faces.iter().map(|face| face.verdict).collect();
        }
        last
    };
    assert_eq!(verdicts(beside(0.0)), [Verdict::Covered(CoverReason::Overlapped), UNUSABLE]);
    assert_eq!(verdicts(beside(face.bbox.width)), [Verdict::Protected, UNUSABLE]);
}

#[test]
fn the_rim_of_the_cover_of_a_lost_face_spares_a_face_in_view() {
    let picture = Picture::astronaut();
    let (_, found) = Scene::new().frame(&picture, &Context::default(), &Settings::default());
    let BBox { x, y, width, height } = found.faces[0].bbox;
    let whole = GivenFace { bbox: found.faces[0].bbox, landmarks: Some(found.faces[0].landmarks) };
    // Frames with the face, and in the first two another beside it, so many widths from its left edge.
    let run = |beside: Option<f32>, policy: FailPolicy| {
        let side = 2.5 * width;
        let other = |share: f32| GivenFace {
            bbox: BBox { x: x + share * width, y, width: side, height: side },
            landmarks: None,
        };
        let (mut scene, faces) = (Scene::new(), [Some(whole), beside.map(other)]);
        let settings = Settings { max_iterations: 60, fail_policy: policy, ..Settings::default() };
        let frames = (0..8).map(|frame| {
            let faces: Vec<_> = faces.into_iter().take(if frame < 2 { 2 } else { 1 }).flatten().collect();
            scene.frame(&picture, &Context { faces: Some(&faces), ..Context::default() }, &settings)
        });
        frames.last().expect("a frame")
    };
    let lost = Verdict::Covered(CoverReason::Lost);
    for policy in [FailPolicy::Fill, FailPolicy::Pixelate, FailPolicy::Blur] {
        let ((shown, report), (alone, _)) = (run(Some(1.3), policy), run(None, policy));
        assert_eq!(report.faces.iter().map(|face| face.verdict).collect::<Vec<_>>(), [Verdict::Protected, lost]);
        // The cover, 1.8 times as large as the lost face, begins at the left eye.
        let is_as_alone = |[across, down]: [f32; 2]| {
            let at = [x + across * width, y + down * height];
            shown.at(at) == alone.at(at)
        };
        let face = (0..100).map(|index| [0.1 * (index % 10) as f32, 0.1 * (index / 10) as f32]);
        assert!(face.into_iter().all(is_as_alone), "{policy:?}: the face in view is covered");
        let covered =
            |across: f32, down: f32| (0..50).filter(|step| !is_as_alone([across, down + 0.01 * *step as f32])).count();
        for (across, down) in [(1.4, 0.2), (0.9, 2.0)] {
            assert!(covered(across, down) > 45, "{policy:?}: nothing is covered at {across}, {down}");
        }
    }
    // The place of the lost face itself is covered in any case.
    let (_, report) = run(Some(0.5), FailPolicy::Fill);
    let cut = Verdict::Covered(CoverReason::Overlapped);
    assert_eq!(report.faces.iter().map(|face| face.verdict).collect::<Vec<_>>(), [cut, lost]);
}

#[test]
fn a_given_face_that_is_no_place_has_the_frame_covered() {
    let picture = Picture::astronaut();
    let nowhere = BBox { x: f32::NAN, y: 0.0, width: 80.0, height: 80.0 };
    let no_points = Landmarks([[f32::INFINITY; 2]; 5]);
    let place = BBox { x: 10.0, ..nowhere };
    for given in [GivenFace { bbox: nowhere, landmarks: None }, GivenFace { bbox: place, landmarks: Some(no_points) }] {
        let context = Context { faces: Some(std::slice::from_ref(&given)), ..Context::default() };
        let (output, report) = Scene::new().frame(&picture, &context, &Settings::default());
        assert!(report.fault.is_some_and(|fault| fault.contains("no place")));
        assert!(output.pixels.iter().all(|value| *value == output.pixels[0]));
    }
}

#[test]
fn regions_say_whose_faces_are_protected() {
    let picture = Picture::astronaut().repeated(2);
    let half = |x| [Rect { x, y: 0, width: 512, height: 512 }];
    let (left, right) = (half(0), half(512));
    let count = |context: &Context<'_>| {
        let (_, report) = Scene::new().frame(&picture, context, &Settings::default());
        report.faces.iter().map(|face| (face.bbox.center()[0] / 512.0) as usize).collect::<Vec<_>>()
    };
    let mut both = count(&Context::default());
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
    assert_eq!(count(&Context { regions: &left, ..Context::default() }), [0]);
    assert_eq!(count(&Context { exclude_regions: &left, ..Context::default() }), [1]);
    assert_eq!(count(&Context { regions: &left, exclude_regions: &right, ..Context::default() }), [0]);
    assert!(count(&Context { regions: &left, exclude_regions: &left, ..Context::default() }).is_empty());
}

#[test]
fn more_faces_than_are_worked_on_are_covered() {
    let picture = Picture::astronaut().repeated(3);
    let settings = Settings { max_faces: 2, max_iterations: 12, ..Settings::default() };
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.frame(&picture, &Context::default(), &settings);
    }
    let (output, report) = scene.frame(&picture, &Context::default(), &settings);
    let verdicts: Vec<_> = report.faces.iter().map(|face| face.verdict).collect();
    let too_many = Verdict::Covered(CoverReason::TooMany);
    assert_eq!(verdicts, [Verdict::Protected, Verdict::Protected, too_many]);
    assert_eq!(output.at(report.faces[2].landmarks.0[2]), [72; 3]);
}

#[test]
fn without_a_warm_start_every_frame_begins_anew() {
    let picture = Picture::astronaut();
    let iterations = |warm_start| {
        let transfer = Transfer { reserve: 0.1, ..Transfer::default() };
        let (mut scene, settings) = (Scene::new(), Settings { warm_start, transfer, ..Settings::default() });
        (0..8).map(|_| only(&scene.frame(&picture, &Context::default(), &settings).1).1).sum::<u32>()
    };
    let (warm, cold) = (iterations(true), iterations(false));
    assert!(cold == 8 * Settings::default().max_iterations && warm < cold, "{warm}, {cold}");
}

#[test]
fn no_pixel_changes_by_more_than_the_maximum() {
    let picture = Picture::astronaut();
    for max_change in [0, 3, 12] {
        let settings =
            Settings { max_change, max_iterations: 12, fail_policy: FailPolicy::Drop, ..Settings::default() };
        let (output, _) = Scene::new().frame(&picture, &Context::default(), &settings);
        let most = output.pixels.iter().zip(&picture.pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).max();
        assert!(most.is_some_and(|most| most <= max_change && (most > 0) == (max_change > 0)), "{most:?}");
    }
}
