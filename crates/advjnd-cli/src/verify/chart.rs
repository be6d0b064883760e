// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far the faces of a video are from being known, over time, as an SVG drawing.

use std::fmt::Write as _;

use crate::axes::{Axes, COLOURS};

/// Margins beyond these are drawn at the edge.
const RANGE: [f64; 2] = [-1.0, 2.0];
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
        let axes = Axes {
            size: [1000.0, 220.0],
            margins: [44.0, 8.0, 8.0, 34.0],
            across: [0.0, self.seconds.max(1e-3)],
            up: RANGE,
        };
        let (left, right) = (axes.x(0.0), axes.x(axes.across[1]));
        let mut text = axes.head("margin over time");
        // Writing to a string does not fail.
        for margin in [-1.0, 0.0, 1.0, 2.0] {
            let (class, at) = (if margin == 0.0 { "threshold" } else { "line" }, axes.y(margin));
            let _ = write!(text, "<path class=\"{class}\" d=\"M{left} {at:.1}H{right}\"/>");
            text += &axes.side(margin, &margin.to_string());
        }
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let second = share * self.seconds;
            let anchor = if share == 1.0 { "end" } else { "middle" };
            text += &axes.foot(second, 30.0, anchor, &format!("{second:.1} s"));
        }
        for second in &self.covered {
            let (at, top) = (axes.x(*second), axes.y(RANGE[0]) + 2.0);
            let _ = write!(text, "<rect class=\"covered\" x=\"{at:.1}\" y=\"{top}\" width=\"3\" height=\"{BAND}\"/>");
        }
        for (track, second, margin) in &self.shown {
            let (at, height) = (axes.x(*second), axes.y(f64::from(*margin)));
            let colour = COLOURS[track % COLOURS.len()];
            let _ = write!(text, "<circle cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
        }
        text + "</svg>"
    }
}
