// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a caller says of a frame: settings, which may change from one to the next, and what is known of it.

use std::time::Duration;

use super::{Thoroughness, Transfer, View};
use crate::face::{BBox, GivenFace};
use crate::frame::Rect;
use crate::jnd::Model;

/// What happens to a face that the self-check does not confirm as protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FailPolicy {
    /// Opaque fill.
    #[default]
    Fill,
    /// Large blocks. Weak: retrained networks read them.
    Pixelate,
    /// Strong blur. Weak: retrained networks read it.
    Blur,
    /// The frame does not go out.
    Drop,
    /// An error.
    Error,
}

/// What is done to the faces that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Each is changed so that it is not recognised, and covered if that does not succeed.
    #[default]
    Protect,
    /// Each is covered.
    Cover,
}

/// What the caller may change between two frames. Fields may be added: construct it with `..Default::default()`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What is done to the faces that are found.
    pub mode: Mode,
    /// How the just-noticeable difference is worked out.
    pub jnd_model: Model,
    /// How many just-noticeable differences a pixel may change, 0..=20; at 1 noise of their size is not noticed.
    pub jnd_scale: f32,
    /// Preferred root mean square of the changes of a face's pixels, in just-noticeable differences, 0..=20. Has no
    /// effect at or above `jnd_scale`. For the same mean, peaks protect more.
    pub jnd_rms: f32,
    /// Largest root mean square of the changes of a face that does not reach its margins at `jnd_rms`, in
    /// just-noticeable differences, 0..=20. Has no effect at or below `jnd_rms`.
    pub jnd_rms_ceiling: f32,
    /// Peak signal-to-noise ratio below which no face may fall, decibels of its luma inside its oval, 0..=60; 0 bounds
    /// nothing. Of a face that is moved or lit, against the moved and lit one.
    pub min_psnr: f32,
    /// How far a point of a face may be moved at most, per cent of the distance of its eyes, 0..=8; 0 moves nothing.
    /// Alters the likeness.
    pub reshape: f32,
    /// How much brighter or darker a part of a face may become at most, per cent of its luma, 0..=20; 0 changes
    /// nothing.
    pub relight: f32,
    /// How far the viewer is from the picture, in times its height, 0.5..=1000: smooth changes are held the tighter the
    /// nearer they are seen; from 1000 times the height, pixels alone are held.
    pub viewing_distance: f32,
    /// Whether thresholds are those of video ([`Temporal`](crate::jnd::Temporal)) rather than those of a still.
    pub temporal_masking: bool,
    /// How much a perturbation that is seen may change from frame to frame, as a share of its budget; 2 is no limit.
    pub flicker_limit: f32,
    /// Luma of a pixel may change by so much at most, code values of full range, whatever the thresholds say.
    pub max_change: u32,
    /// Gradient iterations per face and frame at most.
    pub max_iterations: u32,
    /// Whether a face's perturbation is carried from frame to frame.
    pub warm_start: bool,
    /// What the iterations do for recognisers that are not at hand.
    pub transfer: Transfer,
    /// How far beyond the verification threshold the self-check wants a face whose eyes lie 50 pixels apart or more,
    /// in the unit of [`margin`](crate::attack::margin), 0..=2: a codec takes some of it. A smaller face needs more,
    /// in inverse proportion to its pixels: four times as much where the eyes are 25 apart. Times
    /// [`RecognizerSpec::codec_loss`](crate::net::RecognizerSpec::codec_loss); random views add to it.
    pub margin: f32,
    /// What happens to faces that are not protected.
    pub fail_policy: FailPolicy,
    /// Detector score from which a face is believed, 0..=1.
    pub score_threshold: f32,
    /// Smallest face to be found, pixels of its shorter side.
    pub min_face_size: u32,
    /// Frames from one search of the whole frame for faces to the next; in between, faces are looked for where they are
    /// expected. 0: every frame, unless nobody is followed and it shows what the last searched one showed, or unless
    /// time is short and it does so but for the followed faces.
    pub detect_interval: u32,
    /// Faces that are worked on in a frame, oldest first; the others are covered. 0: all.
    pub max_faces: u32,
    /// How thoroughly frames are searched for faces.
    pub search: Thoroughness,
    /// How long a lost face stays covered where it was last seen.
    pub hold_time: Duration,
    /// Whether all of the frame is covered, not only the place where it is expected, while a followed face is lost.
    pub cover_frame_on_lost: bool,
    /// What goes out in place of the frame.
    pub view: View,
}

impl Settings {
    /// Largest value of [`reshape`](Self::reshape).
    pub const MOST_RESHAPE: f32 = 8.0;
    /// Largest value of [`relight`](Self::relight).
    pub const MOST_RELIGHT: f32 = 20.0;
    /// [`max_iterations`](Self::max_iterations) where no frame has a deadline, unless the user says otherwise.
    pub const UNHURRIED_ITERATIONS: u32 = 60;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            jnd_model: Model::default(),
            jnd_scale: 20.0,
            jnd_rms: 4.2,
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

/// What is known of a frame besides its pixels. Fields may be added: construct it with `..Default::default()`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Its time stamp; without one, frames count as 1/30 s apart.
    pub time: Option<Duration>,
    /// How long it may take. `None`: as long as it takes, and no clock decides anything.
    pub budget: Option<Duration>,
    /// Faces that somebody else found, in place of those that a search would find.
    pub faces: Option<&'a [GivenFace]>,
    /// Faces that somebody else found, besides those that a search finds.
    pub marks: &'a [GivenFace],
    /// Only faces whose centre lies in one of these are protected; empty: all.
    pub regions: &'a [Rect],
    /// Faces whose centre lies in one of these pass as they are.
    pub exclude_regions: &'a [Rect],
}

impl Context<'_> {
    /// Whether a face is to be protected, by where its centre lies.
    pub(super) fn wants(&self, bbox: &BBox) -> bool {
        let [x, y] = bbox.center().map(|at| at.max(0.0) as usize);
        let inside = |rects: &[Rect]| rects.iter().any(|rect| rect.contains(x, y));
        (self.regions.is_empty() || inside(self.regions)) && !inside(self.exclude_regions)
    }
}
