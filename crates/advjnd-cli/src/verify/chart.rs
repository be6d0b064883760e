// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far the faces of a video are from being known, over time, as an SVG drawing.

use std::fmt::Write as _;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 220.0;
/// Left and bottom.
const MARGINS: [f64; 2] = [44.0, 34.0];
/// Margins beyond these are drawn at the edge.
const RANGE: [f64; 2] = [-1.0, 2.0];
/// Colour-blind safe: Okabe & Ito 2008.
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#767676"];
/// Height of the band in which covers are drawn.
const BAND: f64 = 12.0;

/// What is drawn of one recogniser.
#[derive(Debug, Default)]
pub struct Chart {
    /// Of faces that are shown: track, second, margin.
    pub shown: Vec<(usize, f64, f32)>,
    /// Seconds at which a face is covered.
    pub covered: Vec<f64>,
    /// The length of the video, seconds.
    pub seconds: f64,
}

impl Chart {
    /// The drawing.
    pub fn svg(&self) -> String {
        let [left, bottom] = MARGINS;
        let x = |second: f64| left + second / self.seconds.max(1e-3) * (WIDTH - left - 8.0);
        let share = |margin: f64| (margin.clamp(RANGE[0], RANGE[1]) - RANGE[0]) / (RANGE[1] - RANGE[0]);
        let y = |margin: f64| 8.0 + (1.0 - share(margin)) * (HEIGHT - bottom - 8.0);
        let mut text = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"margin over time\">");
        // Writing to a string does not fail.
        for margin in [-1.0, 0.0, 1.0, 2.0] {
            let (class, at) = (if margin == 0.0 { "threshold" } else { "line" }, y(margin));
            let _ = write!(text, "<path class=\"{class}\" d=\"M{left} {at:.1}H{WIDTH}\"/>");
            let _ =
                write!(text, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{margin}</text>", left - 6.0, at + 4.0);
        }
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let second = share * self.seconds;
            let anchor = if share == 1.0 { "end" } else { "middle" };
            let (at, base) = (x(second), HEIGHT - 4.0);
            let _ = write!(text, "<text x=\"{at:.1}\" y=\"{base}\" text-anchor=\"{anchor}\">{second:.1} s</text>");
        }
        for second in &self.covered {
            let (at, top) = (x(*second), HEIGHT - bottom + 2.0);
            let _ = write!(text, "<rect class=\"covered\" x=\"{at:.1}\" y=\"{top}\" width=\"3\" height=\"{BAND}\"/>");
        }
        for (track, second, margin) in &self.shown {
            let (at, height, colour) = (x(*second), y(f64::from(*margin)), COLOURS[track % COLOURS.len()]);
            let _ = write!(text, "<circle cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
        }
        text + "</svg>"
    }
}
