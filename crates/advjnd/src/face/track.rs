// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tracking of faces from frame to frame: stable identity, smoothed landmarks, a hold over missed detections.
//!
//! Detections are assigned to tracks greedily, best pair first, by overlap with the predicted box (constant velocity),
//! as in SORT (Bewley et al. 2016, arXiv 1602.00763) without its Kalman filter; weak detections may continue a track
//! but not begin one, as in ByteTrack (Zhang et al. 2022, arXiv 2110.06864). A new detection begins a track at once: no
//! face may pass while a tracker waits for more evidence.
//!
//! Landmarks follow the detections by exponential smoothing with a gain that rises with the innovation. So a still face
//! does not tremble with the detector's noise, and a moving one does not lag.

use std::time::Duration;

use super::confirm::Assigned;
use super::{BBox, Detection, Landmarks};

/// Frames that a track continues by prediction alone before it counts as lost.
pub const COAST_FRAMES: u32 = 3;
/// Smoothing gain of a face at rest.
const BASE_GAIN: f32 = 0.4;
/// Rise of the gain with the innovation, in face sizes: there is no smoothing from 6 % of the face on.
const GAIN_SLOPE: f32 = 10.0;
/// Smoothing gain of the velocity.
const VELOCITY_GAIN: f32 = 0.5;
/// Velocity kept per frame of coasting.
const COAST_DAMPING: f32 = 0.8;
/// Least affinity of a detection with a track's prediction.
const MIN_AFFINITY: f32 = 0.15;

/// Identity of a track, unique within a [`Protector`](crate::Protector) until the next
/// [`prepare`](crate::Protector::prepare).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u64);

/// How certain the place of a track's face is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackState {
    /// Detected in this frame.
    Active,
    /// Missed for this many frames, at most [`COAST_FRAMES`]; the place is predicted.
    Coasting(u32),
    /// Missed for longer; the face is somewhere near the predicted place.
    Lost,
}

/// A followed face.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Identity.
    pub id: TrackId,
    /// Certainty.
    pub state: TrackState,
    /// Box, detected or predicted.
    pub bbox: BBox,
    /// Smoothed landmarks, or predicted ones.
    pub landmarks: Landmarks,
    /// Score of the last detection.
    pub score: f32,
    /// Whether the landmarks of the last detection were detected.
    pub aligned: bool,
    /// Whether the landmarks are those of close looks ([`Detection::close`]).
    pub close: bool,
    /// Whether the landmarks are in doubt: the next frame must confirm them.
    pub doubted: bool,
    /// The detection of this frame; `None` if the track continues by prediction.
    pub sighting: Option<Detection>,
    /// Frames since the landmarks were last confirmed; then roll, size and score at that time.
    pub(super) since_confirmed: u32,
    pub(super) confirmed_roll: f32,
    pub(super) confirmed_size: f32,
    pub(super) confirmed_score: f32,
    velocity: [f32; 2],
    last_seen: Duration,
    misses: u32,
}

/// The tracks of a stream.
#[derive(Debug, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    next_id: u64,
}

impl Tracker {
    /// Current tracks, oldest first.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Forgets all tracks; the numbering of identities continues.
    pub fn reset(&mut self) {
        self.tracks.clear();
    }

    /// Takes the detections of the frame at `time`: [`predict`](Self::predict), [`assign`](Self::assign),
    /// [`correct`](Self::correct).
    pub fn update(&mut self, detections: &[Detection], time: Duration, score_threshold: f32, hold_time: Duration) {
        self.predict();
        let assigned = self.assign(detections);
        let faces: Vec<_> = detections.iter().copied().zip(assigned).collect();
        self.correct(&faces, time, score_threshold, hold_time);
    }

    /// Moves every track to where it is expected in the next frame.
    pub fn predict(&mut self) {
        self.tracks.iter_mut().for_each(Track::predict);
    }

