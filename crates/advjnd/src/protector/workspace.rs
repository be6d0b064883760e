//! The buffers of one face's turn in a frame.

use super::Settings;
use super::geometry::{GRID, Geometry, Viewpoint};
use super::rendition::{HalfRegion, Rendition, Stretch, is_halved};
use super::station::{Sources, Station};
use crate::attack::Budget;
use crate::error::Result;
use crate::face::Landmarks;
use crate::frame::{FrameMut, Rect, Region};
use crate::jnd::{octave_shares, pixels_per_degree};
use crate::net::RecognizerSpec;

/// A region with a shorter side holds too little of a face to work on.
const MIN_REGION: usize = 8;

/// Margin that a face must have for each unit of its random views' reach, besides that for a codec: the less certain
/// the landmarks, the more.
const MARGIN_PER_REACH: f32 = 1.5;

/// Width of a face, pixels, of which in half the size the margin is required that is required of it as it is; a smaller
/// face needs more of one in inverse proportion, for a codec takes more of fewer pixels,
const HALVED_ALIKE: f32 = 150.0;
/// up to this factor.
const MOST_HALVED: f32 = 2.0;

/// By so much more of a margin for a codec must be there to show a face that the last frame covered.
const UNSHOWN: f32 = 1.5;

/// What a face's turn needs for itself; nothing in it outlives the turn.
#[derive(Default)]
pub struct Workspace {
    /// Where the face lies.
    pub geometry: Geometry,
    /// The region: clean, until it is [inspected](Self::inspect).
    pub region: Region,
    /// Largest change of luma per pixel of the region.
    pub bounds: Vec<f32>,
    /// The perturbation in the region.
    pub residual: Vec<f32>,
    /// The perturbation as the frame stores it; then its gradient; of an inspected region, its clean luma.
    pub stored: Vec<f32>,
    /// Margin from which the face counts as protected, by recogniser and rendition; minus infinity where it is not
    /// looked at.
    pub required: Vec<[f32; Rendition::ALL.len()]>,
    /// The region in half its size, of a face that is looked at so.
    pub half: HalfRegion,
    /// How the face's contrast would be stretched, if it has little.
    pub stretch: Option<Stretch>,
    /// The looks of the self-check.
    pub looks: Vec<Look>,
    saved: Vec<u8>,
    grid_bounds: Vec<f32>,
    frame_height: usize,
    /// Largest sum of squared changes of luma in the region, if it is bound.
    most_energy: Option<f32>,
}

/// What was to be seen at a place: luma.
#[derive(Debug, Default)]
pub struct Scene {
    rect: Rect,
    luma: Vec<f32>,
}

impl Scene {
    /// Lays itself over `luma` of `rect`, where both know.
    fn cover(&self, rect: Rect, luma: &mut [f32]) {
        if !self.rect.intersects(&rect) {
            return;
        }
        let (left, top) = (self.rect.x.max(rect.x), self.rect.y.max(rect.y));
        let right = (self.rect.x + self.rect.width).min(rect.x + rect.width);
        let bottom = (self.rect.y + self.rect.height).min(rect.y + rect.height);
        for y in top..bottom {
            let at = |rect: &Rect| (y - rect.y) * rect.width + left - rect.x;
            let (from, to) = (at(&self.rect), at(&rect));
            luma[to..to + right - left].copy_from_slice(&self.luma[from..from + right - left]);
        }
    }
}

/// One look of the self-check: who looks at the output, how, and what it takes the face for.
pub struct Look {
    /// Index of the recogniser.
    pub eye: usize,
    /// From where.
    pub point: Viewpoint,
    /// The embedding.
    pub embedding: Vec<f32>,
}

impl Workspace {
    /// Lays out a face, reads its region and bounds its change to `jnd_scale` times the just-noticeable difference,
    /// inside the face's oval. `false` if too little of it lies in the frame to be worked on. `scene` is what was there
    /// a frame ago, and becomes what is there now; the last frame has `shown` the face, or covered it.
    pub fn open(
        &mut self,
        frame: &FrameMut<'_>,
        landmarks: impl Iterator<Item = Landmarks>,
        (station, specs): (&mut Station, &[RecognizerSpec]),
        settings: &Settings,
        (scene, shown): (&mut Scene, bool),
    ) -> Result<bool> {
        self.geometry.plan(landmarks, specs.iter(), frame.width(), frame.height())?;
        self.frame_height = frame.height();
        let rect = self.geometry.rect;
        if rect.width < MIN_REGION || rect.height < MIN_REGION {
            return Ok(false);
        }
        self.region.read(frame, rect);
        self.stretch = Stretch::of(&self.region, &self.geometry.mask);
        let for_half = (HALVED_ALIKE / self.geometry.face_width()).clamp(1.0, MOST_HALVED);
        let (halved, stretched) = (is_halved(self.geometry.face_width()), self.stretch.is_some());
        self.required.clear();
        self.required.extend(specs.iter().map(|spec| {
            let required = required_margin(settings.margin, spec, &self.geometry, shown);
            let if_wanted = |wanted, margin| if wanted { margin } else { f32::NEG_INFINITY };
            [required, if_wanted(halved, for_half * required), if_wanted(stretched, required)]
        }));
        self.bounds.resize(self.region.len(), 0.0);
        let (luma, Rect { width, height, .. }) = (&self.region.luma, rect);
        station.visibility.map(settings.jnd_model, &self.region, &mut self.bounds)?;
        if settings.temporal_masking {
            let before = &mut self.stored;
            before.clone_from(luma);
            scene.cover(rect, before);
            station.temporal.adapt(luma, before, width, height, &mut self.bounds)?;
            scene.rect = rect;
            scene.luma.clone_from(luma);
        } else {
            *scene = Scene::default();
        }
        let scale = if settings.jnd_scale.is_finite() { settings.jnd_scale.max(0.0) } else { 0.0 };
        let scale = scale * settings.jnd_model.calibration();
        for (bound, mask) in self.bounds.iter_mut().zip(&self.geometry.mask) {
            *bound = (*bound * scale * mask).min(settings.max_change as f32);
        }
        self.most_energy = (settings.min_psnr > 0.0).then(|| {
            let inside = self.geometry.mask.iter().filter(|mask| **mask > 0.0).count() as f32;
            inside * (255.0f32 * 255.0) / 10.0f32.powf(settings.min_psnr / 10.0)
        });
        self.residual.resize(self.region.len(), 0.0);
        self.stored.resize(self.region.len(), 0.0);
        self.saved.clear();
        frame.save(rect, &mut self.saved);
        Ok(true)
    }

