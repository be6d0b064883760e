//! One face in one frame, stage by stage: laid out, worked on, written, looked at, judged.
//!
//! A stage reads the frame or writes it, never both, so that a stage of several faces can be done at the same time, and
//! every face is worked on as it is in the clean frame and judged in the frame as output, its neighbours' changes
//! included.

use super::Settings;
use super::geometry::Geometry;
use super::memory::Memory;
use super::station::{Eye, Sources, Station};
use super::subject::Subject;
use super::transfer::Transfer;
use super::workspace::{Look, Scene, Workspace};
use crate::attack::{Attack, Budget};
use crate::error::Result;
use crate::face::{Track, TrackState};
use crate::frame::{FrameMut, Rect};
use crate::net::RecognizerSpec;
use crate::report::{CoverReason, FaceReport, Verdict};

/// A face's turn.
pub struct Turn<'a> {
    /// Where it is.
    pub track: &'a Track,
    /// What is remembered of it.
    pub subject: Subject,
    /// Its buffers.
    pub work: Workspace,
    /// What becomes of it.
    pub report: FaceReport,
    /// What went wrong.
    pub fault: Option<String>,
    /// What was to be seen there a frame ago, if anybody looked.
    scene: Scene,
    budget: Budget,
    transfer: Transfer,
    open: bool,
    /// Whether this frame goes on it without a check: it would not pass.
    put_off: bool,
    /// Whether the clean face is not the person's, and no close look of this frame confirmed its landmarks.
    doubtful: bool,
}

impl<'a> Turn<'a> {
    /// A turn that has yet to begin: covered at `place` unless better comes of it.
    pub fn new(track: &'a Track, mut subject: Subject, work: Workspace, place: Rect) -> Self {
        let seen = track.state == TrackState::Active;
        let reason = if seen { CoverReason::Unusable } else { CoverReason::Lost };
        let report = FaceReport {
            id: track.id,
            bbox: track.bbox,
            landmarks: track.landmarks,
            score: if seen { track.score } else { 0.0 },
            verdict: Verdict::Covered(reason),
            changed: false,
            region: place,
            iterations: 0,
            margin: 0.0,
            flicker: 0.0,
            similarity_before: 0.0,
            similarity_after: 0.0,
        };
        let open = track.state != TrackState::Lost && track.aligned;
        let budget = Budget::symmetric(&[]);
        let scene = std::mem::take(&mut subject.scene);
        Self {
            track,
            subject,
            work,
            report,
            fault: None,
            scene,
            budget,
            transfer: Transfer::default(),
            open,
            put_off: false,
            doubtful: false,
        }
    }

    /// Whether the face is worked on.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Ends the turn, the face to be covered for `reason`.
    pub fn close(&mut self, reason: CoverReason) {
        (self.open, self.report.verdict) = (false, Verdict::Covered(reason));
    }

    /// Ends the turn if `result` is an error.
    fn check<T>(&mut self, result: Result<T>) -> Option<T> {
        result.inspect_err(|error| self.fail(error.to_string())).ok()
    }

    /// Lays the face out and bounds its change.
    pub fn lay_out(
        &mut self,
        station: &mut Station,
        frame: &FrameMut<'_>,
        specs: &[RecognizerSpec],
        settings: &Settings,
    ) {
        let (landmarks, shown) = (self.track.landmark_sets(), self.is_shown());
        let opened = self.work.open(frame, landmarks, (station, specs), settings, (&mut self.scene, shown));
        self.subject.scene = std::mem::take(&mut self.scene);
        match self.check(opened) {
            Some(true) => self.report.region = self.report.region.union(&self.work.geometry.rect),
            Some(false) => self.close(CoverReason::Unusable),
            None => {}
        }
    }

    /// Looks at the clean face, and says what may be done to it.
    pub fn enroll(
        &mut self,
        station: &mut Station,
        (specs, memory): (&[RecognizerSpec], &Memory),
        settings: &Settings,
    ) {
        if !settings.warm_start {
            self.subject.start_anew();
        }
        let seen = self.track.state == TrackState::Active;
        let clean = self.subject.enroll(station, specs, &self.work, seen);
        let Some(clean) = self.check(clean) else { return };
        if settings.warm_start
            && self.subject.is_new()
            && let Some(known) = memory.recall(&self.subject, specs)
        {
            self.subject.resume(known);
        }
        // Where the clean face is nobody's, the self-check would pass because the face is elsewhere.
        if !seen && !clean.known {
            return self.close(CoverReason::Lost);
        }
        self.doubtful = !clean.known && self.track.sighting.is_some_and(|sighting| !sighting.confirmed);
        self.report.similarity_before = clean.similarity;
        self.budget = self.subject.steady(self.work.budget(settings), settings.flicker_limit);
        self.transfer = settings.transfer;
        if !self.needs_work() {
            self.subject.project(&mut self.budget);
        }
    }

