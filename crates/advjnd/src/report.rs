// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was done to a frame, and the sums over a run.

use std::time::Duration;

use crate::face::{BBox, Landmarks, TrackId};
use crate::frame::Rect;

/// Whether a face goes out recognisable: by the self-check on the frame as output, or by choice.
///
/// The self-check knows the recognisers that were attacked: it says nothing of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Every loaded recogniser is beyond its verification threshold, with a margin.
    Protected,
    /// Hidden, or about to be hidden with the whole frame.
    Covered(CoverReason),
    /// It goes out as it came, RECOGNISABLE: the caller chose so of this person.
    Kept,
}

/// Why a face was covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CoverReason {
    /// The perturbation is not yet strong enough.
    NotYetProtected,
    /// The face was not found in this frame: its predicted place is covered.
    Lost,
    /// Too small, or too far outside the frame, to be aligned; or given by somebody else, and its landmarks not found.
    Unusable,
    /// A computation failed (a value that was not finite, say).
    Fault,
    /// The frame's time was over before the face could be checked.
    OutOfTime,
    /// More faces than are to be worked on.
    TooMany,
    /// Every face is to be covered.
    OnRequest,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Protected,
        Self::Covered(CoverReason::NotYetProtected),
        Self::Covered(CoverReason::Lost),
        Self::Covered(CoverReason::Unusable),
        Self::Covered(CoverReason::Fault),
        Self::Covered(CoverReason::OutOfTime),
        Self::Covered(CoverReason::TooMany),
        Self::Covered(CoverReason::OnRequest),
        Self::Kept,
    ];

    /// Short lower-case name for metas, messages and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Covered(CoverReason::NotYetProtected) => "covered-not-yet-protected",
            Self::Covered(CoverReason::Lost) => "covered-lost",
            Self::Covered(CoverReason::Unusable) => "covered-unusable",
            Self::Covered(CoverReason::Fault) => "covered-fault",
            Self::Covered(CoverReason::OutOfTime) => "covered-out-of-time",
            Self::Covered(CoverReason::TooMany) => "covered-too-many",
            Self::Covered(CoverReason::OnRequest) => "covered-on-request",
            Self::Kept => "kept",
        }
    }
}

/// One face of one frame.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FaceReport {
    /// Its track.
    pub id: TrackId,
    /// Box as detected or predicted, in pixels of the frame.
    pub bbox: BBox,
    /// Landmarks as followed, in pixels of the frame.
    pub landmarks: Landmarks,
    /// Detector score, 0..=1; zero when it was predicted.
    pub score: f32,
    /// Whether the landmarks were seen; if not, they are a guess.
    pub aligned: bool,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether the verdict differs from that of the track's previous frame (always in its first).
    pub changed: bool,
    /// Every pixel that was touched for this face lies in here.
    pub region: Rect,
    /// Gradient iterations spent.
    pub iterations: u32,
    /// Root mean square of the change that was written, in just-noticeable differences; zero if none was.
    pub spent: f32,
    /// Peak signal-to-noise ratio of that change, decibels of luma inside the oval, against the face as it is moved and
    /// lit; at most 100; zero if none was written.
    pub psnr: f32,
    /// How far a point of it was moved at most, per cent of the distance of its eyes.
    pub displacement: f32,
    /// How much brighter or darker a part of it was made at most, per cent of its luma.
    pub light: f32,
    /// How far the face as output lies beyond the verification threshold: least of all recognisers, as defined by
    /// [`attack::margin`](crate::attack::margin); zero if it was not checked.
    pub margin: f32,
    /// Mean change of the perturbation since the last frame, code values of luma in face coordinates; zero unless both
    /// frames show it.
    pub flicker: f32,
    /// Cosine similarity of the untouched face to its track's clean embedding.
    pub similarity_before: f32,
    /// Cosine similarity of the face as output to its track's clean embedding; highest of all recognisers.
    pub similarity_after: f32,
}

/// Wall-clock time spent per stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StageTimes {
    /// Finding and following faces.
    pub detect: Duration,
    /// Just-noticeable difference and bounds.
    pub jnd: Duration,
    /// Clean embeddings and gradient iterations.
    pub attack: Duration,
    /// Write-back, self-check and cover.
    pub verify: Duration,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct FrameReport {
    /// Its faces, by track.
    pub faces: Vec<FaceReport>,
    /// The frame must not go out (`FailPolicy::Drop`, and a face in it is not protected).
    pub drop: bool,
    /// A computation failed; what it touched was covered, the whole frame if the detector failed.
    pub fault: Option<String>,
    /// Whether the whole frame was searched for faces.
    pub searched: bool,
    /// Whether it took longer than it might.
    pub late: bool,
    /// Time per stage.
    pub times: StageTimes,
}

/// Sums over a run.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct RunStats {
    /// Frames processed.
    pub frames: u64,
    /// Frames dropped by the fail policy.
    pub frames_dropped: u64,
    /// Frames in which a computation failed.
    pub faults: u64,
    /// Frames that were searched for faces as a whole.
    pub searched: u64,
    /// Frames that took longer than they might.
    pub late: u64,
    /// Faces processed, one per face and frame.
    pub faces: u64,
    /// Of these: protected.
    pub protected: u64,
    /// Of these: covered.
    pub covered: u64,
    /// Of these: because the frame's time was over.
    pub out_of_time: u64,
    /// Faces that went out as they came, by choice.
    pub kept: u64,
    /// Gradient iterations.
    pub iterations: u64,
    /// Sum over protected faces of the cosine similarity before.
    pub similarity_before: f64,
    /// Sum over protected faces of the cosine similarity after.
    pub similarity_after: f64,
    /// Sum over protected faces of the peak signal-to-noise ratio, decibels.
    pub psnr: f64,
    /// Sum over protected faces of the largest displacement, per cent of the distance of the eyes.
    pub displacement: f64,
    /// Sum over protected faces of the largest change of light, per cent of luma.
    pub light: f64,
    /// Time per stage.
    pub times: StageTimes,
}

impl RunStats {
    /// Adds one frame.
    pub fn add(&mut self, report: &FrameReport) {
        self.frames += 1;
        self.frames_dropped += u64::from(report.drop);
        self.faults += u64::from(report.fault.is_some());
        self.searched += u64::from(report.searched);
        self.late += u64::from(report.late);
        for face in &report.faces {
            self.faces += 1;
            self.iterations += u64::from(face.iterations);
            match face.verdict {
                Verdict::Protected => {
                    self.protected += 1;
                    self.similarity_before += f64::from(face.similarity_before);
                    self.similarity_after += f64::from(face.similarity_after);
                    self.psnr += f64::from(face.psnr);
                    self.displacement += f64::from(face.displacement);
                    self.light += f64::from(face.light);
                }
                Verdict::Covered(reason) => {
                    self.covered += 1;
                    self.out_of_time += u64::from(reason == CoverReason::OutOfTime);
                }
                Verdict::Kept => self.kept += 1,
            }
        }
        self.times.detect += report.times.detect;
        self.times.jnd += report.times.jnd;
        self.times.attack += report.times.attack;
        self.times.verify += report.times.verify;
    }

    /// Mean cosine similarity of the protected faces before and after; zeros without one.
    pub fn mean_similarity(&self) -> (f64, f64) {
        (self.mean(self.similarity_before), self.mean(self.similarity_after))
    }

    /// The mean over the protected faces of which `sum` is the sum; zero without one.
    pub fn mean(&self, sum: f64) -> f64 {
        sum / self.protected.max(1) as f64
    }
}
