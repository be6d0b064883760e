// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which recogniser looks how closely at a face in a frame: several recognisers share the work, where nothing is lost
//! by it.
//!
//! Every recogniser reads the output of every frame by the followed landmarks. What else there is to see is shared out,
//! but only of a *steady* face, one that the last frame showed with all the margin that is required:
//!
//! * *Thorough looks*, through random views, other sets of landmarks and copies: by one recogniser a frame, in turn. What
//!   it saw holds until its next turn, for the perturbation of a shown face moves slowly (`flicker-limit`), and what
//!   moves the whole output is seen by the look that is never left out. A recogniser that had little to spare looks
//!   thoroughly in every frame.
//! * *Enrolment*, of the clean face: by the first recogniser, the guard, in every frame, and by the others in turn. The
//!   guard sees when another person takes the place of the one who was followed: if it no longer takes the clean face
//!   for that person, or sees the face change much since the last frame, all enroll and all look thoroughly.
//!
//! With one recogniser nothing is left out.

use crate::attack::cosine_similarity;

/// Margin to spare from which a recogniser may skip thorough looks.
pub const SPARE: f32 = 0.05;
/// Cosine similarity of the clean face in two frames, in the eyes of the guard, below which something happened.
const ALIKE: f32 = 0.9;

/// Whose turn it is to look at one followed face.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rota {
    frame: usize,
    shared: bool,
}

impl Rota {
    /// The next frame. `steady`: whether the last one showed the face with all the margin that is required.
    pub fn next(&mut self, steady: bool) {
        self.frame = self.frame.wrapping_add(1);
        self.shared = steady;
    }

    /// Whether recogniser `index` of `count` embeds the clean face.
    pub fn enrolls(&self, index: usize, count: usize) -> bool {
        !self.shared || index == 0 || self.frame % (count - 1) == index - 1
    }

    /// Whether recogniser `index` of `count` looks thoroughly, whatever it had to spare.
    pub fn looks_thoroughly(&self, index: usize, count: usize) -> bool {
        !self.shared || self.frame % count == index
    }

    /// Takes note of what the guard saw: whether the clean face is the person `known`, and the clean face `now` and a
    /// frame `before`.
    pub fn guard(&mut self, known: bool, now: &[f32], before: &[f32]) {
        self.shared &= known && cosine_similarity(now, before) >= ALIKE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_duty(rota: &Rota, count: usize) -> (Vec<usize>, Vec<usize>) {
        let among = |on_duty: &dyn Fn(usize) -> bool| (0..count).filter(|index| on_duty(*index)).collect();
        (among(&|index| rota.enrolls(index, count)), among(&|index| rota.looks_thoroughly(index, count)))
    }

    #[test]
    fn of_a_steady_face_all_look_thoroughly_in_as_many_frames_as_there_are_recognisers() {
        for count in 1..=4 {
            let mut rota = Rota::default();
            let (mut enrolled, mut thorough) = (Vec::new(), Vec::new());
            for _ in 0..count {
                rota.next(true);
                let (enrolls, looks) = on_duty(&rota, count);
                assert!(enrolls.contains(&0), "the guard enrolls in every frame");
                assert_eq!((enrolls.len(), looks.len()), (count.min(2), 1));
                enrolled.extend(enrolls);
                thorough.extend(looks);
            }
            thorough.sort_unstable();
            assert!((0..count).all(|index| enrolled.contains(&index)));
            assert!(thorough.into_iter().eq(0..count));
        }
    }

    #[test]
    fn all_look_where_the_face_is_not_steady_or_the_guard_sees_a_change() {
        let everybody = (vec![0, 1, 2], vec![0, 1, 2]);
        let mut rota = Rota::default();
        rota.next(false);
        assert_eq!(on_duty(&rota, 3), everybody);
        for (known, now) in [(false, [1.0, 0.0]), (true, [0.8, 0.6]), (true, [f32::NAN, 0.0])] {
            rota.next(true);
            rota.guard(true, &[1.0, 0.1], &[1.0, 0.0]);
            assert_ne!(on_duty(&rota, 3), everybody);
            rota.guard(known, &now, &[1.0, 0.0]);
            assert_eq!(on_duty(&rota, 3), everybody, "{known}, {now:?}");
        }
    }
}
