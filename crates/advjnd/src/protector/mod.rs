// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole data flow: the one module that knows all others.
//!
//! In each frame, faces are found and followed (`search`). For every face (`face_job`), the just-noticeable difference
//! bounds the change of its pixels. A few gradient iterations through the recognisers push its embedding away from the
//! person's. Then the perturbation is written, and the face is checked on the output frame. A face that fails the check
//! is covered. Faces go through each stage together (`stages`), spread over the threads (`worker`). If a frame has a
//! deadline, a [`Pace`] says how much of this there is time for; no face is shown unchecked.

mod affordable;
mod chip;
mod chip_reader;
mod cover;
mod debug_map;
mod face_job;
mod geometry;
mod margins;
mod memory;
mod preset;
mod previous_luma;
mod probe_job;
mod recognizer_memory;
mod rendition;
mod rota;
mod rounds;
mod search;
mod settings;
mod shape;
mod showing;
mod sighting;
mod spending;
mod stages;
mod tracked_face;
mod transfer;
mod visibility;
mod warping;
mod worker;
mod workspace;
mod worth;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::cover::{Hidden, cover_place, hide, overlapped};
pub use self::debug_map::View;
use self::debug_map::{DebugMap, show};
use self::face_job::FaceJob;
use self::memory::Memory;
pub use self::preset::Preset;
use self::search::Search;
pub use self::search::Thoroughness;
pub use self::settings::{Context, FailPolicy, Mode, Settings};
pub use self::sighting::{HeldFrame, Sighting};
use self::stages::Stages;
use self::tracked_face::TrackedFace;
pub use self::transfer::Transfer;
use self::worker::Workers;
use self::workspace::Workspace;
use crate::attack::Attack;
use crate::error::Result;
use crate::face::{BBox, Detection, GivenFace, Landmarks, Track, TrackId, TrackState};
use crate::frame::{Colorimetry, FrameMut, PixelFormat, PlaneMut, Rect};
use crate::models::Models;
use crate::net::Backend;
use crate::pacing::{Clock, DEFAULT_INTERVAL, Pace};
use crate::people::{Acquaintance, Selection};
use crate::pool::Pool;
use crate::report::{CoverReason, FaceReport, FrameReport, Verdict};

/// Protects the faces of one stream of frames.
pub struct Protector {
    search: Search,
    pace: Pace,
    workers: Workers,
    attack: Attack,
    faces: BTreeMap<TrackId, TrackedFace>,
    memory: Memory,
    selection: Option<Selection>,
    /// Buffers that no face uses at present.
    free: Vec<Workspace>,
    seed: u64,
    clock: Duration,
}

impl Protector {
    /// A protector with its own buffers over shared models. `threads`: 0 = one per core. The same `seed` and frames
    /// give the same bytes.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if a network cannot be planned.
    pub fn new(models: Arc<Models>, threads: usize, seed: u64) -> Result<Self> {
        Self::with_backend(models, Backend::Cpu(Pool::new(threads)?), seed)
    }

    /// As [`new`](Self::new), with the networks run by `backend`.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if a network cannot be planned.
    pub fn with_backend(models: Arc<Models>, backend: Backend, seed: u64) -> Result<Self> {
        let workers = Workers::new(&models, &backend)?;
        crate::models::release_embedded();
        Ok(Self {
            search: Search::new(&models, &backend),
            pace: Pace::default(),
            workers,
            attack: Attack::default(),
            faces: BTreeMap::new(),
            memory: Memory::default(),
            selection: None,
            free: Vec::new(),
            seed,
            clock: Duration::ZERO,
        })
    }

    /// Sets which faces pass unchanged ([`Verdict::Kept`]); `None` lets none pass. In every frame, all recognisers then
    /// embed each face that may pass, also in mode [`Cover`](Mode::Cover). Tracks are decided anew.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if its people were embedded by other recognisers than the protector's.
    pub fn set_selection(&mut self, selection: Option<Selection>) -> Result<()> {
        if let Some(selection) = &selection {
            let own = self.workers.specs().iter().map(|spec| &**spec);
            if !own.eq(selection.people().specs()) {
                let reason = "the people are known by other recognisers; enrol them with these models";
                return Err(crate::Error::input(reason));
            }
        }
        self.faces.values_mut().for_each(|face| face.acquaintance = Acquaintance::default());
        self.selection = selection;
        Ok(())
    }

