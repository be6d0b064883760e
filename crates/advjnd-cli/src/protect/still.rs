// SPDX-License-Identifier: MIT OR Apache-2.0
//! A picture: protected as a video of one frame, and written in its own format.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};

use advjnd::{Error, Result};
use advjnd_media::fault;
use gst::prelude::*;
use gst_video::prelude::*;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Rgb, RgbImage, RgbaImage};

use super::jpeg::has_further_pictures;
use super::message::{Begun, Fate, Files, Job, Message, Outcome, Progress, Stream};
use super::settings::Settings;

/// Of JPEG, in per cent.
const QUALITY: u8 = 95;

/// Protects a picture of `format`; `tell` gets that it has begun.
///
/// # Errors
/// [`Error::Input`] with what is wrong with the file.
pub fn protect(files: &Files, job: &Job, format: ImageFormat, tell: &impl Fn(&Message)) -> Result<Outcome> {
    let name = format!("{format:?}").to_uppercase();
    tell(&Message::Begun(Begun { stream: format!("picture ({name})"), seconds: None }));
    if is_animated(files, format)? {
        return Err(Error::input("animated pictures cannot be written; convert it to a video first, with ffmpeg"));
    }
    let (image, profile, changes) = read(files, format)?;
    let (protected, stats) = through_the_element(&image, &job.settings)?;
    tell(&Message::Progress(Progress { frames: 1, ended: true, ..Progress::default() }));
    write(files, &DynamicImage::ImageRgb8(protected), format, profile)?;
    let stream = Stream { kind: "picture".to_owned(), format: name, fate: Fate::Protected, detail: None };
    let mut outcome = Outcome { streams: vec![stream], changes, ..Outcome::default() };
    outcome.add(&stats);
    Ok(outcome)
}

/// What is wrong with the picture.
fn damaged(error: impl std::fmt::Display) -> Error {
    Error::input(format!("it cannot be read: {error}; if other programs show it, save it as PNG there"))
}

fn open(files: &Files) -> Result<BufReader<File>> {
    let io = |source| Error::Io { path: files.input.clone(), source };
    File::open(&files.input).map(BufReader::new).map_err(io)
}

fn is_animated(files: &Files, format: ImageFormat) -> Result<bool> {
    match format {
        ImageFormat::Png => PngDecoder::new(open(files)?).and_then(|decoder| decoder.is_apng()).map_err(damaged),
        ImageFormat::WebP => WebPDecoder::new(open(files)?).map(|decoder| decoder.has_animation()).map_err(damaged),
        _ => Ok(false),
    }
}

/// The picture, upright, its colour profile, and what of it has become another.
fn read(files: &Files, format: ImageFormat) -> Result<(RgbImage, Option<Vec<u8>>, Vec<String>)> {
    let reader = ImageReader::new(open(files)?).with_guessed_format().map_err(damaged)?;
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let profile = decoder.icc_profile().map_err(damaged)?;
    // The output is R'G'B', for which no other profile is valid.
    let profile = profile.filter(|profile| profile.get(16..20) == Some(b"RGB "));
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    let mut changes = Vec::new();
    let io = |source| Error::Io { path: files.input.clone(), source };
    if format == ImageFormat::Jpeg && has_further_pictures(&fs::read(&files.input).map_err(io)?) {
        changes.push("further pictures behind the first were left out".to_owned());
    }
    if orientation != Orientation::NoTransforms {
        image.apply_orientation(orientation);
        changes.push("turned upright".to_owned());
    }
    let color = image.color();
    if color.bits_per_pixel() / u16::from(color.channel_count()) > 8 {
        changes.push("16 bits a sample became 8".to_owned());
    }
    if !color.has_color() {
        changes.push("grey became R'G'B'".to_owned());
    }
    if color.has_alpha() {
        changes.push("transparency became white".to_owned());
        return Ok((on_white(&image.into_rgba8()), profile, changes));
    }
    Ok((image.into_rgb8(), profile, changes))
}

/// The picture laid on white: its alpha may be a picture of its own, and what it hides one more.
fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [color @ .., alpha] = image.get_pixel(x, y).0.map(u32::from);
        Rgb(color.map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
}

