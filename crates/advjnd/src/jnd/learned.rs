// SPDX-License-Identifier: MIT OR Apache-2.0
//! Full-colour maps learned without labels, after Jin, Xue et al. 2022, "RGB-JND" (arXiv 2203.00629), and "HVS-SD JND"
//! (arXiv 2208.07583). The papers' weights are not available. These are trained by `models/train/jnd_maps.py`, which
//! says what is known of the papers' training and what differs.
//!
//! ```text
//! J = softplus(U(N(x)))        N: six convolutions, net::thresholds; U: bilinear, four times each way
//! ```
//!
//! x is R', G', B', padded to a multiple of [`MULTIPLE`] by repeating its right and lower edges. J has three thresholds
//! a pixel, in code values. A change of luma alone moves R', G' and B' alike, so the least of the three bounds it. If
//! only luma is known, it serves as all three.
//!
//! Every size of region needs a plan, which allocates; the last few plans are kept.

use super::gradient::larger;
use super::power::{exp, log2};
use super::{JndModel, Picture, check_len};
use crate::error::{Error, Result};
use crate::net::graph::Graph;
use crate::net::thresholds::{self, REDUCTION};
use crate::net::{Backend, Executor, Pass};
use crate::pool::Pool;

use bytes::Bytes;
use pulp::{Simd, WithSimd};

/// The sides of the network's input are multiples of this. So a growing face rarely needs a new plan, which takes
/// longer to make than to run.
const MULTIPLE: usize = 8 * REDUCTION;
/// Number of plans to keep.
const PLANS: usize = 8;
const LN_2: f32 = std::f32::consts::LN_2;

/// The network's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weights {
    Rgb,
    HvsSd,
}

impl Weights {
    fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::HvsSd => "hvs-sd",
        }
    }

    fn file(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Rgb => thresholds::RGB,
            Self::HvsSd => thresholds::HVS_SD,
        })
    }
}

/// A learned map.
pub struct Learned {
    weights: Weights,
    arch: pulp::Arch,
    graph: Option<Graph>,
    plans: Vec<Plan>,
    input: Vec<f32>,
    lines: [Vec<f32>; 3],
    row: [Vec<f32>; 3],
}

struct Plan {
    width: usize,
    height: usize,
    executor: Box<dyn Executor>,
}

impl Learned {
    /// The map trained towards picture quality alone.
    pub fn rgb() -> Self {
        Self::new(Weights::Rgb)
    }

    /// The map trained towards quality as seen by a network that passes only part of the signal.
    pub fn hvs_sd() -> Self {
        Self::new(Weights::HvsSd)
    }

    fn new(weights: Weights) -> Self {
        Self {
            weights,
            arch: pulp::Arch::new(),
            graph: None,
            plans: Vec::new(),
            input: Vec::new(),
            lines: Default::default(),
            row: Default::default(),
        }
    }

    /// Thresholds of a picture's three channels: `clean` is planar R', G', B', `[3][height][width]`, 0..=255; `jnd`,
    /// of the same shape, receives the thresholds in code values.
    ///
    /// # Errors
    /// As for [`JndModel`].
    pub fn map_rgb(&mut self, clean: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        check_len("the red, green and blue of a JND region", clean.len(), width, height.saturating_mul(3))?;
        check_len("the thresholds of red, green and blue", jnd.len(), width, height.saturating_mul(3))?;
        let area = width * height;
        let rgb = |at: usize| [clean[at], clean[area + at], clean[2 * area + at]];
        self.run((width, height), rgb, |y, rows| {
            for (plane, row) in jnd.chunks_exact_mut(area).zip(rows) {
                plane[y * width..][..width].copy_from_slice(row);
            }
        })
    }

