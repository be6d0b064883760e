// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shape of one face in one frame: its fields, the region they produce, and the gradient's way back.

use crate::face::SimilarityTransform;
use crate::face::flow::{Controls, Field};
use crate::frame::{FrameMut, Patch, Rect, Region};

/// Buffers of a reshaped face; unused if faces keep their shape.
#[derive(Debug, Default)]
pub struct Reshaper {
    active: bool,
    source: Patch,
    moved: Patch,
    field: Field,
    /// The controls last applied.
    controls: Controls,
    /// Distance of the followed eyes, pixels of the frame.
    eyes: f32,
    slopes: Vec<[f32; 2]>,
    lights: Vec<f32>,
}

impl Reshaper {
    /// Leaves the face unchanged.
    pub fn close(&mut self) {
        self.active = false;
    }

    /// Reads the clean face from `rect`, which `to_chip` maps to the chip of 112². `eyes`: distance of the followed
    /// eyes, pixels.
    pub fn open(&mut self, frame: &FrameMut<'_>, rect: Rect, to_chip: &SimilarityTransform, eyes: f32) {
        self.active = true;
        self.eyes = eyes;
        self.controls = Controls::default();
        self.source.read(frame, rect);
        self.field.plan(to_chip, rect.width, rect.height);
    }

    /// Whether the face is reshaped.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Applies the fields of `controls` to the clean face, and shows the result as `region`.
    pub fn lay(&mut self, controls: &Controls, region: &mut Region) {
        self.controls = *controls;
        self.field.evaluate(controls);
        self.moved.deform(&self.source, &self.field.displacement, &self.field.gain);
        self.moved.show(region);
    }

    /// Where a point of the clean region lies now.
    pub fn moved(&self, point: [f32; 2]) -> [f32; 2] {
        self.field.moved(&self.controls, point)
    }

    /// Pulls a gradient with respect to the luma of `region`, as shown now, back to the controls. The slope of the
    /// shown region stands for that of its source; they differ by the strain.
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

    /// Writes the shape to the frame, as a change to its present content.
    pub fn write(&self, frame: &mut FrameMut<'_>) {
        self.moved.write_over(&self.source, frame);
    }

    /// Restores the clean pixels.
    pub fn restore(&self, frame: &mut FrameMut<'_>) {
        self.source.restore(frame);
    }

    /// Largest displacement, in per cent of the followed eye distance; zero if the face keeps its shape.
    pub fn displacement(&self) -> f32 {
        let lengths = self.shown().flat_map(|field| &field.displacement).map(|[x, y]| x.hypot(*y));
        100.0 * lengths.fold(0.0f32, f32::max) / self.eyes.max(f32::MIN_POSITIVE)
    }

    /// Largest gain or loss of luma, in per cent; zero if the face keeps its light.
    pub fn light(&self) -> f32 {
        100.0 * self.shown().flat_map(|field| &field.gain).fold(0.0f32, |most, gain| most.max(gain.abs()))
    }

    fn shown(&self) -> impl Iterator<Item = &Field> {
        self.active.then_some(&self.field).into_iter()
    }
}
