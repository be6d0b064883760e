// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables in short: a line a method, at the strength it is published with, and where its curve lies.

use advjnd_lab::attack::recipes::rows::OURS;

use super::curves::{Axis, Curve, curves};
use super::results::{Results, Row};
use crate::document::{head, line, number, percent};

/// SSIMULACRA2 at which shares are told; 90: no difference in a flicker test, 70: hard to notice side by side, 50:
/// plain.
const QUALITIES: [f64; 4] = [90.0, 70.0, 50.0, 30.0];
/// Between lines of this mark a document has the tables.
pub const MARK: &str = "attack-table";
/// 95 % of a normal distribution.
const Z: f64 = 1.96;

pub const HEAD: [&str; 10] = [
    "method",
    "success",
    "PSNR",
    "SSIM",
    "SSIMULACRA2",
    "reached at ≥ 90",
    "≥ 70",
    "≥ 50",
    "≥ 30",
    "ours ahead by at least",
];

/// The cells of a group of rows, a line a method.
pub fn lines(rows: &[Row]) -> Vec<[String; HEAD.len()]> {
    let curves = curves(rows, Axis::Ssimulacra2);
    let ours = curves.iter().find(|curve| curve.method == OURS.name);
    let published = rows.iter().filter(|row| row.key.strength.unwrap_or(1.0) == 1.0);
    published
        .filter_map(|row| {
            let curve = curves.iter().find(|curve| curve.method == row.key.method)?;
            let [at_90, at_70, at_50, at_30] = QUALITIES.map(|quality| percent(Some(curve.share(quality)), 0));
            Some([
                row.key.method.clone(),
                success(row),
                number(row.quality.psnr, 2),
                number(row.quality.ssim, 4),
                with_interval(row),
                at_90,
                at_70,
                at_50,
                at_30,
                ours.filter(|_| row.key.method != OURS.name).map_or("–".to_owned(), |ours| lead(ours, curve)),
            ])
        })
        .collect()
}

fn lead(ours: &Curve, other: &Curve) -> String {
    match ours.lead(other) {
        None => "reaches none".to_owned(),
        Some(lead) if lead == f64::NEG_INFINITY => "reaches more".to_owned(),
        Some(lead) => format!("{lead:+.1}"),
    }
}

/// The share of faces reached, and its interval of 95 % (Wilson 1927).
fn success(row: &Row) -> String {
    let (Some(share), n) = (row.success, row.faces as f64) else { return "–".to_owned() };
    let square = Z * Z / n;
    let center = (share + 0.5 * square) / (1.0 + square);
    let reach = Z / (1.0 + square) * (share * (1.0 - share) / n + 0.25 * square / n).sqrt();
    format!("{} [{:.0}, {:.0}]", percent(Some(share), 0), 100.0 * (center - reach), 100.0 * (center + reach))
}

/// Mean SSIMULACRA2 and the half width of its interval of 95 %.
fn with_interval(row: &Row) -> String {
    let values: Vec<f64> = row.per_face.iter().flatten().filter_map(|score| score.ssimulacra2).collect();
    let n = values.len() as f64;
    if values.len() < 2 {
        return number(row.quality.ssimulacra2, 1);
    }
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    format!("{mean:.1} ± {:.1}", Z * (variance / n).sqrt())
}

/// All groups as Markdown.
pub fn markdown(results: &Results) -> String {
    let mut text = String::new();
    for rows in results.groups() {
        let Some(first) = rows.first() else { continue };
        let key = &first.key;
        text += &format!(
            "\n**{}, {}, {}**, {} faces\n\n{}",
            key.recognizer,
            key.task.name(),
            key.setting.name(),
            rows.iter().map(|row| row.faces).max().unwrap_or(0),
            head(&HEAD, 1)
        );
        text.extend(lines(rows).iter().map(line));
    }
    text
}
