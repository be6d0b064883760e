// SPDX-License-Identifier: MIT OR Apache-2.0
//! The people of a folder: the picture of each that is attacked, and the one they are enrolled with.

use std::path::{Path, PathBuf};

use advjnd::face::{Detector, Landmarks, SimilarityTransform};
use advjnd::frame::Rect;
use advjnd::models::sha256;
use advjnd::net::{Network, RecognizerSpec};
use advjnd::{Colorimetry, Error, FrameMut, PixelFormat, PlaneMut, Result};
use advjnd_lab::attack::alignment::Alignment;

use crate::folder::entries;
use crate::networks::read;

/// Narrowest face the detector has to find, pixels, and the score from which on it is one.
const MIN_FACE_SIZE: u32 = 64;
const SCORE: f32 = 0.6;
/// How far around the chips the cut of a picture reaches, as a share of the chip.
const MARGIN: f32 = 0.06;

/// A picture, and the surroundings of its face, cut out of it: all that any recogniser's chip looks at, and the face.
pub struct Portrait {
    pub picture: Picture,
    /// Where the cut lies in the picture.
    pub cut: Rect,
    /// R', G', B', interleaved, without padding.
    pub pixels: Vec<u8>,
    pub width: usize,
    pub height: usize,
    /// In pixels of the cut.
    pub landmarks: Landmarks,
    /// The detector's box, as far as it lies in the picture, in pixels of the cut.
    pub face: Rect,
}

/// A whole picture: R', G', B', interleaved, without padding.
pub struct Picture {
    pub pixels: Vec<u8>,
    pub width: usize,
    pub height: usize,
}

impl Picture {
    /// The picture with other pixels, of the size of `cut`, at its place.
    pub fn with(&self, cut: Rect, pixels: &[u8]) -> Vec<u8> {
        let mut whole = self.pixels.clone();
        for (row, new) in pixels.chunks_exact(3 * cut.width).enumerate() {
            whole[3 * ((cut.y + row) * self.width + cut.x)..][..new.len()].copy_from_slice(new);
        }
        whole
    }
}

pub struct Person {
    /// Name of the folder.
    pub name: String,
    pub attacked: Portrait,
    pub enrolled: Portrait,
}

pub struct People {
    /// By name.
    pub people: Vec<Person>,
    /// How many were left out because there is no face in one of their pictures.
    pub without_face: usize,
    /// SHA-256 over names and pictures of all of them.
    pub checksum: String,
}

impl People {
    /// The sub-folders of `folder` named in `names`, or the first `count`, by name, that hold two pictures; of more
    /// than two, the first two.
    pub fn read(folder: &Path, names: Option<&[String]>, count: usize, detector: &mut Detector) -> Result<Self> {
        let mut folders = Vec::new();
        let found = entries(folder)?;
        if let Some(missing) = names.and_then(|names| names.iter().find(|name| !found.iter().any(|(n, _)| n == *name)))
        {
            return Err(Error::input(format!(
                "{} has no folder `{missing}`, which --people names; give the folder that the list was made for",
                folder.display()
            )));
        }
        for (name, path) in found.into_iter().filter(|(name, _)| names.is_none_or(|names| names.contains(name))) {
            let pictures = if path.is_dir() { pictures(&path)? } else { Vec::new() };
            if let [attacked, enrolled, ..] = pictures.as_slice() {
                folders.push((name, [attacked.clone(), enrolled.clone()]));
            }
        }
        let mut checksums = String::new();
        let mut read = Self { people: Vec::new(), without_face: 0, checksum: String::new() };
        for (name, [attacked, enrolled]) in folders.into_iter().take(count) {
            let [attacked, enrolled] = [attacked, enrolled].map(|path| Portrait::read(&path, detector));
            let ((attacked, first), (enrolled, second)) = (attacked?, enrolled?);
            checksums += &format!("{name}\n{first}\n{second}\n");
            match (attacked, enrolled) {
                (Some(attacked), Some(enrolled)) => read.people.push(Person { name, attacked, enrolled }),
                _ => read.without_face += 1,
            }
        }
        read.checksum = sha256(checksums.as_bytes());
        if read.people.len() < 2 {
            return Err(Error::input(format!(
                "{} holds {} people with a face in two pictures each ({} left out without one); give --faces a folder of \
                 at least two folders, one per person, with two JPEG or PNG pictures each, and --count at least 2",
                folder.display(),
                read.people.len(),
                read.without_face
            )));
        }
        Ok(read)
    }

