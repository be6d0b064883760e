// SPDX-License-Identifier: MIT OR Apache-2.0
//! The measure of what the face protection misses: scenes show faces where they say, the attacker knows whom it
//! should and nobody else, and pixels are judged as they are.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use advjnd::Pool;
use advjnd::face::BBox;
use advjnd_cli::recall::attacker::{Attacker, Portrait};
use advjnd_cli::recall::canvas::Canvas;
use advjnd_cli::recall::cases::kinds;
use advjnd_cli::recall::examine::{Exhibit, Outcome, Subject, examine};
use advjnd_cli::recall::people::picture;
use advjnd_cli::recall::pose::Pose;
use advjnd_cli::recall::scene::{Cut, Effect, Extent, Layout, Placement, Scene, render};
use advjnd_cli::recall::touch::{State, Touch};
use advjnd_cli::recall::truth::Truth;
use advjnd_media::{Frames, Picture, Pictures};
use gst::prelude::*;
use serde_json::{Value, json};

/// A face of the sample clip.
const CLIP: &str = "examples/media/portraits_720p.mp4";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

static ASTRONAUT: LazyLock<Picture> =
    LazyLock::new(|| picture(&root().join("crates/advjnd/tests/data/astronaut.png")).unwrap());

/// The first frame of the sample clip.
static SAMPLE: LazyLock<Picture> = LazyLock::new(|| {
    gst::init().unwrap();
    let path = root().join(CLIP);
    let mut frames = Frames::of("filesrc name=read ! decodebin", |pipeline| {
        pipeline.by_name("read").unwrap().set_property("location", path);
        Ok(())
    });
    frames.as_mut().unwrap().pull().unwrap().unwrap()
});

fn attacker() -> Attacker {
    Attacker::open(&root().join("models"), &Pool::new(1).unwrap()).unwrap()
}

fn enrolled(attacker: &mut Attacker, portrait: &Portrait) -> Vec<f32> {
    attacker.enroll(&portrait.canvas, &Pose::of(&portrait.face.bbox, 0.0)).unwrap().unwrap()
}

fn layout(height: f32, roll: f32) -> Layout {
    let extent = Extent::Height(height);
    let face = Placement { center: [300.0, 250.0], extent, roll, mirrored: false, cut: Cut::Surroundings };
    Layout { width: 640, height: 480, textured: true, faces: vec![face], effect: Effect::None }
}

fn scene(layout: &Layout, portrait: &Portrait) -> Scene {
    render(layout, &[portrait], 1, 7).pop().unwrap()
}

/// What the attacker makes of a face that went out as it came in.
fn passed(attacker: &mut Attacker, scene: &Scene, enrolled: &[f32]) -> Outcome {
    let face = scene.faces[0];
    let exhibit = Exhibit { clean: &scene.picture, output: &scene.picture, halves: None };
    let subject = Subject { bbox: face.bbox, pose: face.pose, aspect: face.aspect, enrolled: Some(enrolled) };
    examine(attacker, exhibit, &subject).unwrap().unwrap()
}

#[test]
fn faces_are_where_the_scene_says() {
    let mut attacker = attacker();
    let portrait = attacker.portrait(ASTRONAUT.clone()).unwrap().unwrap();
    for (height, roll, mirrored) in [(40.0, 0.0, false), (110.0, 20.0, false), (110.0, -30.0, true), (230.0, 0.0, true)]
    {
        let mut layout = layout(height, roll);
        layout.faces[0].mirrored = mirrored;
        let mut scene = scene(&layout, &portrait);
        let (face, best) = (scene.faces[0], attacker.best(&mut scene.picture, 24).unwrap().unwrap());
        let ([x, y], [u, v]) = (face.pose.center, best.bbox.center());
        assert!((x - u).hypot(y - v) < 0.12 * height, "{height} {roll}: {:?} {best:?}", face.bbox);
        assert!((0.75..1.33).contains(&(best.bbox.size() / face.pose.size)), "{:?} {best:?}", face.bbox);
        let upright = Canvas::of(&scene.picture).seen(&face.pose.upright(320, 140.0), 320, 320);
        let straight = attacker.best(&mut upright.picture(Duration::ZERO), 24).unwrap().unwrap();
        // From the left eye to the right one.
        let [left, right, ..] = straight.landmarks.0;
        let tilt = (right[1] - left[1]).atan2(right[0] - left[0]).to_degrees();
        assert!(tilt.abs() < 8.0, "{roll}: {tilt}");
        let [x, y] = straight.bbox.center();
        assert!((x - 160.0).hypot(y - 160.0) < 14.0 && (120.0..160.0).contains(&straight.bbox.size()), "{straight:?}");
    }
}

