// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding and following faces: when the whole frame is searched, and when less will do.
//!
//! Searching is the largest cost of a frame without a face. If nobody is followed, a frame that shows the same as the
//! last searched one ([`ChangeGate`]) has no face either; if little changed, only that place is searched. If every face
//! is in view, time is short and nothing changed outside the faces, a look around each is enough.

mod extra;
mod trace_back;

use std::time::Duration;

pub use self::trace_back::{Sought, bridge};
use super::{Context, Settings};
use crate::error::Result;
use crate::face::detect::LONG_SIDE_AT_NETWORK;
use crate::face::{
    Assigned, BBox, Care, Change, ChangeGate, Confirmer, Detection, Detector, ExtraPass, Track, TrackState, Tracker,
};
use crate::frame::FrameMut;
use crate::models::Models;
use crate::net::Backend;
use crate::pacing::{Pace, Stage};

/// Detector score from which a detection of an already followed face counts.
const CONTINUE_SCORE: f32 = 0.3;
/// Frames after which the whole frame is searched in any case: while nobody is followed, and while faces are in view.
const VACANT_INTERVAL: u32 = 30;
const BUSY_INTERVAL: u32 = 3;
/// Size of the area searched for a followed face, relative to its expected box.
const NEAR_SCALE: f32 = 1.5;
/// Frames from one confirmation of a followed face's landmarks to the next, in a fast search.
const CONFIRM_INTERVAL: u32 = 15;

/// How thoroughly a frame is searched for faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Thoroughness {
    /// Upright, and in every other frame also in one of seven [extra passes](ExtraPass) in turn (nine if the frame is
    /// small). So 14 or 18 frames cover all. The first frame of a stream or after a cut gets all passes if it has no
    /// deadline.
    #[default]
    Fast,
    /// Upright and in every extra pass, but only two of the four diagonal ones, in turn. Every face's landmarks are
    /// confirmed in every frame.
    Thorough,
}

/// The faces of a stream, found and followed.
pub struct Search {
    detector: Detector,
    confirmer: Confirmer,
    tracker: Tracker,
    changes: ChangeGate,
    /// Frames since the whole frame was searched.
    since: u32,
    /// Smallest face and score threshold of the last search, if it found nothing.
    vacant: Option<(u32, f32)>,
    /// The extra pass whose turn it is, and how many passes have not yet seen the last change.
    next_pass: usize,
    passes_left: usize,
    /// Frames since the last extra pass; `None` before the first frame, and after a reset.
    since_pass: Option<u32>,
}

/// The faces found in a frame.
pub struct Found {
    /// Followed faces, oldest first.
    pub tracks: Vec<Track>,
    /// Whether the whole frame was searched.
    pub searched: bool,
}

impl Search {
    /// A search by the detectors of `models`, run by `backend`.
    pub fn new(models: &Models, backend: &Backend) -> Self {
        let detector = Detector::new(&models.detector, backend).with_second(models.second_detector(), backend);
        let confirmer = Confirmer::new(&models.detector, backend);
        Self {
            detector,
            confirmer,
            tracker: Tracker::default(),
            changes: ChangeGate::default(),
            since: 0,
            vacant: None,
            next_pass: 0,
            passes_left: 0,
            since_pass: None,
        }
    }

    /// Forgets every face.
    pub fn reset(&mut self) {
        self.tracker.reset();
        self.forget();
    }

    /// As [`reset`](Self::reset), and also restarts the numbering of faces.
    pub fn restart(&mut self) {
        self.tracker = Tracker::default();
        self.forget();
    }

    fn forget(&mut self) {
        self.changes.forget();
        self.confirmer.forget();
        self.since = 0;
        self.vacant = None;
        self.passes_left = 0;
        self.since_pass = None;
    }

    /// Finds and follows the faces of the frame at `time`; also returns the time this took.
    ///
    /// # Errors
    /// Errors of the detector; then the next frame is searched in whole.
    pub fn follow(
        &mut self,
        frame: &FrameMut<'_>,
        context: &Context<'_>,
        time: Duration,
        settings: &Settings,
        pace: &mut Pace,
    ) -> (Result<Found>, Duration) {
        let (faces, took) = pace.measure(Stage::Detect, |pace| {
            let faces = self.find(frame, context, settings, pace);
            let searched = matches!(faces, Ok((_, true)));
            (faces, if searched { 1.0 } else { 0.0 })
        });
        let found = faces.map(|(faces, searched)| {
            self.tracker.correct(&faces, time, settings.score_threshold, settings.hold_time);
            Found { tracks: self.tracker.tracks().to_vec(), searched }
        });
        (found.inspect_err(|_| self.forget()), took)
    }

    /// Whether a close look confirms the landmarks of `track`. If not, the next frame has to confirm them first.
    ///
    /// # Errors
    /// Errors of the detector.
    pub fn confirms(&mut self, frame: &FrameMut<'_>, track: &Track) -> Result<bool> {
        let confirmed = self.confirmer.confirms(frame, track)?;
        if !confirmed {
            self.tracker.doubt(track.id);
        }
        Ok(confirmed)
    }

