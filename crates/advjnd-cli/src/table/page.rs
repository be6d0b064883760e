// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table as one page without network: curves, figures, and for one person and every method the picture, the
//! perturbation, the thresholds and an enlarged patch, as in Figure 2 of Xue et al. 2023.

use std::fmt::Write as _;

use advjnd::frame::Rect;
use advjnd::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat, RgbImage};

use super::bench::{Bench, Face, Picture};
use super::curves::{Axis, curves};
use super::key::Setting;
use super::plan::Plan;
use super::plot::svg;
use super::results::{Results, Row};
use super::summary;
use crate::document::number;

const STYLE: &str = include_str!("../../assets/table.css");
/// How many times a perturbation is shown, around middle grey, and a threshold.
const GAIN: f32 = 10.0;
/// Side of the enlarged patch, as a share of the crop.
const PATCH: f32 = 0.22;
const JPEG_QUALITY: u8 = 94;

/// Pictures of one method on one person.
struct Shown {
    setting: Setting,
    html: String,
}

/// What the page shows of one person.
pub struct Example {
    person: String,
    recognizer: String,
    shown: Vec<Shown>,
}

impl Example {
    /// Attacks the person at `index` once more by every plan of `plans`.
    pub fn new(bench: &mut Bench<'_>, plans: &[&Plan], person: &str, index: usize) -> Result<Self> {
        let recognizer = plans.first().map_or(String::new(), |plan| plan.key.recognizer.clone());
        let mut example = Self { person: person.to_owned(), recognizer, shown: Vec::new() };
        for plan in plans {
            let face = bench.attack(&plan.recipe, plan.key.task, plan.key.setting, index)?;
            if let Face::Attacked(picture) = face {
                let html = figures(bench, &picture, &plan.key.method, index)?;
                example.shown.push(Shown { setting: plan.key.setting, html });
            }
        }
        Ok(example)
    }
}

fn figures(bench: &Bench<'_>, picture: &Picture, method: &str, index: usize) -> Result<String> {
    let Some(subject) = bench.subject(index) else { return Ok(String::new()) };
    let (portrait, alignment) = subject.portrait();
    let crop = alignment.crop;
    let side = portrait.width;
    let clean = cut(&portrait.pixels, side, crop);
    let changed = cut(&picture.pixels, side, crop);
    let grey = |value: f32| (128.0 + GAIN * value).round().clamp(0.0, 255.0) as u8;
    let delta: Vec<u8> = changed.iter().zip(&clean).map(|(z, x)| grey(f32::from(*z) - f32::from(*x))).collect();
    let area = crop.width * crop.height;
    let jnd = subject.crop_jnd();
    let thresholds: Vec<u8> =
        (0..3 * area).map(|at| (GAIN * jnd[at % 3 * area + at / 3]).round().clamp(0.0, 255.0) as u8).collect();

    // The cheek: halfway between image-left eye and mouth corner, a little outwards.
    let [eye, corner] = [portrait.landmarks.0[0], portrait.landmarks.0[3]];
    let patch = (PATCH * crop.width as f32) as usize;
    let place = |axis: usize, origin: usize, most: usize| {
        let center = 0.5 * (eye[axis] + corner[axis]) - origin as f32 - 0.5 * patch as f32;
        (center.max(0.0) as usize).min(most.saturating_sub(patch))
    };
    let inner = Rect { x: place(0, crop.x, crop.width), y: place(1, crop.y, crop.height), width: patch, height: patch };
    let enlarged = cut(&changed, crop.width, inner);
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    let outcome = &picture.outcome;
    Ok(format!(
        "<div class=\"method\"><div><b>{method}</b><br>{}<br>PSNR {} dB<br>SSIM {}<br>SSIMULACRA2 {}</div>\
         <figure><img src=\"{}\" alt=\"\"><div class=\"frame\" style=\"left:{:.2}%;top:{:.2}%;width:{:.2}%;height:{:.2}%\"></div></figure>\
         <figure><img src=\"{}\" alt=\"\"></figure><figure><img src=\"{}\" alt=\"\"></figure>\
         <figure><img class=\"patch\" src=\"{}\" alt=\"\"></figure></div>\n",
        if outcome.success { "reached" } else { "not reached" },
        number(outcome.quality.psnr, 1),
        number(outcome.quality.ssim, 3),
        number(outcome.quality.ssimulacra2, 1),
        jpeg(&changed, crop.width, crop.height)?,
        percent(inner.x, crop.width),
        percent(inner.y, crop.height),
        percent(inner.width, crop.width),
        percent(inner.height, crop.height),
        jpeg(&delta, crop.width, crop.height)?,
        jpeg(&thresholds, crop.width, crop.height)?,
        png(enlarged, patch, patch)?,
    ))
}

fn cut(pixels: &[u8], width: usize, Rect { x, y, width: columns, height }: Rect) -> Vec<u8> {
    (y..y + height).flat_map(|y| &pixels[3 * (y * width + x)..][..3 * columns]).copied().collect()
}

fn unencodable(error: &image::ImageError) -> Error {
    Error::input(format!("a picture of the page cannot be encoded: {error}"))
}

fn jpeg(pixels: &[u8], width: usize, height: usize) -> Result<String> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(pixels, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(|error| unencodable(&error))?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
}

fn png(pixels: Vec<u8>, width: usize, height: usize) -> Result<String> {
    let picture = RgbImage::from_raw(width as u32, height as u32, pixels)
        .ok_or_else(|| Error::input("a patch of the page has not the size of its pixels"))?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|error| unencodable(&error))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(bytes.into_inner())))
}

/// The page of `results`.
pub fn html(results: &Results, examples: &[Example]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Attacks on still pictures</title>\
         <style>\n{STYLE}</style></head><body>\n<h1>Attacks on still pictures</h1>\n<p>{}</p>\n",
        super::markdown::notes(results)
    );
    for rows in results.groups() {
        let Some(first) = rows.first() else { continue };
        let key = &first.key;
        let _ = write!(
            text,
            "<h2>{}, {}, {}</h2>\n<div class=\"plots\">{}{}</div>\n{}",
            key.recognizer,
            key.task.name(),
            key.setting.name(),
            svg(&curves(rows, Axis::Ssimulacra2), Axis::Ssimulacra2),
            svg(&curves(rows, Axis::Psnr), Axis::Psnr),
            figures_of(rows),
        );
    }
    for example in examples {
        for setting in [Setting::Dodge, Setting::Impersonate] {
            let shown: String =
                example.shown.iter().filter(|s| s.setting == setting).map(|s| s.html.as_str()).collect();
            if !shown.is_empty() {
                let _ = write!(
                    text,
                    "<h2>Person {}, {}, {}</h2>\n<div class=\"method\"><figcaption></figcaption><figcaption>the crop</figcaption>\
                     <figcaption>perturbation, ×{GAIN}</figcaption><figcaption>thresholds (JND), ×{GAIN}</figcaption>\
                     <figcaption>the patch in the box</figcaption></div>\n{shown}",
                    example.person,
                    example.recognizer,
                    setting.name()
                );
            }
        }
    }
    text + "</body></html>\n"
}

fn figures_of(rows: &[Row]) -> String {
    let table = summary::lines(rows);
    let cells = |cells: &[String], tag: &str| {
        let inner: String = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{inner}</tr>")
    };
    let body: String = table.iter().map(|line| cells(line, "td")).collect();
    format!("<table>{}{body}</table>\n", cells(&summary::HEAD.map(str::to_owned), "th"))
}
