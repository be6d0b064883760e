// SPDX-License-Identifier: MIT OR Apache-2.0
//! The decision which faces pass unchanged.

use super::acquaintance::{Acquaintance, Look};
use super::{People, Photograph};
use crate::attack::margin;
use crate::error::{Error, Result};
use crate::net::RecognizerSpec;

/// A face is surely a person's if every recogniser sees it and one photograph at least this far within the verification
/// threshold, in the unit of [`margin`].
///
/// Of 119 079 pairs of photographs of two people (102 people of the London set and 150 of LFW, two photographs each),
/// the three built-in recognisers take 4 for one person: 3.4e-5, or 6.6e-5 of the 60 939 pairs within one set. At 0
/// they take 84. Of 237 pairs of one person they are sure of 211. `dlib_resnet29` alone takes 66 pairs for one person,
/// 5.5e-4. `crates/advjnd-lab/examples/sure_of_people.rs` measures.
pub const SURELY_THE_SAME: f32 = 0.15;
/// A face is surely none of the people's if every recogniser sees it at least this far beyond the threshold from every
/// photograph, in the unit of [`margin`].
///
/// Of the 237 pairs of one person, the three take none for two people, not even at 0; the nearest pair is at -0.13.
/// With so few pairs a rate up to 1.3 % is possible, but several looks of a track must agree. `dlib_resnet29` alone
/// takes one pair for two people. Of the 119 079 pairs of two people, the three are sure of 88 %.
pub const SURELY_ANOTHER: f32 = 0.1;
/// Least number of looks to decide that a face is surely a person's, and that it is surely nobody's.
const LOOKS_FOR_SOMEBODY: u32 = 3;
const LOOKS_FOR_NOBODY: u32 = 8;
/// Turn of a head up to which a look counts towards being nobody's: recognisers take profiles of one person for two
/// people.
const FRONTAL: f32 = 0.12;

/// How the known people are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// They pass unchanged if they are surely recognised; everybody else is protected.
    Exclude,
    /// They are protected, as is everybody who might be one of them; others pass unchanged.
    ProtectOnly,
}

/// People, and how they are treated.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    people: People,
    rule: Rule,
}

impl Selection {
    /// A rule for `people`.
    ///
    /// # Errors
    /// [`Error::Input`] if there is nobody.
    pub fn new(people: People, rule: Rule) -> Result<Self> {
        if people.is_empty() {
            return Err(Error::input("there is nobody to tell apart; give a photograph"));
        }
        Ok(Self { people, rule })
    }

    /// The people.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Whether the face of `acquaintance` passes unchanged in the frame of `look`. If not, it is protected as any
    /// other.
    ///
    /// * [`Rule::Exclude`]: the mean of at least 3 looks surely matches one photograph. Also, every recogniser must
    ///   match this look, at its threshold, to the person of the earlier looks, or both this look and their mean to
    ///   photographs. Any other look begins the mean anew.
    /// * [`Rule::ProtectOnly`]: the mean of at least 8 looks from the front, and this look, are surely not of any
    ///   photograph, and this look matches the earlier ones. After one look of which any recogniser is not sure, the
    ///   face is protected for the rest of its track.
    pub fn passes(&self, acquaintance: &mut Acquaintance, look: &Look<'_>) -> bool {
        // The cosine of values that are not finite would count as that of a stranger.
        let is_finite = look.embeddings.iter().all(|own| own.iter().all(|value| value.is_finite()));
        if look.embeddings.len() != self.people.specs().len() || !is_finite {
            acquaintance.suspect();
            return false;
        }
        match self.rule {
            Rule::Exclude => {
                let both_are_somebody = || {
                    self.photographs_within(0.0, look.embeddings)
                        && self.photographs_within(0.0, &slices(acquaintance.means()))
                };
                if !acquaintance.goes_on(self.people.specs(), look) && !both_are_somebody() {
                    acquaintance.begin_anew();
                }
                acquaintance.add(look);
                acquaintance.looks() >= LOOKS_FOR_SOMEBODY
                    && self.photographs_within(-SURELY_THE_SAME, &slices(acquaintance.means()))
            }
            Rule::ProtectOnly => {
                if acquaintance.is_suspected() {
                    return false;
                }
                if !self.is_nobody(look.embeddings) {
                    acquaintance.suspect();
                    return false;
                }
                if !acquaintance.goes_on(self.people.specs(), look) {
                    acquaintance.begin_anew();
                }
                if look.turn <= FRONTAL {
                    acquaintance.add(look);
                }
                acquaintance.looks() >= LOOKS_FOR_NOBODY && self.is_nobody(&slices(acquaintance.means()))
            }
        }
    }

