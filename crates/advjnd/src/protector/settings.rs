// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a caller tells about a frame: settings, which may change from frame to frame, and its context.

use std::time::Duration;

use super::{Thoroughness, Transfer, View};
use crate::face::{BBox, GivenFace};
use crate::frame::Rect;
use crate::jnd::Model;

/// How a face that must be hidden is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FailPolicy {
    /// Opaque fill.
    #[default]
    Fill,
    /// Large blocks. Weak: retrained networks recognise faces in them.
    Pixelate,
    /// Strong blur. Weak: retrained networks recognise blurred faces.
    Blur,
    /// The frame does not go out.
    Drop,
    /// Processing fails with an error.
    Error,
}

/// What is done to the faces that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Each is changed so that it is not recognised, or covered if that fails.
    #[default]
    Protect,
    /// Each is covered.
    Cover,
}

/// Settings that may change between two frames. Fields may be added: construct it with `..Default::default()`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What is done to the faces that are found.
    pub mode: Mode,
    /// The model of the just-noticeable difference.
    pub jnd_model: Model,
    /// Largest change of a pixel in just-noticeable differences, 0..=20. At 1, noise of that size is not noticed.
    pub jnd_scale: f32,
    /// Preferred root mean square of a face's changes, in just-noticeable differences, 0..=20. Has no effect at or
    /// above `jnd_scale`. At the same root mean square, changes with peaks protect more.
    pub jnd_rms: f32,
    /// Largest root mean square for a face that does not reach its margins at `jnd_rms`, in just-noticeable
    /// differences, 0..=20. Has no effect at or below `jnd_rms`.
    pub jnd_rms_ceiling: f32,
    /// Lowest peak signal-to-noise ratio of a face's luma inside its oval, in decibels, 0..=60; 0 means no limit. For a
    /// moved or lit face the reference is the moved and lit face.
    pub min_psnr: f32,
    /// Largest displacement of a point of a face, in per cent of its eye distance, 0..=8; 0 moves nothing. Alters the
    /// likeness.
    pub reshape: f32,
    /// Largest gain or loss of luma in a part of a face, in per cent, 0..=20; 0 changes nothing.
    pub relight: f32,
    /// Distance of the viewer in picture heights, 0.5..=1000. The nearer the viewer, the tighter smooth changes are
    /// bounded; at 1000 they have no bound of their own.
    pub viewing_distance: f32,
    /// Whether to use the thresholds of video ([`Temporal`](crate::jnd::Temporal)) instead of those of a still.
    pub temporal_masking: bool,
    /// Largest change of a shown perturbation from frame to frame, as a share of its budget; 2 means no limit.
    pub flicker_limit: f32,
    /// Largest change of a pixel's luma, in full-range code values, whatever the thresholds allow.
    pub max_change: u32,
    /// Largest number of gradient iterations per face and frame.
    pub max_iterations: u32,
    /// Whether a frame starts from the face's last perturbation.
    pub warm_start: bool,
    /// How the iterations aim at recognisers that are not loaded.
    pub transfer: Transfer,
    /// Margin beyond the verification threshold that the self-check requires at an eye distance of 50 pixels or more,
    /// in the unit of [`margin`](crate::attack::margin), 0..=2: a codec takes part of it. A smaller face needs more, in
    /// inverse proportion to its number of pixels: four times as much at 25 pixels. It is multiplied by
    /// [`RecognizerSpec::codec_loss`](crate::net::RecognizerSpec::codec_loss), and random views add to it.
    pub margin: f32,
    /// What happens to faces that are not protected.
    pub fail_policy: FailPolicy,
    /// Detector score from which a detection counts as a face, 0..=1.
    pub score_threshold: f32,
    /// Smallest face to find, in pixels of its shorter side.
    pub min_face_size: u32,
    /// Frames from one search of the whole frame to the next. In between, faces are searched where they are expected.
    /// 0: every frame, except one that shows the same as the last searched frame while nobody is followed, or, if time
    /// is short, the same outside the followed faces.
    pub detect_interval: u32,
    /// Largest number of faces to work on in a frame, oldest first; the others are covered. 0: all.
    pub max_faces: u32,
    /// How thoroughly frames are searched for faces.
    pub search: Thoroughness,
    /// How long a lost face stays covered where it was last seen.
    pub hold_time: Duration,
    /// Whether the whole frame is covered while a followed face is lost, not only the place where it is expected.
    pub cover_frame_on_lost: bool,
    /// What goes out in place of the frame.
    pub view: View,
}

impl Settings {
    /// Largest value of [`reshape`](Self::reshape).
    pub const MOST_RESHAPE: f32 = 8.0;
    /// Largest value of [`relight`](Self::relight).
    pub const MOST_RELIGHT: f32 = 20.0;
    /// Default of [`max_iterations`](Self::max_iterations) where frames have no deadline.
    pub const UNHURRIED_ITERATIONS: u32 = 60;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            jnd_model: Model::default(),
            jnd_scale: 20.0,
            jnd_rms: 4.3,
            jnd_rms_ceiling: 8.0,
            min_psnr: 0.0,
            reshape: 0.0,
            relight: 0.0,
            viewing_distance: 1000.0,
            temporal_masking: true,
            flicker_limit: 1.0,
            max_change: 255,
            max_iterations: 4,
            warm_start: true,
            transfer: Transfer::default(),
            margin: 0.05,
            fail_policy: FailPolicy::Fill,
            score_threshold: 0.5,
            min_face_size: 24,
            detect_interval: 0,
            max_faces: 0,
            search: Thoroughness::default(),
            hold_time: Duration::from_millis(500),
            cover_frame_on_lost: false,
            view: View::default(),
        }
    }
}

/// What is known about a frame besides its pixels. Fields may be added: construct it with `..Default::default()`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Its time stamp; without one, frames count as 1/30 s apart.
    pub time: Option<Duration>,
    /// How long it may take. `None`: there is no limit, and no clock decides anything.
    pub budget: Option<Duration>,
    /// Faces that the caller gives in place of a search.
    pub faces: Option<&'a [GivenFace]>,
    /// Faces that the caller gives in addition to a search.
    pub marks: &'a [GivenFace],
    /// Only faces whose centre lies in one of these are protected; empty: all.
    pub regions: &'a [Rect],
    /// Faces whose centre lies in one of these pass unchanged.
    pub exclude_regions: &'a [Rect],
}

impl Context<'_> {
    /// Whether to protect a face, by the place of its centre.
    pub(super) fn wants(&self, bbox: &BBox) -> bool {
        let [x, y] = bbox.center().map(|at| at.max(0.0) as usize);
        let inside = |rects: &[Rect]| rects.iter().any(|rect| rect.contains(x, y));
        (self.regions.is_empty() || inside(self.regions)) && !inside(self.exclude_regions)
    }
}
