//! The buffers that every face of a stream uses in turn: nothing here outlives a face's turn in a frame.

use super::geometry::{GRID, Geometry};
use crate::attack::{Attack, Budget};
use crate::error::Result;
use crate::face::{Landmarks, SimilarityTransform, Warp};
use crate::frame::{FrameMut, Region};
use crate::jnd::JndModel;
use crate::net::{Embedder, Recognizer, RecognizerSpec};

/// A region with a shorter side holds too little of a face to work on.
const MIN_REGION: usize = 8;

/// What a face's turn needs: the recognisers, the attack, and buffers.
pub struct Workspace {
    /// The recognisers.
    pub eyes: Vec<Eye>,
    /// The model of visibility.
    pub jnd: Box<dyn JndModel>,
    /// The attack.
    pub attack: Attack,
    /// Where the face lies.
    pub geometry: Geometry,
    /// The clean region.
    pub region: Region,
    /// The region as output.
    pub output: Region,
    /// Largest change of luma per pixel of the region.
    pub bounds: Vec<f32>,
    /// The perturbation in the region.
    pub residual: Vec<f32>,
    /// The perturbation as the frame stores it; then its gradient.
    pub stored: Vec<f32>,
    /// The frame's bytes before the face was written.
    pub saved: Vec<u8>,
    grid_bounds: Vec<f32>,
}

impl Workspace {
    /// A workspace over recognisers.
    pub fn new(eyes: Vec<Eye>, jnd: Box<dyn JndModel>, attack: Attack) -> Self {
        Self {
            eyes,
            jnd,
            attack,
            geometry: Geometry::default(),
            region: Region::default(),
            output: Region::default(),
            bounds: Vec::new(),
            residual: Vec::new(),
            stored: Vec::new(),
            saved: Vec::new(),
            grid_bounds: Vec::new(),
        }
    }

    /// Lays out a face, reads its region and bounds its change to `jnd_scale` times the just-noticeable difference, inside
    /// the face's oval. `false` if too little of it lies in the frame to be worked on.
    pub fn open(
        &mut self,
        frame: &FrameMut<'_>,
        landmarks: impl Iterator<Item = Landmarks>,
        jnd_scale: f32,
    ) -> Result<bool> {
        self.reopen(frame, landmarks)?;
        let rect = self.geometry.rect;
        if rect.width < MIN_REGION || rect.height < MIN_REGION {
            return Ok(false);
        }
        self.region.read(frame, rect);
        self.bounds.resize(self.region.len(), 0.0);
        self.jnd.map_luma(&self.region.luma, rect.width, rect.height, &mut self.bounds)?;
        let scale = if jnd_scale.is_finite() { jnd_scale.max(0.0) } else { 0.0 };
        for (bound, mask) in self.bounds.iter_mut().zip(&self.geometry.mask) {
            *bound *= scale * mask;
        }
        self.residual.resize(self.region.len(), 0.0);
        self.stored.resize(self.region.len(), 0.0);
        self.saved.clear();
        frame.save(rect, &mut self.saved);
        Ok(true)
    }

    /// Lays out a face again, to look at it on the frame as it now is.
    pub fn reopen(&mut self, frame: &FrameMut<'_>, landmarks: impl Iterator<Item = Landmarks>) -> Result<()> {
        let specs = self.eyes.iter().map(|eye| &eye.spec);
        self.geometry.plan(landmarks, specs, frame.width(), frame.height())
    }

    /// The bounds in the perturbation's own coordinates.
    pub fn budget(&mut self) -> Budget {
        self.grid_bounds.resize(GRID * GRID, 0.0);
        self.geometry.gather.forward(&self.bounds, &mut self.grid_bounds);
        Budget::symmetric(&self.grid_bounds)
    }
}

/// A recogniser with the chips it looks at.
pub struct Eye {
    /// The recogniser.
    pub embedder: Recognizer,
    /// What it expects.
    pub spec: RecognizerSpec,
    /// The chip last looked at, planar RGB.
    pub clean: Vec<f32>,
    /// The same with a perturbation.
    pub adversarial: Vec<f32>,
    /// Gradient of the last value with respect to `adversarial`.
    pub gradient: Vec<f32>,
    /// The embedding last asked for.
    pub embedding: Vec<f32>,
    warp: Warp,
    luma: Vec<f32>,
}

impl Eye {
    /// A recogniser with buffers of its own.
    pub fn new(embedder: Recognizer) -> Self {
        let spec = embedder.spec().clone();
        let (pixels, len) = (spec.chip_size * spec.chip_size, spec.embedding_len);
        let chip = || vec![0.0; 3 * pixels];
        Self {
            clean: chip(),
            adversarial: chip(),
            gradient: chip(),
            embedding: vec![0.0; len],
            warp: Warp::default(),
            luma: vec![0.0; pixels],
            embedder,
            spec,
        }
    }

    /// Warps `region` into the chip of recogniser `index` by landmark set `set`, through `view` if there is one.
    pub fn look(
        &mut self,
        (index, set): (usize, usize),
        geometry: &Geometry,
        region: &Region,
        view: Option<&SimilarityTransform>,
    ) {
        let size = self.spec.chip_size;
        geometry.plan_chip(index, set, size, view, &mut self.warp);
        let (red, rest) = self.clean.split_at_mut(size * size);
        let (green, blue) = rest.split_at_mut(size * size);
        self.warp.forward_planes(region.rgb.each_ref().map(Vec::as_slice), [red, green, blue]);
    }

    /// The chip last looked at, plus a luma residual of the region.
    pub fn add_luma(&mut self, residual: &[f32]) {
        self.warp.forward(residual, &mut self.luma);
        let planes = self.adversarial.chunks_exact_mut(self.luma.len()).zip(self.clean.chunks_exact(self.luma.len()));
        for (adversarial, clean) in planes {
            for ((adversarial, clean), luma) in adversarial.iter_mut().zip(clean).zip(&self.luma) {
                *adversarial = clean + luma;
            }
        }
    }

    /// The gradient with respect to that residual (overwritten).
    pub fn luma_gradient(&mut self, residual: &mut [f32]) {
        let pixels = self.luma.len();
        for (at, luma) in self.luma.iter_mut().enumerate() {
            *luma = (0..3).map(|channel| self.gradient[channel * pixels + at]).sum();
        }
        residual.fill(0.0);
        self.warp.adjoint_add(&self.luma, residual);
    }
}