    /// Whether the landmarks are to be confirmed before anything is made of them.
    pub fn is_doubtful(&self) -> bool {
        self.open && self.doubtful
    }

    /// Whether the last output was short of what the iterations go for.
    pub fn needs_work(&self) -> bool {
        self.subject.goal_surplus(&self.work, self.transfer.reserve) < 0.0
    }

    /// Whether the last frame showed it.
    pub fn is_shown(&self) -> bool {
        self.subject.verdict == Some(Verdict::Protected)
    }

    /// Puts the check off if the face would not pass it, as far as is known.
    pub fn put_off(&mut self) {
        self.put_off = self.subject.surplus(&self.work) < 0.0;
    }

    /// Whether the check was put off.
    pub fn is_put_off(&self) -> bool {
        self.open && self.put_off
    }

    /// The end of a turn whose check was put off: covered, and the better known by what the iterations saw.
    pub fn leave_unchecked(&mut self) {
        self.subject.estimate();
        self.report.margin = self.subject.margin();
        self.close(CoverReason::NotYetProtected);
    }

    /// Spends iterations, at most so many and while it `goes_on`.
    pub fn iterate(
        &mut self,
        station: &mut Station,
        specs: &[RecognizerSpec],
        (attack, most): (&Attack, u32),
        goes_on: &dyn Fn() -> bool,
    ) {
        let work = (&mut self.work, &mut self.budget);
        let most = self.subject.allowance(most);
        let iterations = self.subject.iterate((station, specs), attack, work, (most, goes_on), &self.transfer);
        self.report.iterations += self.check(iterations).unwrap_or(0);
    }

    /// Writes the perturbation to the frame.
    pub fn write(&mut self, frame: &mut FrameMut<'_>) {
        self.work.write(frame, self.subject.delta());
    }

    /// Reads the face as output, and plans the looks at it.
    pub fn read(&mut self, frame: &FrameMut<'_>, specs: &[RecognizerSpec]) {
        self.work.inspect(frame);
        self.subject.plan_looks(&mut self.work, specs);
    }

    /// The looks to be done.
    pub fn sights(&mut self) -> impl Iterator<Item = Sight<'_>> {
        let Workspace { geometry, region, half, stretch, looks, .. } = &mut self.work;
        let (geometry, output) = (&*geometry, Sources { region, half, stretch: *stretch });
        looks.iter_mut().map(move |look| Sight { geometry, output, look, fault: None })
    }

    /// Judges the output by the looks at it.
    pub fn judge(&mut self, specs: &[RecognizerSpec]) {
        self.report.similarity_after = self.subject.judge(&self.work, specs);
        self.report.margin = self.subject.margin();
        self.report.verdict = match self.subject.surplus(&self.work) {
            surplus if surplus >= 0.0 => Verdict::Protected,
            _ => Verdict::Covered(CoverReason::NotYetProtected),
        };
    }

    /// Ends the turn after a failure.
    pub fn fail(&mut self, fault: String) {
        self.fault = Some(fault);
        self.close(CoverReason::Fault);
    }

    /// Whether the output has less margin than it should, and nothing was spent on it yet.
    pub fn falls_short(&self) -> bool {
        self.open && self.report.iterations == 0 && self.subject.surplus(&self.work) < 0.0
    }

    /// The end: makes the perturbation smaller where there is margin to spare, and notes the verdict.
    pub fn settle(&mut self, max_iterations: u32) {
        let protected = self.report.verdict == Verdict::Protected;
        self.subject.learn(self.report.iterations, max_iterations, protected);
        let spare = self.subject.goal_surplus(&self.work, self.transfer.reserve);
        self.report.flicker = self.subject.settle(spare, self.report.verdict == Verdict::Protected);
        self.report.changed = self.subject.verdict.replace(self.report.verdict) != Some(self.report.verdict);
    }
}

/// A look to be done, by whoever is free.
pub struct Sight<'a> {
    geometry: &'a Geometry,
    output: Sources<'a>,
    look: &'a mut Look,
    /// What went wrong.
    pub fault: Option<String>,
}

impl Sight<'_> {
    /// Does it.
    pub fn see(&mut self, eyes: &mut [Eye]) {
        let Some(eye) = eyes.get_mut(self.look.eye) else { return };
        eye.look(self.look.eye, self.geometry, self.output, &self.look.point);
        self.fault = eye.embed(&mut self.look.embedding).err().map(|error| error.to_string());
    }
}
