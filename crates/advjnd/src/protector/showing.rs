// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a face is shown and when it is covered: a rule that does not change its mind from frame to frame.
//!
//! * A face that was covered is shown once it has the margins required of such a face, which are higher than those of
//!   one that is shown already ([`margins`](super::margins)).
//! * A face that is shown stays shown while it has the margins required.
//! * If it falls short of these, but not of the margins *tolerated*, it stays shown for up to [`TOLERANCE`] frames in
//!   a row, while iterations and size catch up.
//! * Below the margins tolerated it is covered at once. These lie beyond the verification threshold, too: no face is
//!   shown that a recogniser at hand was seen to match.

/// Frames in a row in which a shown face may lack a part of its margins.
const TOLERANCE: u32 = 8;

/// What the rule remembers of one followed face.
#[derive(Debug, Clone, Copy, Default)]
pub struct Showing {
    shown: bool,
    short: u32,
}

impl Showing {
    /// Whether the last judged frame showed the face.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// Whether the last judged frame showed the face, with all the margin that is required.
    pub fn is_steady(&self) -> bool {
        self.shown && self.short == 0
    }

    /// Whether a face goes out as it is that is so far beyond the margins required, and those tolerated.
    pub fn allows(&self, required: f32, tolerated: f32) -> bool {
        required >= 0.0 || self.shown && tolerated >= 0.0 && self.short < TOLERANCE
    }

    /// Takes note of a frame that showed the face or not, so far beyond the margins required.
    pub fn settle(&mut self, shown: bool, required: f32) {
        self.shown = shown;
        self.short = if shown && required < 0.0 { self.short + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rule makes of a sequence of margins: of a covered face 0.3 is required, of a shown one 0.2, and 0.1
    /// is tolerated.
    fn shown(margins: &[f32]) -> String {
        let mut showing = Showing::default();
        let frame = |margin: &f32| {
            let required = margin - if showing.is_shown() { 0.2 } else { 0.3 };
            let shown = showing.allows(required, margin - 0.1);
            showing.settle(shown, required);
            if shown { 'P' } else { 'c' }
        };
        margins.iter().map(frame).collect()
    }

    #[test]
    fn a_recorded_sequence_of_margins_does_not_flap() {
        // Of a head that turns (pyfeat_single_360p), every other frame: each dip below 0.2 would cover the face.
        let recorded = [0.12, 0.22, 0.28, 0.31, 0.27, 0.19, 0.23, 0.18, 0.17, 0.21, 0.19, 0.24, 0.16, 0.26, 0.33];
        assert_eq!(shown(&recorded), "cccPPPPPPPPPPPP");
    }

    #[test]
    fn a_reason_that_lasts_covers_it_and_a_margin_that_is_gone_at_once() {
        assert_eq!(shown(&[0.4, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15]), "PPPPPPPPPcc");
        assert_eq!(shown(&[0.4, 0.09, 0.25, 0.29, 0.3]), "PcccP");
        assert_eq!(shown(&[0.4, f32::NAN, 0.25]), "Pcc");
    }
}
