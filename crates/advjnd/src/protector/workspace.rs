// SPDX-License-Identifier: MIT OR Apache-2.0
//! The buffers of one face's job in a frame.

use std::sync::Arc;

use super::Settings;
use super::chip::{Chip, FacePicture};
use super::geometry::{GRID, Geometry, Viewpoint};
use super::margins::{self, Margins, TOLERATED, UNSHOWN};
use super::previous_luma::PreviousLuma;
use super::rendition::{Rendition, Stretch};
use super::shape::{Extent, Reshaper};
use super::transfer::{Smoothing, Transfer};
use super::warping;
use super::worker::Worker;
use crate::attack::Budget;
use crate::error::Result;
use crate::face::Landmarks;
use crate::face::flow::Controls;
use crate::frame::{FrameMut, Rect};
use crate::jnd::{octave_shares, pixels_per_degree};
use crate::net::RecognizerSpec;
use crate::pool::Pool;

/// Shortest side of a region to work on, pixels.
const MIN_REGION: usize = 8;

/// Factor on the mean that a PSNR limit leaves a perturbation. A perturbation has up to a decibel less energy than its
/// bounds at the same mean. [`Workspace::lay`] cuts what is over.
const SLACK: f32 = 1.25;

/// Peak signal-to-noise ratio of an unchanged face, decibels.
pub const MOST_PSNR: f32 = 100.0;

/// The buffers of one face's job. Nothing in them outlives the job.
#[derive(Default)]
pub struct Workspace {
    /// Where the face lies.
    pub geometry: Geometry,
    /// The clean face; after [`reshape`](Self::reshape), the moved and lit face.
    pub clean: FacePicture,
    /// Moves and lights it.
    pub reshaper: Reshaper,
    /// The output face, read by [`inspect`](Self::inspect) after [`write`](Self::write).
    pub output: FacePicture,
    /// Largest change of luma per pixel of the region.
    pub bounds: Vec<f32>,
    /// The perturbation in the region, before it is bounded and rounded.
    pub residual: Vec<f32>,
    /// The perturbation in the region as the frame stores it.
    pub stored: Vec<f32>,
    /// The chip of an iteration, or of the look that gives a gradient.
    pub chip: Chip,
    /// Gradient with respect to the region's luma.
    pub gradient: Vec<f32>,
    /// Margins from which the face counts as protected, by recogniser.
    pub required: Vec<Margins>,
    /// Margins below which it is covered at once.
    pub tolerated: Vec<Margins>,
    /// How to stretch the contrast of the face, if it is low.
    pub stretch: Option<Stretch>,
    /// The planned or last looks: first at the clean face, then at the output.
    pub probes: Vec<Probe>,
    /// The region's bytes in the clean frame.
    saved: Vec<u8>,
    /// What the place showed one frame ago, kept until the face has its shape.
    before: PreviousLuma,
    /// Luma of the region one frame ago, where known.
    previous: Vec<f32>,
    grid_bounds: Vec<f32>,
    frame_height: usize,
    /// Largest sum of squared changes of luma in the region; `None` for no limit.
    most_energy: Option<f32>,
    /// Just-noticeable differences in a pixel's bound.
    jnd_scale: f32,
}

/// One look at the clean or the output face: which recogniser reads it, how, and the resulting embedding.
pub struct Probe {
    /// Index of the recogniser.
    pub recognizer: usize,
    /// How the chip is cut.
    pub point: Viewpoint,
    /// The embedding; NaN before the probe has run.
    pub embedding: Vec<f32>,
    /// Whether to compute the gradient of its margin, too.
    pub climbs: bool,
}

impl Probe {
    /// A probe that has not run yet.
    pub fn new(recognizer: usize, spec: &Arc<RecognizerSpec>, point: Viewpoint) -> Self {
        Self { recognizer, point, embedding: vec![f32::NAN; spec.embedding_len], climbs: false }
    }
}