/// The picture as the element gives it out, and the element's `stats`.
fn through_the_element(clean: &RgbImage, settings: &Settings) -> Result<(RgbImage, gst::Structure)> {
    let lost = || Error::input("the pipeline lost an element");
    let broken = |error: glib::BoolError| Error::input(format!("the frame cannot be made: {error}"));
    let pipeline = gst::Pipeline::new();
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, clean.width(), clean.height());
    let info = info.fps(gst::Fraction::new(25, 1)).build().map_err(broken)?;
    let caps = info.to_caps().map_err(broken)?;
    let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let protect = settings.element()?;
    if !settings.properties.iter().any(|(name, _)| name == "search") {
        // There is no next frame in which what is missed may be found.
        protect.set_property_from_str("search", "thorough");
    }
    pipeline.add_many([source.upcast_ref(), &protect, sink.upcast_ref()]).map_err(broken)?;
    gst::Element::link_many([source.upcast_ref(), &protect, sink.upcast_ref()]).map_err(broken)?;
    // Why it does not start is told where the frame does not come.
    let _ = pipeline.set_state(gst::State::Playing);
    let _ = source.push_buffer(frame(clean, &info).map_err(broken)?).and_then(|_| source.end_of_stream());
    let sample = sink.pull_sample();
    let stats = protect.property("stats");
    let failed = fault(&pipeline);
    let _ = pipeline.set_state(gst::State::Null);
    let sample = sample.map_err(|_| failed.unwrap_or_else(|| Error::input("no frame went out; see fail-policy")))?;
    let buffer = sample.buffer().ok_or_else(lost)?;
    Ok((image_of(buffer, &info)?, stats))
}

fn frame(image: &RgbImage, info: &gst_video::VideoInfo) -> std::result::Result<gst::Buffer, glib::BoolError> {
    let mut buffer = gst::Buffer::with_size(info.size())?;
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::ZERO);
        buffer.set_duration(gst::ClockTime::SECOND / 25);
        let mut map = buffer.map_writable()?;
        let stride = usize::try_from(info.stride().first().copied().unwrap_or(0)).unwrap_or(0).max(1);
        let width = 3 * image.width() as usize;
        for (to, from) in map.chunks_mut(stride).zip(image.as_raw().chunks(width.max(1))) {
            to[..width].copy_from_slice(from);
        }
    }
    Ok(buffer)
}

/// The picture in a frame of R', G', B'.
///
/// # Errors
/// [`Error::Input`] where the frame is not what `info` says.
fn image_of(buffer: &gst::BufferRef, info: &gst_video::VideoInfo) -> Result<RgbImage> {
    let unusable = |error: glib::BoolError| Error::input(format!("a frame cannot be read: {error}"));
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(unusable)?;
    let stride = usize::try_from(frame.plane_stride().first().copied().unwrap_or(0)).unwrap_or(0).max(1);
    let width = 3 * info.width() as usize;
    let rows = frame.plane_data(0).map_err(unusable)?.chunks(stride).take(info.height() as usize);
    let pixels = rows.flat_map(|row| row.iter().take(width).copied()).collect();
    RgbImage::from_raw(info.width(), info.height(), pixels).ok_or_else(|| Error::input("a frame of the wrong size"))
}

fn write(files: &Files, image: &DynamicImage, format: ImageFormat, profile: Option<Vec<u8>>) -> Result<()> {
    let unwritten = |error: &dyn std::fmt::Display| Error::input(format!("the picture cannot be written: {error}"));
    let file = File::create(&files.output).map_err(|error| unwritten(&error))?;
    let mut file = BufWriter::new(file);
    let encoded = match format {
        ImageFormat::Jpeg => encode(image, JpegEncoder::new_with_quality(&mut file, QUALITY), profile),
        ImageFormat::WebP => encode(image, WebPEncoder::new_lossless(&mut file), profile),
        _ => encode(image, PngEncoder::new(&mut file), profile),
    };
    encoded.map_err(|error| unwritten(&error))?;
    file.flush().map_err(|error| unwritten(&error))
}

fn encode(image: &DynamicImage, mut encoder: impl ImageEncoder, profile: Option<Vec<u8>>) -> image::ImageResult<()> {
    if let Some(profile) = profile {
        // Colours need it; all three formats hold one.
        let _ = encoder.set_icc_profile(profile);
    }
    image.write_with_encoder(encoder)
}
