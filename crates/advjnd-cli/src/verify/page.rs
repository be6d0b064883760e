// SPDX-License-Identifier: MIT OR Apache-2.0
//! A judgement as one page without network. It shows clean faces.

use std::fmt::Write as _;
use std::io::Cursor;

use advjnd::face::BBox;
use advjnd::{Error, Result};
use advjnd_media::Picture;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::chart::Chart;
use super::judgement::{Judgement, Recognition};
use crate::evaluate::{Clean, Look, Share, Treatment};

const STYLE: &str = include_str!("../../assets/verify.css");
/// How many times a change is shown, around middle grey.
const GAIN: i32 = 10;
/// How much of the surroundings a picture shows, boxes.
const AROUND: f32 = 1.5;
const JPEG_QUALITY: u8 = 92;
/// Frames on the contact sheet, at most.
const MOST_FRAMES: usize = 8;

/// A face on the contact sheet: as it was, as it is, and the change.
#[derive(Debug)]
pub struct Shown {
    caption: String,
    pictures: [String; 3],
}

/// Seconds between two faces of one track on the contact sheet, at least.
const APART: f64 = 2.0;

/// The faces that recognisers are surest of, by index, no two of them nearly the same.
pub fn worst(clean: &Clean, looks: &[Look], margins: &[f32]) -> Vec<usize> {
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

impl Shown {
    /// The face in `bbox`, in a frame as it was and as it is.
    ///
    /// # Errors
    /// [`Error::Input`] where a picture cannot be encoded.
    pub fn new(caption: String, clean: &Picture, protected: &Picture, bbox: &BBox) -> Result<Self> {
        let (before, after) = (cut(clean, bbox), cut(protected, bbox));
        let change = |(a, b): (&u8, &u8)| (128 + GAIN * (i32::from(*b) - i32::from(*a))).clamp(0, 255) as u8;
        let change: Vec<u8> = before.0.iter().zip(&after.0).map(change).collect();
        let size = before.1;
        let pictures = [data(&before.0, size)?, data(&after.0, size)?, data(&change, size)?];
        Ok(Self { caption, pictures })
    }
}

/// The pixels around a box, and their width and height.
fn cut(picture: &Picture, bbox: &BBox) -> (Vec<u8>, [usize; 2]) {
    let rect = bbox.scaled(AROUND);
    let span = |from: f32, length: f32, limit: usize| {
        let low = from.clamp(0.0, limit as f32) as usize;
        low..((from + length).clamp(0.0, limit as f32) as usize).max(low)
    };
    let (columns, rows) = (span(rect.x, rect.width, picture.width), span(rect.y, rect.height, picture.height));
    let size = [columns.len(), rows.len()];
    let row =
        |y: usize| &picture.pixels[3 * (y * picture.width + columns.start)..3 * (y * picture.width + columns.end)];
    (rows.flat_map(row).copied().collect(), size)
}

fn data(pixels: &[u8], [width, height]: [usize; 2]) -> Result<String> {
    let mut bytes = Cursor::new(Vec::new());
    let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    let written = encoder.write_image(pixels, width as u32, height as u32, ExtendedColorType::Rgb8);
    written.map_err(|error| Error::input(format!("a picture for the report cannot be encoded: {error}")))?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes.into_inner())))
}

/// The chart of one recogniser: margins of the `looks`, and where faces of `clean` are covered.
pub fn chart(clean: &Clean, looks: &[Look], margins: &[f32], treatments: &[Treatment]) -> Chart {
    let second = |index: usize| clean.sightings[index].time.as_secs_f64();
    let shown = looks.iter().zip(margins);
    let covered = treatments.iter().enumerate().filter(|(_, treatment)| treatment.covered);
    Chart {
        shown: shown
            .map(|(look, margin)| (clean.sightings[look.sighting].track, second(look.sighting), *margin))
            .collect(),
        covered: covered.map(|(index, _)| second(index)).collect(),
        seconds: clean.sightings.last().map_or(0.0, |last| last.time.as_secs_f64()),
    }
}

