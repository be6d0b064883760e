// SPDX-License-Identifier: MIT OR Apache-2.0
//! Success against quality: the share of faces on which a method reaches its goal at a quality of at least so much,
//! each face with the strength that spares it the most (the success rates at a bound of Rony et al., CVPR 2019, with
//! quality in place of the distance). An attack of a fixed bound gets its curve from several bounds, one that stops at
//! success from a single run.

use std::collections::BTreeMap;

use super::results::{Row, Score};

/// Which quality a curve is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Psnr,
    Ssimulacra2,
}

impl Axis {
    pub fn name(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR of the crop, dB",
            Self::Ssimulacra2 => "SSIMULACRA2 of the crop",
        }
    }

    fn of(self, score: &Score) -> Option<f64> {
        match self {
            Self::Psnr => score.psnr,
            Self::Ssimulacra2 => score.ssimulacra2,
        }
    }
}

/// A method's curve over one recogniser, task and setting.
pub struct Curve {
    pub method: String,
    /// Faces attacked.
    pub faces: usize,
    /// Best quality of each face that is reached, highest first.
    pub qualities: Vec<f64>,
}

/// The curves of `rows`, which share recogniser, task and setting, in the order of their methods.
pub fn curves(rows: &[Row], axis: Axis) -> Vec<Curve> {
    rows.chunk_by(|a, b| a.key.method == b.key.method)
        .map(|rows| {
            let mut best: BTreeMap<usize, f64> = BTreeMap::new();
            for (face, score) in rows.iter().flat_map(|row| row.per_face.iter().enumerate()) {
                if let Some((score, quality)) = score.as_ref().and_then(|s| Some((s, axis.of(s)?)))
                    && score.reached
                {
                    let entry = best.entry(face).or_insert(quality);
                    *entry = entry.max(quality);
                }
            }
            let mut qualities: Vec<f64> = best.into_values().collect();
            qualities.sort_by(|a, b| b.total_cmp(a));
            let faces = rows.iter().map(|row| row.faces).max().unwrap_or(0);
            Curve { method: rows[0].key.method.clone(), faces, qualities }
        })
        .collect()
}

impl Curve {
    /// Share of the faces that are reached at `quality` or better.
    pub fn share(&self, quality: f64) -> f64 {
        self.qualities.iter().filter(|reached| **reached >= quality).count() as f64 / self.faces.max(1) as f64
    }

    /// By how much this curve lies above `other` at the share of faces where that is least; none where `other` reaches
    /// nothing, minus infinity where it reaches more faces.
    pub fn lead(&self, other: &Self) -> Option<f64> {
        if other.qualities.len() > self.qualities.len() {
            return Some(f64::NEG_INFINITY);
        }
        self.qualities.iter().zip(&other.qualities).map(|(ours, theirs)| ours - theirs).reduce(f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(qualities: &[f64]) -> Curve {
        Curve { method: String::new(), faces: 4, qualities: qualities.to_vec() }
    }

    #[test]
    fn a_lead_is_the_least_over_all_shares() {
        let ours = curve(&[90.0, 80.0, 70.0, 60.0]);
        assert_eq!(ours.lead(&curve(&[85.0, 79.0, 60.0])), Some(1.0));
        assert_eq!(ours.lead(&curve(&[85.0, 81.0])), Some(-1.0));
        assert_eq!(curve(&[90.0]).lead(&curve(&[1.0, 1.0])), Some(f64::NEG_INFINITY), "it reaches more faces");
        assert_eq!(ours.lead(&curve(&[])), None);
        assert_eq!((ours.share(70.0), ours.share(70.1), ours.share(0.0)), (0.75, 0.5, 1.0));
        assert_eq!(curve(&[90.0]).share(0.0), 0.25, "faces that are not reached count");
    }
}
