// SPDX-License-Identifier: MIT OR Apache-2.0
//! Confirms the landmarks of detections by close looks.
//!
//! A new face is looked at in every turn ([`Aligner::align`]); a followed one from time to time, and when its roll,
//! size or score changed. If a close look does not confirm the landmarks, its own replace them, from then on in every
//! frame. If no looks agree, the face is not [aligned](Detection::aligned) and stays covered. A detection too weak to
//! begin a track begins one if close looks confirm it. A followed face that was not found is searched where it is
//! expected. An upright face that close looks see but cannot align is covered.

use super::aligner::{Aligner, Pose};
use super::detect::SMALL_FACE;
use super::{BBox, Detection, Landmarks, Track, TrackState};
use crate::error::Result;
use crate::frame::FrameMut;
use crate::net::Backend;
use crate::net::graph::Graph;

/// A close look confirms landmarks that differ from its own by at most this share of the face.
const CONFIRMED: f32 = 0.12;
/// Their roll differs from its own by at most this, radians: upright faces by less, faces turned by 15° by more.
const CONFIRMED_ROLL: f32 = 0.14;
/// A head counts as turned to the side from this [`Landmarks::turn`] on. Its landmarks depend on the size at which it
/// is looked at, so the self-check uses those of each of these sizes, pixels.
const TURNED: f32 = 0.15;
const TURNED_SIZES: [f32; 2] = [100.0, 160.0];
/// Score of close looks from which a weak detection begins a track.
const WEAK_CLOSE_SCORE: f32 = 0.75;
/// The same where the detection touches another face and has another roll, as a neck or a hand does: these were seen
/// with 0.76 and 0.83.
const CLEAR_CLOSE_SCORE: f32 = 0.85;
/// Frames before a refused weak detection is looked at again, unless its score rises by this much, and frames between
/// attempts to align a face whose looks did not agree.
const REFUSED_FRAMES: u32 = 11;
const CLEARER: f32 = 0.05;
const RETRY_FRAMES: u32 = 16;
/// Roll up to which a weak detection counts as upright, radians: too many turned things look like a face.
const UPRIGHT: f32 = 0.8;
/// Score from which an upright weak detection may be suspected. Of 40 faces that nothing else finds, this finds 16, all
/// that no other detection overlaps, and 10 of 149 other things. Below it come heads that are found anyway, and hands.
const LEAST_SUSPECT_SCORE: f32 = 0.4;
/// Largest number of refused weak detections to remember.
const MOST_REFUSED: usize = 64;
/// Share of a box inside another from which the two touch.
const TOUCHING_SHARE: f32 = 0.1;
/// A box is part of a larger face if this share of it lies inside that face.
const NESTED_SHARE: f32 = 0.7;
/// A part of a larger face is smaller than that face by this factor.
const NESTED_SIZE: f32 = 0.67;

/// How carefully to confirm.
#[derive(Debug, Clone, Copy)]
pub struct Care {
    /// Frames from one confirmation of a followed face to the next.
    pub every: u32,
    /// Largest number of faces to look at in every turn in a frame; the others wait, unaligned.
    pub alignments: usize,
    /// Score from which a detection counts as a face.
    pub score_threshold: f32,
    /// Scale, relative to the frame, of the picture that other pipelines use.
    pub common_scale: f32,
}

/// A detection, and the index of the track that it continues.
pub type Assigned = (Detection, Option<usize>);

/// Confirms landmarks.
pub struct Confirmer {
    aligner: Aligner,
    refused: Vec<Refused>,
}

/// A weak detection that no look confirmed.
struct Refused {
    bbox: BBox,
    score: f32,
    /// Frames for which it is remembered.
    frames: u32,
}

impl Confirmer {
    /// A confirmer over the graph of a [`DetectorNet`](crate::net::DetectorNet), run by `backend`.
    pub fn new(graph: &Graph, backend: &Backend) -> Self {
        Self { aligner: Aligner::new(graph, backend), refused: Vec::new() }
    }

    /// Two close looks at the face of `track`.
    ///
    /// # Errors
    /// As [`Aligner::align`].
    pub fn look(&mut self, frame: &FrameMut<'_>, track: &Track) -> Result<Option<Detection>> {
        self.aligner.look_again(frame, Pose::of(&track.bbox, track.landmarks.roll()))
    }

