// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a face's perturbation lives, and how it maps to the frame and to the recognisers' chips.
//!
//! The perturbation is a [`GRID`]×[`GRID`] plane of luma in aligned-face coordinates (ArcFace's five-point template,
//! enlarged), so it moves with the head. It is warped into the frame under a feathered oval that ends inside the face.

use super::rendition::Rendition;
use crate::attack::ViewSampler;
use crate::error::Result;
use crate::face::detect::LONG_SIDE_AT_NETWORK;
use crate::face::flow::{OVAL_AXES, OVAL_CENTER};
use crate::face::{CHIP_PER_BOX, Landmarks, SimilarityTransform, Warp};
use crate::frame::Rect;
use crate::net::{ARCFACE_TEMPLATE, RecognizerSpec, Template};

/// Side of the perturbation's grid.
pub const GRID: usize = 160;
const GRID_SCALE: f32 = GRID as f32 / 112.0;
/// Share of the oval's radius inside which the mask is one; it falls to zero at the rim.
const OVAL_CORE: f32 = 0.75;
/// Random views shift, turn and scale a chip by up to this share of its side.
const VIEW_REACH: f32 = 0.015;
/// Random views scale a chip by up to at least this, since other pipelines crop faces tighter or wider.
const SCALE_REACH: f32 = 0.04;
/// Random views also shift a chip by this many pixels of a frame reduced to a long side of [`LONG_SIDE_AT_NETWORK`]:
/// other pipelines find landmarks in a reduced frame, where a small face has few pixels.
const VIEW_REACH_PIXELS: f32 = 1.2;
/// The self-check uses one random view per this much reach.
const REACH_PER_CHECK: f32 = 0.03;
/// Largest number of random views in the self-check.
const MAX_CHECKS: usize = 4;
/// Two sets of landmarks are distinct from this distance on, as a share of the face.
const SETS_APART: f32 = 0.015;
/// A set is dropped if its scale differs from the first by more than this factor.
const SETS_RATIO: f32 = 2.0;
/// From this distance on, a chip by other landmarks shows something else. A system that aligns by them also enrolled by
/// them.
const SETS_STRANGE: f32 = 0.06;
/// How far a region reaches around the chips, as a share of the chip, so that random views fit in.
const VIEW_MARGIN: f32 = 0.06;

fn grid_template() -> Template {
    ARCFACE_TEMPLATE.map(|[x, y]| [x * GRID_SCALE, y * GRID_SCALE])
}

/// The alignment of a face to the chip of each recogniser.
fn chips<'a>(
    landmarks: &Landmarks,
    specs: impl Iterator<Item = &'a RecognizerSpec>,
) -> Result<Vec<SimilarityTransform>> {
    specs.map(|spec| SimilarityTransform::fit(landmarks, &spec.template)).collect()
}

/// How a chip is cut from a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewpoint {
    /// Index of the set of landmarks.
    pub set: usize,
    /// A random view, if any.
    pub view: Option<SimilarityTransform>,
    /// Whether the chip is mirrored, left to right.
    pub mirrored: bool,
    /// The copy of the frame that it is cut from.
    pub rendition: Rendition,
}

/// The transforms of one face in one frame, and their operators.
#[derive(Debug, Default)]
pub struct Geometry {
    /// The pixels of the frame that chips can read.
    pub rect: Rect,
    /// Per pixel of the region: one inside the face, zero outside its oval, feathered between.
    pub mask: Vec<f32>,
    /// Region ← grid, where the mask is not zero.
    pub spread: Warp,
    /// Grid ← region.
    pub gather: Warp,
    /// Chip ← frame, for each set of landmarks and each recogniser.
    to_chips: Vec<Vec<SimilarityTransform>>,
    /// For each set but the first: whether it is far from the first.
    strange: Vec<bool>,
    /// The followed set.
    followed: Landmarks,
    /// Number of sets of the clean face.
    seen_sets: usize,
    /// Grid ← frame.
    to_grid: Option<SimilarityTransform>,
    reach: f32,
    grid_scale: f32,
}

