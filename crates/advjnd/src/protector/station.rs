//! What a thread works with: the recognisers with the chips they look at, and models of visibility.
//!
//! One face is worked on by all threads, which share out every step of a network. Several faces, or several views of one,
//! take a thread each: measured on two cores, two forward passes of dlib's network side by side take 0.7 of the time that
//! they take one after the other on both. Both ways give the same bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::geometry::Geometry;
use super::transfer::Smoothing;
use super::visibility::Visibility;
use crate::error::Result;
use crate::face::{SimilarityTransform, Warp};
use crate::frame::Region;
use crate::jnd::Temporal;
use crate::models::Models;
use crate::net::{Backend, Embedder, Recognizer};
use crate::pool::Pool;

/// The stations of a protector.
pub struct Stations {
    pool: Arc<Pool>,
    /// Its networks use every thread of the pool.
    wide: Station,
    /// Their networks use the thread that calls them: one for each thread, but none if there is only one, and no more than
    /// there are cores, for threads beyond those only wait for each other.
    narrow: Vec<Station>,
}

impl Stations {
    /// Stations with the recognisers of `models`, run by `backend`; [`Error::Model`](crate::Error::Model) if one cannot be.
    pub fn new(models: &Models, backend: &Backend) -> Result<Self> {
        let eyes = models.recognizers.iter().map(|(network, graph)| {
            let recognizer = Recognizer::new(network.spec(), backend.executor(graph, 1)?)?;
            Ok(Eye::new(recognizer))
        });
        let mut wide = Station::new(eyes.collect::<Result<_>>()?);
        wide.visibility.prepare()?;
        let alone = Pool::new(1)?;
        let (pool, count) = match backend {
            Backend::Cpu(pool) if pool.threads() > 1 => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                (Arc::clone(pool), pool.threads().min(cores))
            }
            _ => (Arc::clone(&alone), 0),
        };
        let narrow = (0..count).map(|_| {
            let eyes = wide.eyes.iter().zip(&models.recognizers);
            let share = eyes.map(|(eye, (_, graph))| Ok(Eye::new(eye.recognizer.share(graph, &alone)?)));
            Ok(Station::new(share.collect::<Result<_>>()?))
        });
        let narrow = narrow.collect::<Result<_>>()?;
        Ok(Self { pool, wide, narrow })
    }

    /// Parts that are worked on at the same time, at most.
    pub fn threads(&self) -> usize {
        self.narrow.len().max(1)
    }

    /// Calls `work` once with each of `parts` and a station, at the same time if there are several.
    pub fn for_each<T: Send>(&mut self, parts: &mut [T], work: impl Fn(&mut Station, &mut T) + Sync) {
        if parts.len() < 2 || self.narrow.is_empty() {
            return parts.iter_mut().for_each(|part| work(&mut self.wide, part));
        }
        let count = parts.len().min(self.narrow.len());
        let left = Mutex::new(parts.iter_mut());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.pool.for_each(&mut self.narrow[..count], |station| {
            while let Some(part) = next() {
                work(station, part);
            }
        });
    }
}

/// What one thread works with.
pub struct Station {
    /// The recognisers.
    pub eyes: Vec<Eye>,
    /// Temporal masking.
    pub temporal: Temporal,
    /// Of gradients.
    pub smoothing: Smoothing,
    /// Thresholds.
    pub visibility: Visibility,
}

impl Station {
    fn new(eyes: Vec<Eye>) -> Self {
        Self { eyes, temporal: Temporal::default(), smoothing: Smoothing::default(), visibility: Visibility::default() }
    }
}

/// A recogniser with the chip it looks at.
pub struct Eye {
    recognizer: Recognizer,
    /// The chip last looked at, planar RGB.
    chip: Vec<f32>,
    /// Gradient of the last value with respect to it.
    gradient: Vec<f32>,
    warp: Warp,
    pixels: Vec<[f32; 4]>,
    luma: Vec<f32>,
}

impl Eye {
    fn new(recognizer: Recognizer) -> Self {
        let pixels = recognizer.spec().chip_size * recognizer.spec().chip_size;
        Self {
            recognizer,
            chip: vec![0.0; 3 * pixels],
            gradient: vec![0.0; 3 * pixels],
            warp: Warp::default(),
            pixels: vec![[0.0; 4]; pixels],
            luma: vec![0.0; pixels],
        }
    }

    /// Warps `region`, with the change of luma it carries, into the chip of recogniser `index` by landmark set `set`,
    /// through `view` if there is one.
    pub fn look(
        &mut self,
        (index, set): (usize, usize),
        geometry: &Geometry,
        region: &Region,
        view: Option<&SimilarityTransform>,
    ) {
        geometry.plan_chip(index, set, self.recognizer.spec().chip_size, view, &mut self.warp);
        self.warp.forward(&region.pixels, &mut self.pixels);
        for (channel, plane) in self.chip.chunks_exact_mut(self.pixels.len()).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(&self.pixels) {
                *value = pixel[channel] + pixel[3];
            }
        }
    }

    /// Embeds what it looks at.
    pub fn embed(&mut self, embedding: &mut [f32]) -> Result<()> {
        self.recognizer.embed(&self.chip, embedding)
    }

    /// Embeds what it looks at, and pulls the cotangent that `cotangent` makes of the embedding back to a change of luma of
    /// the region (overwritten).
    pub fn luma_gradient(&mut self, cotangent: &mut dyn FnMut(&[f32], &mut [f32]), change: &mut [f32]) -> Result<()> {
        self.recognizer.embed_vjp(&self.chip, cotangent, &mut self.gradient)?;
        let (red, rest) = self.gradient.split_at(self.luma.len());
        let (green, blue) = rest.split_at(self.luma.len());
        for ((luma, red), (green, blue)) in self.luma.iter_mut().zip(red).zip(green.iter().zip(blue)) {
            *luma = red + green + blue;
        }
        change.fill(0.0);
        self.warp.adjoint_add(&self.luma, change);
        Ok(())
    }
}
