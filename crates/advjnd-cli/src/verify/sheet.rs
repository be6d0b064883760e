// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a page shows besides numbers: curves, people and the worst frames, as they were and as they are.

use std::io::Cursor;

use advjnd::face::BBox;
use advjnd::frame::Rect;
use advjnd::net::RecognizerSpec;
use advjnd::{Error, Result};
use advjnd_media::Picture;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::chart::Chart;
use super::judgement::margins;
use super::people::{self, Row};
use super::record::Record;
use super::reference::Reference;
use super::{Verify, pair};
use crate::evaluate::{Judge, Look};

/// How many times a change is shown, around middle grey.
const GAIN: i32 = 10;
/// How much of the surroundings a picture shows, boxes.
const AROUND: f32 = 1.5;
const JPEG_QUALITY: u8 = 92;
/// Frames on the contact sheet, at most.
const MOST_FRAMES: usize = 8;
/// Seconds between two faces of one track on the contact sheet, at least.
const APART: f64 = 2.0;

/// What a page shows.
#[derive(Debug, Default)]
pub struct Sheet {
    /// By name of the recogniser.
    pub charts: Vec<(String, Chart)>,
    pub recognizers: Vec<String>,
    /// Tracks, each with its clearest face where there is an original.
    pub people: Vec<(Row, Option<Shown>)>,
    /// Faces that recognisers are surest of; none where there is no original.
    pub worst: Vec<Shown>,
    /// What `protect` said of the file.
    pub record: Option<Record>,
}

/// A face as it was, as it is, and the change, as they stand in a page.
#[derive(Debug)]
pub struct Shown {
    pub caption: String,
    pub pictures: [String; 3],
}

impl Sheet {
    /// Of the file as it is, or as something made it, by the `looks` of recognisers.
    ///
    /// # Errors
    /// [`Error::Input`] where a file cannot be read, or a picture not be encoded.
    pub fn of(verify: &Verify, reference: &Reference, looks: &[Look], specs: &[RecognizerSpec]) -> Result<Self> {
        let clean = &reference.clean;
        let margins_of = |(index, spec)| margins(clean, looks, Judge { index, spec });
        let by_recognizer: Vec<Vec<f32>> = specs.iter().enumerate().map(margins_of).collect();
        let chart =
            |(spec, margins): (&RecognizerSpec, &Vec<f32>)| (spec.name.clone(), chart(reference, looks, margins));
        let charts = specs.iter().zip(&by_recognizer).map(chart).collect();
        let least: Vec<f32> = (0..looks.len())
            .map(|at| by_recognizer.iter().map(|margins| margins[at]).fold(f32::INFINITY, f32::min))
            .collect();
        let (people, worst) = (people::rows(reference, looks, specs), worst(reference, looks, &least));
        let mut wanted: Vec<usize> = people.iter().map(|row| row.clearest).chain(worst.iter().copied()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut pictures = Vec::new();
        if let Some(original) = &verify.original {
            pair::visit(verify, original, clean, &wanted, |sighting, before, after| {
                let caption = format!("{:.2} s, frame {}", sighting.time.as_secs_f64(), sighting.frame);
                pictures.push((caption, cuts(before, after, &sighting.bbox)));
                Ok(())
            })?;
        }
        let shown = |index: &usize| -> Result<Option<Shown>> {
            let found = wanted.binary_search(index).ok().and_then(|at| pictures.get(at));
            found.map(|(caption, cuts)| Shown::new(caption, cuts)).transpose()
        };
        let people = people.into_iter().map(|row| Ok((shown(&row.clearest)?, row)));
        let people = people.map(|pair| pair.map(|(shown, row)| (row, shown))).collect::<Result<_>>()?;
        let worst = worst.iter().filter_map(|index| shown(index).transpose()).collect::<Result<_>>()?;
        let recognizers = specs.iter().map(|spec| spec.name.clone()).collect();
        let record = verify.record.as_ref().map(|path| Record::read(path, &verify.protected)).transpose()?;
        Ok(Self { charts, recognizers, people, worst, record })
    }
}

/// The faces that recognisers are surest of, by index, no two of them nearly the same.
fn worst(reference: &Reference, looks: &[Look], margins: &[f32]) -> Vec<usize> {
    let clean = &reference.clean;
    let mut order: Vec<usize> = (0..looks.len()).collect();
    order.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]));
    let mut worst: Vec<usize> = Vec::new();
    for at in order {
        let index = looks[at].sighting;
        let own = &clean.sightings[index];
        let is_other = |other: &usize| {
            let other = &clean.sightings[*other];
            other.track != own.track || (other.time.as_secs_f64() - own.time.as_secs_f64()).abs() >= APART
        };
        if worst.iter().all(is_other) {
            worst.push(index);
        }
        if worst.len() == MOST_FRAMES {
            break;
        }
    }
    worst.sort_unstable();
    worst
}

/// The chart of one recogniser: margins of the `looks`, and where faces are covered.
fn chart(reference: &Reference, looks: &[Look], margins: &[f32]) -> Chart {
    let clean = &reference.clean;
    let second = |index: usize| clean.sightings[index].time.as_secs_f64();
    let shown = looks.iter().zip(margins);
    let covered = reference.treatments.iter().enumerate().filter(|(_, treatment)| treatment.covered);
    Chart {
        shown: shown
            .map(|(look, margin)| (clean.sightings[look.sighting].track, second(look.sighting), *margin))
            .collect(),
        covered: covered.map(|(index, _)| second(index)).collect(),
        seconds: clean.sightings.last().map_or(0.0, |last| last.time.as_secs_f64()),
    }
}

/// The pixels around a box in both frames.
fn cuts(before: &Picture, after: &Picture, bbox: &BBox) -> [Picture; 2] {
    let around = bbox.scaled(AROUND);
    let (right, bottom) = (around.x + around.width, around.y + around.height);
    let rect = Rect::covering(around.x, around.y, right, bottom, before.width, before.height);
    [before.cut(rect), after.cut(rect)]
}

impl Shown {
    fn new(caption: &str, [before, after]: &[Picture; 2]) -> Result<Self> {
        let change = |(a, b): (&u8, &u8)| (128 + GAIN * (i32::from(*b) - i32::from(*a))).clamp(0, 255) as u8;
        let pixels = before.pixels.iter().zip(&after.pixels).map(change).collect();
        let change = Picture { pixels, ..*before };
        Ok(Self { caption: caption.to_owned(), pictures: [data(before)?, data(after)?, data(&change)?] })
    }
}

fn data(picture: &Picture) -> Result<String> {
    let mut bytes = Cursor::new(Vec::new());
    let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    let (width, height) = (picture.width as u32, picture.height as u32);
    let written = encoder.write_image(&picture.pixels, width, height, ExtendedColorType::Rgb8);
    written.map_err(|error| Error::input(format!("a picture for the report cannot be encoded: {error}")))?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes.into_inner())))
}
