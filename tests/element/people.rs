// SPDX-License-Identifier: MIT OR Apache-2.0
//! People by photograph: `exclude-people` and `protect-only`, from folders and files.

use std::fs;
use std::path::{Path, PathBuf};

use advjnd::Models;
use gst::prelude::*;
use gst_video::VideoFormat;
use gstadvjndprotect::advjndprotect::people::enrol;

use crate::common;
use crate::common::{Face, Frames, ONE_FACE, Session, element, faces, file, first_error, folder, pixels};

const COLLINS: &str = "astronaut";
const OBAMA: &str = "impostor_1";
const SUNAK: &str = "impostor_2";
/// Where his face is in the first frames of the sample clip.
const OBAMA_AT: (u32, u32) = (408, 405);

/// The photograph of somebody who is in the sample clip.
fn photograph(name: &str) -> PathBuf {
    file(&format!("crates/advjnd/tests/data/chips/{name}.png"))
}

/// A folder that knows these people, each from a folder of their own.
fn people(names: &[&str]) -> tempfile::TempDir {
    let people = folder();
    for name in names {
        let own = people.path().join(name);
        fs::create_dir(&own).unwrap();
        fs::copy(photograph(name), own.join("official portrait.png")).unwrap();
    }
    people
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Whether the pixels of a face went out as they came.
fn is_untouched(face: &Face, clean: &gst::Buffer, output: &gst::Buffer, frames: &Frames) -> bool {
    let (left, top, width, height) = face.rect;
    let [clean, output] = [clean, output].map(|buffer| pixels(buffer, &frames.info).swap_remove(0));
    let row = frames.info.width();
    (top..top + height).all(|y| {
        let span = (y * row + left) as usize..(y * row + left + width) as usize;
        clean[span.clone()] == output[span]
    })
}

fn is_obama(face: &Face) -> bool {
    let (x, y, width, height) = face.rect;
    (x..x + width).contains(&OBAMA_AT.0) && (y..y + height).contains(&OBAMA_AT.1)
}

/// Why an element does not start.
fn refusal(properties: &[(&str, &str)]) -> String {
    let element = element(properties);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let started = element.set_state(gst::State::Paused);
    element.set_state(gst::State::Null).unwrap();
    assert!(started.is_err(), "{properties:?}: it starts");
    first_error(&bus).unwrap()
}

#[test]
fn who_is_excluded_goes_out_as_they_came_and_all_others_do_not() {
    let frames = Frames::sample("identity", VideoFormat::I420, 6);
    let people = people(&[OBAMA]);
    let properties = [("exclude-people", text(people.path())), ("max-iterations", "2")];
    let mut session = Session::new(&frames.caps(), &properties);
    let mut kept = Vec::new();
    for (index, clean) in frames.buffers.iter().enumerate() {
        let output = session.protect(clean);
        let faces = faces(&output);
        assert!(faces.len() >= 3, "frame {index}: {faces:?}");
        for face in &faces {
            let passes = face.verdict == "kept";
            assert_eq!(is_untouched(face, clean, &output, &frames), passes, "frame {index}: {face:?}");
            assert!(!passes || is_obama(face), "frame {index}: {face:?}");
            if passes {
                kept.push(index);
            }
        }
    }
    assert_eq!(kept, [2, 3, 4, 5]);
    assert_eq!(session.count("kept"), 4);
    assert_eq!(session.count("faces"), session.count("protected") + session.count("covered") + 4);
    let (mut warnings, mut told) = (Vec::new(), 0);
    for message in session.bus.iter() {
        match message.view() {
            gst::MessageView::Warning(warning) => warnings.push(warning.error().to_string()),
            gst::MessageView::Element(element) => {
                let verdict = element.structure().and_then(|structure| structure.get::<String>("verdict").ok());
                told += usize::from(verdict.as_deref() == Some("kept"));
            }
            _ => {}
        }
    }
    assert!(warnings.len() == 1 && warnings[0].contains("recognisable"), "{warnings:?}");
    assert_eq!(told, 1, "one message for a verdict that does not change");
}

#[test]
fn nobody_passes_for_a_stranger() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 6);
    let people = people(&[SUNAK, COLLINS]);
    let run = |properties: &[(&str, &str)]| {
        let mut session = Session::new(&frames.caps(), &[properties, &[("max-iterations", "4")]].concat());
        let output = session.protect_all(&frames).iter().map(|buffer| pixels(buffer, &frames.info)).collect::<Vec<_>>();
        let warnings = session.bus.iter_filtered(&[gst::MessageType::Warning]).count();
        assert_eq!((session.count("kept"), warnings), (0, 0));
        output
    };
    assert!(run(&[("exclude-people", text(people.path()))]) == run(&[]), "a stranger is not protected as ever");
}

