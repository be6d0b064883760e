//! Finding and following faces: when the whole frame is searched, and when less will do.
//!
//! Searching costs more than anything else in a frame without a face. Where nobody is followed, a frame that shows what the
//! last searched one showed ([`Glance`]) has no face either, and where little changed it is enough to look there. Where every
//! face is in view, time is short and nothing changed besides them, a look around each is enough.

use std::time::Duration;

use super::{Context, Settings};
use crate::error::Result;
use crate::face::{BBox, Change, Detection, Detector, Glance, Track, TrackState, Tracker};
use crate::frame::{FrameMut, Rect};
use crate::net::Backend;
use crate::net::graph::Graph;
use crate::pacing::{Pace, Stage};

/// Detector score from which a face that is already followed is believed.
const CONTINUE_SCORE: f32 = 0.3;
/// Frames after which the whole frame is searched again, whatever a glance says: nobody followed, and faces in view.
const VACANT_INTERVAL: u32 = 30;
const BUSY_INTERVAL: u32 = 3;
/// How far around its expected box a followed face is looked for.
const NEAR_SCALE: f32 = 1.5;

/// The faces of a stream, found and followed.
pub struct Search {
    detector: Detector,
    tracker: Tracker,
    glance: Glance,
    /// Frames since the whole frame was searched.
    since: u32,
    /// The settings under which the last search found nothing at all, if it did.
    vacant: Option<(u32, f32)>,
}

/// Who is where in a frame.
pub struct Found {
    /// Followed faces, oldest first.
    pub tracks: Vec<Track>,
    /// Whether the whole frame was searched.
    pub searched: bool,
}

impl Search {
    /// A search by the detector `graph`, run by `backend`.
    pub fn new(graph: &Graph, backend: &Backend) -> Self {
        let (tracker, glance) = (Tracker::default(), Glance::default());
        Self { detector: Detector::new(graph, backend), tracker, glance, since: 0, vacant: None }
    }

    /// Forgets every face.
    pub fn reset(&mut self) {
        self.tracker.reset();
        self.forget();
    }

    /// As [`reset`](Self::reset), and the faces are numbered from the first again.
    pub fn restart(&mut self) {
        self.tracker = Tracker::default();
        self.forget();
    }

    fn forget(&mut self) {
        self.glance.forget();
        (self.since, self.vacant) = (0, None);
    }

    /// Finds and follows the faces of the frame at `time`.
    ///
    /// # Errors
    /// What the detector reports; the next frame is searched then.
    pub fn follow(
        &mut self,
        frame: &FrameMut<'_>,
        (context, time): (&Context<'_>, Duration),
        settings: &Settings,
        pace: &mut Pace,
    ) -> Result<(Found, Duration)> {
        let (result, took) = pace.measure(Stage::Detect, |pace| {
            let found = self.look(frame, context, settings, pace);
            let searched = matches!(found, Ok((_, true)));
            (found, if searched { 1.0 } else { 0.0 })
        });
        let (mut faces, searched) = result.inspect_err(|_| self.forget())?;
        faces.retain(|face| context.wants(&face.bbox));
        self.tracker.update(&faces, time, settings.score_threshold, settings.hold_time);
        Ok((Found { tracks: self.tracker.tracks().to_vec(), searched }, took))
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
            self.glance.look(frame);
            if self.tracker.tracks().is_empty() {
                if let Some(faces) = self.look_at_changes(frame, least, threshold)? {
                    return Ok((faces, false));
                }
                return self.search(frame, least, threshold);
            }
        }
        if !self.must_search(settings, pace) {
            self.since += 1;
            let places: Vec<BBox> =
                self.tracker.tracks().iter().map(|track| track.expected().scaled(NEAR_SCALE)).collect();
            return Ok((self.detector.detect_near(frame, &places, least, threshold)?, false));
        }
        self.search(frame, least, threshold)
    }

    fn search(&mut self, frame: &FrameMut<'_>, least: u32, threshold: f32) -> Result<(Vec<Detection>, bool)> {
        let faces = self.detector.detect(frame, least, threshold)?;
        self.glance.keep();
        self.since = 0;
        self.vacant = faces.is_empty().then_some((least, threshold));
        Ok((faces, true))
    }

    /// The faces where something changed since a search that found nothing; `None` if the whole frame must be searched.
    fn look_at_changes(&mut self, frame: &FrameMut<'_>, least: u32, threshold: f32) -> Result<Option<Vec<Detection>>> {
        if self.vacant != Some((least, threshold)) || self.since + 1 >= VACANT_INTERVAL {
            return Ok(None);
        }
        let faces = match self.glance.change(Detector::reach(frame, least)) {
            Change::Nowhere => Vec::new(),
            Change::Places(places) => self.detector.detect_around(frame, &places, least, threshold)?,
            Change::Everywhere => return Ok(None),
        };
        self.glance.keep_changes();
        self.since += 1;
        if !faces.is_empty() {
            self.vacant = None;
        }
        Ok(Some(faces))
    }

    fn must_search(&self, settings: &Settings, pace: &Pace) -> bool {
        let tracks = self.tracker.tracks();
        match settings.detect_interval {
            0 => {
                let in_view = tracks.iter().all(|track| track.state == TrackState::Active && track.aligned);
                let iteration = super::iteration_of(tracks.len());
                let faces =
                    [Stage::LayOut, Stage::Enroll, Stage::Check, iteration].map(|stage| pace.cost(stage, tracks.len()));
                let in_time = pace.allows(pace.cost(Stage::Detect, 1) + faces.into_iter().sum::<Duration>());
                let known = || tracks.iter().map(|track| track.expected().scaled(NEAR_SCALE)).collect::<Vec<_>>();
                !in_view || in_time || self.since + 1 >= BUSY_INTERVAL || self.glance.changed(&known())
            }
            interval => {
                let begun = self.vacant.is_some() || !tracks.is_empty();
                !begun || self.since + 1 >= interval
            }
        }
    }
}

impl Context<'_> {
    /// Whether a face is to be protected, by where its centre lies.
    fn wants(&self, bbox: &BBox) -> bool {
        let [x, y] = bbox.center().map(|at| at.max(0.0) as usize);
        let inside = |rects: &[Rect]| rects.iter().any(|rect| rect.contains(x, y));
        (self.regions.is_empty() || inside(self.regions)) && !inside(self.exclude_regions)
    }
}
