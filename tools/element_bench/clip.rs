// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clips with a known number of faces.

use std::path::Path;

use gst::prelude::*;
use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::Result;

/// What the clips show.
pub const DESCRIPTION: &str = "clips of 40 frames composed of the project's own face chips, each 5/12 of the picture's height, swaying over a soft background";

const FRAMES: u64 = 40;
const RATE: i32 = 25;
/// Face chips of 150×150, from left to right.
const CHIPS: [&[u8]; 4] = [
    include_bytes!("../../crates/advjnd/tests/data/chips/astronaut.png"),
    include_bytes!("../../crates/advjnd/tests/data/chips/impostor_1.png"),
    include_bytes!("../../crates/advjnd/tests/data/chips/impostor_2.png"),
    include_bytes!("../../crates/advjnd/tests/data/chips/person_b_2.png"),
];

/// Writes a clip of `height` lines, 16:9, with the first `faces` chips.
pub fn make(path: &Path, height: u32, faces: usize) -> Result<()> {
    let width = height * 16 / 9;
    let side = height * 5 / 12;
    let chip = |bytes: &&[u8]| {
        let chip = image::load_from_memory(bytes)?.to_rgb8();
        Ok(resize(&chip, side, side, FilterType::CatmullRom))
    };
    let chips: Vec<RgbImage> = CHIPS[..faces].iter().map(chip).collect::<Result<_>>()?;
    let background = RgbImage::from_fn(width, height, |x, y| {
        let light = |phase: f32| {
            let (x, y) = (x as f32 / height as f32, y as f32 / height as f32);
            (110.0 + 40.0 * (3.0 * x + phase).sin() * (2.0 * y + phase).cos()) as u8
        };
        Rgb([light(0.0), light(0.4), light(0.8)])
    });
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, width, height)
        .fps(gst::Fraction::new(RATE, 1))
        .build()?;
    let pipeline = format!(
        "appsrc name=source format=time ! videoconvert ! video/x-raw,format=I420 \
         ! x264enc quantizer=18 pass=quant speed-preset=veryfast ! mp4mux ! filesink location=\"{}\"",
        path.display()
    );
    let pipeline = gst::parse::launch(&pipeline)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let source = pipeline.by_name("source").and_downcast::<gst_app::AppSrc>().ok_or("no appsrc")?;
    source.set_caps(Some(&info.to_caps()?));
    pipeline.set_state(gst::State::Playing)?;
    for number in 0..FRAMES {
        let mut picture = background.clone();
        for (place, chip) in chips.iter().enumerate() {
            let sway = (number as f32 / 6.0 + place as f32).sin() * height as f32 / 100.0;
            let x = (place as f32 + 0.5) * width as f32 / faces as f32 - side as f32 / 2.0;
            let y = (height - side) as f32 / 2.0 + sway;
            replace(&mut picture, chip, x as i64, y as i64);
        }
        let mut buffer = gst::Buffer::from_mut_slice(padded(&picture, &info));
        if let Some(buffer) = buffer.get_mut() {
            let duration = gst::ClockTime::SECOND / RATE as u64;
            buffer.set_pts(duration * number);
            buffer.set_duration(duration);
        }
        source.push_buffer(buffer)?;
    }
    source.end_of_stream()?;
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().and_then(|bus| bus.timed_pop_filtered(gst::ClockTime::NONE, &end));
    pipeline.set_state(gst::State::Null)?;
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        other => Err(format!("the clip cannot be made: {other:?}").into()),
    }
}

/// The picture's rows at the stride of its caps.
fn padded(picture: &RgbImage, info: &gst_video::VideoInfo) -> Vec<u8> {
    let (row, stride) = (3 * picture.width() as usize, info.stride()[0] as usize);
    let mut bytes = vec![0; info.size()];
    for (line, pixels) in bytes.chunks_mut(stride).zip(picture.chunks_exact(row)) {
        line[..row].copy_from_slice(pixels);
    }
    bytes
}