#[test]
fn who_is_surely_nobody_of_the_only_ones_passes_and_these_do_not() {
    let frames = Frames::sample("identity", VideoFormat::I420, 11);
    let people = people(&[OBAMA]);
    let properties = [("protect-only", text(people.path())), ("max-iterations", "2")];
    let mut session = Session::new(&frames.caps(), &properties);
    let mut kept = Vec::new();
    for (index, clean) in frames.buffers.iter().enumerate() {
        let output = session.protect(clean);
        for face in &faces(&output) {
            let passes = face.verdict == "kept";
            assert_eq!(is_untouched(face, clean, &output, &frames), passes, "frame {index}: {face:?}");
            assert!(!passes || !is_obama(face), "frame {index}: {face:?}");
            if passes {
                kept.push(index);
            }
        }
    }
    assert!(kept.contains(&10) && kept.iter().all(|index| *index >= 7), "{kept:?}");
}

#[test]
fn people_are_known_from_a_file_as_from_the_photographs() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 4);
    let kept = |path: &Path| {
        let properties = [("exclude-people", text(path)), ("max-iterations", "2")];
        let mut session = Session::new(&frames.caps(), &properties);
        let verdict = |buffer: &gst::Buffer| faces(buffer).swap_remove(0).verdict;
        session.protect_all(&frames).iter().map(verdict).filter(|verdict| verdict == "kept").count()
    };
    let (place, models) = (folder(), Models::embedded().unwrap());
    let known = enrol(&[photograph(OBAMA), photograph(SUNAK)], &models, 2).unwrap();
    assert_eq!(known.iter().collect::<Vec<_>>(), [(OBAMA, 1), (SUNAK, 1)]);
    let path = place.path().join("people.safetensors");
    fs::write(&path, known.to_bytes().unwrap()).unwrap();
    assert_eq!(kept(&path), 2);
    // As a file beside the folders of others, which has their name.
    let people = people(&[SUNAK]);
    fs::copy(photograph(OBAMA), people.path().join("somebody.png")).unwrap();
    fs::write(people.path().join(".hidden"), "nothing").unwrap();
    assert_eq!(kept(people.path()), 2);
}

#[test]
fn photographs_are_read_in_every_format_by_their_content() {
    common::init();
    let place = folder();
    let portrait = image::open(file("crates/advjnd/tests/data/astronaut.png")).unwrap().to_rgb8();
    let portrait = image::imageops::crop_imm(&portrait, 60, 0, 341, 512).to_image();
    for name in ["a.png", "b.jpg", "c.webp", "jpeg in disguise.png"] {
        let disguised = name.contains("disguise");
        let path = place.path().join(if disguised { "d.jpg" } else { name });
        portrait.save(&path).unwrap();
        if disguised {
            fs::rename(&path, place.path().join(name)).unwrap();
        }
    }
    let models = Models::embedded().unwrap();
    let enrolled = |path: &Path| enrol(&[path.to_owned()], &models, 2).map(|people| people.iter().count());
    assert_eq!(enrolled(place.path()).unwrap(), 4);
}

#[test]
fn an_element_that_cannot_know_the_people_does_not_start_and_says_what_to_do() {
    let fine = people(&[SUNAK]);
    let both = refusal(&[("exclude-people", text(fine.path())), ("protect-only", text(fine.path()))]);
    assert!(both.contains("only one"), "{both}");
    let empty = folder();
    let grey = image::RgbImage::from_pixel(300, 300, image::Rgb([90; 3]));
    let place = folder();
    let with = |name: &str, write: &dyn Fn(&Path)| {
        let own = place.path().join(name.replace('.', "_"));
        let person = own.join("somebody");
        fs::create_dir_all(&person).unwrap();
        fs::copy(photograph(SUNAK), person.join("portrait.png")).unwrap();
        write(&person.join(name));
        own
    };
    let cut = |path: &Path| {
        let bytes = fs::read(photograph(SUNAK)).unwrap();
        fs::write(path, &bytes[..200]).unwrap();
    };
    let cases: [(PathBuf, [&str; 2]); 8] = [
        (empty.path().to_owned(), ["holds no photograph", text(empty.path())]),
        ("/nonexistent/people".into(), ["/nonexistent/people", "check the path"]),
        (
            with("notes.txt", &|path| fs::write(path, "Ann is the one to the left").unwrap()),
            ["notes.txt", "take it out"],
        ),
        (with("wall.png", &|path| grey.save(path).unwrap()), ["wall.png", "no face"]),
        (with("cut.png", &cut), ["cut.png", "save it as PNG"]),
        (with("deep", &|path| fs::create_dir(path).unwrap()), ["deep", "remove it"]),
        (with("list.m3u", &|path| fs::write(path, "#EXTM3U\nportrait.png\n").unwrap()), ["list.m3u", "take it out"]),
        (file("models/mobilefacenet.safetensors"), ["mobilefacenet.safetensors", "advjnd enrol"]),
    ];
    for (path, told) in cases {
        for property in ["exclude-people", "protect-only"] {
            let error = refusal(&[(property, text(&path))]);
            assert!(told.iter().all(|told| error.contains(told)), "{told:?}: {error}");
        }
    }
}
