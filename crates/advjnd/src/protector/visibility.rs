// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much each pixel of a face's region may change unnoticed, at the resolution that matters.
//!
//! A perturbation has [`GRID`](super::geometry::GRID) samples across a face. If a region has many more pixels, it is
//! box-averaged down by a whole factor, and its thresholds are enlarged bilinearly. Finer thresholds would cost time
//! and memory in the square of the side, and be averaged again when they reach the grid.
//!
//! Sides are padded to a multiple of [`MULTIPLE`] with the outermost samples, as the models do beyond the border
//! anyway: a learned model makes a plan for every size, and a growing face has many sizes.

use crate::error::Result;
use crate::frame::{Between, Region};
use crate::jnd::{JndModel, Model, Picture};

/// Longest side of a reduced region, pixels.
const LONGEST: usize = 256;
/// Its sides are padded to multiples of this.
const MULTIPLE: usize = 64;

/// A model of just-noticeable difference, with the reduced region that it reads.
pub struct Visibility {
    model: (Model, Box<dyn JndModel>),
    luma: Vec<f32>,
    rgb: Vec<[f32; 4]>,
    jnd: Vec<f32>,
}

impl Default for Visibility {
    fn default() -> Self {
        let model = Model::default();
        Self { model: (model, model.new_model()), luma: Vec::new(), rgb: Vec::new(), jnd: Vec::new() }
    }
}

impl Visibility {
    /// Makes the plans for the map of a large face, so that the first map takes no longer than the next.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn prepare(&mut self) -> Result<()> {
        let (luma, rgb) = (&vec![0.0; LONGEST * LONGEST], &vec![[0.0; 4]; LONGEST * LONGEST]);
        self.jnd.resize(luma.len(), 0.0);
        self.model.1.map_picture(&Picture { luma, rgb, width: LONGEST, height: LONGEST }, &mut self.jnd)
    }

    /// Thresholds of `region`'s luma by `model`, in code values, one for each pixel.
    ///
    /// # Errors
    /// As [`JndModel`]'s.
    pub fn map(&mut self, model: Model, region: &Region, jnd: &mut [f32]) -> Result<()> {
        if self.model.0 != model {
            self.model = (model, model.new_model());
        }
        let Self { model: (_, model), luma, rgb, jnd: reduced } = self;
        let (width, height) = (region.rect.width, region.rect.height);
        let factor = width.max(height).div_ceil(LONGEST).max(1);
        let [wide, high] = [width, height].map(|side| side.div_ceil(factor).next_multiple_of(MULTIPLE));
        reduce(region, factor, wide, high, luma, rgb);
        reduced.resize(wide * high, 0.0);
        model.map_picture(&Picture { luma, rgb, width: wide, height: high }, reduced)?;
        enlarge(reduced, wide, factor, width, jnd);
        Ok(())
    }
}

/// Means of blocks of `factor`² pixels, or of partial blocks at the right and lower edges. The result is padded to
/// `wide` × `high` means by repeating the outermost.
fn reduce(region: &Region, factor: usize, wide: usize, high: usize, luma: &mut Vec<f32>, rgb: &mut Vec<[f32; 4]>) {
    let (width, height) = (region.rect.width, region.rect.height);
    luma.clear();
    rgb.clear();
    for top in (0..height).step_by(factor) {
        for left in (0..width).step_by(factor) {
            let (bottom, right) = ((top + factor).min(height), (left + factor).min(width));
            let (mut sum, mut sums) = (0.0, [0.0f32; 4]);
            for y in top..bottom {
                for at in y * width + left..y * width + right {
                    let pixel = &region.pixels[at];
                    sum += region.luma[at];
                    sums = [0, 1, 2, 3].map(|channel| sums[channel] + pixel[channel]);
                }
            }
            let share = 1.0 / ((bottom - top) * (right - left)) as f32;
            luma.push(sum * share);
            rgb.push(sums.map(|sum| sum * share));
        }
        let filled = luma.len().next_multiple_of(wide);
        luma.resize(filled, luma.last().copied().unwrap_or_default());
        rgb.resize(filled, rgb.last().copied().unwrap_or_default());
    }
    while luma.len() < wide * high {
        luma.extend_from_within(luma.len() - wide..);
        rgb.extend_from_within(rgb.len() - wide..);
    }
}

