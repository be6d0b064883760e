// SPDX-License-Identifier: MIT OR Apache-2.0
//! The box a perturbation must stay in, element by element; besides, if asked for, its root mean square in units of
//! the box, and for a plane octave by octave.
//!
//! For the same energy a perturbation whose elements may peak moves a network further than one that is held down
//! everywhere: its gradient is far from even. A wide box with a bound on the mean is an ellipsoid with its tips cut
//! off.

use super::octaves::{OCTAVES, Octaves};

/// `lower ≤ δ ≤ upper`, with `lower ≤ 0 ≤ upper`; and, for a time, a part of it.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    lower: Vec<f32>,
    upper: Vec<f32>,
    /// The part, if it is not the whole: from where to where.
    part: Option<(Vec<f32>, Vec<f32>)>,
    /// Samples in a row of the plane, and the share of the half widths for each octave, if they are bound.
    shares: Option<(usize, [f32; OCTAVES])>,
    /// Largest root mean square of δ over its half widths; not below zero.
    rms: Option<f32>,
    octaves: Octaves,
}

impl Budget {
    /// The box `−bound ≤ δ ≤ bound`; a bound that is negative or not a number counts as zero.
    pub fn symmetric(bounds: &[f32]) -> Self {
        let upper: Vec<f32> = bounds.iter().map(|bound| bound.max(0.0)).collect();
        Self { lower: upper.iter().map(|bound| -bound).collect(), upper, ..Self::default() }
    }

    /// The part of the box within `share` times its half widths of `center`, or what of the box is nearest to that. The
    /// widths stay those of the box. A share that is negative counts as zero, one that is not a number as infinite.
    /// A part that was set before bounds it, too.
    #[must_use]
    pub fn near(self, center: &[f32], share: f32) -> Self {
        let share = if share.is_nan() { f32::INFINITY } else { share.max(0.0) };
        // No box is infinitely wide, and none where the width is zero.
        let reaches: Vec<f32> = self.half_widths().map(|width| (share.min(f32::MAX) * width).min(f32::MAX)).collect();
        let limit = |sign: f32| {
            let ends = center.iter().zip(&reaches).map(|(center, reach)| center + sign * reach);
            ends.zip(self.lower.iter().zip(&self.upper))
                .map(|(end, (lower, upper))| end.clamp(*lower, *upper))
                .collect()
        };
        let (lower, upper) = (limit(-1.0), limit(1.0));
        self.cut(lower, upper)
    }

    /// The box of a plane, `width` samples a row, whose octaves of spatial frequency, finest first, stay within
    /// `shares` of its half widths besides: a smooth change is held tighter than a rough one. Octaves: see octaves.rs.
    #[must_use]
    pub fn in_octaves(mut self, width: usize, shares: [f32; OCTAVES]) -> Self {
        self.shares = Some((width, shares));
        self
    }

    /// The part of the box where δ over its half widths has a root mean square of at most `share`, 0..=1, over the
    /// elements whose width is not zero. A share that is negative counts as zero; one that is not below 1 bounds
    /// nothing.
    #[must_use]
    pub fn with_rms(mut self, share: f32) -> Self {
        self.set_rms(share);
        self
    }

    /// As [`with_rms`](Self::with_rms), of a budget that is in use.
    pub fn set_rms(&mut self, share: f32) {
        self.rms = (share < 1.0).then(|| share.max(0.0));
    }

    /// The part of the box where `clean + δ` stays in `low..=high`. The widths stay those of the box, so that a step
    /// is as long next to the end of the range as elsewhere. A part that was set before bounds it, too.
    #[must_use]
    pub fn within(self, clean: &[f32], low: f32, high: f32) -> Self {
        let lower = self.lower.iter().zip(clean).map(|(lower, x)| lower.max(low - x).min(0.0)).collect();
        let upper = self.upper.iter().zip(clean).map(|(upper, x)| upper.min(high - x).max(0.0)).collect();
        self.cut(lower, upper)
    }

