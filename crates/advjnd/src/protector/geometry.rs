//! Where a face's perturbation lives, and how it meets the frame and the recognisers' chips.
//!
//! The perturbation is a [`GRID`]×[`GRID`] plane of luma in aligned-face coordinates (ArcFace's five-point template,
//! enlarged), so that a moving head keeps it. The frame sees its warp, under a feathered oval that ends inside the face.

use crate::error::Result;
use crate::face::{Landmarks, SimilarityTransform, Warp};
use crate::frame::Rect;
use crate::net::{ARCFACE_TEMPLATE, RecognizerSpec, Template};

/// Side of the perturbation's grid.
pub const GRID: usize = 160;
const GRID_SCALE: f32 = GRID as f32 / 112.0;
/// The face oval in the ArcFace chip of 112²: centre and half axes, from hairline to chin and from cheek to cheek.
const OVAL_CENTER: [f32; 2] = [56.0, 66.0];
const OVAL_AXES: [f32; 2] = [48.0, 60.0];
/// Share of the oval's radius inside which the mask is one; it falls to zero at the rim.
const OVAL_CORE: f32 = 0.75;
/// How far around the chips a region reaches, as a share of the chip: what random views may look at.
const VIEW_MARGIN: f32 = 0.06;

fn grid_template() -> Template {
    ARCFACE_TEMPLATE.map(|[x, y]| [x * GRID_SCALE, y * GRID_SCALE])
}

/// The transforms of one face in one frame, and the operators they stand for.
#[derive(Debug, Default)]
pub struct Geometry {
    /// The pixels of the frame that the chips may look at.
    pub rect: Rect,
    /// Region ← grid.
    pub spread: Warp,
    /// Grid ← region.
    pub gather: Warp,
    to_grid: Option<SimilarityTransform>,
    to_chips: Vec<SimilarityTransform>,
}

impl Geometry {
    /// Lays out a face for a `width`×`height` frame.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the landmarks span no face.
    pub fn plan<'a>(
        &mut self,
        landmarks: &Landmarks,
        specs: impl Iterator<Item = &'a RecognizerSpec>,
        width: usize,
        height: usize,
    ) -> Result<()> {
        let to_grid = SimilarityTransform::fit(landmarks, &grid_template())?;
        self.to_chips.clear();
        let mut bounds = to_grid.inverse().square_bounds(GRID as f32 - 1.0);
        for spec in specs {
            let to_chip = SimilarityTransform::fit(landmarks, &spec.template)?;
            let [x0, y0, x1, y1] = to_chip.inverse().square_bounds(spec.chip_size as f32 - 1.0);
            let margin = VIEW_MARGIN * (x1 - x0) + 1.0;
            bounds = [
                bounds[0].min(x0 - margin),
                bounds[1].min(y0 - margin),
                bounds[2].max(x1 + margin),
                bounds[3].max(y1 + margin),
            ];
            self.to_chips.push(to_chip);
        }
        self.rect = Rect::covering(bounds[0], bounds[1], bounds[2] + 1.0, bounds[3] + 1.0, width, height);
        self.to_grid = Some(to_grid);
        let region = (self.rect.width, self.rect.height);
        self.spread.plan(&self.region_to_grid(&to_grid), (GRID, GRID), region);
        self.gather.plan(&self.to_region(&to_grid.inverse()), region, (GRID, GRID));
        Ok(())
    }

    /// The mask per pixel of the region: one inside the face, zero outside its oval, feathered between.
    pub fn mask(&self, mask: &mut Vec<f32>) {
        mask.clear();
        let Some(to_grid) = &self.to_grid else { return };
        let to_grid = self.region_to_grid(to_grid);
        for y in 0..self.rect.height {
            for x in 0..self.rect.width {
                let [gx, gy] = to_grid.apply([x as f32, y as f32]);
                let dx = (gx / GRID_SCALE - OVAL_CENTER[0]) / OVAL_AXES[0];
                let dy = (gy / GRID_SCALE - OVAL_CENTER[1]) / OVAL_AXES[1];
                let inside = ((1.0 - dx.hypot(dy)) / (1.0 - OVAL_CORE)).clamp(0.0, 1.0);
                mask.push(inside * inside * (3.0 - 2.0 * inside));
            }
        }
    }

    /// Plans the operator chip ← region of recogniser `index`, seen through `view`, a transform of the chip onto itself.
    pub fn plan_chip(&self, index: usize, chip_size: usize, view: Option<&SimilarityTransform>, warp: &mut Warp) {
        let to_chip = &self.to_chips[index];
        let to_chip = view.map_or(*to_chip, |view| view.after(to_chip));
        let region = (self.rect.width, self.rect.height);
        warp.plan(&self.to_region(&to_chip.inverse()), region, (chip_size, chip_size));
    }

    fn to_region(&self, to_frame: &SimilarityTransform) -> SimilarityTransform {
        SimilarityTransform::translation(-(self.rect.x as f32), -(self.rect.y as f32)).after(to_frame)
    }

    fn region_to_grid(&self, to_grid: &SimilarityTransform) -> SimilarityTransform {
        to_grid.after(&SimilarityTransform::translation(self.rect.x as f32, self.rect.y as f32))
    }
}
