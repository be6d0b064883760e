// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a face is shown and when it is covered: a rule with hysteresis, so that the verdict does not flicker.
//!
//! * A covered face is shown once it has the margins required of a covered face. These are higher than those required
//!   of a shown face ([`margins`](super::margins)).
//! * A shown face stays shown while it has the required margins.
//! * If it falls short of these, but not of the *tolerated* margins, it stays shown for up to [`TOLERANCE`] frames in a
//!   row, while iterations and size catch up.
//! * Below the tolerated margins it is covered at once. These lie beyond the verification threshold, too: no face is
//!   shown that a loaded recogniser was seen to match.

/// Frames in a row in which a shown face may lack part of its margins.
const TOLERANCE: u32 = 8;

/// The state of the rule for one followed face.
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

    /// Whether the last judged frame showed the face with the full required margin.
    pub fn is_steady(&self) -> bool {
        self.shown && self.short == 0
    }

    /// Whether a face with these surpluses over the `required` and the `tolerated` margins may be shown.
    pub fn allows(&self, required: f32, tolerated: f32) -> bool {
        required >= 0.0 || self.tolerates() && tolerated >= 0.0
    }

    /// Whether the face may lack part of its margins in this frame.
    pub fn tolerates(&self) -> bool {
        self.shown && self.short < TOLERANCE
    }

    /// Records whether a frame has `shown` the face, and its surplus over the `required` margins.
    pub fn settle(&mut self, shown: bool, required: f32) {
        self.shown = shown;
        self.short = if shown && required < 0.0 { self.short + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Surpluses of a head that turns to and fro over the required and the tolerated margins, frame by frame: track 16
    /// of `whitehouse_hamilton_360p`, three recognisers, default settings.
    #[rustfmt::skip]
    #[allow(clippy::approx_constant, reason = "a margin happens to be near 1/π")]
    const RECORDED: [(f32, f32); 54] = [
        (-0.519, -0.487), (-0.504, -0.472), (0.142, 0.286), (-0.025, 0.043), (0.045, 0.164), (-0.216, -0.131),
        (0.069, 0.176), (-0.020, 0.089), (0.062, 0.131), (0.105, 0.202), (0.067, 0.183), (0.017, 0.128),
        (-0.034, 0.004), (-0.067, 0.009), (0.025, 0.122), (0.051, 0.133), (0.059, 0.136), (0.114, 0.200),
        (0.064, 0.171), (0.056, 0.161), (0.018, 0.113), (0.076, 0.158), (0.084, 0.167), (0.130, 0.187),
        (0.047, 0.116), (0.087, 0.191), (0.101, 0.140), (0.114, 0.206), (0.217, 0.273), (-0.086, 0.024),
        (0.104, 0.215), (0.141, 0.239), (0.148, 0.242), (0.149, 0.243), (-0.070, 0.034), (0.151, 0.197),
        (0.158, 0.228), (0.084, 0.153), (0.080, 0.151), (-0.000, 0.065), (0.099, 0.160), (0.090, 0.156),
        (0.222, 0.294), (0.216, 0.290), (0.235, 0.301), (0.257, 0.318), (-0.034, 0.059), (0.119, 0.214),
        (0.082, 0.142), (0.073, 0.137), (0.074, 0.138), (0.136, 0.212), (0.009, 0.112), (0.100, 0.204),
    ];

    /// The verdicts of the rule for a sequence of surpluses over the required and the tolerated margins.
    fn shown(sequence: &[(f32, f32)], mut showing: Showing) -> String {
        let frame = |(required, tolerated): &(f32, f32)| {
            let shown = showing.allows(*required, *tolerated);
            showing.settle(shown, *required);
            if shown { 'P' } else { 'c' }
        };
        sequence.iter().map(frame).collect()
    }

    fn changes(verdicts: &str) -> usize {
        verdicts.as_bytes().windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    #[test]
    fn a_recorded_sequence_of_margins_does_not_flap() {
        let verdicts = shown(&RECORDED, Showing::default());
        assert_eq!(changes(&verdicts), 3, "{verdicts}");
        assert!(verdicts.starts_with("ccPPPc") && verdicts[6..].bytes().all(|verdict| verdict == b'P'), "{verdicts}");
        let strict: Vec<_> = RECORDED.iter().map(|(required, _)| (*required, -1.0)).collect();
        assert!(changes(&shown(&strict, Showing::default())) > 10, "the sequence is no test of the rule");
    }

    #[test]
    fn a_reason_that_lasts_covers_it_and_a_margin_that_is_gone_at_once() {
        let short = [(-0.1, 0.1); 11];
        assert_eq!(shown(&short, Showing { shown: true, short: 0 }), "PPPPPPPPccc");
        assert_eq!(shown(&[(0.1, 0.2), (-0.3, -0.1), (-0.1, 0.1), (0.0, 0.2)], Showing::default()), "PccP");
        assert_eq!(shown(&[(0.1, 0.2), (f32::NAN, f32::NAN), (-0.1, 0.1)], Showing::default()), "Pcc");
    }
}
