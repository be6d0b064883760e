//! What a thread works with: the recognisers with the chips they look at, and models of visibility.
//!
//! One face is worked on by all threads, which share out every step of a network. Several faces, or several views of one,
//! take a thread each: measured on two cores, two forward passes of dlib's network side by side take 0.7 of the time that
//! they take one after the other on both. Both ways give the same bytes.

use std::sync::{Arc, Mutex, PoisonError};

use super::geometry::Geometry;
use super::transfer::Smoothing;
use crate::error::Result;
use crate::face::{SimilarityTransform, Warp};
use crate::frame::Region;
use crate::jnd::{JndModel, Model, Temporal};
use crate::net::graph::Graph;
use crate::net::{Backend, Embedder, Network, Recognizer};
use crate::pool::Pool;

/// The stations of a protector.
pub struct Stations {
    pool: Arc<Pool>,
    /// Its networks use every thread of the pool.
    wide: Station,
    /// Their networks use the thread that calls them; one for each thread of the pool, none if there is only one.
    narrow: Vec<Station>,
}

impl Stations {
    /// Stations with `recognizers`, run by `backend`; [`Error::Model`](crate::Error::Model) if one cannot be.
    pub fn new(recognizers: &[(Network, Graph)], backend: &Backend) -> Result<Self> {
        let load = |(network, graph): &(Network, Graph)| Recognizer::new(network.spec(), backend.executor(graph, 1)?);
        let wide = Station::new(recognizers.iter().map(load).collect::<Result<_>>()?);
        let one = Pool::new(1)?;
        let Backend::Cpu(pool) = backend else { return Ok(Self { pool: one, wide, narrow: Vec::new() }) };
        let stations = if pool.threads() > 1 { pool.threads() } else { 0 };
        let narrow = (0..stations).map(|_| {
            let share = |(eye, (_, graph)): (&Eye, &(Network, Graph))| eye.recognizer.share(graph, &one);
            Ok(Station::new(wide.eyes.iter().zip(recognizers).map(share).collect::<Result<_>>()?))
        });
        Ok(Self { narrow: narrow.collect::<Result<_>>()?, pool: Arc::clone(pool), wide })
    }

    /// Threads that several parts are spread over.
    pub fn threads(&self) -> usize {
        self.narrow.len().max(1)
    }

    /// Calls `work` once with each of `parts` and a station, at the same time if there are several.
    pub fn for_each<T: Send>(&mut self, parts: &mut [T], work: impl Fn(&mut Station, &mut T) + Sync) {
        if parts.len() < 2 || self.narrow.is_empty() {
            return parts.iter_mut().for_each(|part| work(&mut self.wide, part));
        }
        let stations = Mutex::new(self.narrow.iter_mut().collect::<Vec<_>>());
        let free = || stations.lock().unwrap_or_else(PoisonError::into_inner);
        self.pool.for_each(parts, |part| {
            // There are as many stations as threads.
            let Some(station) = free().pop() else { return };
            work(station, part);
            free().push(station);
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
    jnd: (Model, Box<dyn JndModel>),
}

impl Station {
    fn new(recognizers: Vec<Recognizer>) -> Self {
        let model = Model::default();
        Self {
            eyes: recognizers.into_iter().map(Eye::new).collect(),
            temporal: Temporal::default(),
            smoothing: Smoothing::default(),
            jnd: (model, model.new_model()),
        }
    }

    /// Just-noticeable difference by `model`.
    pub fn jnd(&mut self, model: Model) -> &mut dyn JndModel {
        if self.jnd.0 != model {
            self.jnd = (model, model.new_model());
        }
        self.jnd.1.as_mut()
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