    /// Cuts the part down to `lower..=upper`; where the two have nothing in common, to what of the part is nearest.
    fn cut(mut self, mut lower: Vec<f32>, mut upper: Vec<f32>) -> Self {
        if let Some((low, high)) = &self.part {
            for (index, (low, high)) in low.iter().zip(high).enumerate() {
                lower[index] = lower[index].clamp(*low, *high);
                upper[index] = upper[index].clamp(*low, *high);
            }
        }
        self.part = Some((lower, upper));
        self
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.upper.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.upper.is_empty()
    }

    /// The nearest point of the box, or of its part; what is not a number counts as zero. Octaves that are bound are
    /// cut to their bounds first, which is no exact projection: see octaves.rs. Then the whole is made smaller if its
    /// root mean square is too large, and last cut to the box, or to its part, which may raise it again where that is
    /// far from zero.
    pub fn project(&mut self, delta: &mut [f32]) {
        delta.iter_mut().filter(|delta| delta.is_nan()).for_each(|delta| *delta = 0.0);
        if let Some((width, shares)) = &self.shares {
            self.octaves.limit(delta, *width, &self.lower, &self.upper, shares);
        }
        if let Some(most) = self.rms {
            let scale = most / self.rms_of(delta);
            if scale < 1.0 {
                delta.iter_mut().for_each(|delta| *delta *= scale);
            }
        }
        let (lower, upper) = self.part.as_ref().map_or((&self.lower, &self.upper), |(lower, upper)| (lower, upper));
        for ((delta, lower), upper) in delta.iter_mut().zip(lower).zip(upper) {
            *delta = delta.clamp(*lower, *upper);
        }
    }

    /// How far a perturbation may go from zero, as a root mean square share of the half widths: 1, or what
    /// [`with_rms`](Self::with_rms) says.
    pub fn reach(&self) -> f32 {
        self.rms.unwrap_or(1.0)
    }

    /// Root mean square of `delta` over its half widths, where these are not zero.
    pub fn rms_of(&self, delta: &[f32]) -> f32 {
        let (mut sum, mut count) = (0.0f64, 0u32);
        for (delta, width) in delta.iter().zip(self.half_widths()).filter(|(_, width)| *width > 0.0) {
            sum += f64::from(delta / width).powi(2);
            count += 1;
        }
        (sum / f64::from(count.max(1))).sqrt() as f32
    }

    /// Half the width of the box per element.
    pub fn half_widths(&self) -> impl Iterator<Item = f32> + '_ {
        self.lower.iter().zip(&self.upper).map(|(lower, upper)| 0.5 * (upper - lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a budget puts what would go far down, and far up.
    fn ends(mut budget: Budget) -> [f32; 2] {
        [-100.0, 100.0].map(|far| {
            let mut delta = [far];
            budget.project(&mut delta);
            delta[0]
        })
    }

    #[test]
    fn parts_that_are_set_one_after_the_other_all_hold() {
        let budget = || Budget::symmetric(&[10.0]);
        // Within 3 of 4, and not beyond 250 from 245.
        assert_eq!(ends(budget().near(&[4.0], 0.3)), [1.0, 7.0]);
        assert_eq!(ends(budget().within(&[245.0], 0.0, 250.0)), [-10.0, 5.0]);
        assert_eq!(ends(budget().near(&[4.0], 0.3).within(&[245.0], 0.0, 250.0)), [1.0, 5.0]);
        assert_eq!(ends(budget().within(&[245.0], 0.0, 250.0).near(&[4.0], 0.3)), [1.0, 5.0]);
        assert_eq!(ends(budget().near(&[4.0], 0.3).near(&[6.0], 0.2)), [4.0, 7.0]);
    }

    #[test]
    fn parts_with_nothing_in_common_leave_the_nearest_point_of_the_first() {
        let apart = Budget::symmetric(&[10.0]).within(&[249.0], 0.0, 250.0).near(&[8.0], 0.1);
        assert_eq!(ends(apart), [1.0, 1.0]);
    }
}