    /// Runs the network on `rgb(x, y)` of a `width` × `height` region, and calls `put(y, thresholds)` with each row of
    /// the three planes.
    fn run(
        &mut self,
        (width, height): (usize, usize),
        rgb: impl Fn(usize) -> [f32; 3],
        mut put: impl FnMut(usize, [&[f32]; 3]),
    ) -> Result<()> {
        let (wide, high) = (width.next_multiple_of(MULTIPLE), height.next_multiple_of(MULTIPLE));
        self.input.resize(3 * wide * high, 0.0);
        let (red, rest) = self.input.split_at_mut(wide * high);
        let (green, blue) = rest.split_at_mut(wide * high);
        for y in 0..high {
            for x in 0..wide {
                let [r, g, b] = rgb(y.min(height - 1) * width + x.min(width - 1));
                if !(r.is_finite() && g.is_finite() && b.is_finite()) {
                    return Err(Error::NotFinite { stage: "a JND region" });
                }
                let at = y * wide + x;
                (red[at], green[at], blue[at]) = (r.clamp(0.0, 255.0), g.clamp(0.0, 255.0), b.clamp(0.0, 255.0));
            }
        }
        let index = self.plan(wide, high)?;
        let executor = &mut self.plans[index].executor;
        executor.forward(&self.input, Pass::Infer)?;
        let (small_width, small_height) = (wide / REDUCTION, high / REDUCTION);
        let output = executor.output(0);
        if !output.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { stage: "a learned JND map" });
        }
        for (line, row) in self.lines.iter_mut().zip(&mut self.row) {
            line.resize(small_width + 2, 0.0);
            row.resize(wide, 0.0);
        }
        for y in 0..height {
            let planes = output.chunks_exact(small_width * small_height);
            for ((plane, line), row) in planes.zip(&mut self.lines).zip(&mut self.row) {
                self.arch.dispatch(Enlarge { plane, y, line, row });
            }
            put(y, self.row.each_ref().map(|row| &row[..width]));
        }
        Ok(())
    }

    /// Index of the plan for a size, made if need be.
    fn plan(&mut self, width: usize, height: usize) -> Result<usize> {
        if let Some(index) = self.plans.iter().position(|plan| plan.width == width && plan.height == height) {
            return Ok(index);
        }
        let graph = match self.graph.take() {
            Some(graph) => graph.resized(height, width)?,
            None => thresholds::graph(self.weights.name(), &self.weights.file(), height, width)?,
        };
        let executor = Backend::Cpu(Pool::new(1)?).executor(self.graph.insert(graph), 1)?;
        if self.plans.len() == PLANS {
            self.plans.remove(0);
        }
        self.plans.push(Plan { width, height, executor });
        Ok(self.plans.len() - 1)
    }
}

/// One row of the thresholds from a plane of the network's output.
struct Enlarge<'a> {
    plane: &'a [f32],
    y: usize,
    line: &'a mut [f32],
    row: &'a mut [f32],
}

impl WithSimd for Enlarge<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.line.len() - 2;
        // Row y lies an eighth or three eighths of a sample before or after the nearest row of samples.
        let position = ((self.y as f32 + 0.5) * (1.0 / REDUCTION as f32) - 0.5).max(0.0);
        let (above, down) = (position as usize, position - position.trunc());
        let last = self.plane.len() / width - 1;
        let row_at = |y: usize| &self.plane[y.min(last) * width..][..width];
        let (above, below) = (row_at(above), row_at(above + 1));
        let line = &mut self.line[1..=width];
        for (x, value) in line.iter_mut().enumerate() {
            *value = above[x] + down * (below[x] - above[x]);
        }
        (self.line[0], self.line[width + 1]) = (self.line[1], self.line[width]);
        for (out, near) in self.row.chunks_exact_mut(REDUCTION).zip(self.line.windows(3)) {
            let (to_left, to_right) = (near[0] - near[1], near[2] - near[1]);
            out[0] = near[1] + 0.375 * to_left;
            out[1] = near[1] + 0.125 * to_left;
            out[2] = near[1] + 0.125 * to_right;
            out[3] = near[1] + 0.375 * to_right;
        }
        for value in self.row {
            *value = softplus(*value);
        }
    }
}

/// ln(1 + e^x).
#[inline(always)]
fn softplus(x: f32) -> f32 {
    let rest = exp(larger(-x.abs(), -80.0));
    larger(x, 0.0) + LN_2 * log2(1.0 + rest)
}

impl JndModel for Learned {
    fn name(&self) -> &'static str {
        self.weights.name()
    }

    fn map_luma(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        check_len("the Y plane of a JND region", luma.len(), width, height)?;
        check_len("the Y thresholds", jnd.len(), width, height)?;
        self.run((width, height), |at| [luma[at]; 3], |y, planes| least(&mut jnd[y * width..][..width], planes))
    }

    fn map_picture(&mut self, picture: &Picture<'_>, jnd: &mut [f32]) -> Result<()> {
        let Picture { rgb, width, height, .. } = *picture;
        check_len("the pixels of a JND region", rgb.len(), width, height)?;
        check_len("the Y thresholds", jnd.len(), width, height)?;
        let pixel = |at: usize| {
            let [r, g, b, _] = rgb[at];
            [r, g, b]
        };
        self.run((width, height), pixel, |y, planes| least(&mut jnd[y * width..][..width], planes))
    }
}

/// The threshold of an equal change of all three channels.
fn least(out: &mut [f32], [red, green, blue]: [&[f32]; 3]) {
    for (x, out) in out.iter_mut().enumerate() {
        *out = red[x].min(green[x]).min(blue[x]);
    }
}
