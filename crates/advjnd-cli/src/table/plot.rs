// SPDX-License-Identifier: MIT OR Apache-2.0
//! Curves of success against quality as an SVG drawing.

use std::fmt::Write as _;

use advjnd_lab::attack::recipes::rows::OURS;

use super::curves::{Axis, Curve};
use crate::axes::{Axes, COLOURS};

/// Left, top, right (for the legend) and bottom.
const MARGINS: [f64; 4] = [48.0, 12.0, 140.0, 40.0];
const DASHES: [&str; 3] = ["", "6 3", "2 3"];

/// The drawing of `curves` over `axis`.
pub fn svg(curves: &[Curve], axis: Axis) -> String {
    let all = || curves.iter().flat_map(|curve| curve.qualities.iter().copied());
    let (low, high) = match axis {
        // Below zero SSIMULACRA2 tells nothing apart that one would look at.
        Axis::Ssimulacra2 => (0.0, 100.0),
        Axis::Psnr => {
            let tens = |quality: f64, round: fn(f64) -> f64| 10.0 * round(quality / 10.0);
            let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
            if least <= most { (tens(least, f64::floor), tens(most, f64::floor) + 10.0) } else { (20.0, 60.0) }
        }
    };
    let axes = Axes { size: [620.0, 380.0], margins: MARGINS, across: [low, high], up: [0.0, 1.0] };
    let ([left, top, right, _], base) = (MARGINS, axes.y(0.0));
    let mut text = axes.head(&format!("success against {}", axis.name()));
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        let quality = low + share * (high - low);
        let _ = write!(
            text,
            "<path class=\"grid\" d=\"M{left} {:.1}H{:.1}M{:.1} {top}V{base:.1}\"/>",
            axes.y(share),
            axes.x(high),
            axes.x(quality)
        );
        text += &axes.side(share, &format!("{:.0} %", 100.0 * share));
        text += &axes.foot(quality, 16.0, "middle", &format!("{quality:.0}"));
    }
    text += &axes.foot(0.5 * (low + high), 34.0, "middle", axis.name());
    for (index, curve) in curves.iter().enumerate() {
        let mut path = format!("M{:.1} {base:.1}", axes.x(high));
        for (reached, quality) in curve.qualities.iter().enumerate() {
            let share = (reached + 1) as f64 / curve.faces.max(1) as f64;
            let _ = write!(path, "H{:.1}V{:.1}", axes.x(*quality), axes.y(share));
        }
        let _ = write!(path, "H{:.1}", axes.x(low));
        let ours = curve.method == OURS.name;
        let colour = if ours { "#000000" } else { COLOURS[index % COLOURS.len()] };
        let style = format!(
            "stroke=\"{colour}\" stroke-width=\"{}\" stroke-dasharray=\"{}\"",
            if ours { 3 } else { 1 },
            if ours { "" } else { DASHES[index / COLOURS.len() % DASHES.len()] }
        );
        let line = top + 8.0 + 17.0 * index as f64;
        let _ = write!(
            text,
            "<path fill=\"none\" {style} d=\"{path}\"><title>{0}</title></path>\
             <path {style} d=\"M{1} {line}h24\"/><text x=\"{2}\" y=\"{3}\">{0}</text>",
            curve.method,
            axes.size[0] - right + 10.0,
            axes.size[0] - right + 40.0,
            line + 4.0
        );
    }
    text + "</svg>"
}