    /// Whether the face may pass, judged by the first recogniser's `embedding` alone; if so, all recognisers must look.
    /// If not, the acquaintance records it.
    pub fn calls_for_all(&self, acquaintance: &mut Acquaintance, embedding: &[f32]) -> bool {
        let Some(spec) = self.people.specs().next() else { return false };
        let of = |photograph: &Photograph, face: &[f32]| {
            photograph.0.first().map_or(f32::NAN, |own| margin(spec, own, face))
        };
        let mut photographs = self.people.photographs();
        match self.rule {
            Rule::Exclude => {
                let is_like = |face: &[f32]| photographs.clone().any(|photograph| of(photograph, face) < 0.0);
                let may_be = is_like(embedding) || acquaintance.means().first().is_some_and(|mean| is_like(mean));
                if !may_be {
                    acquaintance.begin_anew();
                }
                may_be
            }
            Rule::ProtectOnly => {
                if !photographs.all(|photograph| of(photograph, embedding) >= SURELY_ANOTHER) {
                    acquaintance.suspect();
                }
                !acquaintance.is_suspected()
            }
        }
    }

    /// Whether every recogniser sees a margin of at most `most` between a face and the same photograph.
    fn photographs_within(&self, most: f32, face: &[&[f32]]) -> bool {
        let specs = self.people.specs();
        let is_same = |photograph: &Photograph| margins(specs.clone(), photograph, face).all(|margin| margin <= most);
        face.len() == specs.len() && self.people.photographs().any(is_same)
    }

    /// Whether every recogniser is sure that a face is not that of any photograph.
    fn is_nobody(&self, face: &[&[f32]]) -> bool {
        let specs = self.people.specs();
        let is_another =
            |photograph: &Photograph| margins(specs.clone(), photograph, face).all(|margin| margin >= SURELY_ANOTHER);
        face.len() == specs.len() && self.people.photographs().all(is_another)
    }
}

/// The margin of a face from a photograph, by recogniser.
fn margins<'a>(
    specs: impl Iterator<Item = &'a RecognizerSpec>,
    photograph: &Photograph,
    face: &[&[f32]],
) -> impl Iterator<Item = f32> {
    specs.zip(&photograph.0).zip(face).map(|((spec, own), face)| margin(spec, own, face))
}

