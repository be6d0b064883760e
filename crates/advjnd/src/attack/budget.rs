// SPDX-License-Identifier: MIT OR Apache-2.0
//! The box that bounds each element of a perturbation. A budget can also bound the root mean square in units of the box
//! and, for a plane, each octave of spatial frequency.
//!
//! A network's gradient is uneven. So for the same energy, a perturbation that may peak moves the network further than
//! one that is held down everywhere. A wide box with a bound on the mean is an ellipsoid with its tips cut off.

use super::octaves::{OCTAVES, Octaves};

/// The box `lower ≤ δ ≤ upper`, with `lower ≤ 0 ≤ upper`, and an optional part of it.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    lower: Vec<f32>,
    upper: Vec<f32>,
    /// Lower and upper ends of the part; `None` for the whole box.
    part: Option<(Vec<f32>, Vec<f32>)>,
    /// Samples in a row of the plane, and the bound on each octave as a share of the half widths; `None` for no bound.
    shares: Option<(usize, [f32; OCTAVES])>,
    /// Largest root mean square of δ relative to the half widths; never negative.
    rms: Option<f32>,
    octaves: Octaves,
}

impl Budget {
    /// The box `−bound ≤ δ ≤ bound`; a bound that is negative or not a number counts as zero.
    pub fn symmetric(bounds: &[f32]) -> Self {
        let upper: Vec<f32> = bounds.iter().map(|bound| bound.max(0.0)).collect();
        Self { lower: upper.iter().map(|bound| -bound).collect(), upper, ..Self::default() }
    }

    /// Limits δ to within `share` times the half widths of `center`, or to the nearest points of the box. The half
    /// widths stay those of the box. A negative share counts as zero, NaN as infinite. An earlier part still applies.
    #[must_use]
    pub fn near(self, center: &[f32], share: f32) -> Self {
        let share = if share.is_nan() { f32::INFINITY } else { share.max(0.0) };
        // The reach is never infinite, and zero where the width is zero.
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

    /// For a plane of `width` samples a row, also limits each octave of spatial frequency, finest first, to its share
    /// of the half widths, so that a smooth change is bounded more tightly than a rough one. See octaves.rs.
    #[must_use]
    pub fn in_octaves(mut self, width: usize, shares: [f32; OCTAVES]) -> Self {
        self.shares = Some((width, shares));
        self
    }

    /// Limits the root mean square of δ relative to the half widths to `share`, 0..=1, over the elements with a
    /// non-zero width. A negative share counts as zero; a share of 1 or more, or NaN, has no effect.
    #[must_use]
    pub fn with_rms(mut self, share: f32) -> Self {
        self.set_rms(share);
        self
    }

    /// As [`with_rms`](Self::with_rms), in place.
    pub fn set_rms(&mut self, share: f32) {
        self.rms = (share < 1.0).then(|| share.max(0.0));
    }

    /// Limits `clean + δ` to `low..=high`. The half widths stay those of the box, so that a step is as long near the
    /// ends of the range as elsewhere. An earlier part still applies.
    #[must_use]
    pub fn within(self, clean: &[f32], low: f32, high: f32) -> Self {
        let lower = self.lower.iter().zip(clean).map(|(lower, x)| lower.max(low - x).min(0.0)).collect();
        let upper = self.upper.iter().zip(clean).map(|(upper, x)| upper.min(high - x).max(0.0)).collect();
        self.cut(lower, upper)
    }

    /// Cuts the part down to `lower..=upper`, or to its nearest point where the two do not overlap.
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

    /// Projects `delta` onto the budget; NaN counts as zero. First each bounded octave is cut, which is not an exact
    /// projection (see octaves.rs). Then the whole is scaled down if its root mean square is too large. Last it is
    /// clamped to the box or its part; a part far from zero can raise the root mean square again.
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

    /// Largest root mean square of a perturbation relative to the half widths: 1, or the share of
    /// [`with_rms`](Self::with_rms).
    pub fn reach(&self) -> f32 {
        self.rms.unwrap_or(1.0)
    }

    /// Root mean square of `delta` relative to the half widths, over the elements with a non-zero width.
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

    /// Where a budget clamps a change far down, and one far up.
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