    /// For each detection, the index of the track that it continues, if any.
    pub fn assign(&self, detections: &[Detection]) -> Vec<Option<usize>> {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            for (d, detection) in detections.iter().enumerate() {
                let affinity = affinity(&track.bbox, &detection.bbox);
                if affinity >= MIN_AFFINITY {
                    pairs.push((affinity, t, d));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut taken = vec![false; self.tracks.len()];
        let mut assigned = vec![None; detections.len()];
        for (_, t, d) in pairs {
            if assigned[d].is_none() && !taken[t] {
                assigned[d] = Some(t);
                taken[t] = true;
            }
        }
        assigned
    }

    /// Takes the faces of the frame at `time`, with the tracks that they continue. Faces below `score_threshold` begin
    /// no track. Tracks end after `hold_time` and more than [`COAST_FRAMES`] frames without a detection.
    pub fn correct(&mut self, faces: &[Assigned], time: Duration, score_threshold: f32, hold_time: Duration) {
        let mut of_track = vec![None; self.tracks.len()];
        for (face, of) in faces {
            if let Some(slot) = of.and_then(|of| of_track.get_mut(of)) {
                *slot = Some(face);
            }
        }
        for (track, face) in self.tracks.iter_mut().zip(of_track) {
            match face {
                Some(face) => track.correct(face, time),
                None => track.miss(),
            }
        }
        let held = |track: &Track| track.misses <= COAST_FRAMES || time.saturating_sub(track.last_seen) <= hold_time;
        self.tracks.retain(held);
        for (face, of) in faces {
            if of.is_none() && face.score >= score_threshold {
                self.tracks.push(Track::new(TrackId(self.next_id), face, time));
                self.next_id += 1;
            }
        }
    }

    /// Requires the next frame to confirm the landmarks of a track.
    pub fn doubt(&mut self, id: TrackId) {
        self.tracks.iter_mut().filter(|track| track.id == id).for_each(|track| track.doubted = true);
    }
}

impl Track {
    /// Its landmarks in this frame: as followed, then as each look of the detector has them.
    pub fn landmark_sets(&self) -> impl Iterator<Item = Landmarks> + '_ {
        let seen = self
            .sighting
            .iter()
            .flat_map(|face| std::iter::once(face.landmarks).chain(face.other_looks.into_iter().flatten()));
        std::iter::once(self.landmarks).chain(seen)
    }

    /// Whether to look in this frame for a track without landmarks: once in [`COAST_FRAMES`] missed frames.
    pub(super) fn is_due_unseen(&self) -> bool {
        (self.misses + 1).is_multiple_of(COAST_FRAMES)
    }

    /// Where it is expected in the next frame.
    pub fn expected(&self) -> BBox {
        self.bbox.translated(self.velocity)
    }

    /// The track in an earlier frame, in which it is `seen`.
    pub fn seen_before(&self, seen: &Detection) -> Self {
        Self {
            state: TrackState::Active,
            bbox: seen.bbox,
            landmarks: seen.landmarks,
            score: seen.score,
            aligned: seen.aligned,
            sighting: Some(*seen),
            ..self.clone()
        }
    }

    /// The track between this detection and a `later` one, at a `share` of the way, without a detection of its own.
    pub fn between(&self, later: &Self, share: f32) -> Self {
        let blend = |from: f32, to: f32| from + share * (to - from);
        let (from, to) = (self.bbox, later.bbox);
        let bbox = BBox {
            x: blend(from.x, to.x),
            y: blend(from.y, to.y),
            width: blend(from.width, to.width),
            height: blend(from.height, to.height),
        };
        let mut landmarks = self.landmarks;
        for (point, to) in landmarks.0.iter_mut().zip(later.landmarks.0) {
            *point = [blend(point[0], to[0]), blend(point[1], to[1])];
        }
        Self { state: TrackState::Coasting(1), bbox, landmarks, sighting: None, ..self.clone() }
    }

    /// A track of one detection, as if it were the first of a stream.
    pub fn of(detection: &Detection) -> Self {
        Self::new(TrackId(0), detection, Duration::ZERO)
    }

    fn new(id: TrackId, detection: &Detection, time: Duration) -> Self {
        Self {
            id,
            state: TrackState::Active,
            bbox: detection.bbox,
            landmarks: detection.landmarks,
            score: detection.score,
            aligned: detection.aligned,
            close: detection.close,
            doubted: false,
            sighting: Some(*detection),
            since_confirmed: 0,
            confirmed_roll: detection.landmarks.roll(),
            confirmed_size: detection.bbox.size(),
            confirmed_score: detection.score,
            velocity: [0.0; 2],
            last_seen: time,
            misses: 0,
        }
    }

    fn predict(&mut self) {
        let [vx, vy] = self.velocity;
        self.bbox = self.bbox.translated([vx, vy]);
        self.landmarks = self.landmarks.map(|[x, y]| [x + vx, y + vy]);
    }

    fn correct(&mut self, detection: &Detection, time: Duration) {
        let size = detection.bbox.size().max(1.0);
        let pairs = || detection.landmarks.0.iter().zip(&self.landmarks.0);
        let square: f32 = pairs().map(|(z, p)| (z[0] - p[0]).powi(2) + (z[1] - p[1]).powi(2)).sum();
        let innovation = (square / 5.0).sqrt() / size;
        let anew = self.misses > COAST_FRAMES || !self.aligned || !detection.aligned || self.close != detection.close;
        let gain = if anew { 1.0 } else { (BASE_GAIN + GAIN_SLOPE * innovation).min(1.0) };
        let blend = |old: f32, new: f32| old + gain * (new - old);
        let mut shift = [0.0f32; 2];
        for (p, z) in self.landmarks.0.iter_mut().zip(&detection.landmarks.0) {
            for axis in 0..2 {
                shift[axis] += (z[axis] - p[axis]) / 5.0;
                p[axis] = blend(p[axis], z[axis]);
            }
        }
        let (old, new) = (self.bbox, detection.bbox);
        self.bbox = BBox {
            x: blend(old.x, new.x),
            y: blend(old.y, new.y),
            width: blend(old.width, new.width),
            height: blend(old.height, new.height),
        };
        let gain = if self.misses > 0 { 0.0 } else { VELOCITY_GAIN * gain };
        self.velocity = [self.velocity[0] + gain * shift[0], self.velocity[1] + gain * shift[1]];
        self.score = detection.score;
        self.aligned = detection.aligned;
        self.close = detection.close;
        self.since_confirmed += 1;
        if detection.confirmed {
            self.doubted = false;
            self.since_confirmed = 0;
            self.confirmed_roll = detection.landmarks.roll();
            self.confirmed_size = detection.bbox.size();
            self.confirmed_score = detection.score;
        }
        self.sighting = Some(*detection);
        self.last_seen = time;
        self.misses = 0;
        self.state = TrackState::Active;
    }

    fn miss(&mut self) {
        self.misses += 1;
        self.sighting = None;
        self.velocity = self.velocity.map(|v| v * COAST_DAMPING);
        self.state = if self.misses <= COAST_FRAMES { TrackState::Coasting(self.misses) } else { TrackState::Lost };
    }
}

/// How well a detection fits a predicted box, 0..=1: their overlap, or the closeness of their centres for small faces
/// that moved by more than their size.
fn affinity(predicted: &BBox, detected: &BBox) -> f32 {
    let (a, b) = (predicted.size().max(1.0), detected.size().max(1.0));
    let ratio = a.min(b) / a.max(b);
    if ratio < 0.5 {
        return 0.0;
    }
    let ([ax, ay], [bx, by]) = (predicted.center(), detected.center());
    let closeness = 1.0 - (ax - bx).hypot(ay - by) / (0.8 * a.max(b));
    predicted.iou(detected).max(0.5 * closeness * ratio)
}
