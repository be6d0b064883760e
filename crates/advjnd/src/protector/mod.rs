//! The data flow, whole: the one place that knows every room.
//!
//! Each frame: faces are found and followed (`search`); for every face the just-noticeable difference bounds the change
//! of its pixels, a few gradient iterations through the recognisers push its embedding away from the person's, the
//! frame is written, and the face is checked on the frame as output. What the check does not confirm is covered. Faces
//! take each stage together (`turn`), spread over the threads (`station`). Where a frame has a deadline, a [`Pace`]
//! says how much of this there is time for; the check is never left out.

mod geometry;
mod memory;
mod rendition;
mod search;
mod settings;
mod station;
mod subject;
mod transfer;
mod turn;
mod view;
mod visibility;
mod workspace;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::memory::Memory;
pub use self::search::Thoroughness;
use self::search::{Found, Search, Sought};
pub use self::settings::{Context, FailPolicy, Mode, Settings};
use self::station::Stations;
use self::subject::Subject;
pub use self::transfer::Transfer;
use self::turn::Turn;
pub use self::view::View;
use self::view::{Exhibit, show};
use self::workspace::Workspace;
use crate::attack::Attack;
use crate::error::{Error, Result};
use crate::face::{BBox, Detection, GivenFace, Landmarks, Track, TrackId, TrackState};
use crate::frame::{Colorimetry, Cover, FrameMut, PixelFormat, PlaneMut, Rect, cover};
use crate::models::Models;
use crate::net::{Backend, RecognizerSpec};
use crate::pacing::{Clock, Pace, Stage};
use crate::pool::Pool;
use crate::report::{CoverReason, FrameReport, Verdict};

/// Time between frames that carry no time stamp.
const FRAME_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// How much larger than the detector's box a cover is: a face in view, and one that was lost.
const COVER_SCALE: f32 = 1.3;
const LOST_COVER_SCALE: f32 = 1.8;

/// The faces of a frame that has yet to be protected.
pub struct Sighting {
    /// Who is where, and the time it took; or why that is not known.
    found: std::result::Result<(Found, Duration), String>,
}

/// A frame that was sighted and is not yet finished.
pub trait HeldFrame {
    /// Its faces.
    fn sighting(&mut self) -> &mut Sighting;