impl Workspace {
    /// Lays out a face by its sets of `landmarks`, reads its region, and bounds its change inside the face's oval to
    /// `jnd_scale` times the just-noticeable difference. A reshaped face gets its bounds in [`reshape`](Self::reshape).
    /// `previous` is the place's luma one frame ago, and is updated. `shown`: whether the last frame showed the face.
    /// Returns `false` if too little of the face lies in the frame.
    ///
    /// # Errors
    /// Errors of the JND models.
    pub fn open(
        &mut self,
        worker: &mut Worker,
        frame: &FrameMut<'_>,
        landmarks: impl Iterator<Item = Landmarks>,
        settings: &Settings,
        previous: &mut PreviousLuma,
        shown: bool,
    ) -> Result<bool> {
        self.geometry.plan(landmarks, worker.specs(), frame.width(), frame.height())?;
        self.frame_height = frame.height();
        let rect = self.geometry.rect;
        if rect.width < MIN_REGION || rect.height < MIN_REGION {
            return Ok(false);
        }
        self.clean.read(frame, rect, false);
        self.stretch = Stretch::of(&self.clean.region, &self.geometry.mask);
        let (geometry, stretched) = (&self.geometry, self.stretch.is_some());
        let by_recognizer = |share: f32, margins: &mut Vec<Margins>| {
            let margin = share * settings.margin;
            margins.clear();
            margins.extend(worker.specs().map(|spec| margins::required(margin, spec, geometry, stretched)));
        };
        by_recognizer(if shown { 1.0 } else { UNSHOWN }, &mut self.required);
        by_recognizer(TOLERATED, &mut self.tolerated);
        if Extent::of(settings).is_some() {
            let [left, right, ..] = self.geometry.followed().0;
            let eyes = (right[0] - left[0]).hypot(right[1] - left[1]);
            self.reshaper.open(frame, rect, &self.geometry.region_to_chip(), eyes);
            self.before.clone_from(previous);
        } else {
            self.reshaper.close();
            self.bound(worker, settings, previous)?;
        }
        let pixels = self.clean.region.len();
        [&mut self.residual, &mut self.stored, &mut self.gradient].into_iter().for_each(|own| own.resize(pixels, 0.0));
        self.saved.clear();
        frame.save(rect, &mut self.saved);
        Ok(true)
    }

    /// Gives the face the shape and light of `controls`, and computes its bounds anew. `previous` as in
    /// [`open`](Self::open).
    ///
    /// # Errors
    /// Errors of the JND models, and [`Error::Input`](crate::Error::Input) if the moved landmarks span no face.
    pub fn reshape(
        &mut self,
        controls: &Controls,
        worker: &mut Worker,
        settings: &Settings,
        previous: &mut PreviousLuma,
    ) -> Result<()> {
        self.lay_shape(controls, worker.specs())?;
        previous.clone_from(&self.before);
        self.bound(worker, settings, previous)
    }

