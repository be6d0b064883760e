// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stages that the faces of a frame take together, and their time limits.

use std::time::Duration;

use super::face_job::FaceJob;
use super::memory::Memory;
use super::probe_job::{ProbeJob, Shown};
use super::rounds::{Granted, Rounds};
use super::search::Search;
use super::worker::Workers;
use super::{Mode, Settings};
use crate::attack::Attack;
use crate::frame::{FrameMut, Rect};
use crate::pacing::{Pace, Stage};
use crate::people::Selection;
use crate::report::{CoverReason, StageTimes};

/// Extra rounds of iterations and checks in a frame without a deadline.
const RETRIES: usize = 3;

/// Takes the faces of one frame through their stages.
pub struct Stages<'a> {
    /// The workers.
    pub workers: &'a mut Workers,
    /// The time limits.
    pub pace: &'a mut Pace,
    /// The attack's parameters.
    pub attack: Attack,
    /// The settings.
    pub settings: &'a Settings,
    /// The people who pass unchanged.
    pub selection: Option<&'a Selection>,
    /// Time spent per stage.
    pub times: &'a mut StageTimes,
}

impl Stages<'_> {
    /// Ends the jobs of faces that are covered in any case, that exceed the largest number of faces, or for which there
    /// is no time.
    pub fn limit(&self, jobs: &mut [FaceJob<'_>]) {
        // With a selection, faces must be embedded first.
        if self.settings.mode == Mode::Cover && self.selection.is_none() {
            close_beyond(jobs, 0, CoverReason::OnRequest);
        }
        let most = if self.settings.max_faces == 0 { usize::MAX } else { self.settings.max_faces as usize };
        close_beyond(jobs, most, CoverReason::TooMany);
        let stages = |job: &&mut FaceJob<'_>| {
            let duties = job.face.duties(self.pace.is_bound());
            let end = if job.was_shown() { Stage::check(duties.is_thorough) } else { Stage::Iterate };
            [Stage::LayOut, Stage::enrolment(duties.enrolls_more), end]
        };
        let stages: Vec<_> = open(jobs).iter().map(stages).collect();
        close_beyond(jobs, self.pace.faces(&stages), CoverReason::OutOfTime);
    }

    /// Lays out every face, and bounds its change by the just-noticeable difference.
    pub fn lay_out(&mut self, jobs: &mut [FaceJob<'_>], frame: &FrameMut<'_>) {
        let settings = self.settings;
        let took = self.measure(Stage::LayOut, jobs, |workers, jobs| {
            workers.for_each(jobs, |worker, job| job.lay_out(worker, frame, settings));
        });
        self.times.jnd += took;
    }

    /// Embeds every clean face, ends the jobs of those that pass by the selection, and compares new faces with the
    /// people in `memory`.
    pub fn enroll(&mut self, jobs: &mut [FaceJob<'_>], memory: &Memory) {
        let (settings, selection, hurried) = (self.settings, self.selection, self.pace.is_bound());
        let more = open(jobs).iter().any(|job| job.face.duties(hurried).enrolls_more);
        let took = self.measure(Stage::enrolment(more), jobs, |workers, jobs| {
            jobs.iter_mut().for_each(|job| job.plan_clean_looks(settings, hurried));
            // What the guard sees in the first round may require a second.
            for _ in 0..2 {
                look(workers, jobs, Shown::Clean);
                jobs.iter_mut().filter(|job| job.is_open()).for_each(|job| job.take_clean_looks(selection));
            }
            jobs.retain(|job| job.is_open());
            if let Some(selection) = selection {
                jobs.iter_mut().for_each(|job| job.select(selection, settings.mode));
            }
            workers.for_each(jobs, |worker, job| job.enroll(worker, memory, settings, hurried));
        });
        self.times.attack += took;
    }

    /// Ends the jobs whose clean face is not the person's, unless a close look confirms its landmarks.
    pub fn confirm(&mut self, jobs: &mut [FaceJob<'_>], frame: &FrameMut<'_>, search: &mut Search) {
        for job in jobs.iter_mut().filter(|job| job.is_doubtful()) {
            match search.confirms(frame, job.track) {
                Ok(true) => {}
                Ok(false) => job.close(CoverReason::Unusable),
                Err(error) => job.fail(error.to_string()),
            }
        }
    }

    /// Spends iterations on the faces below their goals. Returns how many faces will be checked; the jobs of faces
    /// whose check was deferred end here.
    pub fn improve(&mut self, jobs: &mut [FaceJob<'_>]) -> usize {
        open(jobs).into_iter().for_each(|job| job.climb(&self.attack));
        let checked = open(jobs).len();
        let check = Stage::check(is_thorough(jobs));
        let mut below_goal = open(jobs);
        below_goal.retain(|job| job.is_below_goal());
        let checked = checked - self.defer_checks(&mut below_goal, check, checked);
        self.iterate(&mut below_goal, self.pace.cost(check, checked));
        jobs.iter_mut().filter(|job| job.is_check_deferred()).for_each(FaceJob::leave_unchecked);
        checked
    }

    /// If there is no time for the checks of `checked` faces and an iteration, defers the check of those faces
    /// `below_goal` that would not pass it; only these then get iterations. Returns how many there are. A check that
    /// fits is not deferred if there is no time for two iterations either: its gradient is worth one iteration.
    fn defer_checks(&self, below_goal: &mut Vec<&mut FaceJob<'_>>, check: Stage, checked: usize) -> usize {
        let iteration = self.pace.cost(Stage::iteration(below_goal.len()), 1);
        let check = self.pace.cost(check, checked);
        let is_worth_it = self.pace.allows(check) && !self.pace.allows(2 * iteration);
        if below_goal.is_empty() || self.pace.allows(check + iteration) || is_worth_it {
            return 0;
        }
        below_goal.iter_mut().for_each(|job| job.defer_check());
        let deferred = below_goal.iter().filter(|job| job.is_check_deferred()).count();
        if deferred > 0 {
            below_goal.retain(|job| job.is_check_deferred());
        }
        deferred
    }

    /// Spends iterations on `jobs`, as many as leave the time `reserved` for checks afterwards.
    fn iterate(&mut self, jobs: &mut [&mut FaceJob<'_>], reserved: Duration) {
        let Self { workers, pace, attack, settings, times, .. } = self;
        let (stage, threads) = (Stage::iteration(jobs.len()), workers.threads());
        let grants = pace.iterations(jobs.len(), threads, settings.max_iterations, reserved);
        let mut granted: Vec<Granted<'_, '_>> =
            jobs.iter_mut().zip(grants).map(|(job, iterations)| Granted { job, iterations }).collect();
        let ((), took) = pace.measure(stage, |pace| {
            let allows = |faces: usize| pace.allows(reserved + pace.cost(stage, faces));
            let rounds = Rounds { attack, settings, allows: &allows };
            let spent = |jobs: &[Granted<'_, '_>]| jobs.iter().map(|own| own.job.report.iterations).sum::<u32>();
            let before = spent(&granted);
            match workers.together() {
                Some(worker) => rounds.run(&mut granted, worker),
                None => workers.for_each(&mut granted, |worker, own| rounds.run(std::slice::from_mut(own), worker)),
            }
            let iterations = spent(&granted) - before;
            ((), f64::from(iterations) / threads.min(granted.len()).max(1) as f64)
        });
        times.attack += took;
    }

    /// Writes every face to the frame, then checks those `concerned` in the frame with all changes. If a deadline
    /// leaves time for it, the check of a face gives the gradient that the next frame follows.
    pub fn check(
        &mut self,
        jobs: &mut [FaceJob<'_>],
        frame: &mut FrameMut<'_>,
        concerned: impl Fn(&FaceJob<'_>) -> bool,
    ) {
        let stage = Stage::check(is_thorough(jobs));
        let gradients = self.gradients(open(jobs).len(), stage);
        let climbs = gradients.is_some();
        let took = self.measure_less(stage, gradients.unwrap_or_default(), jobs, |workers, jobs| {
            jobs.iter_mut().for_each(|job| job.write(frame, workers.pool()));
            jobs.retain(|job| concerned(job));
            workers.for_each(jobs, |_, job| job.inspect(frame, climbs));
            look(workers, jobs, Shown::Output);
            if climbs {
                workers.for_each(jobs, |worker, job| job.take_gradient(worker));
            }
            jobs.iter_mut().filter(|job| job.is_open()).for_each(|job| job.judge());
        });
        self.times.verify += took;
    }

    /// The time for a gradient of each of `faces` faces besides their `check`; `None` if there is too little, or no
    /// deadline. A gradient from a check saves the forward pass of an iteration, so it takes half of one.
    fn gradients(&self, faces: usize, check: Stage) -> Option<Duration> {
        if !self.pace.is_bound() || self.settings.max_iterations == 0 {
            return None;
        }
        let rounds = faces.div_ceil(self.workers.threads());
        let gradients = self.pace.cost(Stage::iteration(faces), rounds) / 2;
        self.pace.allows(self.pace.cost(check, faces) + gradients).then_some(gradients)
    }

    /// Spends more iterations on faces that fell short of their margins, and checks them again, with all that overlap
    /// them or a face that has failed since it was written. With a deadline, it does so once, and only for faces that
    /// have had no iteration yet.
    pub fn retry(&mut self, jobs: &mut [FaceJob<'_>], frame: &mut FrameMut<'_>, checked: usize) {
        let (rounds, most) = if self.pace.is_bound() { (1, 1) } else { (RETRIES, self.settings.max_iterations) };
        for _ in 0..rounds {
            self.retry_once(jobs, frame, checked, most);
        }
    }

    /// One round of [`retry`](Self::retry), for the faces that have had fewer than `most` iterations.
    fn retry_once(&mut self, jobs: &mut [FaceJob<'_>], frame: &mut FrameMut<'_>, checked: usize, most: u32) {
        let short: Vec<Rect> = jobs.iter().filter(|job| job.is_short(most)).map(|job| job.report.region).collect();
        let check = self.pace.cost(Stage::check(is_thorough(jobs)), checked);
        let cost = check + self.pace.cost(Stage::iteration(short.len()), 1);
        if self.settings.max_iterations == 0 || short.is_empty() || !self.pace.allows(cost) {
            return;
        }
        jobs.iter().for_each(|job| job.restore(frame));
        let mut below: Vec<_> = jobs.iter_mut().filter(|job| job.is_short(most)).collect();
        self.iterate(&mut below, check);
        let withdrawn = jobs.iter().filter(|job| job.is_withdrawn()).map(|job| job.report.region);
        let changed: Vec<Rect> = short.into_iter().chain(withdrawn).collect();
        self.check(jobs, frame, |job| changed.iter().any(|place| place.intersects(&job.report.region)));
    }

    /// Runs a stage on the open jobs, and returns the time it took. `work` keeps in the list the jobs that it
    /// processed.
    fn measure<'j, 't>(
        &mut self,
        stage: Stage,
        jobs: &'j mut [FaceJob<'t>],
        work: impl FnOnce(&mut Workers, &mut Vec<&'j mut FaceJob<'t>>),
    ) -> Duration {
        self.measure_less(stage, Duration::ZERO, jobs, work)
    }

    /// As [`measure`](Self::measure), where `other` is the time that `work` spends besides on something else.
    fn measure_less<'j, 't>(
        &mut self,
        stage: Stage,
        other: Duration,
        jobs: &'j mut [FaceJob<'t>],
        work: impl FnOnce(&mut Workers, &mut Vec<&'j mut FaceJob<'t>>),
    ) -> Duration {
        let mut jobs = open(jobs);
        let workers = &mut *self.workers;
        let ((), took) = self.pace.measure_less(stage, other, |_| {
            work(workers, &mut jobs);
            ((), jobs.len() as f64)
        });
        took
    }
}

/// Ends all open jobs but the first `count`.
fn close_beyond(jobs: &mut [FaceJob<'_>], count: usize, reason: CoverReason) {
    open(jobs).into_iter().skip(count).for_each(|job| job.close(reason));
}

/// The open jobs.
fn open<'j, 't>(jobs: &'j mut [FaceJob<'t>]) -> Vec<&'j mut FaceJob<'t>> {
    jobs.iter_mut().filter(|job| job.is_open()).collect()
}

/// Whether the check of any job that has not ended has thorough looks.
fn is_thorough(jobs: &[FaceJob<'_>]) -> bool {
    jobs.iter().any(|job| job.is_open() && job.face.is_thorough())
}

/// Runs the planned probes. A job ends if one of its probes fails.
fn look(workers: &mut Workers, jobs: &mut [&mut FaceJob<'_>], of: Shown) {
    let mut probes: Vec<_> = jobs.iter_mut().map(|job| job.probes(of).collect::<Vec<_>>()).collect();
    let mut all: Vec<_> = probes.iter_mut().flatten().collect();
    match workers.together() {
        Some(worker) => ProbeJob::run_together(&mut all, worker),
        None => workers.for_each(&mut all, |worker, probe| probe.run(worker)),
    }
    let faults: Vec<_> = probes.into_iter().map(|own| own.into_iter().find_map(|probe| probe.fault)).collect();
    for (job, fault) in jobs.iter_mut().zip(faults) {
        if let Some(fault) = fault {
            job.fail(fault);
        }
    }
}
