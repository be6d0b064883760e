// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small change of a face's shape and light: a smooth displacement and a smooth gain of luma over the face oval.
//!
//! Both are uniform cubic B-splines in the coordinates of the ArcFace chip of 112², over the box around the oval:
//! [`CONTROLS`]² displacements and [`LIGHTS`]² gains. A feather takes both to zero at the oval's rim, with a slope of
//! zero there. The picture is read backwards: a pixel `q` shows what was at `q + d(q)`, times `1 + g(q)`.
//!
//! A spline is a convex mean of its controls, and the feather is at most one, so a bound on the controls bounds the
//! field. [`Controls::limit`] bounds the field itself and its strain, which is how much neighbouring points are pulled
//! apart. Strain is what makes a displacement visible (Setyawan et al., SPIE 5294, 2004); below one nothing folds.
//!
//! Fields are linear in their controls; [`Field::adjoint_add`] is the exact adjoint. [`reference`](mod@reference) is
//! the naive twin: the definition, control by control.

use super::SimilarityTransform;
use crate::net::ARCFACE_TEMPLATE;

/// Controls of the displacement along each side.
pub const CONTROLS: usize = 8;
/// Controls of the gain along each side.
pub const LIGHTS: usize = 5;
/// The face oval in the chip: centre and half axes, from hairline to chin and from cheek to cheek.
pub const OVAL_CENTER: [f32; 2] = [56.0, 66.0];
/// Half axes of the oval.
pub const OVAL_AXES: [f32; 2] = [48.0, 60.0];
/// Eye distance in the chip.
pub const EYE_DISTANCE: f32 = ARCFACE_TEMPLATE[1][0] - ARCFACE_TEMPLATE[0][0];
/// Share of the oval's radius inside which the feather is one. The wider the feather, the less strain it adds.
const FEATHER_CORE: f32 = 0.5;
/// Distance of the points where the strain is measured, samples of the chip: about a tenth of a spline's interval.
const STRAIN_STEP: f32 = 2.0;

/// Near a point whose displacement is at least this share of the longest measured one, there may be a longer one.
const NEARLY: f32 = 0.95;
/// The points around one where the length is measured as well, samples of the chip.
const AROUND: [[f32; 2]; 8] =
    [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]];
/// Between the measured points, displacements are at most 1 % longer.
const BETWEEN: f32 = 0.99;

/// The largest values of a displacement field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// Longest displacement, samples of the chip.
    pub length: f32,
    /// Largest strain.
    pub strain: f32,
}

/// The controls of both fields, row by row from the upper left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Controls {
    /// Displacements, samples of the chip.
    pub flow: [[f32; 2]; CONTROLS * CONTROLS],
    /// Gains of luma, shares.
    pub light: [f32; LIGHTS * LIGHTS],
}

impl Default for Controls {
    fn default() -> Self {
        Self { flow: [[0.0; 2]; CONTROLS * CONTROLS], light: [0.0; LIGHTS * LIGHTS] }
    }
}

impl Controls {
    /// The displacement at a point of the chip, in its samples.
    pub fn displacement(&self, point: [f32; 2]) -> [f32; 2] {
        Place::of(point).map_or([0.0; 2], |place| place.displacement(self))
    }

    /// The gain of luma at a point of the chip.
    pub fn gain(&self, point: [f32; 2]) -> f32 {
        Place::of(point).map_or(0.0, |place| place.gain(self))
    }

    /// Displacements times `flow`, gains times `light`.
    #[must_use]
    pub fn scaled(&self, flow: f32, light: f32) -> Self {
        Self { flow: self.flow.map(|vector| vector.map(|v| v * flow)), light: self.light.map(|v| v * light) }
    }

    /// Makes both fields mirror-symmetric: each control becomes the mean of itself and its mirrored counterpart.
    pub fn symmetrize(&mut self) {
        for row in self.flow.chunks_exact_mut(CONTROLS) {
            for left in 0..CONTROLS / 2 {
                let right = CONTROLS - 1 - left;
                let across = (row[left][0] - row[right][0]) / 2.0;
                let along = (row[left][1] + row[right][1]) / 2.0;
                (row[left], row[right]) = ([across, along], [-across, along]);
            }
        }
        for row in self.light.chunks_exact_mut(LIGHTS) {
            for left in 0..LIGHTS / 2 {
                let mean = (row[left] + row[LIGHTS - 1 - left]) / 2.0;
                (row[left], row[LIGHTS - 1 - left]) = (mean, mean);
            }
        }
    }