    /// Shows `look` its picture and its faces.
    ///
    /// # Errors
    /// Where the picture cannot be read.
    fn show(&mut self, look: &mut dyn FnMut(&FrameMut<'_>, &mut Sighting)) -> Result<()>;
}

/// Protects the faces of one stream of frames.
pub struct Protector {
    search: Search,
    pace: Pace,
    stations: Stations,
    specs: Vec<RecognizerSpec>,
    attack: Attack,
    subjects: BTreeMap<TrackId, Subject>,
    memory: Memory,
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
            search: Search::new(&models, &backend),
            pace: Pace::default(),
            specs: models.recognizers.iter().map(|(spec, _)| spec.clone()).collect(),
            stations: Stations::new(&models, &backend)?,
            attack: Attack::default(),
            subjects: BTreeMap::new(),
            memory: Memory::default(),
            free: Vec::new(),
            seed,
            clock: Duration::ZERO,
        })
    }

    /// Measures time by `clock`, in place of the machine's.
    pub fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.pace = Pace::new(clock);
    }

    /// Makes the plans and buffers that frames of `width`×`height` pixels need, on a grey frame with a face that is
    /// none, so that the first frame takes no longer than the next. Forgets everything.
    ///
    /// # Errors
    /// [`Error::Input`] for a frame without pixels, [`Error::Model`] if a network cannot be planned.
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
        self.protect(&mut frame, &[track], &settings, &mut FrameReport::default());
        self.search.restart();
        self.subjects.clear();
        self.memory.clear();
        self.clock = Duration::ZERO;
        Ok(())
    }

    /// Ends every track: after a seek, a cut, a change of size. People are remembered.
    pub fn reset(&mut self) {
        self.search.reset();
        self.part(&[]);
    }

    /// Ends the tracks that are not among `tracks`, and remembers whose they were.
    fn part(&mut self, tracks: &[Track]) {
        let Self { subjects, memory, specs, .. } = self;
        let gone = subjects.extract_if(.., |id, _| tracks.iter().all(|track| track.id != *id));
        gone.for_each(|(_, subject)| memory.keep(subject, specs));
    }

    /// Protects or covers every face of `frame`, in place.
    ///
    /// What cannot be protected is covered according to the policy; if finding faces itself fails, the whole frame is,
    /// and the report names the fault.
    ///
    /// # Errors
    /// Only with [`FailPolicy::Error`]: [`Error::Unprotected`]. The frame must not go out then.
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
        self.clock = context.time.unwrap_or(self.clock + FRAME_INTERVAL);
        self.pace.begin(context.budget);
        let found = self.search.follow(frame, (context, self.clock), settings, &mut self.pace);
        Sighting { found: found.map_err(|error| error.to_string()) }
    }

    /// Looks for the faces of the last of `held` frames in those before it, where they were not found: a face is
    /// followed backwards over a few frames in which it is not seen, and is then expected in these, too. Where the
    /// detector fails, the frame will be covered.
    ///
    /// # Errors
    /// What `held` reports where it cannot show a frame.
    pub fn trace_back(&mut self, held: &mut [impl HeldFrame]) -> Result<()> {
        let Some((last, earlier)) = held.split_last_mut() else { return Ok(()) };
        let Ok((found, _)) = &last.sighting().found else { return Ok(()) };
        let mut sought = Sought::all(&found.tracks);
        let mut first = earlier.len();
        while first > 0 && !sought.is_empty() {
            first -= 1;
            let search = &mut self.search;
            earlier[first].show(&mut |frame, sighting| {
                let Ok((found, _)) = &mut sighting.found else { return };
                if let Err(error) = search.trace_back(frame, &mut found.tracks, &mut sought) {
                    sighting.found = Err(error.to_string());
                }
            })?;
        }
        let sightings = held[first..].iter_mut().map(HeldFrame::sighting);
        let tracks = sightings.filter_map(|sighting| Some(&mut sighting.found.as_mut().ok()?.0.tracks));
        search::bridge(&mut tracks.collect::<Vec<_>>());
        Ok(())
    }

    /// The second half of [`process`](Self::process): protects or covers the faces that were sighted in `frame`.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    pub fn finish(&mut self, frame: &mut FrameMut<'_>, sighting: Sighting, settings: &Settings) -> Result<FrameReport> {
        let mut report = FrameReport::default();
        let (mut hidden, mut exhibits) = (Vec::new(), Vec::new());
        match sighting.found {
            Ok((found, took)) => {
                (report.searched, report.times.detect) = (found.searched, took);
                let mut tracks = found.tracks;
                // Nothing can be said of a face of which no pixel is there.
                tracks.retain(|track| !hiding_place(track, frame).is_empty());
                self.part(&tracks);
                exhibits = self.protect(frame, &tracks, settings, &mut report);
                let unprotected =
                    tracks.iter().zip(&report.faces).filter(|(_, face)| face.verdict != Verdict::Protected);
                hidden.extend(unprotected.map(|(track, _)| hiding_place(track, frame)));
                if settings.cover_frame_on_lost && tracks.iter().any(|track| track.state == TrackState::Lost) {
                    hidden.push(frame.rect());
                }
            }
            Err(fault) => {
                report.fault = Some(fault);
                hidden.push(frame.rect());
            }
        }
        hide(frame, &hidden, settings.fail_policy, &mut report)?;
        show(frame, settings.view, &exhibits, &report.faces);
        report.late = self.pace.is_over();
        Ok(report)
    }

    /// The turns of all faces, stage by stage; what there is to show of them.
    fn protect(
        &mut self,
        frame: &mut FrameMut<'_>,
        tracks: &[Track],
        settings: &Settings,
        report: &mut FrameReport,
    ) -> Vec<Exhibit> {
        let Self { search, stations, specs, attack, subjects, memory, free, seed, pace, .. } = self;
        let mut turns: Vec<Turn<'_>> = tracks
            .iter()
            .map(|track| {
                let subject = subjects.remove(&track.id).unwrap_or_else(|| Subject::new(*seed, track.id.0, specs));
                Turn::new(track, subject, free.pop().unwrap_or_default(), hiding_place(track, frame))
            })
            .collect();
        if settings.mode == Mode::Cover {
            close_beyond(&mut turns, 0, CoverReason::OnRequest);
        }
        let most = if settings.max_faces == 0 { usize::MAX } else { settings.max_faces as usize };
        close_beyond(&mut turns, most, CoverReason::TooMany);
        let ends: Vec<Stage> =
            open(&mut turns).iter().map(|turn| if turn.is_shown() { Stage::Check } else { Stage::Iterate }).collect();
        let in_time = pace.faces(&ends);
        close_beyond(&mut turns, in_time, CoverReason::OutOfTime);

        let view = &*frame;
        report.times.jnd += stage(pace, Stage::LayOut, &mut turns, |turns| {
            stations.for_each(turns, |station, turn| turn.lay_out(station, view, specs, settings));
        });
        report.times.attack += stage(pace, Stage::Enroll, &mut turns, |turns| {
            stations.for_each(turns, |station, turn| turn.enroll(station, (specs, memory), settings));
        });
        for turn in turns.iter_mut().filter(|turn| turn.is_doubtful()) {
            match search.confirms(view, turn.track) {
                Ok(true) => {}
                Ok(false) => turn.close(CoverReason::Unusable),
                Err(error) => turn.fail(error.to_string()),
            }
        }
        let work = (specs.as_slice(), &*attack, settings.max_iterations);
        let checked = open(&mut turns).len();
        let mut needy = open(&mut turns);
        needy.retain(|turn| turn.needs_work());
        let checked = checked - put_off_checks(pace, &mut needy, checked);
        report.times.attack += iterate(stations, pace, work, &mut needy, checked);
        turns.iter_mut().filter(|turn| turn.is_put_off()).for_each(Turn::leave_unchecked);
        let written: Vec<TrackId> = open(&mut turns).iter().map(|turn| turn.track.id).collect();
        report.times.verify += stage(pace, Stage::Check, &mut turns, |turns| {
            turns.iter_mut().for_each(|turn| turn.write(frame));
            verify(stations, frame, specs, turns);
        });

        let again: Vec<Rect> = turns.iter().filter(|turn| turn.falls_short()).map(|turn| turn.report.region).collect();
        let cost = pace.cost(Stage::Check, checked) + pace.cost(iteration_of(again.len()), 1);
        if settings.max_iterations > 0 && !again.is_empty() && pace.allows(cost) {
            // A face that failed since stands in the frame, too.
            turns.iter().filter(|turn| written.contains(&turn.track.id)).for_each(|turn| turn.work.restore(frame));
            let concerned = |turn: &Turn<'_>| again.iter().any(|place| place.intersects(&turn.report.region));
            open(&mut turns).into_iter().filter(|turn| concerned(turn)).for_each(|turn| turn.work.reopen(frame));
            let mut short: Vec<_> = open(&mut turns).into_iter().filter(|turn| turn.falls_short()).collect();
            report.times.attack += iterate(stations, pace, work, &mut short, checked);
            report.times.verify += stage(pace, Stage::Check, &mut turns, |turns| {
                turns.iter_mut().for_each(|turn| turn.write(frame));
                turns.retain(|turn| concerned(turn));
                verify(stations, frame, specs, turns);
            });
        }

        let exhibits = open(&mut turns).iter().filter_map(|turn| Exhibit::of(settings.view, turn)).collect();
        for mut turn in turns {
            turn.settle(settings.max_iterations);
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

/// Does a stage of the turns that have not ended, and returns the time it took; `work` leaves those that it was done
/// for.
fn stage(
    pace: &mut Pace,
    stage: Stage,
    turns: &mut [Turn<'_>],
    work: impl FnOnce(&mut Vec<&mut Turn<'_>>),
) -> Duration {
    let mut turns = open(turns);
    let ((), took) = pace.measure(stage, |_| {
        work(&mut turns);
        ((), turns.len() as f64)
    });
    took
}

/// Puts off the check of those of the `needy` faces that would not pass it, where there is no time for the checks of
/// `checked` faces and an iteration; these get the time, and only they. How many there are.
fn put_off_checks(pace: &Pace, needy: &mut Vec<&mut Turn<'_>>, checked: usize) -> usize {
    if needy.is_empty() || pace.allows(pace.cost(Stage::Check, checked) + pace.cost(iteration_of(needy.len()), 1)) {
        return 0;
    }
    needy.iter_mut().for_each(|turn| turn.put_off());
    let put_off = needy.iter().filter(|turn| turn.is_put_off()).count();
    if put_off > 0 {
        needy.retain(|turn| turn.is_put_off());
    }
    put_off
}

/// Spends iterations on `turns`, as many as there is time for when `checked` faces are to be checked afterwards; the
/// time it took.
fn iterate(
    stations: &mut Stations,
    pace: &mut Pace,
    (specs, attack, most): (&[RecognizerSpec], &Attack, u32),
    turns: &mut [&mut Turn<'_>],
    checked: usize,
) -> Duration {
    let (stage, threads) = (iteration_of(turns.len()), stations.threads());
    let grants = pace.iterations(turns.len(), threads, most, checked);
    let mut granted: Vec<_> = turns.iter_mut().zip(grants).collect();
    let needed = pace.cost(Stage::Check, checked) + pace.cost(stage, 1);
    let ((), took) = pace.measure(stage, |pace| {
        let goes_on = || pace.allows(needed);
        let spent =
            |turns: &[(&mut &mut Turn<'_>, u32)]| -> u32 { turns.iter().map(|(turn, _)| turn.report.iterations).sum() };
        let before = spent(&granted);
        stations.for_each(&mut granted, |station, (turn, grant)| {
            turn.iterate(station, specs, (attack, *grant), &goes_on);
        });
        let iterations = spent(&granted) - before;
        ((), f64::from(iterations) / threads.min(granted.len()).max(1) as f64)
    });
    took
}

/// The stage that an iteration on one of `faces` faces is.
fn iteration_of(faces: usize) -> Stage {
    if faces == 1 { Stage::Iterate } else { Stage::IterateBeside }
}

/// Ends the turns of all but the first `count` faces that are worked on.
fn close_beyond(turns: &mut [Turn<'_>], count: usize, reason: CoverReason) {
    open(turns).into_iter().skip(count).for_each(|turn| turn.close(reason));
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