fn slices(embeddings: &[Vec<f32>]) -> Vec<&[f32]> {
    embeddings.iter().map(Vec::as_slice).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::models::Models;
    use crate::net::Metric;

    /// A little more or less than a sure margin.
    const LITTLE: f32 = 0.02;

    fn unit(spec: &RecognizerSpec, axis: usize) -> Vec<f32> {
        (0..spec.embedding_len).map(|index| if index == axis { 1.0 } else { 0.0 }).collect()
    }

    /// An embedding at a given margin from the one along axis 0, in the direction of another axis.
    fn at(spec: &RecognizerSpec, axis: usize, margin: f32) -> Vec<f32> {
        let threshold = spec.verification_threshold;
        let (along, across) = match spec.metric {
            Metric::Euclidean => (1.0, (1.0 + margin) * threshold),
            Metric::Cosine => {
                let cosine = threshold - margin * (1.0 - threshold);
                (cosine, (1.0 - cosine * cosine).sqrt())
            }
        };
        let mut face = unit(spec, 0).iter().map(|value| value * along).collect::<Vec<_>>();
        face[axis] += across;
        face
    }

    fn specs() -> Vec<RecognizerSpec> {
        Models::embedded().unwrap().recognizers().map(|(spec, _)| spec.clone()).collect()
    }

    /// One person with photographs; the embeddings of each recogniser lie along the given axes.
    fn selection(rule: Rule, photographs: &[[usize; 3]]) -> Selection {
        let mut people = People::new(&Models::embedded().unwrap());
        for axes in photographs {
            let own = specs().iter().zip(axes).map(|(spec, axis)| unit(spec, *axis)).collect();
            people.add("somebody", Photograph(own)).unwrap();
        }
        Selection::new(people, rule).unwrap()
    }

    /// A face at these margins from the photograph along axis 0.
    fn face(margins: [f32; 3], axis: usize) -> Vec<Vec<f32>> {
        specs().iter().zip(margins).map(|(spec, margin)| at(spec, axis, margin)).collect()
    }

    fn see(selection: &Selection, acquaintance: &mut Acquaintance, face: &[Vec<f32>], turn: f32) -> bool {
        selection.passes(acquaintance, &Look { embeddings: &slices(face), turn })
    }

    #[test]
    fn who_is_excluded_passes_once_every_recogniser_was_sure_three_times() {
        let selection = selection(Rule::Exclude, &[[0; 3]]);
        let verdicts = |face: &[Vec<f32>]| {
            let mut acquaintance = Acquaintance::default();
            [(); 4].map(|()| see(&selection, &mut acquaintance, face, 0.5))
        };
        let sure = -SURELY_THE_SAME - LITTLE;
        assert_eq!(verdicts(&face([sure; 3], 1)), [false, false, true, true]);
        for doubter in 0..3 {
            for margin in [-SURELY_THE_SAME + LITTLE, 0.3, f32::NAN] {
                let mut margins = [sure; 3];
                margins[doubter] = margin;
                assert_eq!(verdicts(&face(margins, 1)), [false; 4], "recogniser {doubter} at {margin}");
            }
        }
        assert_eq!(verdicts(&face([sure; 3], 1)[..2]), [false; 4], "a recogniser did not look");
        assert_eq!(verdicts(&[]), [false; 4]);
    }

    #[test]
    fn another_in_the_place_of_who_is_excluded_does_not_pass_for_a_frame() {
        let selection = selection(Rule::Exclude, &[[0; 3]]);
        let (person, other) = (face([-0.5; 3], 1), face([0.4; 3], 2));
        let mut acquaintance = Acquaintance::default();
        let order = [&person, &person, &person, &other, &other, &other, &other, &person, &person, &person];
        let verdicts = order.map(|face| see(&selection, &mut acquaintance, face, 0.0));
        assert_eq!(verdicts, [false, false, true, false, false, false, false, false, false, true]);
    }

    #[test]
    fn all_recognisers_must_mean_the_same_photograph() {
        let photographs = [[0, 5, 5], [5, 0, 0]];
        let mut acquaintance = Acquaintance::default();
        let selection = selection(Rule::Exclude, &photographs);
        let verdicts = [(); 5].map(|()| see(&selection, &mut acquaintance, &face([-0.6; 3], 1), 0.0));
        assert_eq!(verdicts, [false; 5]);
    }

    #[test]
    fn who_is_surely_nobody_passes_after_eight_looks_from_the_front() {
        let selection = selection(Rule::ProtectOnly, &[[0; 3]]);
        let other = face([SURELY_ANOTHER + LITTLE; 3], 1);
        let mut acquaintance = Acquaintance::default();
        for _ in 0..20 {
            assert!(!see(&selection, &mut acquaintance, &other, 2.0 * FRONTAL), "a head that is turned counts");
        }
        let verdicts = [(); 10].map(|()| see(&selection, &mut acquaintance, &other, 0.0));
        assert_eq!(verdicts, [false, false, false, false, false, false, false, true, true, true]);
        assert!(see(&selection, &mut acquaintance, &other, 2.0 * FRONTAL));
    }

    #[test]
    fn one_look_that_is_not_sure_has_the_face_protected_for_good() {
        let selection = selection(Rule::ProtectOnly, &[[7; 3], [0; 3]]);
        let other = face([SURELY_ANOTHER + LITTLE; 3], 1);
        for doubter in 0..3 {
            for margin in [-0.5, SURELY_ANOTHER - LITTLE, f32::NAN] {
                let mut margins = [SURELY_ANOTHER + LITTLE; 3];
                margins[doubter] = margin;
                let mut acquaintance = Acquaintance::default();
                let before = [(); 8].map(|()| see(&selection, &mut acquaintance, &other, 0.0));
                assert!(before[7]);
                assert!(!see(&selection, &mut acquaintance, &face(margins, 1), 0.3));
                acquaintance.begin_anew();
                assert_eq!([(); 20].map(|()| see(&selection, &mut acquaintance, &other, 0.0)), [false; 20]);
            }
        }
    }

    #[test]
    fn the_others_look_where_the_first_recogniser_says_that_the_face_may_pass() {
        let near = |margin| at(&specs()[0], 1, margin);
        let exclude = selection(Rule::Exclude, &[[7; 3], [0; 3]]);
        assert!(exclude.calls_for_all(&mut Acquaintance::default(), &near(-0.05)));
        assert!(!exclude.calls_for_all(&mut Acquaintance::default(), &near(0.05)));
        let only = selection(Rule::ProtectOnly, &[[7; 3], [0; 3]]);
        let mut acquaintance = Acquaintance::default();
        assert!(only.calls_for_all(&mut acquaintance, &near(SURELY_ANOTHER + LITTLE)));
        assert!(!only.calls_for_all(&mut acquaintance, &near(SURELY_ANOTHER - LITTLE)));
        assert!(acquaintance.is_suspected());
        assert!(!only.calls_for_all(&mut acquaintance, &near(SURELY_ANOTHER + LITTLE)));
    }

    #[test]
    fn what_is_printed_holds_no_embedding() {
        let selection = selection(Rule::Exclude, &[[0; 3]]);
        let mut acquaintance = Acquaintance::default();
        see(&selection, &mut acquaintance, &face([-0.5; 3], 1), 0.0);
        let text = format!("{selection:?} {acquaintance:?}");
        assert!(text.contains("3 embeddings") && text.contains("looks: 1"), "{text}");
        assert!(!text.contains("0.0, 0.0"), "{text}");
    }
}
