// SPDX-License-Identifier: MIT OR Apache-2.0
//! People by photograph: who passes as they are, and who does not whatever the frame before showed.

use std::time::Duration;

use crate::attacker::{Attacker, Picture, Place};
use crate::common;
use advjnd::people::Rule;
use advjnd::report::CoverReason;
use advjnd::{Context, Enroller, Mode, Models, People, Pool, Protector, Selection, Settings, Verdict};

const COLLINS: &str = "astronaut.png";
const OBAMA: &str = "chips/impostor_1.png";
const SUNAK: &str = "chips/impostor_2.png";

fn selection(models: &Models, rule: Rule, names: &[&str]) -> Selection {
    let mut enroller = Enroller::new(models, &Pool::new(2).expect("threads")).expect("networks");
    let mut people = People::new(models);
    for name in names {
        let (_, photograph) = Picture::read(&common::picture(name)).with_frame(|frame| enroller.enroll(frame));
        people.add(name, photograph.expect("a face")).expect("a person");
    }
    Selection::new(people, rule).expect("a selection")
}

/// The verdicts of frames that show one picture after the other; fails if a face goes out as it came, unless it is
/// kept, or if a kept face does not.
fn verdicts(rule: Rule, listed: &[&str], shown: &[&str], context: &Context<'_>, settings: &Settings) -> Vec<Verdict> {
    let models = Models::embedded().expect("models");
    let selection = selection(&models, rule, listed);
    let mut protector = Protector::new(models, 2, 0).expect("protector");
    protector.set_selection(Some(selection)).expect("the same recognisers");
    let mut scenes = std::collections::HashMap::new();
    let verdicts = shown.iter().map(|name| {
        let clean: &Picture = scenes.entry(*name).or_insert_with(|| Picture::scene(name));
        let (output, report) = clean.with_frame(|frame| protector.process(frame, context, settings));
        let report = report.expect("a report");
        assert_eq!(report.faces.len(), 1);
        let face = &report.faces[0];
        assert_eq!(face.verdict == Verdict::Kept, output.bytes() == clean.bytes(), "{face:?}");
        assert!(face.verdict != Verdict::Kept || face.region.is_empty(), "{face:?}");
        face.verdict
    });
    verdicts.collect()
}

fn kept(verdicts: &[Verdict]) -> Vec<usize> {
    (0..verdicts.len()).filter(|index| verdicts[*index] == Verdict::Kept).collect()
}

fn quick() -> Settings {
    Settings { max_iterations: 2, ..Settings::default() }
}

#[test]
fn who_is_excluded_passes_from_the_third_frame_and_nobody_in_their_place() {
    let order = [COLLINS, COLLINS, COLLINS, COLLINS, OBAMA, OBAMA, OBAMA, OBAMA, COLLINS, COLLINS, COLLINS, COLLINS];
    let in_time = Some(Duration::from_secs(100));
    for budget in [None, in_time] {
        let context = Context { budget, ..Context::default() };
        let verdicts = verdicts(Rule::Exclude, &[COLLINS], &order, &context, &quick());
        assert_eq!(kept(&verdicts), [2, 3, 10, 11], "{budget:?}: {verdicts:?}");
    }
}

#[test]
fn a_stranger_is_protected_to_the_byte_as_without_a_selection() {
    let clean = Picture::scene(OBAMA);
    let run = |listed: Option<&str>| -> Vec<Vec<u8>> {
        let models = Models::embedded().expect("models");
        let selection = listed.map(|name| selection(&models, Rule::Exclude, &[name]));
        let mut protector = Protector::new(models, 2, 0).expect("protector");
        protector.set_selection(selection).expect("the same recognisers");
        let frame = |_| {
            let context = Context::default();
            let (output, report) = clean.with_frame(|frame| protector.process(frame, &context, &quick()));
            assert_ne!(report.expect("a report").faces[0].verdict, Verdict::Kept);
            output.bytes()
        };
        (0..6).map(frame).collect()
    };
    assert!(run(Some(SUNAK)) == run(None));
}