    /// The bounds in the perturbation's own coordinates.
    pub fn budget(&mut self, settings: &Settings) -> Budget {
        self.grid_bounds.resize(GRID * GRID, 0.0);
        self.geometry.gather.forward(&self.bounds, &mut self.grid_bounds);
        let pixels_per_degree = pixels_per_degree(self.frame_height, settings.viewing_distance);
        let share = settings.jnd_rms / settings.jnd_scale;
        let share = self.most_energy.map_or(share, |most| share.min((most / energy(&self.bounds)).sqrt()));
        Budget::symmetric(&self.grid_bounds)
            .in_octaves(GRID, octave_shares(self.geometry.grid_scale(), pixels_per_degree))
            .with_rms(if share.is_nan() { 0.0 } else { share })
    }

    /// Lays a perturbation over the region; made smaller, if it would change more than the face's PSNR allows.
    pub fn lay(&mut self, delta: &[f32]) {
        self.geometry.spread.forward(delta, &mut self.residual);
        let Some(most) = self.most_energy else { return };
        let energy = energy(&self.residual);
        if energy > most {
            let scale = (most / energy).sqrt();
            self.residual.iter_mut().for_each(|change| *change *= scale);
        }
    }

    /// Writes a perturbation to the frame.
    pub fn write(&mut self, frame: &mut FrameMut<'_>, delta: &[f32]) {
        self.lay(delta);
        self.region.write(frame, &self.residual, &self.bounds);
    }

    /// Puts the clean region back into the frame.
    pub fn restore(&self, frame: &mut FrameMut<'_>) {
        frame.restore(self.region.rect, &self.saved);
    }

    /// Reads the region as output.
    pub fn inspect(&mut self, frame: &FrameMut<'_>) {
        std::mem::swap(&mut self.region.luma, &mut self.stored);
        self.region.read(frame, self.region.rect);
        if self.is_wanted(Rendition::Halved) {
            self.half.read(&self.region);
        }
    }

    /// Whether the self-check looks at such a copy.
    pub fn is_wanted(&self, rendition: Rendition) -> bool {
        self.required.iter().any(|margins| margins[rendition.index()] > f32::NEG_INFINITY)
    }

    /// What there is to look at.
    pub fn sources(&self) -> Sources<'_> {
        Sources { region: &self.region, half: &self.half, stretch: self.stretch }
    }

    /// Reads the clean region again, which is back in the frame.
    pub fn reopen(&mut self, frame: &FrameMut<'_>) {
        self.region.read(frame, self.region.rect);
    }
}

/// The margin from which a face counts as protected in the eyes of a recogniser, if one with a pixel for each sample of
/// the grid is to have `margin` for a codec in those of `dlib_resnet29`. What a codec takes depends on the recogniser,
/// and grows as the face has fewer pixels (measured in DESIGN.md; larger faces need as much for other photographs), and where covered frames lie between shown ones: a
/// face that the last frame has not `shown` needs more.
fn required_margin(margin: f32, spec: &RecognizerSpec, geometry: &Geometry, shown: bool) -> f32 {
    let margin = if shown { margin } else { margin * UNSHOWN };
    margin * spec.codec_loss * geometry.grid_scale().powi(2).max(1.0) + MARGIN_PER_REACH * geometry.reach()
}

fn energy(values: &[f32]) -> f32 {
    values.iter().map(|value| value * value).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::net::{ARCFACE_TEMPLATE, Network};

    /// A face whose eyes lie so many pixels apart.
    fn face(eyes: f32) -> Geometry {
        let scale = eyes / (ARCFACE_TEMPLATE[1][0] - ARCFACE_TEMPLATE[0][0]);
        let landmarks = Landmarks(ARCFACE_TEMPLATE.map(|[x, y]| [100.0 + scale * x, 100.0 + scale * y]));
        let mut geometry = Geometry::default();
        let specs = [Network::DlibResnet29.spec().unwrap()];
        geometry.plan(std::iter::once(landmarks), specs.iter(), 640, 480).unwrap();
        geometry
    }

    #[test]
    fn a_face_of_a_quarter_of_the_pixels_needs_four_times_the_margin_and_no_face_less_than_it() {
        for eyes in [25.0, 50.0, 100.0] {
            let geometry = face(eyes);
            for spec in Network::ALL.map(|network| network.spec().unwrap()) {
                let required = |margin, shown| required_margin(margin, &spec, &geometry, shown);
                let for_codec = |shown| required(0.1, shown) - required(0.0, shown);
                let expected = 0.1 * spec.codec_loss * (50.0 / eyes).powi(2).max(1.0);
                assert!((for_codec(true) / expected - 1.0).abs() < 0.02, "{eyes}: {}, not {expected}", for_codec(true));
                assert!(for_codec(false) > 1.2 * for_codec(true), "{eyes}: as little where it was covered");
            }
        }
    }
}
