// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows, and what they share.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use advjnd::{Error, Result};
use advjnd_lab::attack::recipes::rows;
use serde::{Deserialize, Serialize};

use super::bench::{Face, Outcome};
use super::key::Key;
use super::quality::Quality;
use super::thresholds::Thresholds;
use crate::resumable;
use crate::rounded::{mean, rounded};

/// One attack on all faces. Means are over the faces attacked, successes and failures alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    #[serde(flatten)]
    pub key: Key,
    /// SHA-256 of the recipe's fields, shortened; a row made with other fields is made again.
    pub recipe: String,
    /// Faces attacked.
    pub faces: usize,
    /// Left out: not recognised when clean.
    pub clean_misses: usize,
    /// Left out: taken for the person to impersonate when clean.
    pub clean_false_accepts: usize,
    /// Share of faces whose picture, rounded to 8 bits, reaches the goal.
    pub success: Option<f64>,
    /// Of a verification, at a false accept rate of 1 %.
    pub success_far_1_percent: Option<f64>,
    /// Of a verification, at a false accept rate of 0.1 %.
    pub success_far_01_percent: Option<f64>,
    #[serde(flatten)]
    pub quality: Quality,
    /// Gradients, in all attempts.
    pub iterations: Option<f64>,
    pub attempts: Option<f64>,
    /// Faces whose weight of the quality terms came down to its floor.
    pub floor: usize,
    /// Wall time of the row, metrics included.
    pub seconds: f64,
    /// Of the working folder, where that is a checkout of git.
    pub commit: Option<String>,
    /// Processor and threads.
    pub machine: String,
    /// By person, none for one that was left out.
    pub per_face: Vec<Option<Score>>,
}

/// One face in a row; in the file a list, `[reached, psnr, ssim, ssimulacra2]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "ScoreList", into = "ScoreList")]
pub struct Score {
    /// Whether the goal was reached.
    pub reached: bool,
    /// Of the crop, decibels.
    pub psnr: Option<f64>,
    /// Of the crop.
    pub ssim: Option<f64>,
    /// Of the crop.
    pub ssimulacra2: Option<f64>,
}

type ScoreList = (bool, Option<f64>, Option<f64>, Option<f64>);

impl From<ScoreList> for Score {
    fn from((reached, psnr, ssim, ssimulacra2): ScoreList) -> Self {
        Self { reached, psnr, ssim, ssimulacra2 }
    }
}

impl From<Score> for ScoreList {
    fn from(Score { reached, psnr, ssim, ssimulacra2 }: Score) -> Self {
        (reached, psnr, ssim, ssimulacra2)
    }
}

impl Row {
    /// Sums up `faces`.
    pub fn new(
        key: Key,
        recipe: String,
        faces: &[Face],
        seconds: f64,
        commit: Option<String>,
        machine: String,
    ) -> Self {
        let attacked: Vec<&Outcome> = faces.iter().filter_map(attacked_face).collect();
        let share = |is: fn(&Outcome) -> bool| mean(attacked.iter().map(|face| f64::from(u8::from(is(face)))));
        let share_of_some = |is: fn(&Outcome) -> Option<bool>| {
            mean(attacked.iter().filter_map(|face| is(face)).map(|is| f64::from(u8::from(is))))
        };
        let count = |number: fn(&Outcome) -> u32| mean(attacked.iter().map(|face| f64::from(number(face))));
        let qualities: Vec<Quality> = attacked.iter().map(|face| face.quality).collect();
        Self {
            key,
            recipe,
            faces: attacked.len(),
            clean_misses: faces.iter().filter(|face| matches!(face, Face::Missed)).count(),
            clean_false_accepts: faces.iter().filter(|face| matches!(face, Face::Mistaken)).count(),
            success: share(|face| face.success),
            success_far_1_percent: share_of_some(|face| face.at.map(|at| at[0])),
            success_far_01_percent: share_of_some(|face| face.at.map(|at| at[1])),
            quality: Quality::mean(&qualities),
            iterations: count(|face| face.report.iterations),
            attempts: count(|face| face.report.attempts),
            floor: attacked.iter().filter(|face| face.report.floor_reached_after.is_some()).count(),
            seconds: rounded(seconds),
            commit,
            machine,
            per_face: faces.iter().map(|face| attacked_face(face).map(Score::new)).collect(),
        }
    }
}

impl Score {
    fn new(outcome: &Outcome) -> Self {
        let Outcome { success, quality, .. } = outcome;
        Self {
            reached: *success,
            psnr: quality.psnr.map(rounded),
            ssim: quality.ssim.map(rounded),
            ssimulacra2: quality.ssimulacra2.map(rounded),
        }
    }
}

fn attacked_face(face: &Face) -> Option<&Outcome> {
    if let Face::Attacked(picture) = face { Some(&picture.outcome) } else { None }
}

/// What all rows of a file share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub seed: u64,
    /// People with a face in both pictures, by name.
    pub people: Vec<String>,
    /// People left out for want of one.
    pub without_face: usize,
    /// SHA-256 over names and pictures.
    pub faces_sha256: String,
    /// SHA-256 by name, detector and recognisers.
    pub models: BTreeMap<String, String>,
    /// Of verification, by recogniser.
    pub thresholds: BTreeMap<String, Thresholds>,
}

impl resumable::Row for Row {
    fn is_about_the_same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// In the order of the paper's methods.
    fn order(&self, other: &Self) -> Ordering {
        let place = |key: &Key| {
            let method = rows::ALL.iter().position(|recipe| recipe.name == key.method);
            (key.recognizer.clone(), key.task, key.setting, method)
        };
        let strength = |key: &Key| key.strength.unwrap_or(1.0);
        place(&self.key).cmp(&place(&other.key)).then_with(|| strength(&self.key).total_cmp(&strength(&other.key)))
    }
}

/// `table.json`.
pub type Results = resumable::Results<Experiment, Row>;

impl Results {
    /// The rows that share recogniser, task and setting.
    pub fn groups(&self) -> impl Iterator<Item = &[Row]> {
        let place = |row: &Row| (row.key.recognizer.clone(), row.key.task, row.key.setting);
        self.rows.chunk_by(move |a, b| place(a) == place(b))
    }

    /// As JSON, a line for each row.
    pub fn json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(&self.experiment)?;
        let rows: Vec<String> = self.rows.iter().map(serde_json::to_string).collect::<serde_json::Result<_>>()?;
        text.truncate(text.trim_end_matches('}').trim_end().len());
        Ok(text + &format!(",\n  \"rows\": [\n    {}\n  ]\n}}\n", rows.join(",\n    ")))
    }
}

impl resumable::Experiment for Experiment {
    /// Takes over the checksums and thresholds of models that only `before` used.
    fn continue_from(&mut self, before: Self, path: &Path) -> Result<()> {
        let other_model =
            self.models.iter().find(|(name, sum)| before.models.get(*name).is_some_and(|old| old != *sum));
        let difference = if before.seed != self.seed {
            Some(format!("seed {} and not {}", before.seed, self.seed))
        } else if before.faces_sha256 != self.faces_sha256 {
            Some(format!("other pictures, of {} people and not {}", before.people.len(), self.people.len()))
        } else {
            other_model.map(|(name, _)| format!("another `{name}`"))
        };
        if let Some(difference) = difference {
            return Err(Error::input(format!(
                "{} was made with {difference}; choose another --out, or remove it to begin anew",
                path.display()
            )));
        }
        for (name, sum) in before.models {
            self.models.entry(name).or_insert(sum);
        }
        self.thresholds.extend(before.thresholds);
        Ok(())
    }
}
