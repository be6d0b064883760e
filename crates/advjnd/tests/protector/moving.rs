// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces that turn, come and go, and dissolve into each other: each frame on its own must not be known.

use std::time::Duration;

use crate::attacker::{Picture, Place, Trick};
use crate::common;
use crate::judges::Judge;
use crate::known::{FRAMES, MIRRORED, PLAIN, Scene, change};
use advjnd::net::Network;
use advjnd::{Context, FrameReport, Models, Protector, Settings, Verdict};

fn protector() -> Protector {
    Protector::new(Models::embedded().expect("models"), 2, 0).expect("protector")
}

fn next(protector: &mut Protector, clean: &Picture, time: Duration, settings: &Settings) -> (Picture, FrameReport) {
    let context = Context { time: Some(time), ..Context::default() };
    let (output, report) = clean.with_frame(|frame| protector.process(frame, &context, settings));
    (output, report.expect("a report"))
}

/// Fault 1: the head turns while it is followed.
#[test]
fn a_head_that_turns_is_held_in_every_frame() {
    let (mut scene, mut protector) = (Scene::new(), protector());
    let settings = Settings { max_iterations: 20, ..Settings::default() };
    let mut shown = 0;
    for index in 0..16u8 {
        let place = Place { center: [200.0, 180.0], size: 130.0, roll: 6.0 * f32::from(index) };
        let clean = scene.at(400, 360, &place);
        let time = Duration::from_millis(40) * u32::from(index);
        let (output, report) = next(&mut protector, &clean, time, &settings);
        let name = format!("frame {index}, turned by {}°", place.roll);
        shown += u32::from(scene.judge(&name, (&clean, &output), &place, &report.faces, &[PLAIN]));
    }
    assert!(shown >= 8, "only {shown} of 16 frames show it");
}

/// Fault 6: two people in one place, one fading into the other.
#[test]
fn neither_face_of_a_dissolve_is_known() {
    let place = Place { center: [200.0, 180.0], size: 130.0, roll: 0.0 };
    let mut people = [Scene::new(), Scene::of(&common::picture("chips/impostor_1.png"))];
    let pictures = people.each_ref().map(|person| person.at(400, 360, &place));
    let mut protector = protector();
    let settings = Settings { max_iterations: 20, ..Settings::default() };
    let mut known_clean = 0;
    for index in 0..14u8 {
        let share = (f32::from(index) / 13.0).clamp(0.0, 1.0);
        let mut clean = pictures[0].clone();
        clean.planes.iter_mut().zip(&pictures[1].planes).for_each(|(own, other)| *own += share * (other - *own));
        let clean = clean.map(|value| value);
        let time = Duration::from_millis(40) * u32::from(index);
        let (output, report) = next(&mut protector, &clean, time, &settings);
        assert!(change(&clean, &output, &place) > 0.02, "frame {index}: untouched; {:?}", report.faces);
        for (person, scene) in people.iter_mut().enumerate() {
            let tricks = scene.tricks(&clean, &place, &[PLAIN]);
            known_clean += tricks.len();
            if !tricks.is_empty() {
                scene.judge(
                    &format!("frame {index}, person {person}"),
                    (&clean, &output),
                    &place,
                    &report.faces,
                    &tricks,
                );
            }
        }
    }
    assert!(known_clean >= 8, "the clean dissolve is hardly known, so the test says nothing");
}

/// Fault 8: one frame a second, and three in which the face is not to be seen.
#[test]
fn a_face_is_followed_over_gaps_at_one_frame_a_second() {
    let (scene, mut protector) = (Scene::new(), protector());
    let settings = Settings { max_iterations: 20, ..Settings::default() };
    let place = Place { center: [200.0, 180.0], size: 130.0, roll: 0.0 };
    let (with, without) = (scene.at(400, 360, &place), Picture::background(400, 360));
    let mut ids = Vec::new();
    for index in 0..8u32 {
        let is_there = !(4..7).contains(&index);
        let clean = if is_there { &with } else { &without };
        let (output, report) = next(&mut protector, clean, Duration::from_secs(1) * index, &settings);
        assert!(change(clean, &output, &place) > 0.02, "frame {index}: untouched; {:?}", report.faces);
        ids.extend(report.faces.iter().map(|face| face.id.0));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "the face was taken for another one: {ids:?}");
}

/// Fault 7: a large turned head, mirrored.
#[test]
fn a_head_seen_from_the_side_is_not_known_when_it_is_mirrored() {
    const TEST: &str = "a_head_seen_from_the_side_is_not_known_when_it_is_mirrored";
    let Some(path) = common::skip::material(TEST, "faces/lfw_gray/Edward_Kennedy/Edward_Kennedy_0002.jpg") else {
        return;
    };
    let image = common::image_at(&path);
    let mut scene = Scene::of(&image);
    let place = Place { center: [200.0, 180.0], size: 170.0, roll: 0.0 };
    let clean = scene.at(400, 360, &place);
    let settings = Settings { max_iterations: 60, ..Settings::default() };
    let mut shown = false;
    for trick in [PLAIN, MIRRORED, Trick { halved: true, ..MIRRORED }] {
        shown |= scene.hold(&format!("{trick:?}"), &clean, &place, &settings, &[trick]);
    }
    assert!(shown, "covered: the test says nothing");
}

/// Fault 10: small upright faces, which each recogniser knew.
#[test]
fn small_faces_are_covered_or_known_to_nobody() {
    let scene = Scene::new();
    let mut judges = Network::ALL.map(Judge::new);
    let settings = Settings { min_face_size: 12, max_iterations: 20, ..Settings::default() };
    for size in [18.0, 22.0, 26.0] {
        let place = Place { center: [200.0, 180.0], size, roll: 0.0 };
        let clean = scene.at(400, 360, &place);
        let (output, report) = clean.protected(&settings, &Context::default(), FRAMES);
        assert!(change(&clean, &output, &place) > 0.02, "{size} px: untouched; {:?}", report.faces);
        for face in report.faces.iter().filter(|face| face.verdict == Verdict::Protected) {
            let margins = judges.each_mut().map(|judge| judge.margin(&clean, &output, &face.landmarks));
            assert!(margins.iter().all(|margin| *margin > 0.0), "{size} px: {margins:?}");
        }
    }
}