#[test]
fn only_who_is_listed_is_protected_and_at_once_in_the_place_of_another() {
    let order: Vec<&str> = [OBAMA; 10].into_iter().chain([COLLINS; 3]).chain([OBAMA; 10]).collect();
    for budget in [None, Some(Duration::from_secs(100))] {
        let context = Context { budget, ..Context::default() };
        let verdicts = verdicts(Rule::ProtectOnly, &[COLLINS], &order, &context, &quick());
        assert_eq!(kept(&verdicts), [7, 8, 9], "{budget:?}: {verdicts:?}");
    }
}

#[test]
fn in_mode_cover_all_others_are_covered() {
    let settings = Settings { mode: Mode::Cover, ..quick() };
    let covered = Verdict::Covered(CoverReason::OnRequest);
    let order = [COLLINS, COLLINS, COLLINS, COLLINS, SUNAK, SUNAK, SUNAK];
    let verdicts = verdicts(Rule::Exclude, &[COLLINS], &order, &Context::default(), &settings);
    assert_eq!(kept(&verdicts), [2, 3]);
    assert!(verdicts.iter().all(|verdict| [covered, Verdict::Kept].contains(verdict)), "{verdicts:?}");
}

#[test]
fn a_selection_goes_and_one_of_other_recognisers_is_refused() {
    let models = Models::embedded().expect("models");
    let own = selection(&models, Rule::Exclude, &[COLLINS]);
    let one = Models::open(None, &["dlib_resnet29".to_owned()]).expect("models");
    let mut protector = Protector::new(one, 2, 0).expect("protector");
    assert!(protector.set_selection(Some(own.clone())).is_err());
    let mut protector = Protector::new(models, 2, 0).expect("protector");
    protector.set_selection(Some(own)).expect("the same recognisers");
    let clean = Picture::scene(COLLINS);
    let mut frame = || {
        let (_, report) = clean.with_frame(|frame| protector.process(frame, &Context::default(), &quick()));
        report.expect("a report").faces[0].verdict == Verdict::Kept
    };
    assert_eq!([(); 4].map(|()| frame()), [false, false, true, true]);
    protector.set_selection(None).expect("none");
    let (_, report) = clean.with_frame(|frame| protector.process(frame, &Context::default(), &quick()));
    assert_ne!(report.expect("a report").faces[0].verdict, Verdict::Kept);
}

#[test]
fn a_photograph_without_a_face_or_with_two_is_refused() {
    let models = Models::embedded().expect("models");
    let mut enroller = Enroller::new(&models, &Pool::new(2).expect("threads")).expect("networks");
    let refusal = |enroller: &mut Enroller, picture: &Picture| {
        let (_, photograph) = picture.with_frame(|frame| enroller.enroll(frame));
        photograph.map(|_| String::new()).unwrap_or_else(|error| error.to_string())
    };
    assert!(refusal(&mut enroller, &Picture::background(360, 320)).contains("no face"));
    let portrait = Picture::read(&common::picture(COLLINS));
    let of = Attacker::new().place(&portrait);
    let mut two = Picture::background(640, 320);
    for (center, size) in [([160.0, 160.0], 130.0), ([480.0, 160.0], 125.0)] {
        two.lay(&portrait, &of, &Place { center, size, roll: 0.0 });
    }
    assert!(refusal(&mut enroller, &two).contains("several faces"));
    assert_eq!(refusal(&mut enroller, &Picture::scene(COLLINS)), "");
}

#[test]
fn a_photograph_that_lies_on_its_side_is_of_the_same_person() {
    let models = Models::embedded().expect("models");
    let mut enroller = Enroller::new(&models, &Pool::new(2).expect("threads")).expect("networks");
    let upright = common::picture(COLLINS);
    let mut enrol = |picture: &image::RgbImage| {
        let (_, photograph) = Picture::read(picture).with_frame(|frame| enroller.enroll(frame));
        photograph.expect("a face")
    };
    let known = enrol(&upright);
    let turned = [image::imageops::rotate90(&upright), image::imageops::rotate270(&upright)];
    for picture in turned.iter().chain([&image::imageops::rotate180(&upright)]) {
        let own = enrol(picture);
        for ((spec, _), (known, own)) in models.recognizers().zip(known.embeddings().iter().zip(own.embeddings())) {
            let margin = advjnd::attack::margin(spec, known, own);
            assert!(margin < -0.6, "{}: {margin}", spec.name);
        }
    }
}
