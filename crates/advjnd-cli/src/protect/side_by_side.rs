// SPDX-License-Identifier: MIT OR Apache-2.0
//! One frame of two files, decoded, side by side.

use std::path::Path;
use std::time::Duration;

use advjnd::{Error, Result};
use advjnd_media::{Frames, Pictures};
use gst::prelude::*;
use image::{GenericImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};

/// Pixels between the two frames.
const GAP: u32 = 8;

/// Writes the frame at `at` of both files to `picture`, as PNG. Stills have one frame.
///
/// # Errors
/// [`Error::Input`] where a file cannot be read again, or the picture not be written.
pub fn side_by_side(clean: &Path, protected: &Path, at: Duration, picture: &Path) -> Result<()> {
    let unwritten = |error| Error::input(format!("the picture of before and after cannot be written: {error}"));
    let (clean, protected) = (frame(clean, at)?, frame(protected, at)?);
    let width = clean.width() + GAP + protected.width();
    let mut both = RgbImage::from_pixel(width, clean.height().max(protected.height()), image::Rgb([255; 3]));
    both.copy_from(&clean, 0, 0).map_err(unwritten)?;
    both.copy_from(&protected, clean.width() + GAP, 0).map_err(unwritten)?;
    both.save_with_format(picture, ImageFormat::Png).map_err(unwritten)
}

fn frame(file: &Path, at: Duration) -> Result<RgbImage> {
    match still(file)? {
        Some(image) => Ok(image),
        None => frame_at(file, at),
    }
}

/// The picture in a file, upright; `None` where the file holds a video.
fn still(file: &Path) -> Result<Option<RgbImage>> {
    let unreadable = |error: &dyn std::fmt::Display| Error::input(format!("{}: {error}", file.display()));
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format);
    let reader = reader.map_err(|error| unreadable(&error))?;
    if reader.format().is_none() {
        return Ok(None);
    }
    let mut decoder = reader.into_decoder().map_err(|error| unreadable(&error))?;
    let orientation = decoder.orientation().map_err(|error| unreadable(&error))?;
    let mut image = image::DynamicImage::from_decoder(decoder).map_err(|error| unreadable(&error))?;
    image.apply_orientation(orientation);
    Ok(Some(image.into_rgb8()))
}

/// The first frame at or after `at`, else the last one. Plays up to it: not every container can be searched.
fn frame_at(file: &Path, at: Duration) -> Result<RgbImage> {
    let source = "filesrc name=source ! decodebin ! videoconvert ! videoflip video-direction=auto";
    let mut frames = Frames::of(source, |pipeline| {
        let source = pipeline.by_name("source").ok_or_else(|| Error::input("the pipeline has no source"))?;
        source.set_property("location", file);
        Ok(())
    })?;
    let mut last = None;
    while let Some(frame) = frames.pull()? {
        // Matroska keeps whole milliseconds.
        let reached = frame.time + Duration::from_millis(1) >= at;
        last = Some(frame);
        if reached {
            break;
        }
    }
    let frame = last.ok_or_else(|| Error::input(format!("{} has no frame", file.display())))?;
    let [width, height] = [frame.width, frame.height].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    RgbImage::from_raw(width, height, frame.pixels).ok_or_else(|| Error::input("a frame of the wrong size"))
}
