// SPDX-License-Identifier: MIT OR Apache-2.0
//! Curves of success against quality as an SVG drawing.

use std::fmt::Write as _;

use advjnd_lab::attack::recipes::rows::OURS;

use super::curves::{Axis, Curve};

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 380.0;
/// Left, top, right (for the legend) and bottom.
const MARGINS: [f64; 4] = [48.0, 12.0, 140.0, 40.0];
/// Colour-blind safe: Okabe & Ito 2008.
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#767676"];
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
    let [left, top, right, bottom] = MARGINS;
    let x = |quality: f64| left + (quality.clamp(low, high) - low) / (high - low).max(1.0) * (WIDTH - left - right);
    let y = |share: f64| top + (1.0 - share) * (HEIGHT - top - bottom);
    let mut text =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"success against {}\">", axis.name());
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        let quality = low + share * (high - low);
        let (right, base) = (x(high), y(0.0));
        let _ = write!(
            text,
            "<path class=\"grid\" d=\"M{left} {0:.1}H{right:.1}M{1:.1} {top}V{base:.1}\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{4:.0} %</text>\
             <text x=\"{1:.1}\" y=\"{5:.1}\" text-anchor=\"middle\">{quality:.0}</text>",
            y(share),
            x(quality),
            left - 6.0,
            y(share) + 4.0,
            100.0 * share,
            base + 16.0
        );
    }
    let _ = write!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        x(0.5 * (low + high)),
        HEIGHT - 6.0,
        axis.name()
    );
    for (index, curve) in curves.iter().enumerate() {
        let mut path = format!("M{:.1} {:.1}", x(high), y(0.0));
        for (reached, quality) in curve.qualities.iter().enumerate() {
            let share = (reached + 1) as f64 / curve.faces.max(1) as f64;
            let _ = write!(path, "H{:.1}V{:.1}", x(*quality), y(share));
        }
        let _ = write!(path, "H{:.1}", x(low));
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
            WIDTH - right + 10.0,
            WIDTH - right + 40.0,
            line + 4.0
        );
    }
    text + "</svg>"
}
