// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was done to a frame, and sums over a run.

use std::time::Duration;

use crate::face::{BBox, Landmarks, TrackId};
use crate::frame::Rect;

/// Whether a face goes out recognisable, by the self-check on the output frame or by choice.
///
/// The self-check uses the recognisers that were attacked and says nothing about others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// The face is beyond the verification threshold of every loaded recogniser, with a margin.
    Protected,
    /// Hidden, by itself or with the whole frame.
    Covered(CoverReason),
    /// It goes out unchanged, RECOGNISABLE: the caller chose so for this person.
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
    /// Too small or too far outside the frame to be aligned, or given by the caller and its landmarks not found.
    Unusable,
    /// A computation failed (for example, a value was not finite).
    Fault,
    /// The frame's deadline came before the face could be checked.
    OutOfTime,
    /// The frame has more faces than the settings allow.
    TooMany,
    /// The settings cover every face.
    OnRequest,
    /// The cover of another face, or a mask, hides something between its brows and mouth: what is left was not checked.
    Overlapped,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 10] = [
        Self::Protected,
        Self::Covered(CoverReason::NotYetProtected),
        Self::Covered(CoverReason::Lost),
        Self::Covered(CoverReason::Unusable),
        Self::Covered(CoverReason::Fault),
        Self::Covered(CoverReason::OutOfTime),
        Self::Covered(CoverReason::TooMany),
        Self::Covered(CoverReason::OnRequest),
        Self::Covered(CoverReason::Overlapped),
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
            Self::Covered(CoverReason::Overlapped) => "covered-overlapped",
            Self::Kept => "kept",
        }
    }
}

/// One face of one frame.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FaceReport {
    /// Its track's identity.
    pub id: TrackId,
    /// Box as detected or predicted, in pixels of the frame.
    pub bbox: BBox,
    /// Landmarks as tracked, in pixels of the frame.
    pub landmarks: Landmarks,
    /// Detector score, 0..=1; zero when it was predicted.
    pub score: f32,
    /// Whether the landmarks were detected; if not, they are a guess.
    pub aligned: bool,
    /// What happened to it.
    pub verdict: Verdict,
    /// Whether the verdict differs from that of the track's previous frame (always in its first).
    pub changed: bool,
    /// A rectangle with every pixel that was touched for this face.
    pub region: Rect,
    /// Gradient iterations spent.
    pub iterations: u32,
    /// Root mean square of the change written, in just-noticeable differences; zero if nothing was written.
    pub spent: f32,
    /// Peak signal-to-noise ratio of that change against the moved and lit face, in decibels, on the luma inside the
    /// oval; at most 100; zero if nothing was written.
    pub psnr: f32,
    /// Largest displacement of a point of the face, in per cent of its eye distance.
    pub displacement: f32,
    /// Largest gain or loss of luma in the face, in per cent.
    pub light: f32,
    /// Margin of the output face beyond the verification threshold, as defined by
    /// [`attack::margin`](crate::attack::margin): the least of all recognisers. Zero if it was not checked.
    pub margin: f32,
    /// Mean change of the perturbation since the last frame, in code values of luma, in face coordinates; zero unless
    /// both frames show the face protected.
    pub flicker: f32,
    /// Cosine similarity of the clean face to its track's clean embedding.
    pub similarity_before: f32,
    /// Cosine similarity of the output face to its track's clean embedding: the highest of all recognisers.
    pub similarity_after: f32,
}

/// Wall-clock time spent per stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StageTimes {
    /// Finding and following faces.
    pub detect: Duration,
    /// Computing the just-noticeable difference and the bounds.
    pub jnd: Duration,
    /// Clean embeddings and gradient iterations.
    pub attack: Duration,
    /// Writing back, checking and covering.
    pub verify: Duration,
}

/// What was done to one frame.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct FrameReport {
    /// Its faces, in the order of their tracks.
    pub faces: Vec<FaceReport>,
    /// The frame must not go out (`FailPolicy::Drop`, and a face in it is not protected).
    pub drop: bool,
    /// The computation that failed, if any. The faces concerned were covered, or the whole frame if the detector
    /// failed.
    pub fault: Option<String>,
    /// Whether the whole frame was searched for faces.
    pub searched: bool,
    /// Whether it missed its deadline.
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
    /// Frames that were fully searched for faces.
    pub searched: u64,
    /// Frames that missed their deadline.
    pub late: u64,
    /// Faces processed, one per face and frame.
    pub faces: u64,
    /// How many of these were protected.
    pub protected: u64,
    /// How many of these were covered.
    pub covered: u64,
    /// How many of the covered faces had run out of time.
    pub out_of_time: u64,
    /// Faces that went out unchanged, by choice.
    pub kept: u64,
    /// Gradient iterations.
    pub iterations: u64,
    /// Sum over protected faces of [`FaceReport::similarity_before`].
    pub similarity_before: f64,
    /// Sum over protected faces of [`FaceReport::similarity_after`].
    pub similarity_after: f64,
    /// Sum over protected faces of the peak signal-to-noise ratio, decibels.
    pub psnr: f64,
    /// Sum over protected faces of the largest displacement, in per cent of the eye distance.
    pub displacement: f64,
    /// Sum over protected faces of the largest gain or loss of luma, in per cent.
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

    /// Mean cosine similarity of the protected faces before and after; zeros if there are none.
    pub fn mean_similarity(&self) -> (f64, f64) {
        (self.mean(self.similarity_before), self.mean(self.similarity_after))
    }

    /// Turns `sum`, a sum over the protected faces, into their mean; zero if there are none.
    pub fn mean(&self, sum: f64) -> f64 {
        sum / self.protected.max(1) as f64
    }
}