    /// The faces of the frame, their landmarks confirmed, and whether all of it was searched.
    fn find(
        &mut self,
        frame: &FrameMut<'_>,
        context: &Context<'_>,
        settings: &Settings,
        pace: &Pace,
    ) -> Result<(Vec<Assigned>, bool)> {
        let (mut faces, searched) = self.look(frame, context, settings, pace)?;
        faces.retain(|face| context.wants(&face.bbox));
        self.add_marks(frame, context, &mut faces)?;
        self.tracker.predict();
        let assigned = self.tracker.assign(&faces);
        let thorough = settings.search == Thoroughness::Thorough;
        let care = Care {
            every: if thorough { 1 } else { CONFIRM_INTERVAL },
            alignments: if context.budget.is_some() { 1 } else { usize::MAX },
            score_threshold: settings.score_threshold,
            common_scale: LONG_SIDE_AT_NETWORK / frame.long_side() as f32,
        };
        let faces = faces.into_iter().zip(assigned).collect();
        Ok((self.confirmer.confirm(frame, faces, self.tracker.tracks(), &care)?, searched))
    }

    /// Adds the faces that the caller marked. A mark on a face already found enlarges its box.
    fn add_marks(&mut self, frame: &FrameMut<'_>, context: &Context<'_>, faces: &mut Vec<Detection>) -> Result<()> {
        let mut marked = self.detector.adopt(frame, context.marks, CONTINUE_SCORE)?;
        marked.retain(|face| context.wants(&face.bbox));
        for face in marked {
            match faces.iter_mut().find(|known| known.bbox.overlaps(&face.bbox)) {
                Some(known) => {
                    known.bbox = known.bbox.union(&face.bbox);
                    known.score = known.score.max(face.score);
                }
                None => faces.push(face),
            }
        }
        Ok(())
    }

    /// The faces of the frame, and whether all of it was searched.
    fn look(
        &mut self,
        frame: &FrameMut<'_>,
        context: &Context<'_>,
        settings: &Settings,
        pace: &Pace,
    ) -> Result<(Vec<Detection>, bool)> {
        let (least, threshold) = (settings.min_face_size, settings.score_threshold.min(CONTINUE_SCORE));
        if let Some(given) = context.faces {
            self.forget();
            return Ok((self.detector.adopt(frame, given, threshold)?, false));
        }
        if settings.detect_interval == 0 {
            self.changes.look(frame);
            if self.tracker.tracks().is_empty() {
                if let Some(mut faces) = self.look_at_changes(frame, least, threshold)? {
                    if !faces.is_empty() || self.passes_left > 0 {
                        self.add_passes(frame, settings, pace, &mut faces)?;
                    }
                    return Ok((faces, false));
                }
                return self.search(frame, settings, pace);
            }
        }
        if !self.must_search(settings, pace) {
            self.since += 1;
            let places: Vec<BBox> =
                self.tracker.tracks().iter().map(|track| track.expected().scaled(NEAR_SCALE)).collect();
            return Ok((self.detector.detect_near(frame, &places, least, threshold)?, false));
        }
        self.search(frame, settings, pace)
    }

    fn search(&mut self, frame: &FrameMut<'_>, settings: &Settings, pace: &Pace) -> Result<(Vec<Detection>, bool)> {
        let (least, threshold) = (settings.min_face_size, settings.score_threshold.min(CONTINUE_SCORE));
        let mut faces = self.detector.detect_at_two_scales(frame, least, threshold)?;
        self.passes_left = ExtraPass::all_fast(frame.long_side()).count();
        self.add_passes(frame, settings, pace, &mut faces)?;
        self.changes.keep();
        self.since = 0;
        self.vacant = faces.is_empty().then_some((least, threshold));
        Ok((faces, true))
    }

    /// The faces at places that changed since a search that found nothing; `None` if the whole frame must be searched.
    fn look_at_changes(&mut self, frame: &FrameMut<'_>, least: u32, threshold: f32) -> Result<Option<Vec<Detection>>> {
        if self.vacant != Some((least, threshold)) || self.since + 1 >= VACANT_INTERVAL {
            return Ok(None);
        }
        let faces = match self.changes.change(Detector::reach(frame, least)) {
            Change::Nowhere => Vec::new(),
            Change::Places(places) => {
                self.passes_left = ExtraPass::all_fast(frame.long_side()).count();
                self.detector.detect_around(frame, &places, least, threshold)?
            }
            Change::Everywhere => return Ok(None),
        };
        self.changes.keep_changes();
        self.since += 1;
        if !faces.is_empty() {
            self.vacant = None;
        }
        Ok(Some(faces))
    }

    /// Time for an iteration and a check of every followed face.
    fn time_for_faces(&self, pace: &Pace) -> Duration {
        let count = self.tracker.tracks().len();
        let stages = [Stage::LayOut, Stage::Enroll, Stage::CheckThoroughly, Stage::iteration(count)];
        stages.map(|stage| pace.cost(stage, count)).into_iter().sum()
    }

    fn must_search(&self, settings: &Settings, pace: &Pace) -> bool {
        let tracks = self.tracker.tracks();
        match settings.detect_interval {
            0 => {
                let in_view = tracks.iter().all(|track| track.state == TrackState::Active && track.aligned);
                let in_time = pace.allows(pace.cost(Stage::Detect, 1) + self.time_for_faces(pace));
                let known = || tracks.iter().map(|track| track.expected().scaled(NEAR_SCALE)).collect::<Vec<_>>();
                !in_view || in_time || self.since + 1 >= BUSY_INTERVAL || self.changes.changed(&known())
            }
            interval => {
                let begun = self.vacant.is_some() || !tracks.is_empty();
                !begun || self.since + 1 >= interval
            }
        }
    }
}