    /// Clamps displacements to a length of `flow`, and gains to ±`light`.
    pub fn clamp(&mut self, flow: f32, light: f32) {
        for vector in &mut self.flow {
            let long = length(*vector);
            if long > flow {
                *vector = vector.map(|v| v * flow / long);
            }
        }
        self.light.iter_mut().for_each(|gain| *gain = gain.clamp(-light, light));
    }

    /// Removes the part of a symmetric flow that shifts or scales the five landmarks together. Alignment by them undoes
    /// that part, so it has no use.
    pub fn hold_landmarks(&mut self) {
        let middle = ARCFACE_TEMPLATE.iter().map(|point| point[1]).sum::<f32>() / 5.0;
        let shift = landmark_functional(|_| [0.0, 1.0]);
        let mut growth = landmark_functional(|[x, y]| [x - OVAL_CENTER[0], y - middle]);
        // Made orthogonal, so that removing one does not bring the other back.
        remove(&mut growth, &shift);
        remove(&mut self.flow, &shift);
        remove(&mut self.flow, &growth);
    }

    /// The longest displacement and the largest strain. The strain is the largest singular value of the displacement's
    /// derivative: its largest change per small step in the picture. Both are measured at points two samples apart, and
    /// the length also at the eight points one sample around those where it is nearly the longest.
    pub fn extremes(&self) -> Extremes {
        let [columns, rows] = OVAL_AXES.map(|axis| (2.0 * axis / STRAIN_STEP).ceil() as usize);
        let corner = [0, 1].map(|axis| OVAL_CENTER[axis] - OVAL_AXES[axis]);
        let point = |column: usize, row: usize| [column, row].map(|index| index as f32 * STRAIN_STEP);
        let at = |[x, y]: [f32; 2]| self.displacement([corner[0] + x, corner[1] + y]);
        let line = |row: usize| (0..=columns).map(|column| at(point(column, row))).collect::<Vec<_>>();
        let lines: Vec<_> = (0..=rows).map(line).collect();
        let mut extremes = Extremes { length: 0.0, strain: 0.0 };
        for (upper, lower) in lines.iter().zip(&lines[1..]) {
            for (column, own) in upper[..columns].iter().enumerate() {
                let slope = |to: [f32; 2]| [0, 1].map(|axis| (to[axis] - own[axis]) / STRAIN_STEP);
                let strain = largest_singular_value(slope(upper[column + 1]), slope(lower[column]));
                extremes = Extremes { length: extremes.length.max(length(*own)), strain: extremes.strain.max(strain) };
            }
        }
        let long = NEARLY * extremes.length;
        for (row, line) in lines.iter().enumerate() {
            for (column, _) in line.iter().enumerate().filter(|(_, vector)| length(**vector) > long) {
                let [x, y] = point(column, row);
                let around = AROUND.map(|[right, down]| length(at([x + right, y + down])));
                extremes.length = around.into_iter().fold(extremes.length, f32::max);
            }
        }
        extremes
    }

    /// Scales all displacements down by one factor if their length or strain exceeds `most`.
    pub fn limit(&mut self, most: Extremes) {
        let own = self.extremes();
        let share = (BETWEEN * most.length / own.length).min(most.strain / own.strain);
        if share < 1.0 {
            *self = self.scaled(share, 1.0);
        }
    }

    /// Whether every control is a finite number.
    pub fn is_finite(&self) -> bool {
        self.flow.iter().flatten().chain(&self.light).all(|value| value.is_finite())
    }
}

/// The part of a flow that moves the landmarks along `directions`: the gradient of the sum of their displacements along
/// these.
fn landmark_functional(directions: impl Fn([f32; 2]) -> [f32; 2]) -> [[f32; 2]; CONTROLS * CONTROLS] {
    let mut controls = Controls::default();
    for point in ARCFACE_TEMPLATE {
        if let Some(place) = Place::of(point) {
            place.spread(directions(point), 0.0, &mut controls);
        }
    }
    controls.symmetrize();
    controls.flow
}