    /// Whether a close look confirms the landmarks of `track`.
    ///
    /// # Errors
    /// As [`Aligner::align`].
    pub fn confirms(&mut self, frame: &FrameMut<'_>, track: &Track) -> Result<bool> {
        let seen = self.look(frame, track)?;
        Ok(seen.is_some_and(|seen| agree(&Detection::new(track.bbox, track.landmarks, track.score), &seen)))
    }

    /// Forgets the refused detections.
    pub fn forget(&mut self) {
        self.refused.clear();
    }

    /// Confirms `faces`, each assigned to one of `tracks` or none, and adds those of `tracks` that were not found but
    /// are seen at their expected place.
    ///
    /// # Errors
    /// As [`Aligner::align`].
    pub fn confirm(
        &mut self,
        frame: &FrameMut<'_>,
        faces: Vec<Assigned>,
        tracks: &[Track],
        care: &Care,
    ) -> Result<Vec<Assigned>> {
        self.refused.iter_mut().for_each(|refused| refused.frames -= 1);
        self.refused.retain(|refused| refused.frames > 0);
        let mut left = care.alignments;
        let mut confirmed: Vec<Assigned> = Vec::with_capacity(faces.len());
        let is_weak = |(face, of): &Assigned| of.is_none() && face.score < care.score_threshold;
        let (weak, sure): (Vec<Assigned>, Vec<Assigned>) = faces.into_iter().partition(is_weak);
        for (face, of) in sure {
            let seen = match of {
                Some(of) => self.confirm_followed(frame, face, &tracks[of], care, &mut left)?,
                None => self.align(frame, face, &mut left)?,
            };
            confirmed.push((seen, of));
        }
        let new: Vec<Detection> = confirmed.iter().filter(|(_, of)| of.is_none()).map(|(face, _)| *face).collect();
        for (face, of) in weak {
            let seen = self.confirm_weak(frame, face, tracks, &mut left)?;
            let seen = seen.filter(|seen| !is_turned_beside(&new, seen));
            // What close looks confirm or suspect begins a track, whatever score that takes.
            let begins = |face: Detection| Detection { score: face.score.max(care.score_threshold), ..face };
            confirmed.extend(seen.map(|face| (begins(face), of)));
        }
        drop_nested(&mut confirmed);
        for (index, track) in tracks.iter().enumerate() {
            let place = &track.bbox;
            let is_known = |(face, of): &Assigned| {
                *of == Some(index) || face.bbox.overlaps(place) || is_part(place, &Pose::of_face(face).bbox())
            };
            if confirmed.iter().any(is_known) {
                continue;
            }
            if !track.aligned {
                if left > 0 && track.is_due_unseen() {
                    left -= 1;
                    let pose = Pose::of(place, 0.0);
                    let moved = self.aligner.suspect(frame, pose)?.map(|seen| place.at(seen.center()));
                    let seen = moved.map(|bbox| Detection::unaligned(bbox, track.score));
                    confirmed.extend(seen.map(|face| (face, Some(index))));
                }
                continue;
            }
            let seen = self.aligner.look_again(frame, Pose::of(place, track.landmarks.roll()))?;
            confirmed.extend(seen.map(|face| (Detection { close: track.close, ..face }, Some(index))));
        }
        for (face, _) in &mut confirmed {
            let size = face.bbox.size() * care.common_scale;
            if face.close && size <= SMALL_FACE {
                let pose = Pose::of(&face.bbox, face.landmarks.roll());
                let seen = self.aligner.look(frame, pose, size)?;
                face.other_looks[0] = seen.map(|seen| seen.landmarks).or(face.other_looks[0]);
            }
            if face.aligned && face.landmarks.turn() > TURNED {
                for (slot, size) in face.other_looks[1..].iter_mut().zip(TURNED_SIZES) {
                    let pose = Pose::of(&face.bbox, face.landmarks.roll());
                    *slot = self.aligner.look(frame, pose, size)?.map(|seen| seen.landmarks);
                }
            }
        }
        Ok(confirmed)
    }