    /// Measures time by `clock` instead of the machine's clock.
    pub fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.pace = Pace::new(clock);
        self.workers.forget_look_times();
    }

    /// Times a look by each recogniser, so that [`leave_out_slow`](Self::leave_out_slow) need not.
    ///
    /// # Errors
    /// What a recogniser reports.
    pub fn time_looks(&mut self) -> Result<()> {
        if self.needs_all_recognizers() {
            return Ok(());
        }
        self.workers.look_times(&self.pace).map(drop)
    }

    /// Whether no recogniser may be left out.
    fn needs_all_recognizers(&mut self) -> bool {
        self.selection.is_some() || self.workers.together().is_some()
    }

    /// Leaves out recognisers that this machine cannot look by often enough to check one face in a frame of `budget`:
    /// the slowest ones, but never the first. Returns their names. They neither attack nor check any face from then on.
    /// None is left out with a selection, which needs all recognisers, or if another device runs them. Forgets all
    /// faces.
    ///
    /// # Errors
    /// What a recogniser reports.
    pub fn leave_out_slow(&mut self, budget: Duration) -> Result<Vec<String>> {
        if self.needs_all_recognizers() {
            return Ok(Vec::new());
        }
        self.faces.clear();
        self.memory.clear();
        let looks = self.workers.look_times(&self.pace)?;
        let mut slow = affordable::unaffordable(&looks, budget);
        slow.sort_unstable_by(|a, b| b.cmp(a));
        Ok(slow.into_iter().map(|index| self.workers.remove(index)).collect())
    }

    /// The names of the recognisers that attack and check faces.
    pub fn recognizers(&self) -> impl Iterator<Item = &str> {
        self.workers.specs().iter().map(|spec| spec.name.as_str())
    }

    /// Makes the plans and buffers for frames of `width`×`height` pixels by a run on a grey frame with a made-up face,
    /// so that the first frame takes no longer than the next. Forgets all followed and remembered faces.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for a frame without pixels, [`Error::Model`](crate::Error::Model) if a
    /// network cannot be planned.
    pub fn prepare(&mut self, width: usize, height: usize, settings: &Settings) -> Result<()> {
        let settings = Settings { mode: Mode::Protect, max_iterations: 1, fail_policy: FailPolicy::Fill, ..*settings };
        let mut data = vec![128; 3 * width * height];
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * width }];
        let mut frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes)?;
        let side = width.min(height) as f32 / 4.0;
        let bbox = BBox { x: 1.5 * side, y: 1.5 * side, width: side, height: side };
        let sought = [GivenFace { bbox, landmarks: None }];
        for faces in [None, Some(&sought[..])] {
            self.process(&mut frame, &Context { faces, ..Context::default() }, &settings)?;
        }
        let face = Detection::new(bbox, Landmarks::guess(&bbox), 1.0);
        let track = Track::of(&Detection { confirmed: true, ..face });
        self.protect(&mut frame, &[track], &[], &settings, &mut FrameReport::default());
        self.search.restart();
        self.faces.clear();
        self.memory.clear();
        self.clock = Duration::ZERO;
        Ok(())
    }

    /// Ends every track. Call it after a seek, a cut or a change of size. People are remembered.
    pub fn reset(&mut self) {
        self.search.reset();
        self.retire_missing(&[]);
    }

    /// Removes the faces that are not among `tracks`, and remembers their people.
    fn retire_missing(&mut self, tracks: &[Track]) {
        let missing = |id: &TrackId| tracks.iter().all(|track| track.id != *id);
        let gone = self.faces.extract_if(.., |id, _| missing(id));
        gone.for_each(|(_, face)| self.memory.keep(face));
    }

    /// Protects or covers every face of `frame`, in place.
    ///
    /// A face that cannot be protected is covered as the fail policy says. If finding faces fails, the whole frame is
    /// covered, and the report names the fault.
    ///
    /// # Errors
    /// [`Error::Unprotected`](crate::Error::Unprotected), only with [`FailPolicy::Error`]. Then the frame must not go
    /// out.
    pub fn process(
        &mut self,
        frame: &mut FrameMut<'_>,
        context: &Context<'_>,
        settings: &Settings,
    ) -> Result<FrameReport> {
        let sighting = self.sight(frame, context, settings);
        self.finish(frame, sighting, settings)
    }

    /// The first half of [`process`](Self::process): finds and follows the faces of `frame`. Frames are sighted and
    /// [finished](Self::finish) in the same order, and may be sighted before others are finished.
    pub fn sight(&mut self, frame: &FrameMut<'_>, context: &Context<'_>, settings: &Settings) -> Sighting {
        self.clock = context.time.unwrap_or(self.clock + DEFAULT_INTERVAL);
        self.pace.begin(context.budget);
        let (found, took) = self.search.follow(frame, context, self.clock, settings, &mut self.pace);
        Sighting { found: found.map_err(|error| error.to_string()), took, masks: Vec::new() }
    }

    /// Looks for the faces of the last of the `held` frames in earlier ones that missed them. It follows a face
    /// backwards, also across a few frames in which the face is not seen, and adds it there at its expected place. A
    /// frame in which the detector fails will be covered.
    ///
    /// # Errors
    /// The error of `held` if it cannot show a frame.
    pub fn trace_back(&mut self, held: &mut [impl HeldFrame]) -> Result<()> {
        sighting::trace_back(&mut self.search, held)
    }

    /// The second half of [`process`](Self::process): protects or covers the faces sighted in `frame`.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    pub fn finish(&mut self, frame: &mut FrameMut<'_>, sighting: Sighting, settings: &Settings) -> Result<FrameReport> {
        let mut report = FrameReport::default();
        report.times.detect = sighting.took;
        let (mut hidden, mut maps) = (Vec::new(), Vec::new());
        match sighting.found {
            Ok(found) => {
                report.searched = found.searched;
                let mut tracks = found.tracks;
                // A face without a pixel in the frame is dropped.
                tracks.retain(|track| !cover_place(track, frame).is_empty());
                self.retire_missing(&tracks);
                maps = self.protect(frame, &tracks, &sighting.masks, settings, &mut report);
                hidden = Hidden::of(&tracks.iter().zip(&report.faces).collect::<Vec<_>>(), frame);
                // A face of a lost track may be covered for another reason, and a face may be lost in an earlier frame.
                let mut faces = tracks.iter().zip(&report.faces);
                let is_lost = |(track, face): (&Track, &FaceReport)| {
                    track.state == TrackState::Lost || face.verdict == Verdict::Covered(CoverReason::Lost)
                };
                if settings.cover_frame_on_lost && faces.any(is_lost) {
                    hidden.push(Hidden::all(frame));
                }
            }
            Err(fault) => {
                report.fault = Some(fault);
                hidden.push(Hidden::all(frame));
            }
        }
        hide(frame, &hidden, settings.fail_policy, &mut report)?;
        show(frame, settings.view, &maps, &report.faces);
        report.late = self.pace.is_over();
        Ok(report)
    }

    /// Lays out, enrolls, improves, writes and checks every face. Returns the maps for the view.
    fn protect(
        &mut self,
        frame: &mut FrameMut<'_>,
        tracks: &[Track],
        masks: &[Rect],
        settings: &Settings,
        report: &mut FrameReport,
    ) -> Vec<DebugMap> {
        let mut jobs = self.begin(frame, tracks);
        let Self { search, workers, attack, memory, selection, pace, .. } = self;
        let (selection, times) = (selection.as_ref(), &mut report.times);
        let mut stages = Stages { workers, pace, attack: *attack, settings, selection, times };
        stages.limit(&mut jobs);
        stages.lay_out(&mut jobs, frame);
        stages.enroll(&mut jobs, memory);
        stages.confirm(&mut jobs, frame, search);
        let checked = stages.improve(&mut jobs);
        stages.check(&mut jobs, frame, |_| true);
        stages.retry(&mut jobs, frame, checked);
        let open = jobs.iter().filter(|job| job.is_open());
        let maps = open.filter_map(|job| DebugMap::of(settings.view, &job.work)).collect();
        let overlapped = overlapped(tracks.iter().zip(jobs.iter().map(|job| &job.report)), masks, frame);
        jobs.iter_mut().zip(overlapped).for_each(|(job, overlapped)| job.overlapped = overlapped);
        self.end(jobs, settings, report);
        maps
    }

    /// A job for every track.
    fn begin<'t>(&mut self, frame: &FrameMut<'_>, tracks: &'t [Track]) -> Vec<FaceJob<'t>> {
        let jobs = tracks.iter().map(|track| {
            let new = || TrackedFace::new(self.seed, track.id.0, self.workers.specs());
            let face = self.faces.remove(&track.id).unwrap_or_else(new);
            FaceJob::new(track, face, self.free.pop().unwrap_or_default(), cover_place(track, frame))
        });
        jobs.collect()
    }

    /// Keeps the lasting state of the faces and reports on them. A face that failed begins anew, but stays suspected if
    /// it was.
    fn end(&mut self, jobs: Vec<FaceJob<'_>>, settings: &Settings, report: &mut FrameReport) {
        for mut job in jobs {
            job.settle(settings.max_iterations);
            match job.fault {
                Some(fault) => {
                    report.fault = Some(fault);
                    if job.face.acquaintance.is_suspected() {
                        let mut face = TrackedFace::new(self.seed, job.track.id.0, self.workers.specs());
                        face.acquaintance.suspect();
                        self.faces.insert(job.track.id, face);
                    }
                }
                None => drop(self.faces.insert(job.track.id, job.face)),
            }
            report.faces.push(job.report);
            self.free.push(job.work);
        }
    }
}
