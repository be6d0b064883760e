// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shape of one face in one frame: its fields, the region that they make, and the way back of a gradient.

use crate::face::SimilarityTransform;
use crate::face::flow::{Controls, Field};
use crate::frame::{FrameMut, Patch, Rect, Region};

/// Buffers of a reshaped face; idle where faces keep their shape.
#[derive(Debug, Default)]
pub struct Reshaper {
    active: bool,
    source: Patch,
    moved: Patch,
    field: Field,
    /// What was laid over the face last.
    controls: Controls,
    /// Pixels of the frame that the followed eyes lie apart.
    eyes: f32,
    slopes: Vec<[f32; 2]>,
    lights: Vec<f32>,
}

impl Reshaper {
    /// Keeps the face as it is.
    pub fn close(&mut self) {
        self.active = false;
    }

    /// Begins with the face as it came: reads `rect`, which `to_chip` maps to the chip of 112². `eyes`: how far the
    /// followed eyes lie apart, pixels.
    pub fn open(&mut self, frame: &FrameMut<'_>, rect: Rect, to_chip: &SimilarityTransform, eyes: f32) {
        self.active = true;
        self.eyes = eyes;
        self.controls = Controls::default();
        self.source.read(frame, rect);
        self.field.plan(to_chip, rect.width, rect.height);
    }

    /// Whether the face is given another shape.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Lays the fields of `controls` over the face as it came, and shows what they make of it as `region`.
    pub fn lay(&mut self, controls: &Controls, region: &mut Region) {
        self.controls = *controls;
        self.field.evaluate(controls);
        self.moved.deform(&self.source, &self.field.displacement, &self.field.gain);
        self.moved.show(region);
    }

    /// Where a point of the region lies now.
    pub fn moved(&self, point: [f32; 2]) -> [f32; 2] {
        self.field.moved(&self.controls, point)
    }

    /// What a gradient with respect to the luma of `region`, as it is shown now, is to the controls. The slope of what
    /// is shown stands for that of what it is read from: they differ by the strain.
    pub fn gradient(&mut self, region: &Region, luma_gradient: &[f32]) -> Controls {
        let (width, height) = (region.rect.width, region.rect.height);
        let luma = &region.luma;
        self.slopes.clear();
        self.lights.clear();
        for (index, gradient) in luma_gradient.iter().enumerate() {
            let (x, y) = (index % width, index / width);
            let row = y * width;
            let across = luma[row + (x + 1).min(width - 1)] - luma[row + x.saturating_sub(1)];
            let down = luma[(y + 1).min(height - 1) * width + x] - luma[y.saturating_sub(1) * width + x];
            self.slopes.push([gradient * across / 2.0, gradient * down / 2.0]);
            self.lights.push(gradient * luma[index]);
        }
        let mut controls = Controls::default();
        self.field.adjoint_add(&self.slopes, &self.lights, &mut controls);
        controls
    }

    /// Writes the shape to the frame, as a change of what stands there.
    pub fn write(&self, frame: &mut FrameMut<'_>) {
        self.moved.write_over(&self.source, frame);
    }

    /// Puts back what came.
    pub fn restore(&self, frame: &mut FrameMut<'_>) {
        self.source.restore(frame);
    }

    /// Largest displacement, per cent of the followed eyes' distance; zero where the face keeps its shape.
    pub fn displacement(&self) -> f32 {
        let lengths = self.shown().flat_map(|field| &field.displacement).map(|[x, y]| x.hypot(*y));
        100.0 * lengths.fold(0.0f32, f32::max) / self.eyes.max(f32::MIN_POSITIVE)
    }

    /// Largest gain or loss of luma, per cent; zero where the face keeps its light.
    pub fn light(&self) -> f32 {
        100.0 * self.shown().flat_map(|field| &field.gain).fold(0.0f32, |most, gain| most.max(gain.abs()))
    }

    fn shown(&self) -> impl Iterator<Item = &Field> {
        self.active.then_some(&self.field).into_iter()
    }
}