#[test]
fn frames_of_a_scene_are_alike_and_a_seed_gives_the_same_ones() {
    let mut attacker = attacker();
    let portrait = attacker.portrait(ASTRONAUT.clone()).unwrap().unwrap();
    let (layout, portraits) = (layout(64.0, 0.0), [&portrait]);
    let (once, again) = (render(&layout, &portraits, 3, 5), render(&layout, &portraits, 3, 5));
    for (a, b) in once.iter().zip(&again) {
        assert_eq!(a.picture.pixels, b.picture.pixels);
    }
    let [a, b] = [0, 1].map(|index| once[index].faces[0].bbox);
    assert!((a.x - b.x).hypot(a.y - b.y) < 3.0 && a != b, "{a:?} {b:?}");
    let dark = once[0].picture.pixels.iter().filter(|value| **value < 8).count();
    assert!(dark < once[0].picture.pixels.len() / 50, "nothing is black: {dark}");
}

#[test]
fn the_attacker_knows_a_face_however_it_is_shown_and_nobody_else() {
    let mut attacker = attacker();
    let astronaut = attacker.portrait(ASTRONAUT.clone()).unwrap().unwrap();
    let sample = attacker.portrait(SAMPLE.clone()).unwrap().unwrap();
    let people = [enrolled(&mut attacker, &astronaut), enrolled(&mut attacker, &sample)];
    let threshold = attacker.spec().verification_threshold;
    let dim = Layout { effect: Effect::Bright(0.1), ..layout(128.0, 0.0) };
    let mirrored = Placement { mirrored: true, ..layout(110.0, 45.0).faces[0] };
    let mirrored = Layout { faces: vec![mirrored], ..layout(110.0, 45.0) };
    let squeezed = Layout { effect: Effect::Squeezed, ..layout(128.0, 0.0) };
    let layouts =
        [layout(110.0, 0.0), layout(110.0, 90.0), layout(90.0, 180.0), layout(200.0, 285.0), mirrored, dim, squeezed];
    for (index, layout) in layouts.iter().enumerate() {
        let scene = scene(layout, &astronaut);
        let own = passed(&mut attacker, &scene, &people[0]);
        assert_eq!((own.state, own.known_before, own.known), (State::Untouched, Some(true), true), "{index}: {own:?}");
        let other = passed(&mut attacker, &scene, &people[1]);
        assert!(!other.known && other.seen.iter().any(|seen| seen.clean > Some(threshold)), "{index}: {other:?}");
        let brightened = own.seen.iter().any(|seen| seen.variant == "plain brightened");
        assert_eq!(brightened, matches!(layout.effect, Effect::Bright(_)), "{index}");
    }
}

#[test]
fn pixels_are_judged_as_they_are() {
    let clean = ASTRONAUT.clone();
    let face = BBox { x: 180.0, y: 70.0, width: 90.0, height: 120.0 };
    let with = |change: &dyn Fn(usize, usize, u8) -> u8| {
        let mut output = clean.clone();
        for (index, value) in output.pixels.iter_mut().enumerate() {
            *value = change(index / 3 % clean.width, index / 3 / clean.width, *value);
        }
        Touch::of(&clean, &output, &face).unwrap()
    };
    assert_eq!(with(&|_, _, value| value).state(), State::Untouched);
    let outside = with(&|x, _, value| if x < 190 { 0 } else { value });
    assert_eq!((outside.state(), outside.changed), (State::Untouched, 0.0), "only the middle counts");
    assert_eq!(with(&|_, _, _| 72).state(), State::Covered);
    assert_eq!(with(&|x, _, value| value ^ u8::from(x % 20 == 0)).state(), State::Shown);
    assert_eq!(
        with(&|x, _, value| if x < 225 { 72 } else { value }).state(),
        State::Shown,
        "half a cover hides nobody"
    );
    let away = BBox { x: 900.0, ..face };
    assert_eq!(Touch::of(&clean, &clean, &away), None);
}

#[test]
fn a_covered_face_is_not_attacked() {
    let mut attacker = attacker();
    let portrait = attacker.portrait(ASTRONAUT.clone()).unwrap().unwrap();
    let enrolled = enrolled(&mut attacker, &portrait);
    let scene = scene(&layout(110.0, 0.0), &portrait);
    let face = scene.faces[0];
    let mut covered = Canvas::of(&scene.picture);
    covered.pixels.fill([72.0, 72.0, 72.0, 1.0]);
    let covered = covered.picture(Duration::ZERO);
    let exhibit = Exhibit { clean: &scene.picture, output: &covered, halves: None };
    let subject = Subject { bbox: face.bbox, pose: face.pose, aspect: face.aspect, enrolled: Some(&enrolled) };
    let outcome = examine(&mut attacker, exhibit, &subject).unwrap().unwrap();
    assert_eq!((outcome.state, outcome.known_before, outcome.known), (State::Covered, None, false));
    assert!(outcome.seen.is_empty());
}