/// Enlarges bilinearly, `factor` times each way, to `width` samples a row; the outermost samples repeat at the border.
fn enlarge(small: &[f32], small_width: usize, factor: usize, width: usize, large: &mut [f32]) {
    let between = |at: usize, len: usize| Between::new((at as f32 + 0.5) / factor as f32 - 0.5, len);
    let columns: Vec<_> = (0..width).map(|x| between(x, small_width)).collect();
    let mut line = vec![0.0; small_width];
    for (y, row) in large.chunks_exact_mut(width).enumerate() {
        let Between { first, next, share: down } = between(y, small.len() / small_width);
        let (above, below) = (&small[first * small_width..], &small[next * small_width..]);
        for (value, (above, below)) in line.iter_mut().zip(above.iter().zip(below)) {
            *value = above + down * (below - above);
        }
        for (value, &Between { first, next, share }) in row.iter_mut().zip(&columns) {
            *value = line[first] + share * (line[next] - line[first]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::frame::{Colorimetry, FrameMut, PixelFormat, PlaneMut};

    /// How far from the edge the padding affects the maps of a model.
    const EDGE: usize = 24;

    /// A region of `side` pixels that brightens from left to right.
    fn ramp(side: usize) -> Region {
        let mut data: Vec<u8> = (0..side * side).flat_map(|at| [(at % side * 255 / side) as u8; 3]).collect();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * side }];
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), side, side, planes).unwrap();
        let mut region = Region::default();
        region.read(&frame, frame.rect());
        region
    }

    fn map(model: Model, region: &Region) -> Vec<f32> {
        let mut jnd = vec![f32::NAN; region.len()];
        Visibility::default().map(model, region, &mut jnd).unwrap();
        jnd
    }

    #[test]
    fn small_regions_have_the_map_of_the_model() {
        for side in [LONGEST, LONGEST - 23, 40] {
            let region = ramp(side);
            for model in Model::ALL {
                let mut own = vec![0.0; region.len()];
                let picture = Picture { luma: &region.luma, rgb: &region.pixels, width: side, height: side };
                model.new_model().map_picture(&picture, &mut own).unwrap();
                let reach = if side.is_multiple_of(MULTIPLE) { side } else { side - EDGE };
                for (at, (filled, own)) in map(model, &region).iter().zip(&own).enumerate() {
                    let known = at % side < reach && at / side < reach;
                    assert!(!known || (filled - own).abs() < 1e-3, "{model:?}, {side}, {at}: {filled}, {own}");
                }
            }
        }
    }

    #[test]
    fn large_regions_have_nearly_the_map_of_the_model() {
        for side in [LONGEST + 1, 2 * LONGEST + 7] {
            let region = ramp(side);
            let picture = Picture { luma: &region.luma, rgb: &region.pixels, width: side, height: side };
            let mut own = vec![0.0; region.len()];
            // On so gentle a slope, Chou's threshold follows the background alone.
            Model::Chou.new_model().map_picture(&picture, &mut own).unwrap();
            let worst =
                map(Model::Chou, &region).iter().zip(&own).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f32::max);
            assert!(worst < 0.1, "{side}: {worst}");
        }
    }

    #[test]
    fn reduced_and_enlarged_a_slope_stays_where_it_is() {
        for (side, factor) in [(9, 3), (10, 4), (7, 2)] {
            let region = ramp(side);
            let (mut luma, mut rgb) = (Vec::new(), Vec::new());
            let small = side.div_ceil(factor);
            reduce(&region, factor, small + 2, small + 1, &mut luma, &mut rgb);
            assert_eq!(luma.len(), (small + 2) * (small + 1));
            assert!(rgb.iter().zip(&luma).all(|(rgb, luma)| (rgb[0] - luma).abs() < 0.01));
            let mut large = vec![f32::NAN; region.len()];
            enlarge(&luma, small + 2, factor, side, &mut large);
            let inner = factor..side / factor * factor - factor;
            for x in inner {
                assert!((large[x] - region.luma[x]).abs() < 255.0 / side as f32, "{side}, {factor}: {x}");
            }
        }
    }
}
