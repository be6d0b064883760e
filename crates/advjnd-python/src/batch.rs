// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many pictures or chips, shared out over the threads.

use advjnd::jnd::Learned;
use advjnd::models::MANIFEST;
use advjnd::net::{Backend, Embedder, Recognizer, RecognizerSpec};
use advjnd::{Error, Models, Pool, Result};
use numpy::PyArrayDyn;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::arrays::{Picture, Samples, array, holds, new_array, samples, wrong_shape};
use crate::errors::raised;
use crate::portrait::{Finder, Portrait};

/// White of 8 bits.
pub const WHITE: f32 = 255.0;
const TYPES: &str = "uint8, 0 to 255, or with aligned=True float32, 0 to 1";

/// An array of pictures, or of chips that are aligned.
pub struct Batch {
    shape: Vec<usize>,
    is_float: bool,
    images: Vec<Image>,
}

/// One of them.
pub enum Image {
    /// A face is yet to be found in it.
    Picture(Picture),
    /// Planar, `[3][side][side]`, white 1.
    Chip(Vec<f32>),
}

/// What a thread works with.
pub struct Worker {
    pub recognizer: Recognizer,
    pub thresholds: Learned,
    finder: Finder,
    work: Vec<(usize, Image)>,
}

/// An image as the recogniser sees it: planar, `[3][side][side]`, 0..=255; and the picture it was cut from.
pub struct Seen {
    pub chip: Vec<f32>,
    pub portrait: Option<Portrait>,
}

impl Batch {
    /// The images of `value`.
    ///
    /// # Errors
    /// `TypeError` and `ValueError` where they are no pictures, or with `aligned` no chips of `spec`.
    pub fn read(value: &Bound<'_, PyAny>, aligned: bool, spec: &RecognizerSpec) -> PyResult<Self> {
        let array = array("images", value)?;
        let is_float = aligned && holds::<f32>(&array);
        if !aligned {
            if holds::<f32>(&array) {
                return Err(PyTypeError::new_err("images: pictures are uint8, 0 to 255; float32 is for aligned chips"));
            }
            let read = samples("images", TYPES, &array)?;
            let images = Picture::split("images", &read)?.into_iter().map(Image::Picture).collect();
            return Ok(Self { shape: read.shape, is_float, images });
        }
        let Samples { shape, data } = if is_float {
            samples::<f32>("images", TYPES, &array)?
        } else {
            let Samples { shape, data } = samples::<u8>("images", TYPES, &array)?;
            Samples { shape, data: data.into_iter().map(|value| f32::from(value) / WHITE).collect() }
        };
        let side = spec.chip_size;
        if data.is_empty() || shape.len() != 4 || shape[1..] != [side, side, 3] {
            let wanted = format!("chips (count, {side}, {side}, 3) of `{}`, at least one", spec.name);
            return Err(wrong_shape("images", &wanted, &shape));
        }
        let images = data.chunks_exact(3 * side * side).map(|chip| Image::Chip(planar(chip))).collect();
        Ok(Self { shape, is_float, images })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// `work` on every image, with its place; what it made of them, in their order. The first recogniser of `models`
    /// looks at them. `threads`: 0 = one per core.
    ///
    /// # Errors
    /// The first image's that has one, and those of the networks.
    pub fn each<T: Send>(
        self,
        models: &Models,
        threads: usize,
        work: impl Fn(&mut Worker, usize, Image) -> Result<T> + Sync,
    ) -> PyResult<Vec<T>> {
        let made = || -> Result<Vec<T>> {
            let pool = Pool::new(threads)?;
            let count = pool.threads().min(self.images.len());
            let mut workers = Vec::new();
            for _ in 0..count {
                let own = if count == 1 { pool.clone() } else { Pool::new(1)? };
                let Some((spec, graph)) = models.recognizers().next() else {
                    return Err(Error::model(MANIFEST, "names no recogniser"));
                };
                let executor = Backend::Cpu(own.clone()).executor(graph, 1)?;
                let worker = Worker {
                    recognizer: Recognizer::new(spec.clone(), executor)?,
                    thresholds: Learned::hvs_sd(),
                    finder: Finder::new(models, &own),
                    work: Vec::new(),
                };
                workers.push((worker, Vec::new()));
            }
            for (index, image) in self.images.into_iter().enumerate() {
                workers[index % count].0.work.push((index, image));
            }
            pool.for_each(&mut workers, |(worker, made)| {
                for (index, image) in std::mem::take(&mut worker.work) {
                    made.push((index, work(worker, index, image)));
                }
            });
            let mut made: Vec<_> = workers.into_iter().flat_map(|(_, made)| made).collect();
            made.sort_by_key(|(index, _)| *index);
            made.into_iter().map(|(_, made)| made).collect()
        };
        made().map_err(raised)
    }
}

/// Shape and type of a batch: what an array needs that takes its place.
pub struct Form {
    shape: Vec<usize>,
    is_float: bool,
}

impl Form {
    /// That of `batch`.
    pub fn of(batch: &Batch) -> Self {
        Self { shape: batch.shape.clone(), is_float: batch.is_float }
    }