#[test]
fn every_kind_of_scene_can_be_made() {
    let mut attacker = attacker();
    let portrait = attacker.portrait(ASTRONAUT.clone()).unwrap().unwrap();
    let kinds = kinds();
    assert!(kinds.len() > 50, "{}", kinds.len());
    for kind in &kinds {
        let layout = kind.layout(1);
        let portraits = vec![&portrait; kind.people()];
        let scene = render(&layout, &portraits, 1, 3).pop().unwrap();
        assert_eq!(scene.faces.len(), kind.people(), "{kind:?}");
        let Picture { pixels, width, height, .. } = &scene.picture;
        assert_eq!((pixels.len(), *height), (3 * width * height, layout.height), "{kind:?}");
        let [x, y] = scene.faces[0].pose.center;
        let around = -2.0..=2.0 + *width as f32;
        assert!(around.contains(&x) && around.contains(&y), "{kind:?} {x} {y}");
        if kind.name == "overlapping" {
            let [back, front] = [0, 1].map(|index| scene.faces[index].bbox);
            assert!((0.25..=0.65).contains(&back.iou(&front)), "{}", back.iou(&front));
        }
    }
}

#[test]
fn the_ground_truth_that_comes_with_the_program_can_be_read() {
    let truth = Truth::read(None).unwrap();
    assert!(!truth.frames.is_empty());
    for source in truth.sources() {
        let marked = truth.of(source);
        assert!(marked.is_sorted_by_key(|marked| marked.frame) && !marked.is_empty());
        for face in marked.iter().flat_map(|marked| &marked.faces) {
            assert!(face.bbox().is_finite() && face.bbox().size() > 0.0, "{source}: {face:?}");
        }
    }
}

fn recall(arguments: &[&str]) -> Result<String, String> {
    let done =
        Command::new(env!("CARGO_BIN_EXE_advjnd")).current_dir(root()).arg("recall").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

#[test]
fn a_clip_and_a_picture_are_run_judged_and_tabled() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recall");
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(&out).unwrap();
    let mut attacker = attacker();
    let box_of = |portrait: Portrait| {
        let BBox { x, y, width, height } = portrait.face.bbox;
        json!([x, y, width, height])
    };
    let sample = box_of(attacker.portrait(SAMPLE.clone()).unwrap().unwrap());
    let astronaut = box_of(attacker.portrait(ASTRONAUT.clone()).unwrap().unwrap());
    let face = |place: &Value| json!({ "box": place, "person": "a", "pose": "frontal", "light": "normal" });
    let clip = |frame: usize| {
        let faces = [face(&sample)];
        json!({ "source": CLIP, "frame": frame, "width": SAMPLE.width, "height": SAMPLE.height, "faces": faces })
    };
    let picture = json!({
        "source": "crates/advjnd/tests/data/astronaut.png", "width": 512, "height": 512, "faces": [face(&astronaut)],
    });
    let truth = out.join("truth.json");
    std::fs::write(&truth, json!({ "frames": [clip(0), picture, clip(2)] }).to_string()).unwrap();
    let (truth, out_text) = (truth.to_str().unwrap(), out.to_str().unwrap());
    let common = ["--truth", truth, "--out", out_text, "--cases", "0"];
    let said = recall(&[&["--material", "."], &common[..]].concat()).unwrap();
    assert!(said.contains("4 faces"), "{said}");
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let found: Value = serde_json::from_str(&read("recall.json")).unwrap();
    let rows = found["faces"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["frame"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 2, 0, 11]);
    assert!(rows.iter().all(|row| row["state"] != "untouched"), "{found}");
    assert_eq!(found["alarms"].as_array().unwrap().len(), 2);
    assert!(read("recall.md").contains("| all | 4 | 0.0 % |"), "{}", read("recall.md"));

    let page = out.join("page.md");
    std::fs::write(&page, "before\n<!-- recall -->\n<!-- /recall -->\nafter\n").unwrap();
    recall(&["--out", out_text, "--splice", page.to_str().unwrap()]).unwrap();
    assert!(read("page.md").contains("Marked faces:"));

    let wrong = recall(&["--material", "nowhere", "--truth", truth, "--out", out_text, "--cases", "0"]).unwrap_err();
    assert!(wrong.contains("there is no such file"), "{wrong}");
    let nobody = recall(&["--material", out_text, "--every", "0", "--out", out_text]).unwrap_err();
    assert!(nobody.contains("no two people"), "{nobody}");
}

/// The page has the figures of the file.
#[test]
fn the_page_shows_what_is_missed() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("evaluation.md");
    std::fs::copy(root().join("docs/evaluation.md"), &copy).unwrap();
    recall(&["--splice", copy.to_str().unwrap()]).unwrap();
    let [written, expected] =
        [root().join("docs/evaluation.md"), copy].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(written == expected, "out of date: run `advjnd recall --splice docs/evaluation.md`");
}
