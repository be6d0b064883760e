//! The data flow, whole: the one place that knows every room.
//!
//! Each frame: faces are found ([`Detector`]) and followed ([`Tracker`]); for every face the just-noticeable difference
//! bounds the change of its pixels, a few gradient iterations through the recognisers push its embedding away from the
//! person's, the frame is written, and the face is checked on the frame as output. What the check does not confirm is
//! covered. Faces take each stage together (`turn`), spread over the threads (`station`).

mod geometry;
mod station;
mod subject;
mod transfer;
mod turn;
mod view;
mod workspace;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::station::Stations;
use self::subject::Subject;
pub use self::transfer::Transfer;
use self::turn::Turn;
pub use self::view::View;
use self::view::{Exhibit, show};
use self::workspace::Workspace;
use crate::attack::Attack;
use crate::error::{Error, Result};
use crate::face::{Detector, Track, TrackId, TrackState, Tracker};
use crate::frame::{Cover, FrameMut, Rect, cover};
use crate::jnd::Model;
use crate::models::Models;
use crate::net::{Backend, RecognizerSpec};
use crate::pool::Pool;
use crate::report::{FrameReport, Verdict};

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
    /// How the just-noticeable difference is worked out.
    pub jnd_model: Model,
    /// How many just-noticeable differences a pixel may change, 0..=20; at 1 noise of their size is not noticed.
    pub jnd_scale: f32,
    /// How far the viewer is from the picture, in times its height, 0.5..=1000: smooth changes are held the tighter the nearer
    /// they are seen; from 1000 times the height, pixels alone are held.
    pub viewing_distance: f32,
    /// Whether thresholds are those of video ([`Temporal`](crate::jnd::Temporal)) rather than those of a still.
    pub temporal_masking: bool,
    /// How much a perturbation that is seen may change from frame to frame, as a share of its budget; 2 is no limit.
    pub flicker_limit: f32,
    /// Gradient iterations per face and frame at most.
    pub max_iterations: u32,
    /// What the iterations do for recognisers that are not at hand.
    pub transfer: Transfer,
    /// What happens to faces that are not protected.
    pub fail_policy: FailPolicy,
    /// Detector score from which a face is believed, 0..=1.
    pub score_threshold: f32,
    /// Smallest face to be found, pixels of its shorter side.
    pub min_face_size: u32,
    /// How long a lost face stays covered where it was last seen.
    pub hold_time: Duration,
    /// What goes out in place of the frame.
    pub view: View,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jnd_model: Model::default(),
            jnd_scale: 9.0,
            viewing_distance: 3.0,
            temporal_masking: true,
            flicker_limit: 1.0,
            max_iterations: 4,
            transfer: Transfer::default(),
            fail_policy: FailPolicy::Fill,
            score_threshold: 0.5,
            min_face_size: 24,
            hold_time: Duration::from_millis(500),
            view: View::default(),
        }
    }
}

