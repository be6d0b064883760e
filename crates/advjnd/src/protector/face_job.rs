// SPDX-License-Identifier: MIT OR Apache-2.0
//! The work on one face in one frame, stage by stage: lay out, enroll, iterate, write, probe, judge.
//!
//! A stage reads the frame or writes it, never both. So several faces can take a stage in parallel. Every face is
//! worked on as in the clean frame, and judged in the output frame with its neighbours' changes.

mod iterations;

pub use self::iterations::Course;
use super::memory::Memory;
use super::probe_job::{Climb, Decision, ProbeJob, Shown};
use super::shape::Extent;
use super::tracked_face::{Iterations, TrackedFace};
use super::transfer::Transfer;
use super::worker::Worker;
use super::workspace::Workspace;
use super::{Mode, Settings};
use crate::attack::{Attack, Budget};
use crate::error::Result;
use crate::face::{Detection, Track, TrackState};
use crate::frame::{FrameMut, Rect};
use crate::people::Selection;
use crate::pool::Pool;
use crate::report::{CoverReason, FaceReport, Verdict};

/// One face's work in one frame.
pub struct FaceJob<'a> {
    /// Where it is.
    pub track: &'a Track,
    /// Its state across frames.
    pub face: TrackedFace,
    /// Its buffers.
    pub work: Workspace,
    /// Its report.
    pub report: FaceReport,
    /// What went wrong.
    pub fault: Option<String>,
    budget: Budget,
    transfer: Transfer,
    open: bool,
    written: bool,
    judged: bool,
    /// Iterations of this frame that followed the gradient of the last frame's check.
    climbs: u32,
    /// Iterations of this frame that also search its shape.
    shaping: u32,
    /// The iterations that have begun and not ended.
    iterations: Option<Iterations>,
    /// Whether this frame spends its time on iterations alone, since the face would not pass a check.
    check_deferred: bool,
    /// Whether the cover of another face hides something between the brows and mouth of this one, which is protected.
    pub overlapped: bool,
    /// Whether the clean face is not the person's, and no close look of this frame confirmed its landmarks.
    doubtful: bool,
}

impl<'a> FaceJob<'a> {
    /// A job that has not begun: the face is covered at `place` unless the job succeeds.
    pub fn new(track: &'a Track, mut face: TrackedFace, work: Workspace, place: Rect) -> Self {
        if track.state == TrackState::Lost {
            // The face that comes back may be another person's.
            face.acquaintance.begin_anew();
        }
        let seen = track.state == TrackState::Active;
        let reason = if seen { CoverReason::Unusable } else { CoverReason::Lost };
        let report = FaceReport {
            id: track.id,
            bbox: track.bbox,
            landmarks: track.landmarks,
            score: if seen { track.score } else { 0.0 },
            aligned: track.aligned,
            verdict: Verdict::Covered(reason),
            changed: false,
            region: place,
            iterations: 0,
            spent: 0.0,
            psnr: 0.0,
            displacement: 0.0,
            light: 0.0,
            margin: 0.0,
            flicker: 0.0,
            similarity_before: 0.0,
            similarity_after: 0.0,
        };
        Self {
            track,
            face,
            work,
            report,
            fault: None,
            budget: Budget::default(),
            transfer: Transfer::default(),
            open: track.state != TrackState::Lost && track.aligned,
            written: false,
            judged: false,
            climbs: 0,
            shaping: 0,
            iterations: None,
            check_deferred: false,
            overlapped: false,
            doubtful: false,
        }
    }

    /// Whether the job is still open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Ends the job; the face will be covered for `reason`.
    pub fn close(&mut self, reason: CoverReason) {
        self.open = false;
        self.report.verdict = Verdict::Covered(reason);
    }

    /// Ends the job of a face that passes unchanged.
    fn keep(&mut self) {
        self.open = false;
        self.report.verdict = Verdict::Kept;
        self.report.region = Rect::default();
    }

    /// Ends the job after a failure.
    pub fn fail(&mut self, fault: String) {
        self.fault = Some(fault);
        self.iterations = None;
        self.close(CoverReason::Fault);
    }

    /// Ends the job if `result` is an error.
    fn check<T>(&mut self, result: Result<T>) -> Option<T> {
        result.inspect_err(|error| self.fail(error.to_string())).ok()
    }

    /// Lays the face out and bounds its change.
    pub fn lay_out(&mut self, worker: &mut Worker, frame: &FrameMut<'_>, settings: &Settings) {
        let (landmarks, shown) = (self.track.landmark_sets(), self.face.is_shown());
        let opened = self.work.open(worker, frame, landmarks, settings, &mut self.face.previous, shown);
        match self.check(opened) {
            Some(true) => self.report.region = self.report.region.union(&self.work.geometry.rect),
            Some(false) => self.close(CoverReason::Unusable),
            None => {}
        }
    }

