//! The data flow, whole: the one place that knows every room.
//!
//! Each frame: faces are found ([`Detector`]) and followed ([`Tracker`]); for every face the just-noticeable difference
//! bounds the change of its pixels, a few gradient iterations through the recognisers push its embedding away from the
//! person's, the frame is written, and the face is checked on the frame as output. What the check does not confirm is
//! covered.

mod geometry;
mod subject;
mod workspace;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::subject::{Subject, Work};
use self::workspace::{Eye, Workspace};
use crate::attack::Attack;
use crate::error::{Error, Result};
use crate::face::{Detector, Track, TrackId, TrackState, Tracker};
use crate::frame::{Cover, FrameMut, Rect, cover};
use crate::jnd::Namm;
use crate::models::Models;
use crate::net::cpu::Pool;
use crate::net::graph::Graph;
use crate::net::{Backend, Network, Recognizer};
use crate::report::{CoverReason, FaceReport, FrameReport, StageTimes, Verdict};

/// Time between frames that carry no time stamp.
const FRAME_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Detector score from which a face that is already followed is believed.
const CONTINUE_SCORE: f32 = 0.3;
/// How much larger than the detector's box a cover is: a face in view, and one that was lost.
const COVER_SCALE: f32 = 1.3;
const LOST_COVER_SCALE: f32 = 1.8;

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
            jnd_scale: 1.5,
            max_iterations: 4,
            fail_policy: FailPolicy::Fill,
            score_threshold: 0.5,
            min_face_size: 24,
            hold_time: Duration::from_millis(500),
        }
    }
}

/// Protects the faces of one stream of frames.
pub struct Protector {
    detector: Detector,
    tracker: Tracker,
    subjects: BTreeMap<TrackId, Subject>,
    work: Workspace,
    seed: u64,
    clock: Duration,
}

/// How a face's turn ended.
enum Turn {
    /// Too little of it is in the frame.
    Unusable,
    /// Not at its predicted place.
    Gone,
    /// Worked on and checked.
    Taken { similarity_before: f32, work: Work },
}

impl Protector {
    /// A protector with buffers of its own over shared models. `threads`: 0 = one per core. The same `seed` and frames
    /// give the same bytes.
    ///
    /// # Errors
    /// [`Error::Model`] if a network cannot be planned.
    pub fn new(models: Arc<Models>, threads: usize, seed: u64) -> Result<Self> {
        Self::with_backend(models, Backend::Cpu(Pool::new(threads)?), seed)
    }

    /// As [`new`](Self::new), with the networks run by `backend`.
    ///
    /// # Errors
    /// [`Error::Model`] if a network cannot be planned.
    pub fn with_backend(models: Arc<Models>, backend: Backend, seed: u64) -> Result<Self> {
        let eye = |(network, graph): &(Network, Graph)| {
            Recognizer::new(network.spec(), backend.executor(graph, 1)?).map(Eye::new)
        };
        let eyes = models.recognizers.iter().map(eye).collect::<Result<_>>()?;
        Ok(Self {
            detector: Detector::new(&models.detector, &backend),
            tracker: Tracker::default(),
            subjects: BTreeMap::new(),
            work: Workspace::new(eyes, Box::new(Namm::default()), Attack::default()),
            seed,
            clock: Duration::ZERO,
        })
    }

    /// Forgets every track: after a seek, a cut, a change of size.
    pub fn reset(&mut self) {
        self.tracker.reset();
        self.subjects.clear();
    }

    /// Protects or covers every face of `frame`, in place.
    ///
    /// `time` is the frame's time stamp; without one, frames count as 1/30 s apart. What cannot be protected is covered
    /// according to the policy; if finding faces itself fails, the whole frame is, and the report names the fault.
    ///
    /// # Errors
    /// Only with [`FailPolicy::Error`]: [`Error::Unprotected`]. The frame must not go out then.
    pub fn process(
        &mut self,
        frame: &mut FrameMut<'_>,
        time: Option<Duration>,
        settings: &Settings,
    ) -> Result<FrameReport> {
        self.clock = time.unwrap_or(self.clock + FRAME_INTERVAL);
        let mut report = FrameReport::default();
        let watch = Instant::now();
        let tracks = self.follow(frame, settings);
        report.times.detect = watch.elapsed();
        let mut hidden = Vec::new();
        match tracks {
            Ok(tracks) => {
                for track in &tracks {
                    let face = self.take_turn(frame, track, settings, &mut report);
                    report.faces.push(face);
                }
                self.recheck_overlapping(frame, &tracks, &mut report);
                let unprotected =
                    tracks.iter().zip(&report.faces).filter(|(_, face)| face.verdict != Verdict::Protected);
                hidden.extend(unprotected.map(|(track, _)| hiding_place(track, frame)));
                self.compare_verdicts(&mut report);
            }
            Err(error) => {
                report.fault = Some(error.to_string());
                hidden.push(frame.rect());
            }
        }
        hide(frame, &hidden, settings.fail_policy, &mut report)?;
        Ok(report)
    }

    /// Finds the faces and follows them.
    fn follow(&mut self, frame: &FrameMut<'_>, settings: &Settings) -> Result<Vec<Track>> {
        let threshold = settings.score_threshold.min(CONTINUE_SCORE);
        let faces = self.detector.detect(frame, settings.min_face_size, threshold)?;
        self.tracker.update(&faces, self.clock, settings.score_threshold, settings.hold_time);
        let tracks = self.tracker.tracks();
        self.subjects.retain(|id, _| tracks.iter().any(|track| track.id == *id));
        Ok(tracks.to_vec())
    }

