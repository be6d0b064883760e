// SPDX-License-Identifier: MIT OR Apache-2.0
//! How sure recognisers must be of who somebody is, before a face passes as it is: wrong decisions by photograph pairs.
//!
//! `cargo run --release -p advjnd-lab --example sure_of_people -- SET…` takes folders of people, each a folder of
//! photographs, and embeds every photograph with the built-in recognisers. Every photograph is once the enrolment, and
//! once the face of a track. For a range of margins it prints
//!
//! * of the pairs of two people, how often the one passes as the other (`exclude-people`), which is wrong, of all pairs
//!   and of those of one set, whose photographs are more alike; and how often both are surely two, so that the face may
//!   pass (`protect-only`);
//! * of the pairs of one person, how often they pass as themselves, and how often as somebody else, which is wrong.
//!
//! Last come the pairs that are nearest to a wrong decision.
//!
//! It is what the constants of `crates/advjnd/src/people/selection.rs` come from.

#![allow(clippy::expect_used, reason = "a program for developers fails by panicking")]

use std::path::{Path, PathBuf};

use advjnd::attack::margin;
use advjnd::net::RecognizerSpec;
use advjnd::people::Enroller;
use advjnd::{Colorimetry, FrameMut, Models, PixelFormat, PlaneMut, Pool};

/// Margins that are tried.
const MARGINS: [f32; 9] = [0.0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3];

struct Photo {
    set: usize,
    person: usize,
    embeddings: Vec<Vec<f32>>,
}

fn main() {
    let sets: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    assert!(!sets.is_empty(), "give folders of people, each a folder of photographs");
    let models = Models::embedded().expect("models");
    let mut enroller = Enroller::new(&models, &Pool::new(0).expect("threads")).expect("networks");
    let (mut photos, mut people, mut without) = (Vec::new(), 0, 0);
    let folders =
        sets.iter().enumerate().flat_map(|(set, folder)| sorted(folder).into_iter().map(move |own| (set, own)));
    for (set, person) in folders {
        for file in sorted(&person) {
            match embed(&mut enroller, &file) {
                Ok(embeddings) => photos.push(Photo { set, person: people, embeddings }),
                Err(error) => {
                    eprintln!("{}: {error}", file.display());
                    without += 1;
                }
            }
        }
        people += 1;
    }
    println!("{} photographs of {people} people; {without} without a face", photos.len());
    let specs: Vec<RecognizerSpec> = models.recognizers().map(|(spec, _)| spec.clone()).collect();
    for count in [specs.len(), 1] {
        table(&photos, &specs[..count]);
    }
}

/// The decisions that `specs` come to.
fn table(photos: &[Photo], specs: &[RecognizerSpec]) {
    let (mut same, mut other, mut alike) = (Vec::new(), Vec::new(), Vec::new());
    for (index, one) in photos.iter().enumerate() {
        for two in &photos[index + 1..] {
            let pairs = one.embeddings.iter().zip(&two.embeddings).zip(specs);
            let margins: Vec<f32> = pairs.map(|((one, two), spec)| margin(spec, one, two)).collect();
            let least = margins.iter().copied().fold(f32::INFINITY, f32::min);
            let most = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if one.person != two.person && one.set == two.set {
                alike.push((least, most));
            }
            if one.person == two.person { &mut same } else { &mut other }.push((least, most));
        }
    }
    let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let counts = [other.len(), alike.len(), same.len()];
    println!("\n{}: {counts:?} pairs of two people, of two people of one set, of one person", names.join(", "));
    println!("| margin | two as one | of one set | two as two | one as one | one as two |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for sure in MARGINS {
        let as_one = |pairs: &[(f32, f32)]| pairs.iter().filter(|(_, most)| *most <= -sure).count();
        let as_two = |pairs: &[(f32, f32)]| pairs.iter().filter(|(least, _)| *least >= sure).count();
        let share = |count: usize, of: &[(f32, f32)]| format!("{count} ({:.2e})", count as f64 / of.len() as f64);
        println!(
            "| {sure} | {} | {} | {} | {} | {} |",
            share(as_one(&other), &other),
            share(as_one(&alike), &alike),
            share(as_two(&other), &other),
            share(as_one(&same), &same),
            share(as_two(&same), &same)
        );
    }
    let mut two: Vec<f32> = other.iter().map(|(_, most)| *most).collect();
    let mut one: Vec<f32> = same.iter().map(|(least, _)| -*least).collect();
    for (what, margins) in [("two as one", &mut two), ("one as two", &mut one)] {
        margins.sort_by(f32::total_cmp);
        println!("nearest to {what}, the margin at which it is so: {:.3?}", &margins[..margins.len().min(8)]);
    }
}

fn embed(enroller: &mut Enroller, file: &Path) -> Result<Vec<Vec<f32>>, String> {
    let picture = image::open(file).map_err(|error| error.to_string())?.to_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut pixels = picture.into_raw();
    let planes = vec![PlaneMut { data: &mut pixels, stride: 3 * width }];
    let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes);
    let photograph = frame.and_then(|frame| enroller.enroll(&frame)).map_err(|error| error.to_string())?;
    Ok(photograph.embeddings().to_vec())
}

/// What lies in a folder and is not hidden, by name.
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    paths.sort();
    paths
}