    /// Plans the looks at the clean face. `hurried`: whether the frame has a deadline.
    pub fn plan_clean_looks(&mut self, settings: &Settings, hurried: bool) {
        if !settings.warm_start {
            self.face.start_anew();
        }
        self.face.plan_clean_looks(&mut self.work, hurried);
    }

    /// Stores the results of the planned looks at the clean face, and plans further ones if those call for them.
    pub fn take_clean_looks(&mut self, selection: Option<&Selection>) {
        let seen = self.track.state == TrackState::Active;
        self.face.take_clean_looks(&mut self.work, seen, selection);
    }

    /// Ends the job of a face that passes by `selection`. The detector must have found it in this frame, with landmarks
    /// beyond doubt. In mode [`Cover`](Mode::Cover) the jobs of all other faces end here, too.
    pub fn select(&mut self, selection: &Selection, mode: Mode) {
        let clean = self.face.clean();
        let is_certain = |sighting: Detection| sighting.aligned && (clean.known || sighting.confirmed);
        if self.track.state == TrackState::Active
            && !self.track.doubted
            && self.track.sighting.is_some_and(is_certain)
            && self.face.passes_as_it_is(selection, self.track.landmarks.turn())
        {
            self.report.similarity_before = clean.similarity;
            self.keep();
        } else if mode == Mode::Cover {
            self.close(CoverReason::OnRequest);
        }
    }

    /// Sets the budget of an embedded face, and gives it the shape it has so far. `hurried`: whether the frame has a
    /// deadline.
    pub fn enroll(&mut self, worker: &mut Worker, memory: &Memory, settings: &Settings, hurried: bool) {
        if !self.open {
            return;
        }
        let (seen, clean) = (self.track.state == TrackState::Active, self.face.clean());
        if settings.warm_start
            && self.face.is_new()
            && let Some(known) = memory.recall(&self.face)
        {
            self.face.resume(known);
        }
        // If the clean face here is not the person's, the face is elsewhere, and the self-check would pass for that
        // reason.
        if !seen && !clean.known {
            return self.close(CoverReason::Lost);
        }
        self.doubtful = !clean.known && self.track.sighting.is_some_and(|sighting| !sighting.confirmed);
        self.report.similarity_before = clean.similarity;
        self.face.spending.hold(settings.jnd_rms, settings.jnd_rms_ceiling, hurried);
        self.transfer = settings.transfer;
        if self.work.reshaper.is_active() {
            self.face.shape.follow(&self.track.landmarks);
            self.shaping = self.face.shape.wants(hurried);
            if self.reshape(worker, settings).is_none() {
                return;
            }
        }
        self.set_budget(settings, &worker.pool);
        if !self.is_below_goal() {
            self.face.project(&mut self.budget);
        }
    }

    /// Gives the face its shape, and computes its bounds anew; `None` if that failed.
    fn reshape(&mut self, worker: &mut Worker, settings: &Settings) -> Option<()> {
        let controls = self.face.shape.controls(Extent::of(settings)?);
        let reshaped = self.work.reshape(&controls, worker, settings, &mut self.face.previous);
        self.check(reshaped)
    }

    fn set_budget(&mut self, settings: &Settings, pool: &Pool) {
        let budget = self.work.budget(settings, self.face.spending.size(), pool);
        self.budget = self.face.steady(budget, settings.flicker_limit);
    }

    /// Whether the landmarks must be confirmed before they are used.
    pub fn is_doubtful(&self) -> bool {
        self.open && self.doubtful
    }

    /// Follows the gradient of the last frame's check.
    pub fn climb(&mut self, attack: &Attack) {
        if self.is_below_goal() {
            self.climbs = self.face.climb(&self.work, &mut self.budget, attack, &self.transfer);
            self.report.iterations += self.climbs;
        }
    }

    /// Stores the gradient of the check, if one was planned.
    pub fn take_gradient(&mut self, worker: &mut Worker) {
        if self.open && self.work.probes.iter().any(|probe| probe.climbs) {
            let Worker { pool, smoothing, .. } = worker;
            self.face.take_gradient(&mut self.work, smoothing, &self.transfer, pool);
        }
    }

    /// Whether the last output fell short of the goal of the iterations.
    pub fn is_below_goal(&self) -> bool {
        self.face.goal_surplus(&self.work, self.transfer.reserve) < 0.0
    }

