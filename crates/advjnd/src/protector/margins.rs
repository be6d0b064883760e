// SPDX-License-Identifier: MIT OR Apache-2.0
//! The margin that an embedding must have beyond the verification threshold, by recogniser and rendition.
//!
//! A margin is a share of the metric's range on the recognised side: 0 at the threshold, −1 at the reference itself
//! ([`margin`](crate::attack::margin)). Every margin in this crate, in the element's properties and in the documents is
//! in this unit.

use super::geometry::Geometry;
use super::rendition::{Rendition, is_halved};
use crate::net::RecognizerSpec;

/// A margin for each [`Rendition`].
pub type Margins = [f32; Rendition::ALL.len()];

/// No margin is known.
pub const UNKNOWN: Margins = [f32::NEG_INFINITY; Rendition::ALL.len()];

/// Extra margin per unit of the random views' reach, on top of that for a codec: less certain landmarks need more.
const MARGIN_PER_REACH: f32 = 1.5;
/// Factor on the margin for a codec if the last frame covered the face: next to covered frames, a codec takes more from
/// shown ones.
pub const UNSHOWN: f32 = 1.2;
/// Share of the margin for a codec that is enough, for some frames, if the last frame showed the face.
pub const TOLERATED: f32 = 0.75;
/// Face width in pixels at which the half-size copy needs the same margin as the full size. Narrower faces need more at
/// half size, in inverse proportion up to a factor, because a codec takes more from fewer pixels.
const HALVED_ALIKE: f32 = 150.0;
const MOST_HALVED: f32 = 2.0;
/// Share of its margin that a face needs in a chip that is cut askew: such a chip is of less use to an attacker, too.
const ASKEW: f32 = 0.5;
/// Share of the reserve that iterations aim for in each [`Rendition`].
const RESERVE_SHARES: Margins = [1.0, 0.25, 0.25, 0.25];

/// Margins from which a face counts as protected from one recogniser; minus infinity for a rendition that is not
/// checked. `margin` is the margin for a codec of a face with an eye distance of 50 pixels and `dlib_resnet29`.
/// `stretched`: whether the contrast of the face is low.
pub fn required(margin: f32, spec: &RecognizerSpec, geometry: &Geometry, stretched: bool) -> Margins {
    let as_is = required_as_is(margin, spec, geometry);
    let for_half = (HALVED_ALIKE / geometry.face_width()).clamp(1.0, MOST_HALVED);
    let if_checked = |checked, margin| if checked { margin } else { f32::NEG_INFINITY };
    let halved = if_checked(is_halved(geometry.face_width()), for_half * as_is);
    let askew = if_checked(geometry.strange_sets().next().is_some(), ASKEW * as_is);
    [as_is, halved, if_checked(stretched, as_is), askew]
}

/// What a codec takes of a margin depends on the recogniser and grows as the face has fewer pixels (measured in
/// DESIGN.md). A larger face needs no less: an attacker compares it with another photograph.
fn required_as_is(margin: f32, spec: &RecognizerSpec, geometry: &Geometry) -> f32 {
    margin * spec.codec_loss * geometry.grid_scale().powi(2).max(1.0) + MARGIN_PER_REACH * geometry.reach()
}

/// The margins that iterations aim for: `reserve` beyond the `required` ones, for copies a share of the reserve.
pub fn goals(required: &[Margins], reserve: f32) -> Vec<Margins> {
    let beyond = |required: &Margins| std::array::from_fn(|copy| goal(required, copy, reserve));
    required.iter().map(beyond).collect()
}

/// The goal of one rendition, by its index.
pub fn goal(required: &Margins, rendition: usize, reserve: f32) -> f32 {
    required[rendition] + RESERVE_SHARES[rendition] * reserve
}

/// The least surplus of `margins` over the `required` ones, of all recognisers; minus infinity if a margin is not
/// known.
pub fn least_surplus(margins: impl Iterator<Item = Margins>, required: &[Margins]) -> f32 {
    let pairs = margins.zip(required).flat_map(|(margins, required)| margins.into_iter().zip(*required));
    let checked = pairs.filter(|(_, required)| *required != f32::NEG_INFINITY);
    let surplus = checked.map(|(margin, required)| margin - required);
    let surplus = surplus.map(|surplus| if surplus.is_nan() { f32::NEG_INFINITY } else { surplus });
    surplus.reduce(f32::min).unwrap_or(f32::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::face::Landmarks;
    use crate::net::{ARCFACE_TEMPLATE, Network};

    /// A face with an eye distance of `eyes` pixels.
    fn face(eyes: f32) -> Geometry {
        let scale = eyes / (ARCFACE_TEMPLATE[1][0] - ARCFACE_TEMPLATE[0][0]);
        let landmarks = Landmarks(ARCFACE_TEMPLATE.map(|[x, y]| [100.0 + scale * x, 100.0 + scale * y]));
        let mut geometry = Geometry::default();
        let specs = [Network::DlibResnet29.spec().unwrap()];
        geometry.plan(std::iter::once(landmarks), specs.iter(), 640, 480).unwrap();
        geometry
    }

    #[test]
    fn a_face_of_a_quarter_of_the_pixels_needs_four_times_the_margin_and_no_face_less_than_it() {
        for eyes in [25.0, 50.0, 100.0] {
            let geometry = face(eyes);
            for spec in Network::ALL.map(|network| network.spec().unwrap()) {
                let required = |margin| required_as_is(margin, &spec, &geometry);
                let for_codec = required(0.1) - required(0.0);
                let expected = 0.1 * spec.codec_loss * (50.0 / eyes).powi(2).max(1.0);
                assert!((for_codec / expected - 1.0).abs() < 0.02, "{eyes}: {for_codec}, not {expected}");
                assert!(required(TOLERATED * 0.1) > 0.0, "{eyes}: what is tolerated is recognised");
            }
        }
    }

    #[test]
    fn every_recogniser_is_held_to_its_own_margin_and_what_is_not_known_is_none() {
        let as_is = |margin: f32| [margin, f32::INFINITY, f32::INFINITY, f32::INFINITY];
        let required = [0.05, 0.2].map(|margin| [margin, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY]);
        let surplus = |margins: &[f32]| least_surplus(margins.iter().copied().map(as_is), &required);
        assert!((surplus(&[0.1, 0.3]) - 0.05).abs() < 1e-6);
        assert!((surplus(&[0.3, 0.15]) + 0.05).abs() < 1e-6);
        for unknown in [&[] as &[f32], &[0.3, f32::NAN], &[f32::NAN, 0.3], &[0.3, f32::NEG_INFINITY]] {
            assert_eq!(surplus(unknown), f32::NEG_INFINITY, "{unknown:?}");
        }
        assert_eq!(least_surplus([1.0, 1.0].into_iter().map(as_is), &[[f32::NAN; 4]; 2]), f32::NEG_INFINITY);
        let halved = [[0.05, 0.1, f32::NEG_INFINITY, f32::NEG_INFINITY]];
        assert!((least_surplus([[0.5, 0.0, 0.0, 0.0]].into_iter(), &halved) + 0.1).abs() < 1e-6, "of a copy");
    }
}