    /// The place of the person of that name; of the first, if none is asked for.
    pub fn place(&self, name: Option<&str>) -> Result<usize> {
        let Some(name) = name else { return Ok(0) };
        let place = self.people.iter().position(|person| person.name == name);
        place.ok_or_else(|| Error::input(format!("--example: nobody is called `{name}`; give the name of a folder")))
    }
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_picture = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["jpg", "jpeg", "png"].contains(&extension.to_ascii_lowercase().as_str()))
    };
    Ok(entries(folder)?.into_iter().map(|(_, path)| path).filter(is_picture).collect())
}

impl Portrait {
    /// Between it and the chip that a recogniser takes of it.
    pub fn alignment(&self, spec: &RecognizerSpec) -> Result<Alignment> {
        Alignment::new(&self.landmarks, (self.width, self.height), spec)
    }

    /// Planar R', G', B', 0..=255, of a part.
    pub fn planar(&self, Rect { x, y, width, height }: Rect) -> Vec<f32> {
        let row = |y: usize| &self.pixels[3 * (y * self.width + x)..][..3 * width];
        (0..3)
            .flat_map(|channel| (y..y + height).flat_map(move |y| row(y).iter().skip(channel).step_by(3)))
            .map(|value| f32::from(*value))
            .collect()
    }

    /// The largest face of a picture, if there is one, and the file's SHA-256.
    fn read(path: &Path, detector: &mut Detector) -> Result<(Option<Self>, String)> {
        let bytes = read(path)?;
        let picture = image::load_from_memory(&bytes)
            .map_err(|error| Error::input(format!("{} cannot be decoded: {error}; convert it", path.display())))?
            .into_rgb8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut data = picture.into_raw();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * width }];
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes)?;
        let faces = detector.detect(&frame, MIN_FACE_SIZE, SCORE)?;
        let checksum = sha256(&bytes);
        let Some(found) = faces.iter().max_by(|a, b| a.bbox.size().total_cmp(&b.bbox.size())) else {
            return Ok((None, checksum));
        };
        let bbox = found.bbox;
        let mut bounds = [bbox.x, bbox.y, bbox.x + bbox.width, bbox.y + bbox.height];
        let face = covering(bounds, width, height);
        for network in Network::ALL {
            let spec = network.spec()?;
            let to_picture = SimilarityTransform::fit(&found.landmarks, &spec.template)?.inverse();
            let [x0, y0, x1, y1] = to_picture.square_bounds(spec.chip_size as f32 - 1.0);
            let margin = MARGIN * (x1 - x0) + 2.0;
            bounds = [
                bounds[0].min(x0 - margin),
                bounds[1].min(y0 - margin),
                bounds[2].max(x1 + margin),
                bounds[3].max(y1 + margin),
            ];
        }
        let cut = covering(bounds, width, height);
        if face.is_empty() || cut.is_empty() {
            return Ok((None, checksum));
        }
        let mut pixels = Vec::new();
        frame.save(cut, &mut pixels);
        let landmarks = found.landmarks.map(|[x, y]| [x - cut.x as f32, y - cut.y as f32]);
        let face = Rect { x: face.x - cut.x, y: face.y - cut.y, ..face };
        let picture = Picture { pixels: data, width, height };
        Ok((Some(Self { picture, cut, pixels, width: cut.width, height: cut.height, landmarks, face }), checksum))
    }
}

fn covering([x0, y0, x1, y1]: [f32; 4], width: usize, height: usize) -> Rect {
    Rect::covering(x0, y0, x1, y1, width, height)
}
