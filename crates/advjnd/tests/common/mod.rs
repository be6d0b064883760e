// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of the networks share: model files and inputs.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test needs everything")]

#[path = "../../../../tests/common/skip.rs"]
pub mod skip;

use std::path::Path;

use bytes::Bytes;

/// The bytes of a model of the repository.
pub fn model(name: &str) -> Bytes {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(format!("{name}.safetensors"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).into()
}

/// The deterministic picture `[3][height][width]` of `models/convert/golden_net.py`.
pub fn synthetic(height: usize, width: usize) -> Vec<f32> {
    let mut picture = Vec::with_capacity(3 * height * width);
    for channel in 0..3 {
        for y in 0..height {
            for x in 0..width {
                let value = (x * x + 3 * y * y + 2 * x * y + 41 * channel * (x + 1)) / 16 % 256;
                picture.push(value as f32);
            }
        }
    }
    picture
}

/// A crop of a photograph with a face, planar RGB `[3][side][side]`, as in `golden_net.py`.
pub fn photograph(side: usize) -> Vec<f32> {
    let (left, top) = match side {
        150 => (150, 40),
        112 => (169, 59),
        _ => (64, 0),
    };
    let crop = image::imageops::crop_imm(&picture("astronaut.png"), left, top, side as u32, side as u32).to_image();
    let plane = |channel: usize| crop.pixels().map(move |pixel| f32::from(pixel.0[channel]));
    (0..3).flat_map(plane).collect()
}

/// A picture of `tests/data`.
pub fn picture(name: &str) -> image::RgbImage {
    image_at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))
}

/// The picture in a file.
pub fn image_at(file: &Path) -> image::RgbImage {
    image::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).to_rgb8()
}

/// The middle of a portrait at the size of a chip, planar RGB `[3][side][side]`.
pub fn face(path: &Path, side: usize) -> Vec<f32> {
    let picture = image::open(path).expect("a picture");
    let square = picture.width().min(picture.height()) * 3 / 5;
    let (left, top) = ((picture.width() - square) / 2, (picture.height() - square) / 2);
    let middle = picture.crop_imm(left, top, square, square);
    let chip = middle.resize_exact(side as u32, side as u32, image::imageops::FilterType::Triangle).to_rgb8();
    let plane = |channel: usize| chip.pixels().map(move |pixel| f32::from(pixel.0[channel]));
    (0..3).flat_map(plane).collect()
}
