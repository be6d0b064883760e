// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which recogniser looks how closely at a face in a frame. Recognisers share the work where that costs no protection.
//!
//! Every recogniser reads the output of every frame by the followed landmarks, and by those of the reshaped face. The
//! other looks are shared out for a *steady* face, which the last frame showed with the full required margin, and for
//! every face if the frame has a deadline.
//!
//! * *Thorough looks* use random views, other sets of landmarks and copies. One recogniser a frame makes one: the one
//!   whose last look fell short or is the oldest. What it saw holds for [`HOLDS`] frames at most: the perturbation of a
//!   shown face moves slowly (`flicker-limit`), and the look that is never left out sees what moves the whole output. A
//!   face is shown only while all thorough looks hold. Without a deadline, a recogniser with little to spare looks
//!   thoroughly in every frame. With one, no recogniser does in every other frame of a steady face.
//! * *Enrolment* embeds the clean face. The first recogniser, the guard, does so in every frame, the others in turn.
//!   The guard notices when another person takes the place of the followed one: if it no longer matches the clean face
//!   to that person, or the face changed much since the last frame, all enroll and all look thoroughly.
//!
//! With a single recogniser nothing is left out.

use std::cmp::Reverse;

use crate::net::cosine_similarity;

/// Surplus of margin from which a recogniser may skip thorough looks.
pub const SPARE: f32 = 0.05;
/// Frames for which a thorough look holds.
pub const HOLDS: u32 = 6;
/// If frames have a deadline, another recogniser than the guard enrolls in only one of this many frames.
const HURRIED_ROUND: usize = 4;
/// Cosine similarity of the clean face in two frames, by the guard, below which the face has changed.
const ALIKE: f32 = 0.9;

/// Whose turn it is to look at a followed face.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rota {
    frame: usize,
    shared: bool,
    hurried: bool,
    /// Whether no recogniser looks thoroughly in this frame, if there are few enough of them.
    rests: bool,
}

impl Rota {
    /// Moves on to the next frame. `steady`: whether the last frame showed the face with the full required margin;
    /// `hurried`: whether the frame has a deadline.
    pub fn next(&mut self, steady: bool, hurried: bool) {
        self.frame = self.frame.wrapping_add(1);
        (self.shared, self.hurried) = (steady || hurried, hurried);
        self.rests = steady && hurried && self.frame.is_multiple_of(2);
    }

    /// Moves past a frame in which nobody looked.
    pub fn skip(&mut self) {
        self.frame = self.frame.wrapping_add(1);
    }

    /// Whether recogniser `index` of `count` embeds the clean face.
    pub fn enrolls(&self, index: usize, count: usize) -> bool {
        let round = if self.hurried { HURRIED_ROUND * (count - 1) } else { count - 1 };
        !self.shared || index == 0 || self.frame % round == index - 1
    }

    /// Whether `count` recognisers look thoroughly in this frame, one of them at least.
    pub fn is_thorough(&self, count: usize) -> bool {
        !(self.rests && 2 * count <= HOLDS as usize)
    }

    /// Whether recogniser `index` looks thoroughly, given the urgency of each, and whether it `has_spare` margin.
    pub fn looks_thoroughly(&self, index: usize, urgencies: &[u32], has_spare: bool) -> bool {
        if !self.is_thorough(urgencies.len()) {
            return false;
        }
        !self.shared || index == first(urgencies) || !(has_spare || self.hurried)
    }

    /// Records what the guard saw: whether the clean face is the `known` person, and its embeddings `now` and one frame
    /// `before`. Returns whether the other recognisers must enroll, too.
    pub fn guard(&mut self, known: bool, now: &[f32], before: &[f32]) -> bool {
        let alarmed = self.shared && !(known && cosine_similarity(now, before) >= ALIKE);
        self.shared &= !alarmed;
        self.rests &= !alarmed;
        alarmed
    }
}

/// Index of the highest urgency; the first among equals.
pub fn first(urgencies: &[u32]) -> usize {
    (0..urgencies.len()).max_by_key(|index| (urgencies[*index], Reverse(*index))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who enrolls, and who looks thoroughly.
    fn on_duty(rota: &Rota, ages: &[u32]) -> (Vec<usize>, Vec<usize>) {
        let among = |on_duty: &dyn Fn(usize) -> bool| (0..ages.len()).filter(|index| on_duty(*index)).collect();
        let looks = |index| rota.looks_thoroughly(index, ages, true);
        (among(&|index| rota.enrolls(index, ages.len())), among(&looks))
    }

    #[test]
    fn all_look_thoroughly_in_as_many_frames_as_there_are_recognisers() {
        for (count, hurried) in [(1, false), (2, true), (3, false), (4, true)] {
            let (mut rota, mut ages) = (Rota::default(), vec![u32::MAX; count]);
            let (mut enrolled, mut thorough) = (Vec::new(), Vec::new());
            for frame in 0..HURRIED_ROUND * count {
                rota.next(!hurried, hurried);
                let (enrolls, looks) = on_duty(&rota, &ages);
                assert!(enrolls.contains(&0), "the guard enrolls in every frame");
                assert!(enrolls.len() == count.min(2) || hurried && enrolls.len() == 1, "frame {frame}: {enrolls:?}");
                assert_eq!(looks.len(), 1);
                ages.iter_mut().for_each(|age| *age = age.saturating_add(1));
                ages[looks[0]] = 0;
                enrolled.extend(enrolls);
                thorough.extend(looks);
            }
            assert!((0..count).all(|index| enrolled.contains(&index)));
            assert!(thorough.into_iter().eq((0..count).cycle().take(HURRIED_ROUND * count)));
        }
    }

    #[test]
    fn all_look_where_the_face_is_not_steady_or_the_guard_sees_a_change() {
        let (everybody, ages) = ((vec![0, 1, 2], vec![0, 1, 2]), [0, 1, 2]);
        let mut rota = Rota::default();
        rota.next(false, false);
        assert_eq!(on_duty(&rota, &ages), everybody);
        for (known, now) in [(false, [1.0, 0.0]), (true, [0.8, 0.6]), (true, [f32::NAN, 0.0])] {
            rota.next(true, false);
            assert!(!rota.guard(true, &[1.0, 0.1], &[1.0, 0.0]));
            assert_eq!(on_duty(&rota, &ages).1, [2]);
            assert!(rota.guard(known, &now, &[1.0, 0.0]), "{known}, {now:?}");
            assert_eq!(on_duty(&rota, &ages), everybody, "{known}, {now:?}");
        }
    }

    #[test]
    fn where_time_is_short_a_steady_face_is_looked_at_thoroughly_in_every_other_frame() {
        let (mut rota, ages) = (Rota::default(), [0, 2, 1]);
        for _ in 0..HOLDS {
            rota.next(true, true);
            assert_eq!(on_duty(&rota, &ages).1, [1]);
            rota.next(true, true);
            assert!(on_duty(&rota, &ages).1.is_empty());
            assert_eq!(on_duty(&rota, &[0; 4]).1, [0], "looks by four would not hold for long enough");
            assert!(rota.guard(false, &[1.0], &[1.0]));
            assert_eq!(on_duty(&rota, &ages).1, [0, 1, 2], "the guard sees a change");
        }
    }

    #[test]
    fn who_has_little_to_spare_looks_in_every_frame_unless_time_is_short() {
        let mut rota = Rota::default();
        for hurried in [false, true] {
            rota.next(!hurried, hurried);
            assert_eq!(rota.looks_thoroughly(0, &[0, 1, 2], false), !hurried);
            assert!(rota.looks_thoroughly(2, &[0, 1, 2], false));
        }
    }
}