    /// Gives the face the shape and light of `controls`; its bounds stay.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the moved landmarks span no face.
    pub fn lay_shape<'a>(
        &mut self,
        controls: &Controls,
        specs: impl Iterator<Item = &'a RecognizerSpec>,
    ) -> Result<()> {
        let Self { reshaper, clean, geometry, .. } = self;
        reshaper.lay(controls, &mut clean.region);
        geometry.move_landmarks(|point| reshaper.moved(point), specs)
    }

    fn bound(&mut self, worker: &mut Worker, settings: &Settings, previous: &mut PreviousLuma) -> Result<()> {
        let region = &self.clean.region;
        let Rect { width, height, .. } = region.rect;
        self.bounds.resize(region.len(), 0.0);
        worker.visibility.map(settings.jnd_model, region, &mut self.bounds)?;
        if settings.temporal_masking {
            self.previous.clone_from(&region.luma);
            previous.cover(region.rect, &mut self.previous);
            worker.temporal.adapt(&region.luma, &self.previous, width, height, &mut self.bounds)?;
            previous.replace(region.rect, &region.luma);
        } else {
            previous.clear();
        }
        self.jnd_scale = if settings.jnd_scale.is_finite() { settings.jnd_scale.max(0.0) } else { 0.0 };
        let scale = self.jnd_scale * settings.jnd_model.calibration();
        for (bound, mask) in self.bounds.iter_mut().zip(&self.geometry.mask) {
            *bound = (*bound * scale * mask).min(settings.max_change as f32);
        }
        self.most_energy = (settings.min_psnr > 0.0).then(|| {
            let inside = self.geometry.mask.iter().filter(|mask| **mask > 0.0).count() as f32;
            inside * (255.0f32 * 255.0) / 10.0f32.powf(settings.min_psnr / 10.0)
        });
        Ok(())
    }

    /// Plans the looks of one recogniser at the clean face, by the followed landmarks and by the sets far from them.
    pub fn plan_clean_looks(&mut self, recognizer: usize, spec: &Arc<RecognizerSpec>) {
        let rendition = if self.stretch.is_some() { Rendition::Stretched } else { Rendition::AsIs };
        let sets = std::iter::once(0).chain(self.geometry.strange_sets());
        let points = sets.map(|set| Viewpoint { set, view: None, mirrored: false, rendition });
        self.probes.extend(points.map(|point| Probe::new(recognizer, spec, point)));
    }

    /// The budget of the perturbation, in its own coordinates, at a root mean square of `size` just-noticeable
    /// differences.
    pub fn budget(&mut self, settings: &Settings, size: f32, pool: &Pool) -> Budget {
        self.grid_bounds.resize(GRID * GRID, 0.0);
        warping::forward(&self.geometry.gather, &self.bounds, &mut self.grid_bounds, pool);
        let pixels_per_degree = pixels_per_degree(self.frame_height, settings.viewing_distance);
        Budget::symmetric(&self.grid_bounds)
            .in_octaves(GRID, octave_shares(self.geometry.grid_scale(), pixels_per_degree))
            .with_rms(self.share(size))
    }

    /// The root mean square of `size` just-noticeable differences as a share of the bounds; less if the face's PSNR
    /// limit requires it.
    pub fn share(&self, size: f32) -> f32 {
        let share = size / self.jnd_scale;
        let share = self.most_energy.map_or(share, |most| share.min(SLACK * (most / energy(&self.bounds)).sqrt()));
        if share.is_nan() { 0.0 } else { share }
    }

    /// The root mean square of `delta`, in just-noticeable differences.
    pub fn spent(&self, budget: &Budget, delta: &[f32]) -> f32 {
        self.jnd_scale * budget.rms_of(delta)
    }

    /// Peak signal-to-noise ratio of the last write against the moved and lit face, in decibels, on the luma inside the
    /// oval; [`MOST_PSNR`] if nothing changed.
    pub fn psnr(&mut self) -> f32 {
        self.clean.region.quantize(&self.residual, &self.bounds, &mut self.stored);
        let inside = self.geometry.mask.iter().filter(|mask| **mask > 0.0).count() as f32;
        let psnr = 10.0 * (inside * (255.0f32 * 255.0) / energy(&self.stored)).log10();
        if psnr.is_nan() { MOST_PSNR } else { psnr.min(MOST_PSNR) }
    }

    /// Warps a perturbation into the region; scales it down if the face's PSNR limit requires it.
    fn lay(&mut self, delta: &[f32], pool: &Pool) {
        warping::forward(&self.geometry.spread, delta, &mut self.residual, pool);
        let Some(most) = self.most_energy else { return };
        let energy = energy(&self.residual);
        if energy > most {
            let scale = (most / energy).sqrt();
            self.residual.iter_mut().for_each(|change| *change *= scale);
        }
    }

    /// Adds to the clean picture a perturbation as the frame would store it; also at half size if `halved`.
    pub fn carry(&mut self, delta: &[f32], halved: bool, pool: &Pool) {
        self.lay(delta, pool);
        let Self { clean, residual, bounds, stored, .. } = self;
        clean.region.quantize(residual, bounds, stored);
        clean.region.carry(stored);
        if halved {
            clean.halve();
        }
    }

    /// Pulls the gradient with respect to the region's luma, where that may change, back to the perturbation
    /// (overwritten), and smooths it as `transfer` says.
    pub fn pull_back(&mut self, gradient: &mut [f32], smoothing: &mut Smoothing, transfer: &Transfer, pool: &Pool) {
        for (own, bound) in self.gradient.iter_mut().zip(&self.bounds) {
            if *bound <= 0.0 {
                *own = 0.0;
            }
        }
        gradient.fill(0.0);
        warping::adjoint_add(&self.geometry.spread, &self.gradient, gradient, pool);
        smoothing.apply(gradient, transfer.smoothing);
    }

    /// Writes the face's shape and a perturbation to the frame.
    pub fn write(&mut self, frame: &mut FrameMut<'_>, delta: &[f32], pool: &Pool) {
        self.lay(delta, pool);
        if self.reshaper.is_active() {
            self.reshaper.write(frame);
        }
        self.clean.region.write(frame, &self.residual, &self.bounds);
    }

    /// Puts the clean region back into the frame.
    pub fn restore(&self, frame: &mut FrameMut<'_>) {
        if self.reshaper.is_active() {
            return self.reshaper.restore(frame);
        }
        frame.restore(self.clean.region.rect, &self.saved);
    }

    /// Reads the output region.
    pub fn inspect(&mut self, frame: &FrameMut<'_>) {
        let halved = self.is_checked(Rendition::Halved);
        self.output.read(frame, self.clean.region.rect, halved);
    }

    /// Whether the self-check reads this rendition.
    pub fn is_checked(&self, rendition: Rendition) -> bool {
        self.required.iter().any(|margins| margins[rendition.index()] > f32::NEG_INFINITY)
    }
}

fn energy(values: &[f32]) -> f32 {
    values.iter().map(|value| value * value).sum()
}