/// Protects the faces of one stream of frames.
pub struct Protector {
    detector: Detector,
    tracker: Tracker,
    stations: Stations,
    specs: Vec<RecognizerSpec>,
    attack: Attack,
    subjects: BTreeMap<TrackId, Subject>,
    /// Buffers that no face uses.
    free: Vec<Workspace>,
    seed: u64,
    clock: Duration,
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
        Ok(Self {
            detector: Detector::new(&models.detector, &backend),
            tracker: Tracker::default(),
            stations: Stations::new(&models.recognizers, &backend)?,
            specs: models.recognizers.iter().map(|(network, _)| network.spec()).collect(),
            attack: Attack::default(),
            subjects: BTreeMap::new(),
            free: Vec::new(),
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
        let (mut hidden, mut exhibits) = (Vec::new(), Vec::new());
        match tracks {
            Ok(tracks) => {
                exhibits = self.protect(frame, &tracks, settings, &mut report);
                let unprotected =
                    tracks.iter().zip(&report.faces).filter(|(_, face)| face.verdict != Verdict::Protected);
                hidden.extend(unprotected.map(|(track, _)| hiding_place(track, frame)));
            }
            Err(error) => {
                report.fault = Some(error.to_string());
                hidden.push(frame.rect());
            }
        }
        hide(frame, &hidden, settings.fail_policy, &mut report)?;
        show(frame, settings.view, &exhibits, &report.faces);
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

    /// The turns of all faces, stage by stage; what there is to show of them.
    fn protect(
        &mut self,
        frame: &mut FrameMut<'_>,
        tracks: &[Track],
        settings: &Settings,
        report: &mut FrameReport,
    ) -> Vec<Exhibit> {
        let Self { stations, specs, attack, subjects, free, seed, .. } = self;
        let mut turns: Vec<Turn<'_>> = tracks
            .iter()
            .map(|track| {
                let subject = subjects.remove(&track.id).unwrap_or_else(|| Subject::new(*seed, track.id.0, specs));
                Turn::new(track, subject, free.pop().unwrap_or_default(), hiding_place(track, frame))
            })
            .collect();
        let most = settings.max_iterations;

        let watch = Instant::now();
        let view = &*frame;
        stations.for_each(&mut open(&mut turns), |station, turn| turn.lay_out(station, view, specs, settings));
        report.times.jnd += watch.elapsed();

        let watch = Instant::now();
        stations.for_each(&mut open(&mut turns), |station, turn| turn.work(station, specs, attack, settings));
        report.times.attack += watch.elapsed();

        let watch = Instant::now();
        let written: Vec<TrackId> = open(&mut turns).iter().map(|turn| turn.track.id).collect();
        open(&mut turns).iter_mut().for_each(|turn| turn.write(frame));
        verify(stations, frame, specs, &mut open(&mut turns));
        report.times.verify += watch.elapsed();

        let again: Vec<Rect> = turns.iter().filter(|turn| turn.falls_short()).map(|turn| turn.report.region).collect();
        if most > 0 && !again.is_empty() {
            let watch = Instant::now();
            // A face that failed since stands in the frame, too.
            turns.iter().filter(|turn| written.contains(&turn.track.id)).for_each(|turn| turn.work.restore(frame));
            let mut short: Vec<_> = open(&mut turns).into_iter().filter(|turn| turn.falls_short()).collect();
            stations.for_each(&mut short, |station, turn| turn.iterate(station, specs, attack, most));
            report.times.attack += watch.elapsed();
            let watch = Instant::now();
            open(&mut turns).iter_mut().for_each(|turn| turn.write(frame));
            let mut changed = open(&mut turns);
            changed.retain(|turn| again.iter().any(|place| place.intersects(&turn.report.region)));
            verify(stations, frame, specs, &mut changed);
            report.times.verify += watch.elapsed();
        }

        let exhibits = open(&mut turns).iter().filter_map(|turn| Exhibit::of(settings.view, turn)).collect();
        for mut turn in turns {
            turn.settle();
            match turn.fault {
                Some(fault) => report.fault = Some(fault),
                None => drop(subjects.insert(turn.track.id, turn.subject)),
            }
            report.faces.push(turn.report);
            free.push(turn.work);
        }
        exhibits
    }
}

/// The turns that have not ended.
fn open<'a, 't>(turns: &'a mut [Turn<'t>]) -> Vec<&'a mut Turn<'t>> {
    turns.iter_mut().filter(|turn| turn.is_open()).collect()
}

/// Looks at written faces on the frame as it now is, and judges them.
fn verify(stations: &mut Stations, frame: &FrameMut<'_>, specs: &[RecognizerSpec], turns: &mut [&mut Turn<'_>]) {
    stations.for_each(turns, |_, turn| turn.read(frame, specs));
    let mut sights: Vec<_> = turns.iter_mut().map(|turn| turn.sights().collect::<Vec<_>>()).collect();
    let mut all: Vec<_> = sights.iter_mut().flatten().collect();
    stations.for_each(&mut all, |station, sight| sight.see(&mut station.eyes));
    let faults: Vec<_> = sights.into_iter().map(|own| own.into_iter().find_map(|sight| sight.fault)).collect();
    for (turn, fault) in turns.iter_mut().zip(faults) {
        match fault {
            Some(fault) => turn.fail(fault),
            None => turn.judge(specs),
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