impl Geometry {
    /// Lays out a face for a `width`×`height` frame by the first of the `landmarks`. Chips are cut by that set and by
    /// those of the others that differ from it.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the first landmarks span no face.
    pub fn plan<'a>(
        &mut self,
        mut landmarks: impl Iterator<Item = Landmarks>,
        specs: impl Iterator<Item = &'a RecognizerSpec> + Clone,
        width: usize,
        height: usize,
    ) -> Result<()> {
        let followed = landmarks.next().unwrap_or_default();
        let to_grid = SimilarityTransform::fit(&followed, &grid_template())?;
        let pixels = VIEW_REACH_PIXELS * (width.max(height) as f32 / LONG_SIDE_AT_NETWORK).max(1.0);
        self.reach = VIEW_REACH + pixels * to_grid.scale() / GRID as f32;
        self.grid_scale = to_grid.scale();
        (self.followed, self.to_grid) = (followed, Some(to_grid));
        self.to_chips.clear();
        self.strange.clear();
        self.to_chips.push(chips(&followed, specs.clone())?);
        self.add_sets(&followed, landmarks, SETS_APART * GRID as f32 / to_grid.scale(), specs.clone());
        self.seen_sets = self.to_chips.len();
        let mut bounds = to_grid.inverse().square_bounds(GRID as f32 - 1.0);
        for to_chips in &self.to_chips {
            for (spec, to_chip) in specs.clone().zip(to_chips) {
                let [x0, y0, x1, y1] = to_chip.inverse().square_bounds(spec.chip_size as f32 - 1.0);
                let margin = VIEW_MARGIN * (x1 - x0) + 1.0;
                bounds = [
                    bounds[0].min(x0 - margin),
                    bounds[1].min(y0 - margin),
                    bounds[2].max(x1 + margin),
                    bounds[3].max(y1 + margin),
                ];
            }
        }
        self.rect = Rect::covering(bounds[0], bounds[1], bounds[2] + 1.0, bounds[3] + 1.0, width, height);
        let region = (self.rect.width, self.rect.height);
        self.fill_mask(&to_grid);
        let (mask, width) = (&self.mask, region.0);
        let masked = |y: usize| {
            let row = &mask[y * width..(y + 1) * width];
            let first = row.iter().position(|mask| *mask > 0.0).unwrap_or(width);
            first..row.iter().rposition(|mask| *mask > 0.0).map_or(first, |last| last + 1)
        };
        self.spread.plan_rows(&self.region_to_grid(&to_grid), (GRID, GRID), region, masked);
        self.gather.plan(&self.to_region(&to_grid.inverse()), region, (GRID, GRID));
        Ok(())
    }

    /// Adds the sets that lie further than `apart` pixels from all earlier ones. A set of very different size is not of
    /// this face and is dropped.
    fn add_sets<'a>(
        &mut self,
        followed: &Landmarks,
        others: impl Iterator<Item = Landmarks>,
        apart: f32,
        specs: impl Iterator<Item = &'a RecognizerSpec> + Clone,
    ) {
        let mut taken = vec![*followed];
        for set in others {
            if taken.iter().any(|other| other.distance(&set) <= apart) {
                continue;
            }
            let Ok(to_chips) = chips(&set, specs.clone()) else { continue };
            let ratios = to_chips.iter().zip(&self.to_chips[0]).map(|(own, first)| own.scale() / first.scale());
            if ratios.into_iter().all(|ratio| (1.0 / SETS_RATIO..=SETS_RATIO).contains(&ratio)) {
                self.to_chips.push(to_chips);
                self.strange.push(set.distance(followed) > apart * SETS_STRANGE / SETS_APART);
                taken.push(set);
            }
        }
    }

    /// The followed landmarks, pixels of the frame.
    pub fn followed(&self) -> &Landmarks {
        &self.followed
    }

    /// Chip of 112² ← region.
    pub fn region_to_chip(&self) -> SimilarityTransform {
        let to_chip = SimilarityTransform { a: 1.0 / GRID_SCALE, b: 0.0, tx: 0.0, ty: 0.0 };
        let to_grid = self.to_grid.unwrap_or(SimilarityTransform::translation(0.0, 0.0));
        to_chip.after(&self.region_to_grid(&to_grid))
    }

    /// Sets the landmarks of the reshaped face, replacing earlier ones: the followed landmarks, moved by `moved` in
    /// region coordinates.
    pub fn move_landmarks<'a>(
        &mut self,
        moved: impl Fn([f32; 2]) -> [f32; 2],
        specs: impl Iterator<Item = &'a RecognizerSpec>,
    ) -> Result<()> {
        let corner = [self.rect.x as f32, self.rect.y as f32];
        let set = self.followed.map(|[x, y]| {
            let [x, y] = moved([x - corner[0], y - corner[1]]);
            [x + corner[0], y + corner[1]]
        });
        self.to_chips.truncate(self.seen_sets);
        self.strange.truncate(self.seen_sets - 1);
        if set != self.followed {
            self.to_chips.push(chips(&set, specs)?);
            self.strange.push(false);
        }
        Ok(())
    }

    /// Number of sets of landmarks; the first is the followed one.
    pub fn sets(&self) -> usize {
        self.to_chips.len()
    }

    /// The sets that every look at the output uses: the followed one, and that of the reshaped face.
    pub fn plain_sets(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        std::iter::once(0).chain(self.seen_sets..self.sets())
    }

    /// The sets so far from the first that chips by them show something else.
    pub fn strange_sets(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.strange.iter().enumerate().filter(|(_, strange)| **strange).map(|(index, _)| index + 1)
    }

    /// The sets near the first one, which is the followed set and comes first.
    pub fn near_sets(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.sets()).filter(|set| *set == 0 || !self.strange[*set - 1])
    }

    fn fill_mask(&mut self, to_grid: &SimilarityTransform) {
        // Oval coordinates are affine in the pixel, so one step along a row is a constant.
        let to_grid = self.region_to_grid(to_grid);
        let scale = [GRID_SCALE * OVAL_AXES[0], GRID_SCALE * OVAL_AXES[1]];
        let step = [to_grid.a / scale[0], to_grid.b / scale[1]];
        self.mask.clear();
        for y in 0..self.rect.height {
            let [gx, gy] = to_grid.apply([0.0, y as f32]);
            let start = [gx / scale[0] - OVAL_CENTER[0] / OVAL_AXES[0], gy / scale[1] - OVAL_CENTER[1] / OVAL_AXES[1]];
            self.mask.extend((0..self.rect.width).map(|x| {
                let (dx, dy) = (start[0] + step[0] * x as f32, start[1] + step[1] * x as f32);
                let radius = (dx * dx + dy * dy).sqrt();
                let inside = ((1.0 - radius) / (1.0 - OVAL_CORE)).clamp(0.0, 1.0);
                inside * inside * (3.0 - 2.0 * inside)
            }));
        }
    }

    /// Plans the operator chip ← region of recogniser `index` as seen from `point`; for halved points, chip ← half
    /// region.
    pub fn plan_chip(&self, index: usize, chip_size: usize, point: &Viewpoint, warp: &mut Warp) {
        let to_chip = &self.to_chips[point.set][index];
        let to_chip = point.view.map_or(*to_chip, |view| view.after(to_chip));
        let (to_region, region) = (self.to_region(&to_chip.inverse()), (self.rect.width, self.rect.height));
        let chip = (chip_size, chip_size);
        if point.rendition == Rendition::Halved {
            let to_half = SimilarityTransform { a: 0.5, b: 0.0, tx: -0.25, ty: -0.25 };
            warp.plan(&to_half.after(&to_region), (region.0.div_ceil(2), region.1.div_ceil(2)), chip);
        } else {
            warp.plan(&to_region, region, chip);
        }
    }

    /// Width of the face, pixels of the frame.
    pub fn face_width(&self) -> f32 {
        GRID as f32 / (CHIP_PER_BOX * self.grid_scale)
    }

    /// A random view of a chip within the uncertainty of the landmarks.
    pub fn view(&self, chip_size: usize, views: &mut ViewSampler) -> SimilarityTransform {
        Self::random_view(self.reach, chip_size, views)
    }

    /// A random view of a chip. Its matrix entries, and its shift as a share of the side, lie within ± `reach`.
    pub fn random_view(reach: f32, chip_size: usize, views: &mut ViewSampler) -> SimilarityTransform {
        let side = chip_size as f32;
        let [a, b, tx, ty] = views.similarity(reach.max(SCALE_REACH), reach, reach * side, side);
        SimilarityTransform { a, b, tx, ty }
    }

    /// Number of random views for the self-check: more for small faces, whose landmarks are less certain.
    pub fn checks(&self) -> usize {
        ((self.reach / REACH_PER_CHECK).ceil() as usize).clamp(1, MAX_CHECKS)
    }

    /// Samples of the grid per pixel of the frame.
    pub fn grid_scale(&self) -> f32 {
        self.grid_scale
    }

    /// Reach of random views as a share of a chip's side: the uncertainty of the landmarks.
    pub fn reach(&self) -> f32 {
        self.reach
    }

    fn to_region(&self, to_frame: &SimilarityTransform) -> SimilarityTransform {
        SimilarityTransform::translation(-(self.rect.x as f32), -(self.rect.y as f32)).after(to_frame)
    }

    fn region_to_grid(&self, to_grid: &SimilarityTransform) -> SimilarityTransform {
        to_grid.after(&SimilarityTransform::translation(self.rect.x as f32, self.rect.y as f32))
    }
}