/// Removes the part along `direction` from `flow`.
fn remove(flow: &mut [[f32; 2]], direction: &[[f32; 2]]) {
    let dot = |a: &[[f32; 2]], b: &[[f32; 2]]| a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a * b).sum();
    let (along, norm): (f32, f32) = (dot(flow, direction), dot(direction, direction));
    let share = if norm > 0.0 { along / norm } else { 0.0 };
    flow.iter_mut().flatten().zip(direction.iter().flatten()).for_each(|(value, part)| *value -= share * part);
}

fn length([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}

/// The largest singular value of the matrix with these columns.
fn largest_singular_value([a, c]: [f32; 2], [b, d]: [f32; 2]) -> f32 {
    let (sum, difference) = ((a + d).hypot(c - b), (a - d).hypot(b + c));
    (sum + difference) / 2.0
}

/// A point inside the oval: the feather there, and the weights of the controls.
struct Place {
    feather: f32,
    flow: [Weights; 2],
    light: [Weights; 2],
}

/// Cubic B-spline weights of four consecutive controls, and the index of the first.
#[derive(Clone, Copy)]
struct Weights {
    first: usize,
    values: [f32; 4],
}

impl Weights {
    /// The weights at `share` of the way along `count` controls.
    #[inline(always)]
    fn at(share: f32, count: usize) -> Self {
        let intervals = count - 3;
        let position = share * intervals as f32;
        let first = (position as usize).min(intervals - 1);
        let t = position - first as f32;
        let (s, square) = (1.0 - t, t * t);
        let values = [
            s * s * s / 6.0,
            (3.0 * square * t - 6.0 * square + 4.0) / 6.0,
            (3.0 * (t + square - square * t) + 1.0) / 6.0,
            square * t / 6.0,
        ];
        Self { first, values }
    }

    /// Index and weight of each control of a row-major square with `count` a side.
    #[inline(always)]
    fn each([columns, rows]: [Self; 2], count: usize, mut take: impl FnMut(usize, f32)) {
        for (row, down) in rows.values.into_iter().enumerate() {
            let start = (rows.first + row) * count + columns.first;
            for (column, across) in columns.values.into_iter().enumerate() {
                take(start + column, down * across);
            }
        }
    }
}

impl Place {
    /// The place of a point of the chip; none outside the oval.
    #[inline(always)]
    fn of(point: [f32; 2]) -> Option<Self> {
        let [x, y] = [0, 1].map(|axis| (point[axis] - OVAL_CENTER[axis]) / OVAL_AXES[axis]);
        let square = x * x + y * y;
        if square.is_nan() || square >= 1.0 {
            return None;
        }
        let inside = ((1.0 - square.sqrt()) / (1.0 - FEATHER_CORE)).min(1.0);
        let shares = [x, y].map(|v| (v + 1.0) / 2.0);
        Some(Self {
            feather: inside * inside * (3.0 - 2.0 * inside),
            flow: shares.map(|share| Weights::at(share, CONTROLS)),
            light: shares.map(|share| Weights::at(share, LIGHTS)),
        })
    }

    #[inline(always)]
    fn displacement(&self, controls: &Controls) -> [f32; 2] {
        let mut sum = [0.0f32; 2];
        Weights::each(self.flow, CONTROLS, |index, weight| {
            let [x, y] = controls.flow[index];
            sum = [sum[0] + weight * x, sum[1] + weight * y];
        });
        sum.map(|v| self.feather * v)
    }

    #[inline(always)]
    fn gain(&self, controls: &Controls) -> f32 {
        let mut sum = 0.0f32;
        Weights::each(self.light, LIGHTS, |index, weight| sum += weight * controls.light[index]);
        self.feather * sum
    }

    /// The adjoint of both: pulls a cotangent of the displacement and one of the gain back, and adds them to the
    /// controls.
    #[inline(always)]
    fn spread(&self, displacement: [f32; 2], gain: f32, controls: &mut Controls) {
        let [x, y] = displacement.map(|v| self.feather * v);
        Weights::each(self.flow, CONTROLS, |index, weight| {
            let vector = &mut controls.flow[index];
            *vector = [vector[0] + weight * x, vector[1] + weight * y];
        });
        let gain = self.feather * gain;
        Weights::each(self.light, LIGHTS, |index, weight| controls.light[index] += weight * gain);
    }
}

/// Both fields at every pixel of a region; reuses its memory.
#[derive(Debug)]
pub struct Field {
    to_chip: SimilarityTransform,
    width: usize,
    /// Displacement by pixel, pixels of the region; zero outside the oval.
    pub displacement: Vec<[f32; 2]>,
    /// Gain of luma by pixel; zero outside the oval.
    pub gain: Vec<f32>,
}

impl Default for Field {
    fn default() -> Self {
        let to_chip = SimilarityTransform::translation(0.0, 0.0);
        Self { to_chip, width: 0, displacement: Vec::new(), gain: Vec::new() }
    }
}

impl Field {
    /// Plans a zero field over a region of `width`×`height` pixels, which `to_chip` maps to the chip.
    pub fn plan(&mut self, to_chip: &SimilarityTransform, width: usize, height: usize) {
        (self.to_chip, self.width) = (*to_chip, width);
        self.displacement.clear();
        self.displacement.resize(width * height, [0.0; 2]);
        self.gain.clear();
        self.gain.resize(width * height, 0.0);
    }

    /// Evaluates the fields of `controls`.
    pub fn evaluate(&mut self, controls: &Controls) {
        let from_chip = self.to_chip.inverse();
        let Self { to_chip, width, displacement, gain } = self;
        for (index, (displacement, gain)) in displacement.iter_mut().zip(gain).enumerate() {
            if let Some(place) = Place::of(to_chip.apply([(index % *width) as f32, (index / *width) as f32])) {
                let [x, y] = place.displacement(controls);
                *displacement = [from_chip.a * x - from_chip.b * y, from_chip.b * x + from_chip.a * y];
                *gain = place.gain(controls);
            }
        }
    }

    /// Pulls cotangents of the displacement, pixels of the region, and of the gain back, and adds them to `controls`.
    pub fn adjoint_add(&self, displacement: &[[f32; 2]], gain: &[f32], controls: &mut Controls) {
        let from_chip = self.to_chip.inverse();
        for (index, ([x, y], gain)) in displacement.iter().zip(gain).enumerate() {
            let point = self.to_chip.apply([(index % self.width) as f32, (index / self.width) as f32]);
            if let Some(place) = Place::of(point) {
                let turned = [from_chip.a * x + from_chip.b * y, from_chip.a * y - from_chip.b * x];
                place.spread(turned, *gain, controls);
            }
        }
    }

    /// Where a point of the region appears after the displacement: the inverse flow, by two fixed-point steps.
    /// `controls` are those last evaluated.
    pub fn moved(&self, controls: &Controls, point: [f32; 2]) -> [f32; 2] {
        let at = self.to_chip.apply(point);
        let mut moved = at;
        for _ in 0..2 {
            let [x, y] = controls.displacement(moved);
            moved = [at[0] - x, at[1] - y];
        }
        self.to_chip.inverse().apply(moved)
    }
}

/// The definition, control by control: for tests.
pub mod reference {
    use super::{CONTROLS, Controls, FEATHER_CORE, LIGHTS, OVAL_AXES, OVAL_CENTER};

    /// The uniform cubic B-spline, centred at zero.
    fn bump(x: f32) -> f32 {
        let x = x.abs();
        if x < 1.0 {
            2.0 / 3.0 - x * x + x * x * x / 2.0
        } else if x < 2.0 {
            (2.0 - x).powi(3) / 6.0
        } else {
            0.0
        }
    }

    /// Twin of [`Controls::displacement`] and [`Controls::gain`].
    pub fn sample(controls: &Controls, point: [f32; 2]) -> [f32; 3] {
        let unit = [0, 1].map(|axis| (point[axis] - OVAL_CENTER[axis]) / OVAL_AXES[axis]);
        let radius = unit[0].hypot(unit[1]);
        let inside = ((1.0 - radius) / (1.0 - FEATHER_CORE)).clamp(0.0, 1.0);
        let feather = inside * inside * (3.0 - 2.0 * inside);
        // The first control lies one interval before the box, the last one interval behind it.
        let weight = |index: usize, count: usize| {
            let at = |axis: usize| (unit[axis] + 1.0) / 2.0 * (count - 3) as f32 + 1.0;
            feather * bump(at(0) - (index % count) as f32) * bump(at(1) - (index / count) as f32)
        };
        let mut sum = [0.0; 3];
        for (index, [x, y]) in controls.flow.iter().enumerate() {
            sum[0] += weight(index, CONTROLS) * x;
            sum[1] += weight(index, CONTROLS) * y;
        }
        for (index, gain) in controls.light.iter().enumerate() {
            sum[2] += weight(index, LIGHTS) * gain;
        }
        sum
    }
}
