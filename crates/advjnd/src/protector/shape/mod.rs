// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shape and light of one followed face, from frame to frame.
//!
//! A face is moved and lit a little ([`flow`](crate::face::flow)) by the same gradients as its perturbation, in its
//! first [`STEPS`] iterations. In a file these come before its first frame is shown; in a stream with a deadline, a few
//! come in each frame of its first second. Then the shape is frozen in face coordinates: it moves with the head, and
//! lasts while a perturbation must be renewed. Only the share of it that is shown changes, slowly: less as the head
//! turns, because a symmetric field suits a face from the front.
//!
//! The person's references come from the clean face, before it is moved. The perturbation's bounds and its measured
//! size refer to the moved face.

mod reshaper;

pub use reshaper::Reshaper;

use super::Settings;
use crate::face::flow::{Controls, EYE_DISTANCE, Extremes};
use crate::face::{Landmarks, SimilarityTransform};
use crate::net::ARCFACE_TEMPLATE;

/// Iterations after which a shape is frozen.
const STEPS: u32 = 40;
/// Largest number of these in a frame with a deadline.
const STEPS_HURRIED: u32 = 2;
/// Root mean square of the first and of the last step, as a share of the extent.
const FIRST_STEP: f32 = 0.15;
const LAST_STEP: f32 = 0.03;
/// Share of the accumulated gradient that is kept.
const MOMENTUM: f32 = 0.8;
/// A control with an accumulated gradient below this share of the mean length moves by less than a full step.
const LEVEL: f32 = 0.1;
/// Largest control of a displacement, as a share of the extent. Neighbours that differ displace less than each would.
const REACH: f32 = 2.0;
/// Largest strain, per step of a pixel: above 0.2 a change of shape becomes visible as such.
const MOST_STRAIN: f32 = 0.18;
/// [`Landmarks::turn`] up to which a shape is shown in full, and from which on not at all: about 25° and 45° of yaw.
const FRONTAL: f32 = 0.16;
const TURNED: f32 = 0.35;
/// A shape is searched only while at least this share of it is shown.
const LEAST_SHOWN: f32 = 0.5;
/// How fast the shown share follows the head: part of the remaining way per frame.
const GAIN: f32 = 0.15;

/// How far shapes may go.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Extent {
    /// Largest displacement, samples of the chip of 112².
    displacement: f32,
    /// Largest gain or loss of luma, as a share.
    light: f32,
}

impl Extent {
    /// What `settings` allow; `None` if they allow no change.
    pub fn of(settings: &Settings) -> Option<Self> {
        let share = |percent: f32, most: f32| if percent.is_finite() { percent.clamp(0.0, most) / 100.0 } else { 0.0 };
        let displacement = share(settings.reshape, Settings::MOST_RESHAPE) * EYE_DISTANCE;
        let extent = Self { displacement, light: share(settings.relight, Settings::MOST_RELIGHT) };
        (extent != Self::default()).then_some(extent)
    }
}

/// The shape of a track.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// The controls as shares of the extent.
    controls: Controls,
    momentum: Controls,
    /// Iterations so far.
    steps: u32,
    /// Share of it that is shown, 0..=1; unknown before the first frame.
    shown: Option<f32>,
    /// Eye distance relative to that of a face from the front, at most 1.
    narrowed: f32,
}

impl Shape {
    /// Follows the head in a new frame by its `landmarks`, pixels.
    pub fn follow(&mut self, landmarks: &Landmarks) {
        let Ok(to_chip) = SimilarityTransform::fit(landmarks, &ARCFACE_TEMPLATE) else { return };
        let [left, right, ..] = landmarks.map(|point| to_chip.apply(point)).0;
        let eyes = (right[0] - left[0]).hypot(right[1] - left[1]);
        let target = ((TURNED - landmarks.turn()) / (TURNED - FRONTAL)).clamp(0.0, 1.0);
        self.shown = Some(self.shown.map_or(target, |shown| shown + GAIN * (target - shown)));
        self.narrowed = (eyes / EYE_DISTANCE).min(1.0);
    }

    /// Iterations that the frame should spend on it; none while little of it would be shown. `hurried`: whether the
    /// frame has a deadline.
    pub fn wants(&self, hurried: bool) -> u32 {
        let is_shown = self.shown.is_some_and(|shown| shown >= LEAST_SHOWN);
        let left = if is_shown { STEPS.saturating_sub(self.steps) } else { 0 };
        if hurried { left.min(STEPS_HURRIED) } else { left }
    }

    /// The fields of this frame, inside `extent`.
    pub fn controls(&self, extent: Extent) -> Controls {
        let shown = self.shown.unwrap_or(0.0);
        let mut controls = self.controls.scaled(extent.displacement * shown * self.narrowed, extent.light * shown);
        let length = extent.displacement * self.narrowed;
        controls.limit(Extremes { length, strain: MOST_STRAIN });
        controls
    }

    /// Takes a step along the `gradient` with respect to [`controls`](Self::controls). A gradient that is not finite
    /// has no effect.
    pub fn step(&mut self, gradient: &Controls) {
        self.steps += 1;
        if !gradient.is_finite() {
            return;
        }
        let mut gradient = *gradient;
        gradient.symmetrize();
        gradient.hold_landmarks();
        let (flow, light) = mean_squares(&gradient);
        let gradient = gradient.scaled(inverse_root(flow), inverse_root(light));
        add(&mut self.momentum, &gradient, MOMENTUM);
        let done = (self.steps as f32 / STEPS as f32).min(1.0);
        let size = FIRST_STEP + (LAST_STEP - FIRST_STEP) * done;
        add(&mut self.controls, &evened(&self.momentum).scaled(size, size), 1.0);
        self.controls.hold_landmarks();
        self.controls.clamp(REACH, 1.0);
    }
}

/// Mean squares of the displacements' lengths, and of the gains.
fn mean_squares(controls: &Controls) -> (f32, f32) {
    let flow: f32 = controls.flow.iter().map(|[x, y]| x * x + y * y).sum();
    let light: f32 = controls.light.iter().map(|gain| gain * gain).sum();
    (flow / controls.flow.len() as f32, light / controls.light.len() as f32)
}

/// Scales every displacement and every gain to a length of about one, unless it is much smaller than the others.
fn evened(controls: &Controls) -> Controls {
    let (flow, light) = mean_squares(controls);
    let mut evened = *controls;
    for vector in &mut evened.flow {
        let length = (vector[0] * vector[0] + vector[1] * vector[1] + LEVEL * LEVEL * flow).sqrt();
        *vector = vector.map(|v| if length > f32::MIN_POSITIVE { v / length } else { 0.0 });
    }
    for gain in &mut evened.light {
        let length = (*gain * *gain + LEVEL * LEVEL * light).sqrt();
        *gain = if length > f32::MIN_POSITIVE { *gain / length } else { 0.0 };
    }
    evened
}

fn inverse_root(square: f32) -> f32 {
    if square > f32::MIN_POSITIVE { square.sqrt().recip() } else { 0.0 }
}

/// `sum` ← `kept` · `sum` + `more`.
fn add(sum: &mut Controls, more: &Controls, kept: f32) {
    let pairs = sum.flow.iter_mut().flatten().zip(more.flow.iter().flatten());
    pairs.chain(sum.light.iter_mut().zip(&more.light)).for_each(|(sum, more)| *sum = kept * *sum + more);
}