    /// One face: aligned, budgeted, iterated, written back, checked.
    fn take_turn(
        &mut self,
        frame: &mut FrameMut<'_>,
        track: &Track,
        settings: &Settings,
        report: &mut FrameReport,
    ) -> FaceReport {
        let mut face = FaceReport {
            id: track.id,
            bbox: track.bbox,
            landmarks: track.landmarks,
            score: if track.state == TrackState::Active { track.score } else { 0.0 },
            verdict: Verdict::Covered(CoverReason::Lost),
            changed: false,
            region: hiding_place(track, frame),
            iterations: 0,
            margin: 0.0,
            similarity_before: 0.0,
            similarity_after: 0.0,
        };
        if track.state == TrackState::Lost {
            return face;
        }
        match self.protect(frame, track, settings, &mut report.times) {
            Ok(Turn::Unusable) => face.verdict = Verdict::Covered(CoverReason::Unusable),
            Ok(Turn::Gone) => {}
            Ok(Turn::Taken { similarity_before, work }) => {
                face.region = face.region.union(&self.work.geometry.rect);
                face.verdict = work.check.verdict();
                face.iterations = work.iterations;
                face.margin = work.check.margin;
                face.similarity_before = similarity_before;
                face.similarity_after = work.check.similarity;
            }
            Err(error) => {
                face.region = face.region.union(&self.work.geometry.rect);
                face.verdict = Verdict::Covered(CoverReason::Fault);
                report.fault = Some(error.to_string());
                self.subjects.remove(&track.id);
            }
        }
        face
    }

    /// The turn of a face in view, or where it is predicted.
    fn protect(
        &mut self,
        frame: &mut FrameMut<'_>,
        track: &Track,
        settings: &Settings,
        times: &mut StageTimes,
    ) -> Result<Turn> {
        let (work, seed) = (&mut self.work, self.seed);
        let subject = self.subjects.entry(track.id).or_insert_with(|| Subject::new(seed, track.id.0, &work.eyes));
        let watch = Instant::now();
        let open = work.open(frame, track.landmark_sets(), settings.jnd_scale)?;
        times.jnd += watch.elapsed();
        if !open {
            return Ok(Turn::Unusable);
        }
        let watch = Instant::now();
        let seen = track.state == TrackState::Active;
        let clean = subject.enroll(work, seen)?;
        times.attack += watch.elapsed();
        if !seen && !clean.known {
            // The self-check would pass here because the face is elsewhere.
            return Ok(Turn::Gone);
        }
        let work = subject.protect(frame, work, settings.max_iterations, times)?;
        Ok(Turn::Taken { similarity_before: clean.similarity, work })
    }

    /// A face that was written may have lost its protection to a neighbour's: faces whose regions meet are checked again
    /// on the frame as it now is.
    fn recheck_overlapping(&mut self, frame: &FrameMut<'_>, tracks: &[Track], report: &mut FrameReport) {
        let regions: Vec<Rect> = report.faces.iter().map(|face| face.region).collect();
        let faces = report.faces.iter_mut().enumerate().filter(|(_, face)| face.verdict == Verdict::Protected);
        for (index, face) in faces {
            let track = &tracks[index];
            if !regions[index + 1..].iter().any(|later| later.intersects(&face.region)) {
                continue;
            }
            let Some(subject) = self.subjects.get_mut(&face.id) else { continue };
            match self.work.reopen(frame, track.landmark_sets()).and_then(|()| subject.check(frame, &mut self.work)) {
                Ok(check) => {
                    face.verdict = check.verdict();
                    face.margin = check.margin;
                    face.similarity_after = check.similarity;
                }
                Err(error) => {
                    face.verdict = Verdict::Covered(CoverReason::Fault);
                    report.fault = Some(error.to_string());
                }
            }
        }
    }

    fn compare_verdicts(&mut self, report: &mut FrameReport) {
        for face in &mut report.faces {
            let last = self.subjects.get_mut(&face.id).and_then(|subject| subject.verdict.replace(face.verdict));
            face.changed = last != Some(face.verdict);
        }
    }
}

/// What to cover of a face that is not protected.
fn hiding_place(track: &Track, frame: &FrameMut<'_>) -> Rect {
    let scale = if track.state == TrackState::Lost { LOST_COVER_SCALE } else { COVER_SCALE };
    let bbox = track.bbox.scaled(scale);
    Rect::covering(bbox.x, bbox.y, bbox.x + bbox.width, bbox.y + bbox.height, frame.width(), frame.height())
}

/// Carries out the fail policy on what must not be seen.
fn hide(frame: &mut FrameMut<'_>, places: &[Rect], policy: FailPolicy, report: &mut FrameReport) -> Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let how = match policy {
        FailPolicy::Fill => Cover::Fill,
        FailPolicy::Pixelate => Cover::Pixelate,
        FailPolicy::Blur => Cover::Blur,
        FailPolicy::Drop => {
            report.drop = true;
            return Ok(());
        }
        FailPolicy::Error => {
            return Err(Error::Unprotected { places: places.len(), fault: report.fault.take() });
        }
    };
    places.iter().for_each(|&place| cover(frame, place, how));
    Ok(())
}