    /// Whether the last frame showed the face, protected or unchanged.
    pub fn was_shown(&self) -> bool {
        matches!(self.face.verdict, Some(Verdict::Protected | Verdict::Kept))
    }

    /// Defers the check if the margins last seen would not pass it.
    pub fn defer_check(&mut self) {
        self.check_deferred = !self.face.would_pass(&self.work);
    }

    /// Whether the check was deferred.
    pub fn is_check_deferred(&self) -> bool {
        self.open && self.check_deferred
    }

    /// Ends a job whose check was deferred: the face is covered, and its margins are estimated from the iterations.
    pub fn leave_unchecked(&mut self) {
        self.face.estimate();
        self.judged = true;
        self.report.margin = self.face.margin();
        self.close(CoverReason::NotYetProtected);
    }

    /// Writes the perturbation to the frame.
    pub fn write(&mut self, frame: &mut FrameMut<'_>, pool: &Pool) {
        self.work.write(frame, self.face.delta(), pool);
        self.report.spent = self.work.spent(&self.budget, self.face.delta());
        self.report.psnr = self.work.psnr();
        self.report.displacement = self.work.reshaper.displacement();
        self.report.light = self.work.reshaper.light();
        self.written = true;
    }

    /// Puts the clean region back into the frame, if anything was written. That includes a face that failed since.
    pub fn restore(&self, frame: &mut FrameMut<'_>) {
        if self.written {
            self.work.restore(frame);
        }
    }

    /// Whether its change was written, and is not written again: the job has ended.
    pub fn is_withdrawn(&self) -> bool {
        self.written && !self.open
    }

    /// Reads the output face, and plans its probes. `climbs`: whether one of them should give a gradient.
    pub fn inspect(&mut self, frame: &FrameMut<'_>, climbs: bool) {
        self.work.inspect(frame);
        self.face.plan_probes(&mut self.work, climbs);
    }

    /// The probes to run on one of the pictures.
    pub fn probes(&mut self, of: Shown) -> impl Iterator<Item = ProbeJob<'_>> {
        let Workspace { geometry, clean, output, stretch, probes, required, tolerated, chip, gradient, .. } =
            &mut self.work;
        let picture = match of {
            Shown::Clean => &*clean,
            Shown::Output => &*output,
        };
        let (geometry, stretch, face) = (&*geometry, *stretch, &self.face);
        let margins = [&*required, &*tolerated];
        let mut climb = Some(Climb { chip, gradient });
        probes.iter_mut().map(move |probe| {
            let climb = if probe.climbs { climb.take() } else { None };
            let (recognizer, rendition) = (probe.recognizer, probe.point.rendition.index());
            let decides = of == Shown::Output;
            let decision = decides.then(|| Decision {
                dodge: face.dodge(recognizer, probe.point.set),
                margins: margins.map(|margins| margins[recognizer][rendition]),
                climb,
            });
            ProbeJob { geometry, picture, stretch, probe, decision, fault: None }
        })
    }

    /// Judges the output by its probes.
    pub fn judge(&mut self) {
        self.report.similarity_after = self.face.judge(&self.work);
        self.report.margin = self.face.margin();
        self.judged = true;
        self.report.verdict = if self.face.passes(&self.work) {
            Verdict::Protected
        } else {
            Verdict::Covered(CoverReason::NotYetProtected)
        };
    }

    /// Whether the output would be covered although fewer iterations were spent on it than `most` and its worth allow.
    pub fn is_short(&self, most: u32) -> bool {
        let most = self.face.worth.allowance(most);
        self.open && self.report.iterations < most && !self.face.passes(&self.work)
    }

    /// Ends the frame: shrinks the perturbation if there is margin to spare, and stores the verdict.
    pub fn settle(&mut self, max_iterations: u32) {
        let protected = self.report.verdict == Verdict::Protected;
        if self.report.verdict != Verdict::Kept {
            self.face.worth.learn(self.report.iterations, max_iterations, protected);
        }
        if self.judged {
            self.face.settle_judged(protected && !self.overlapped, self.face.surplus(&self.work));
        }
        let spare = self.face.goal_surplus(&self.work, self.transfer.reserve);
        if self.overlapped {
            self.close(CoverReason::Overlapped);
        }
        if self.report.verdict == Verdict::Protected {
            // Nothing is covered.
            self.report.region = self.work.geometry.rect;
        }
        self.report.flicker = self.face.settle(spare, protected && !self.overlapped);
        self.report.changed = self.face.verdict.replace(self.report.verdict) != Some(self.report.verdict);
    }
}