    /// `face`, which continues `track`, with confirmed landmarks or not aligned.
    fn confirm_followed(
        &mut self,
        frame: &FrameMut<'_>,
        face: Detection,
        track: &Track,
        care: &Care,
        left: &mut usize,
    ) -> Result<Detection> {
        if track.aligned {
            if !track.is_due(&face, care.every) {
                return Ok(face);
            }
            let pose = Pose::of_face(&face);
            let roll = if track.close { track.landmarks.roll() } else { pose.roll };
            if let Some(seen) = self.aligner.look_close(frame, Pose { roll, ..pose })? {
                let settled =
                    track.close && track.landmarks.distance(&seen.landmarks) <= 2.0 * CONFIRMED * seen.bbox.size();
                if settled || agree(&face, &seen) {
                    return Ok(face.confirmed_by(&seen));
                }
            }
        } else if !(track.since_confirmed.is_power_of_two() || track.since_confirmed.is_multiple_of(RETRY_FRAMES)) {
            return Ok(Detection { aligned: false, ..face });
        }
        self.align(frame, face, left)
    }

    /// `face` with the landmarks of looks in every turn; not aligned if these disagree or no alignments are `left`.
    fn align(&mut self, frame: &FrameMut<'_>, face: Detection, left: &mut usize) -> Result<Detection> {
        if *left == 0 {
            return Ok(Detection { aligned: false, ..face });
        }
        *left -= 1;
        let seen = self.aligner.align(frame, Pose::of_face(&face))?;
        Ok(seen.map_or(Detection { aligned: false, ..face }, |seen| face.confirmed_by(&seen)))
    }

    /// `face`, too weak to begin a track by itself, if close looks confirm or suspect it.
    fn confirm_weak(
        &mut self,
        frame: &FrameMut<'_>,
        face: Detection,
        tracks: &[Track],
        left: &mut usize,
    ) -> Result<Option<Detection>> {
        let as_before = |refused: &Refused| refused.bbox.overlaps(&face.bbox) && face.score <= CLEARER + refused.score;
        if *left == 0 || is_about_one_of(tracks, &face.bbox) || self.refused.iter().any(as_before) {
            return Ok(None);
        }
        *left -= 1;
        let seen = self.aligner.align(frame, Pose::of_face(&face))?;
        let seen = match seen.filter(|seen| seen.score >= WEAK_CLOSE_SCORE) {
            Some(seen) => Some(face.confirmed_by(&seen)),
            None => self.suspect(frame, face)?,
        };
        let seen = seen.filter(|seen| !is_about_one_of(tracks, &seen.bbox) && !is_beneath_one_of(tracks, seen));
        if seen.is_none() && self.refused.len() < MOST_REFUSED {
            self.refused.push(Refused { bbox: face.bbox, score: face.score, frames: REFUSED_FRAMES });
        }
        Ok(seen)
    }

    /// `face` as one to cover, if it is upright and close looks suspect it.
    fn suspect(&mut self, frame: &FrameMut<'_>, face: Detection) -> Result<Option<Detection>> {
        let pose = Pose::of_face(&face);
        if angle(pose.roll).abs() > UPRIGHT || face.score < LEAST_SUSPECT_SCORE {
            return Ok(None);
        }
        let seen = self.aligner.suspect(frame, Pose { roll: 0.0, ..pose })?;
        Ok(seen.map(|bbox| Detection { bbox: face.bbox.union(&bbox), aligned: false, ..face }))
    }
}

/// Whether the centre of `bbox` lies in a followed face, or the other way round.
fn is_about_one_of(tracks: &[Track], bbox: &BBox) -> bool {
    tracks.iter().any(|track| bbox.contains(track.bbox.center()) || track.bbox.contains(bbox.center()))
}

/// Whether `seen` touches a followed face and is only suspected or [turned](is_turned).
fn is_beneath_one_of(tracks: &[Track], seen: &Detection) -> bool {
    let turned = |track: &Track| is_turned(seen, &track.landmarks);
    let touches = |track: &Track| touch(&track.bbox, &seen.bbox);
    tracks.iter().any(|track| track.aligned && touches(track) && (!seen.aligned || turned(track)))
}

/// Whether `seen` touches one of the `new` faces of its frame and is [turned](is_turned).
fn is_turned_beside(new: &[Detection], seen: &Detection) -> bool {
    let turned = |face: &Detection| face.aligned && is_turned(seen, &face.landmarks);
    new.iter().any(|face| turned(face) && touch(&Pose::of_face(face).bbox(), &seen.bbox))
}

/// Whether `seen` is a neck or a hand rather than a head beside `face`: its roll differs by more than that of heads
/// side by side does as a rule, and it is not seen clearly.
fn is_turned(seen: &Detection, face: &Landmarks) -> bool {
    seen.aligned && seen.score < CLEAR_CLOSE_SCORE && angle(seen.landmarks.roll() - face.roll()).abs() > UPRIGHT
}

