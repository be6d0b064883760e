// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shape and light of one followed face: what of them lasts from frame to frame.
//!
//! A face is moved and lit a little ([`flow`](crate::face::flow)), by the same gradients as its perturbation, in the
//! first [`STEPS`] iterations that it gets: in a file before its first frame is shown, in a stream that has a deadline
//! a few in each of the frames of its first second. From then on the shape is frozen, in face coordinates: it moves
//! with the head and lasts where a perturbation must be renewed. Only how much of it is shown changes, slowly: less as
//! the head turns, for a symmetric field is that of a face that is seen from the front.
//!
//! What is followed is the person who came: the clean face is embedded before it is moved. What may be changed unseen,
//! and what was, is taken against the moved face.

mod reshaper;

pub use reshaper::Reshaper;

use super::Settings;
use crate::face::flow::{Controls, EYE_DISTANCE, Extremes};
use crate::face::{Landmarks, SimilarityTransform};
use crate::net::ARCFACE_TEMPLATE;

/// Iterations after which a shape is frozen,
const STEPS: u32 = 40;
/// and how many a frame with a deadline gets at most.
const STEPS_HURRIED: u32 = 2;
/// Root mean square of a step, as a share of the bounds: of the first, and of the last.
const FIRST_STEP: f32 = 0.15;
const LAST_STEP: f32 = 0.03;
/// Share of the accumulated gradient that is kept.
const MOMENTUM: f32 = 0.8;
/// Share of the accumulated gradient's mean length below which that of a control counts for less than a whole step.
const LEVEL: f32 = 0.1;
/// Largest control of a displacement, as a share of the extent: neighbours that differ make less than what each is.
const REACH: f32 = 2.0;
/// Largest strain, per step of a pixel: above 0.2 a change of shape is seen as one.
const MOST_STRAIN: f32 = 0.18;
/// [`Landmarks::turn`] up to which a shape is shown whole, and from which on not at all: about 25° and 45° of yaw.
const FRONTAL: f32 = 0.16;
const TURNED: f32 = 0.35;
/// Share of it that must be shown for a shape to be looked for.
const LEAST_SHOWN: f32 = 0.5;
/// How fast what is shown of a shape follows the head: its share of the way per frame.
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
    /// What `settings` allow; none if that is nothing.
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
    /// In shares of the extent.
    controls: Controls,
    momentum: Controls,
    /// Iterations so far.
    steps: u32,
    /// How much of it is shown, 0..=1; unknown before the first frame.
    shown: Option<f32>,
    /// Distance of the eyes over that of a face from the front, at most 1.
    narrowed: f32,
}

impl Shape {
    /// Follows the head to where its `landmarks` are in a new frame, pixels.
    pub fn follow(&mut self, landmarks: &Landmarks) {
        let Ok(to_chip) = SimilarityTransform::fit(landmarks, &ARCFACE_TEMPLATE) else { return };
        let [left, right, ..] = landmarks.map(|point| to_chip.apply(point)).0;
        let eyes = (right[0] - left[0]).hypot(right[1] - left[1]);
        let target = ((TURNED - landmarks.turn()) / (TURNED - FRONTAL)).clamp(0.0, 1.0);
        self.shown = Some(self.shown.map_or(target, |shown| shown + GAIN * (target - shown)));
        self.narrowed = (eyes / EYE_DISTANCE).min(1.0);
    }

    /// Iterations that the frame should get for it, none while hardly anything of it would be shown; `hurried`: if it
    /// has a deadline.
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

    /// Takes a step along the `gradient` with respect to [`controls`](Self::controls). One that is not finite moves
    /// nothing.
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

/// Of the lengths of the displacements, and of the gains.
fn mean_squares(controls: &Controls) -> (f32, f32) {
    let flow: f32 = controls.flow.iter().map(|[x, y]| x * x + y * y).sum();
    let light: f32 = controls.light.iter().map(|gain| gain * gain).sum();
    (flow / controls.flow.len() as f32, light / controls.light.len() as f32)
}

/// Every displacement and every gain at about the length of one, unless it is much smaller than the others.
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
