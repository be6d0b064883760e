// SPDX-License-Identifier: MIT OR Apache-2.0
//! How large the change of a face is: a preferred size, and more, up to a ceiling, only if the face does not reach its
//! margins at that size.
//!
//! A size is the root mean square of the change, in just-noticeable differences. It rises quickly, by [`RISE`] for
//! every few iterations that leave the face short, and falls slowly, by [`FALL`] for every frame with margin to spare.
//! So the visible change varies smoothly, and protection does not drop as soon as it is sufficient.

/// Factor by which the size rises in one step.
const RISE: f32 = 1.1;
/// Factor by which it falls from one frame to the next.
const FALL: f32 = 0.975;
/// Surplus over the required margins from which the size falls. It is larger if frames have a deadline: iterations are
/// few, and regaining a lost size would take long.
const FALL_ABOVE: f32 = 0.05;
const FALL_ABOVE_HURRIED: f32 = 0.2;
/// Iterations at one size before it rises, for a face that the last frame showed, or if frames have a deadline.
const PATIENCE_SHOWN: u32 = 4;
/// The same for other faces, which are still far from their margins.
const PATIENCE_NEW: u32 = 12;

/// The size of one followed face.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spending {
    size: f32,
    ceiling: f32,
    preferred: f32,
    /// Iterations at this size that left the face short of its margins.
    fruitless: u32,
    hurried: bool,
}

impl Spending {
    /// Sets the sizes from the settings. A ceiling below the preferred size counts as that size. `hurried`: whether the
    /// frame has a deadline.
    pub fn hold(&mut self, preferred: f32, ceiling: f32, hurried: bool) {
        self.hurried = hurried;
        self.preferred = preferred.max(0.0);
        self.ceiling = ceiling.max(self.preferred);
        self.size = self.size.clamp(self.preferred, self.ceiling);
    }

    /// The size.
    pub fn size(&self) -> f32 {
        self.size
    }

    /// Iterations left at this size before it rises. `shown`: whether the last frame showed the face.
    pub fn patience(&self, shown: bool) -> u32 {
        if self.size >= self.ceiling {
            return u32::MAX;
        }
        let patience = if shown || self.hurried { PATIENCE_SHOWN } else { PATIENCE_NEW };
        patience.saturating_sub(self.fruitless).max(1)
    }

    /// Records `iterations` that left the face short, and raises the size by one step once they are too many.
    pub fn fall_short(&mut self, iterations: u32, shown: bool) {
        let is_over = iterations >= self.patience(shown);
        self.fruitless = if is_over { 0 } else { self.fruitless + iterations };
        if is_over {
            self.size = (self.size * RISE).min(self.ceiling);
        }
    }

    /// Ends a frame: lets the size fall if the `surplus` over the required margins is more than enough.
    pub fn settle(&mut self, surplus: f32) {
        if surplus >= 0.0 {
            self.fruitless = 0;
        }
        if surplus > if self.hurried { FALL_ABOVE_HURRIED } else { FALL_ABOVE } {
            self.size = (self.size * FALL).max(self.preferred);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(preferred: f32, ceiling: f32) -> Spending {
        let mut spending = Spending::default();
        spending.hold(preferred, ceiling, false);
        spending
    }

    #[test]
    fn a_size_begins_at_the_preferred_one_and_ends_at_the_ceiling() {
        let mut spending = held(4.0, 8.0);
        assert_eq!(spending.size(), 4.0);
        (0..8).for_each(|_| spending.fall_short(PATIENCE_SHOWN, true));
        assert_eq!(spending.size(), 8.0, "twice the size takes eight steps");
        assert_eq!(spending.patience(true), u32::MAX);
        spending.settle(FALL_ABOVE);
        assert_eq!(spending.size(), 8.0, "no margin to spare");
        (0..24).for_each(|_| spending.settle(1.0));
        assert!(spending.size() > 4.0, "half takes almost a second");
        (0..10).for_each(|_| spending.settle(1.0));
        assert_eq!(spending.size(), 4.0);
    }

    #[test]
    fn iterations_of_several_frames_count_together() {
        let mut spending = held(4.0, 8.0);
        (0..2).for_each(|_| spending.fall_short(4, false));
        assert_eq!((spending.size(), spending.patience(false)), (4.0, 4));
        spending.fall_short(4, false);
        assert!(spending.size() > 4.0);
        spending.fall_short(2, true);
        assert_eq!(spending.patience(true), 2);
        spending.settle(0.0);
        assert_eq!(spending.patience(true), PATIENCE_SHOWN, "once it is enough, they are forgotten");
    }

    #[test]
    fn a_ceiling_below_the_preferred_size_has_no_effect() {
        let mut spending = held(4.0, 0.0);
        spending.fall_short(100, true);
        assert_eq!(spending.size(), 4.0);
        spending.hold(2.0, 3.0, false);
        assert_eq!(spending.size(), 3.0, "what is set during the stream holds at once");
    }
}