/// The page.
pub fn html(judgement: &Judgement, charts: &[(String, Chart)], sheet: &[Shown]) -> String {
    let Judgement { verdict, protected, original, frames, covered, left_out, policy, .. } = judgement;
    let [protected, original] = [protected, original].map(|name| escaped(name));
    let class = verdict.to_lowercase();
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{verdict}: {protected}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src \
         'unsafe-inline'\">\n<style>\n{STYLE}</style></head>\n<body><h1><span class=\"{class}\">{verdict}</span>: \
         {protected}</h1>\n<p><strong>This page shows faces that are not protected. Do not pass it on.</strong></p>\n\
         <p>Made of {original}: {frames} frames, {} faces of 32 pixels and more, one a frame, of which {} are covered",
        covered.of, covered.count
    );
    // Writing to a string does not fail.
    if *left_out > 0 {
        let _ = write!(text, "; {left_out} faces of people who are kept are left out");
    }
    let _ = write!(
        text,
        ".</p>\n<p>Policy: at most {} faces untouched, and {} % of the known ones still known to a recogniser that was \
         attacked.</p>\n",
        policy.untouched,
        100.0 * policy.known
    );
    if !judgement.reasons.is_empty() {
        let reasons: Vec<String> =
            judgement.reasons.iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect();
        let _ = writeln!(text, "<ul>{}</ul>", reasons.concat());
    }
    for through in &judgement.through {
        let (variant, untouched) = (escaped(&through.variant), through.untouched.faces);
        let _ = write!(
            text,
            "<h2>{variant}: {untouched} untouched</h2>\n<div class=\"wide\"><table><tr><th>recogniser</th><th>known in the \
             original</th><th>still known</th><th>95 % interval</th><th>tracks pooled</th><th>best frame</th>\
             <th>surest at</th></tr>\n"
        );
        through.recognizers.iter().for_each(|(name, recognition)| row(name, recognition, &mut text));
        text += "</table></div>\n";
    }
    text += "<h2>Over time</h2>\n<p>How far each shown face lies beyond the threshold, as a share of it; below 0 it is \
             known. Grey, below: a face is covered. A colour for each track.</p>\n";
    for (name, chart) in charts {
        let _ = write!(text, "<h3>{}</h3>\n{}\n", escaped(name), chart.svg());
    }
    text += "<h2>Worst frames</h2>\n<p>As it was, as it is, the change ten times.</p>\n<div class=\"sheet\">\n";
    for Shown { caption, pictures: [before, after, change] } in sheet {
        let _ = writeln!(
            text,
            "<figure><img alt=\"original\" src=\"{before}\"><img alt=\"protected\" src=\"{after}\"><img alt=\"difference\" \
             src=\"{change}\"><figcaption>{}</figcaption></figure>",
            escaped(caption)
        );
    }
    text + "</div></body></html>\n"
}

fn row(name: &str, recognition: &Recognition, text: &mut String) {
    let Recognition { attacked, known, known_interval: [low, high], known_pooled, known_best_frame, .. } = recognition;
    let kind = if *attacked { "" } else { " (judge)" };
    let share = |share: &Share| share.value().map_or("–".to_owned(), |value| format!("{:.1} %", 100.0 * value));
    let surest = recognition.worst.map_or("–".to_owned(), |worst| format!("{:.2} s", worst.seconds));
    let _ = writeln!(
        text,
        "<tr><td>{}{kind}</td><td>{}</td><td>{}</td><td>{:.1} to {:.1} %</td><td>{}</td><td>{}</td><td>{surest}</td></tr>",
        escaped(name),
        known.of,
        share(known),
        100.0 * low,
        100.0 * high,
        share(known_pooled),
        share(known_best_frame)
    );
}

/// Text as it may stand in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_part_of_the_page() {
        let judgement = Judgement {
            verdict: "PASS".to_owned(),
            protected: "<script>alert(1)</script>.mp4".to_owned(),
            ..Judgement::default()
        };
        let page = html(&judgement, &[], &[]);
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    }
}
