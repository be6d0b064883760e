// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several recognisers in one protector: chosen by name, attacked in turn, and all of them heard for the verdict.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::attacker::Picture;
use crate::common;
use crate::judges::Judge;
use advjnd::face::Landmarks;
use advjnd::net::Network;
use advjnd::report::CoverReason;
use advjnd::{Context, FaceReport, Models, Protector, Settings, Transfer, Verdict};

const DLIB: &str = "dlib_resnet29";
const MOBILEFACENET: &str = "mobilefacenet";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn open(names: &[&str]) -> advjnd::Result<Arc<Models>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Models::open(Some(&folder()), &names)
}

fn astronaut() -> Picture {
    Picture::read(&common::picture("astronaut.png"))
}

/// What a protector with the recognisers `names` makes of each of `count` frames that show the same.
fn protect(names: &[&str], threads: usize, seed: u64, count: usize, settings: &Settings) -> Vec<(Picture, FaceReport)> {
    let mut protector = Protector::new(open(names).expect("models"), threads, seed).expect("protector");
    let frames = (0..count).map(|_| {
        let (picture, report) = astronaut().with_frame(|frame| protector.process(frame, &Context::default(), settings));
        let mut report = report.expect("report");
        assert_eq!((report.faces.len(), report.fault), (1, None));
        (picture, report.faces.remove(0))
    });
    frames.collect()
}

/// How far the face of `shown` lies beyond the threshold of `network` from the clean face.
fn margin_by(network: Network, shown: &Picture, landmarks: &Landmarks) -> f32 {
    Judge::new(network).margin(&astronaut(), shown, landmarks)
}

#[test]
fn every_recogniser_is_attacked_in_turn() {
    // No more than the verdict asks for, and by rough changes: one recogniser alone does not take the other along.
    let settings = Settings {
        jnd_scale: 9.0,
        jnd_rms: 20.0,
        viewing_distance: 3.0,
        margin: 0.0,
        transfer: Transfer { reserve: 0.0, smoothing: 0.0, ..Transfer::default() },
        ..Settings::default()
    };
    let both = [Network::DlibResnet29, Network::MobileFaceNet];
    for (names, stopped) in [(vec![DLIB], [true, false]), (vec![DLIB, MOBILEFACENET], [true, true])] {
        let frames = protect(&names, 1, 0, 20, &settings);
        let (picture, face) = frames.last().expect("a frame");
        assert_eq!(face.verdict, Verdict::Protected, "{names:?}");
        for (network, stopped) in both.into_iter().zip(stopped) {
            let margin = margin_by(network, picture, &face.landmarks);
            assert_eq!(margin > 0.05, stopped, "{network:?} after an attack on {names:?}: {margin}");
        }
        assert!(frames.iter().all(|(_, face)| face.iterations <= settings.max_iterations), "{names:?}");
    }
}

#[test]
fn the_verdict_needs_all_of_them() {
    // So few that it takes several frames.
    let settings = Settings { max_iterations: 1, ..Settings::default() };
    let first = |names: &[&str]| {
        let frames = protect(names, 1, 0, 30, &settings);
        let at = frames.iter().position(|(_, face)| face.verdict == Verdict::Protected);
        (at.expect("protected in the end"), frames)
    };
    let alone = [first(&[DLIB]).0, first(&[MOBILEFACENET]).0];
    let (together, frames) = first(&[DLIB, MOBILEFACENET]);
    assert!(together > alone[0].min(alone[1]), "{together} frames for both, {alone:?} for one");
    for (index, (picture, face)) in frames.into_iter().enumerate() {
        if face.verdict == Verdict::Protected {
            for network in [Network::DlibResnet29, Network::MobileFaceNet] {
                let margin = margin_by(network, &picture, &face.landmarks);
                assert!(margin > 0.0, "frame {index} is shown, and {network:?} knows it: {margin}");
            }
        } else {
            assert_eq!(face.verdict, Verdict::Covered(CoverReason::NotYetProtected));
        }
    }
}

#[test]
fn several_give_the_same_bytes_for_a_seed_on_any_number_of_threads() {
    let run = |names: &[&str], threads, seed| -> Vec<Vec<u8>> {
        let frames = protect(names, threads, seed, 4, &Settings::default());
        frames.into_iter().map(|(picture, _)| picture.bytes()).collect()
    };
    let both = [DLIB, MOBILEFACENET];
    let reference = run(&both, 1, 7);
    assert!(run(&both, 2, 7) == reference);
    assert!(run(&both, 1, 8) != reference, "the seed decides the views");
    assert!(run(&[MOBILEFACENET, DLIB], 1, 7) != reference, "the order decides who comes first");
}

#[test]
fn all_by_name_are_the_default_ones() {
    let bytes = |models: Arc<Models>| {
        let mut protector = Protector::new(models, 1, 3).expect("protector");
        let settings = Settings::default();
        let mut protect = || {
            let (picture, report) =
                astronaut().with_frame(|frame| protector.process(frame, &Context::default(), &settings));
            report.map(|_| picture.bytes()).expect("report")
        };
        (0..3).map(|_| protect()).last()
    };
    let embedded = bytes(Models::embedded().expect("models"));
    let all = [DLIB, "sface_2021dec", MOBILEFACENET];
    assert!(bytes(Models::open(None, &all.map(str::to_owned)).expect("models")) == embedded);
    assert!(bytes(open(&[]).expect("models")) == embedded && bytes(open(&all).expect("models")) == embedded);
    assert!(bytes(Models::open(None, &[DLIB.to_owned()]).expect("models")) != embedded);
}

#[test]
fn wrong_names_are_told() {
    let error = |models: advjnd::Result<Arc<Models>>| models.expect_err("an error").to_string();
    let unknown = error(open(&[DLIB, "arcface"]));
    assert!(unknown.contains("`arcface`") && unknown.contains("sface_2021dec"), "{unknown}");
    assert!(error(open(&["yunet_2023mar"])).contains("no recogniser"));
    assert!(error(open(&[DLIB, DLIB])).contains("twice"));
}