    /// Images as an array of this form.
    ///
    /// # Errors
    /// `ValueError` where they do not fit it.
    pub fn array<'py>(&self, py: Python<'py>, images: Vec<Image>) -> PyResult<Bound<'py, PyAny>> {
        if self.is_float {
            let samples = images.into_iter().flat_map(Image::samples).collect();
            return Ok(new_array::<f32>(py, &self.shape, samples)?.into_any());
        }
        let bytes = images.into_iter().flat_map(Image::bytes).collect();
        let array: Bound<'py, PyArrayDyn<u8>> = new_array(py, &self.shape, bytes)?;
        Ok(array.into_any())
    }
}

impl Image {
    /// Interleaved, white 1.
    fn samples(self) -> Vec<f32> {
        match self {
            Self::Picture(picture) => picture.pixels.iter().map(|value| f32::from(*value) / WHITE).collect(),
            Self::Chip(chip) => interleaved(&chip),
        }
    }

    /// Interleaved, rounded to 8 bits.
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Picture(picture) => picture.pixels,
            Self::Chip(chip) => {
                interleaved(&chip).iter().map(|value| (WHITE * value).round().clamp(0.0, WHITE) as u8).collect()
            }
        }
    }
}

impl Worker {
    /// What the recogniser sees of an image.
    ///
    /// # Errors
    /// [`Error::Input`] where a picture has no face, or a chip a sample outside 0..=1.
    pub fn look(&mut self, index: usize, image: &mut Image) -> Result<Seen> {
        let spec = self.recognizer.spec();
        match image {
            Image::Picture(picture) => {
                let portrait = self.finder.portrait(index, picture, spec)?;
                Ok(Seen { chip: portrait.alignment.chip(&portrait.pixels), portrait: Some(portrait) })
            }
            Image::Chip(chip) => {
                if let Some(value) = chip.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                    return Err(Error::input(format!("chip {index} has the sample {value}; give float32 in 0 to 1")));
                }
                Ok(Seen { chip: chip.iter().map(|value| WHITE * value).collect(), portrait: None })
            }
        }
    }

    /// The embedding of a chip, planar, 0..=255.
    ///
    /// # Errors
    /// Those of the recogniser.
    pub fn embed(&mut self, chip: &[f32]) -> Result<Vec<f32>> {
        let mut embedding = vec![0.0; self.recognizer.spec().embedding_len];
        self.recognizer.embed(chip, &mut embedding)?;
        Ok(embedding)
    }
}

fn planar(interleaved: &[f32]) -> Vec<f32> {
    (0..3).flat_map(|channel| interleaved.iter().skip(channel).step_by(3)).copied().collect()
}

fn interleaved(planar: &[f32]) -> Vec<f32> {
    let area = planar.len() / 3;
    (0..area).flat_map(|at| [planar[at], planar[area + at], planar[2 * area + at]]).collect()
}
