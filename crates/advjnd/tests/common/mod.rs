//! What the tests of the networks share: model files and inputs.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test needs everything")]

use std::path::{Path, PathBuf};

use bytes::Bytes;

/// The bytes of a model: from `$ADVJND_MODELS`, the project's `models/` or `../shared/models`; says so where there is none.
pub fn model(name: &str) -> Option<Bytes> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [
        std::env::var_os("ADVJND_MODELS").map(PathBuf::from),
        Some(root.join("models")),
        Some(root.join("../shared/models")),
    ];
    let found =
        folders.into_iter().flatten().find_map(|folder| std::fs::read(folder.join(format!("{name}.safetensors"))).ok());
    if found.is_none() {
        eprintln!("SKIPPED: no {name}.safetensors in $ADVJND_MODELS, models/ or ../shared/models");
    }
    found.map(Bytes::from)
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

/// A crop of a photograph with a face, planar RGB `[3][side][side]`, as in `golden_net.py`; says so where there is none.
pub fn photograph(side: usize) -> Option<Vec<f32>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/faces/pkg_skimage/astronaut.png");
    let Ok(picture) = image::open(&path) else {
        eprintln!("SKIPPED: no {}", path.display());
        return None;
    };
    let (left, top) = match side {
        150 => (150, 40),
        112 => (169, 59),
        _ => (64, 0),
    };
    let crop = picture.crop_imm(left, top, side as u32, side as u32).to_rgb8();
    let plane = |channel: usize| crop.pixels().map(move |pixel| f32::from(pixel.0[channel]));
    Some((0..3).flat_map(plane).collect())
}

/// A picture of `../shared`, or the project's own copy of it in `tests/data`; says so where there is neither.
pub fn picture(path: &str, copy: Option<&str>) -> Option<image::RgbImage> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = copy.map(|name| root.join("tests/data").join(name));
    let shared = root.join("../../../shared").join(path);
    let file = own.unwrap_or(shared);
    match image::open(&file) {
        Ok(picture) => Some(picture.to_rgb8()),
        Err(error) => {
            eprintln!("SKIPPED: {} ({error})", file.display());
            None
        }
    }
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
