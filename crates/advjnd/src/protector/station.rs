//! What a thread works with: the recognisers with the chips they look at, and models of visibility.
//!
//! One face is worked on by all threads, which share out every step of a network. Several faces, or several views of
//! one, take a thread each: measured on two cores, two forward passes of dlib's network side by side take 0.7 of the
//! time that they take one after the other on both. Both ways give the same bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::geometry::{Geometry, Viewpoint};
use super::rendition::{HalfRegion, Rendition, Stretch};
use super::transfer::Smoothing;
use super::visibility::Visibility;
use crate::error::Result;
use crate::face::Warp;
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
    /// Their networks use the thread that calls them: one for each thread, but none if there is only one, and no more
    /// than there are cores, for threads beyond those only wait for each other.
    narrow: Vec<Station>,
}

impl Stations {
    /// Stations with the recognisers of `models`, run by `backend`; [`Error::Model`](crate::Error::Model) if one cannot
    /// be.
    pub fn new(models: &Models, backend: &Backend) -> Result<Self> {
        let eyes = models.recognizers.iter().map(|(spec, graph)| {
            let recognizer = Recognizer::new(spec.clone(), backend.executor(graph, 1)?)?;
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
    /// Gradient with respect to a half region.
    half: Vec<f32>,
    /// Whether it is mirrored, and how its contrast is stretched.
    mirrored: bool,
    stretch: Option<Stretch>,
}

/// What there is to look at: a region, and what copies of it are made by.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The region.
    pub region: &'a Region,
    /// The region in half its size, where looks at that are wanted.
    pub half: &'a HalfRegion,
    /// How its contrast would be stretched, if it would be.
    pub stretch: Option<Stretch>,
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
            half: Vec::new(),
            mirrored: false,
            stretch: None,
        }
    }

    /// Warps what is seen from `point`, with the change of luma it carries, into the chip of recogniser `index`.
    pub fn look(&mut self, index: usize, geometry: &Geometry, sources: Sources<'_>, point: &Viewpoint) {
        let side = self.recognizer.spec().chip_size;
        geometry.plan_chip(index, side, point, &mut self.warp);
        let halved = point.rendition == Rendition::Halved;
        self.warp.forward(if halved { &sources.half.pixels } else { &sources.region.pixels }, &mut self.pixels);
        self.mirrored = point.mirrored;
        if self.mirrored {
            self.pixels.chunks_exact_mut(side).for_each(<[_]>::reverse);
        }
        self.stretch = sources.stretch.filter(|_| point.rendition == Rendition::Stretched);
        for (channel, plane) in self.chip.chunks_exact_mut(self.pixels.len()).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(&self.pixels) {
                *value = pixel[channel] + pixel[3];
            }
        }
        if let Some(stretch) = self.stretch {
            self.chip.iter_mut().for_each(|value| *value = stretch.apply(*value));
        }
    }

    /// Embeds what it looks at.
    pub fn embed(&mut self, embedding: &mut [f32]) -> Result<()> {
        self.recognizer.embed(&self.chip, embedding)
    }

    /// Embeds what it looks at, and pulls the cotangent that `cotangent` makes of the embedding back to a change of
    /// luma of the region (overwritten); `half` is that region in half its size, if it is looked at.
    pub fn luma_gradient(
        &mut self,
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        half: Option<&HalfRegion>,
        change: &mut [f32],
    ) -> Result<()> {
        self.recognizer.embed_vjp(&self.chip, cotangent, &mut self.gradient)?;
        if let Some(stretch) = self.stretch {
            for (gradient, value) in self.gradient.iter_mut().zip(&self.chip) {
                let inside = *value > 0.0 && *value < 255.0;
                *gradient *= if inside { stretch.gain } else { 0.0 };
            }
        }
        let (red, rest) = self.gradient.split_at(self.luma.len());
        let (green, blue) = rest.split_at(self.luma.len());
        for ((luma, red), (green, blue)) in self.luma.iter_mut().zip(red).zip(green.iter().zip(blue)) {
            *luma = red + green + blue;
        }
        if self.mirrored {
            self.luma.chunks_exact_mut(self.recognizer.spec().chip_size).for_each(<[_]>::reverse);
        }
        change.fill(0.0);
        if let Some(half) = half {
            self.half.clear();
            self.half.resize(half.pixels.len(), 0.0);
            self.warp.adjoint_add(&self.luma, &mut self.half);
            half.adjoint_add(&self.half, change);
        } else {
            self.warp.adjoint_add(&self.luma, change);
        }
        Ok(())
    }
}