/// Whether one of two boxes lies in the other by more than a little.
fn touch(a: &BBox, b: &BBox) -> bool {
    a.share_in(b).max(b.share_in(a)) > TOUCHING_SHARE
}

impl Detection {
    /// The detection with its landmarks confirmed or replaced by a close look.
    fn confirmed_by(&self, seen: &Self) -> Self {
        let score = self.score.max(seen.score);
        if self.aligned && agree(self, seen) {
            return Self { confirmed: true, close: false, score, ..*self };
        }
        // Landmarks further off, from about 45° on, align a chip that matches nobody.
        let near = |set: &Landmarks| set.mean_distance(&seen.landmarks) <= 2.0 * CONFIRMED * seen.bbox.size();
        let upright = self.aligned.then_some(self.landmarks).filter(near);
        Self {
            bbox: self.bbox.union(&seen.bbox.scaled(0.9)),
            landmarks: seen.landmarks,
            other_looks: [self.other_looks[0], None, None, upright],
            score,
            aligned: true,
            confirmed: true,
            close: true,
        }
    }
}

/// Whether two looks agree on the places of the landmarks and on the roll.
fn agree(face: &Detection, seen: &Detection) -> bool {
    let turned = angle(face.landmarks.roll() - seen.landmarks.roll()).abs();
    face.landmarks.distance(&seen.landmarks) <= CONFIRMED * seen.bbox.size() && turned <= CONFIRMED_ROLL
}

/// Whether a box is a part of a larger face.
fn is_part(small: &BBox, large: &BBox) -> bool {
    small.size() < NESTED_SIZE * large.size() && small.share_in(large) > NESTED_SHARE
}

/// Drops parts of a larger aligned face, unless they are aligned and continue a track. Of several detections of one
/// face, keeps the one that continues the oldest track, or else the most likely.
fn drop_nested(faces: &mut Vec<Assigned>) {
    let same = |a: &Detection, b: &Detection| {
        let (likelier, other) = if a.score >= b.score { (a, b) } else { (b, a) };
        a.aligned && b.aligned && !likelier.is_beside(other) && a.bbox.overlaps(&b.bbox)
    };
    let rank = |(face, of): &Assigned| (of.unwrap_or(usize::MAX), -face.score);
    let mut kept: Vec<Assigned> = Vec::with_capacity(faces.len());
    for own in faces.drain(..) {
        match kept.iter_mut().find(|(other, _)| same(&own.0, other)) {
            Some(other) if rank(&own) < rank(other) => *other = own,
            Some(_) => {}
            None => kept.push(own),
        }
    }
    *faces = kept;
    // By the size of the face itself: a caller's mark may be as large as a crowd.
    let large: Vec<BBox> =
        faces.iter().filter(|(face, _)| face.aligned).map(|(face, _)| Pose::of_face(face).bbox()).collect();
    faces.retain(|(face, of)| of.is_some() && face.aligned || large.iter().all(|large| !is_part(&face.bbox, large)));
}

impl Track {
    /// Whether landmarks that are confirmed in one of `every` frames are due in the next.
    pub fn is_due_by(&self, every: u32) -> bool {
        self.since_confirmed + 1 >= every
    }

    /// Whether the landmarks of `face`, which continues the track, must be confirmed: at intervals, and after a change.
    fn is_due(&self, face: &Detection, every: u32) -> bool {
        let turned = angle(face.landmarks.roll() - self.confirmed_roll).abs() > ROLL_CHANGE;
        let ratio = face.bbox.size() / self.confirmed_size.max(1.0);
        let resized = !(1.0 / SIZE_CHANGE..=SIZE_CHANGE).contains(&ratio);
        let weaker = face.score < SCORE_CHANGE * self.confirmed_score;
        self.close
            || self.doubted
            || self.state != TrackState::Active
            || self.is_due_by(every)
            || turned
            || resized
            || weaker
    }
}

/// Changes after which landmarks must be confirmed again: of roll, in radians; of size and of score, as factors.
const ROLL_CHANGE: f32 = 0.14;
const SIZE_CHANGE: f32 = 1.2;
const SCORE_CHANGE: f32 = 0.8;

/// An angle in −π..=π.
fn angle(radians: f32) -> f32 {
    let turn = std::f32::consts::TAU;
    radians - turn * (radians / turn).round()
}
