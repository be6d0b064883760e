//! The rows, and the file they are kept in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use advjnd::attack::recipes::rows;
use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};

use super::bench::{Face, Outcome};
use super::markdown;
use super::plan::{Setting, Task};
use super::quality::Quality;
use crate::folder::{make, write_whole};
use crate::networks::read;

/// What a row is about: two rows of the same key are one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Name in the manifest.
    pub recognizer: String,
    pub task: Task,
    pub setting: Setting,
    /// Name of the recipe.
    pub method: String,
    /// What the recipe's bound was multiplied by; none where it has no bound to multiply.
    pub strength: Option<f64>,
}

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
    /// Share of faces whose chip, rounded to 8 bits, reaches the goal.
    pub success: Option<f64>,
    /// Share of faces that reach it from the whole picture, rounded to 8 bits and aligned again.
    pub success_picture: Option<f64>,
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
        let attacked: Vec<&Outcome> = faces.iter().filter_map(attacked).collect();
        let share = |is: fn(&Outcome) -> bool| mean(attacked.iter().map(|face| f64::from(u8::from(is(face)))));
        let count = |number: fn(&Outcome) -> u32| mean(attacked.iter().map(|face| f64::from(number(face))));
        let qualities: Vec<Quality> = attacked.iter().map(|face| face.quality).collect();
        Self {
            key,
            recipe,
            faces: attacked.len(),
            clean_misses: faces.iter().filter(|face| matches!(face, Face::Missed)).count(),
            clean_false_accepts: faces.iter().filter(|face| matches!(face, Face::Mistaken)).count(),
            success: share(|face| face.chip),
            success_picture: share(|face| face.picture),
            quality: Quality::mean(&qualities),
            iterations: count(|face| face.report.iterations),
            attempts: count(|face| face.report.attempts),
            floor: attacked.iter().filter(|face| face.report.floor_reached_after.is_some()).count(),
            seconds: rounded(seconds),
            commit,
            machine,
        }
    }
}

fn attacked(face: &Face) -> Option<&Outcome> {
    if let Face::Attacked(outcome) = face { Some(outcome) } else { None }
}

/// Their mean, rounded; none of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| rounded(sum / f64::from(count)))
}

/// Six decimals: what is read back is what was written.
fn rounded(value: f64) -> f64 {
    (1e6 * value).round() / 1e6
}

/// What all rows of a file share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub seed: u64,
    /// People with a face in both pictures.
    pub people: usize,
    /// People left out for want of one.
    pub without_face: usize,
    /// SHA-256 over names and pictures.
    pub faces_sha256: String,
    /// SHA-256 by name, detector and recognisers.
    pub models: BTreeMap<String, String>,
}

/// `table.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    #[serde(flatten)]
    pub experiment: Experiment,
    pub rows: Vec<Row>,
}

/// The results and the folder they lie in.
pub struct Table {
    folder: PathBuf,
    pub results: Results,
}

impl Table {
    /// The results in `folder`, which is made if need be, to be continued as `experiment`.
    pub fn open(folder: &Path, experiment: Experiment) -> Result<Self> {
        make(folder)?;
        let path = folder.join("table.json");
        let mut results = Results { experiment, rows: Vec::new() };
        if path.exists() {
            let found: Results = serde_json::from_slice(&read(&path)?).map_err(|error| {
                Error::input(format!("{} is no table ({error}); remove it or choose another --out", path.display()))
            })?;
            results.experiment.continue_from(&found.experiment, &path)?;
            results.rows = found.rows;
        }
        Ok(Self { folder: folder.to_owned(), results })
    }

    /// Whether the row is there, made with the same `recipe`.
    pub fn has(&self, key: &Key, recipe: &str) -> bool {
        self.results.rows.iter().any(|row| row.key == *key && row.recipe == recipe)
    }

    /// Adds the row, in place of one of the same key.
    pub fn add(&mut self, row: Row) {
        self.results.rows.retain(|other| other.key != row.key);
        self.results.rows.push(row);
        self.results.rows.sort_by(|a, b| {
            let place = |key: &Key| {
                let method = rows::ALL.iter().position(|recipe| recipe.name == key.method);
                (key.recognizer.clone(), key.task, key.setting, method)
            };
            place(&a.key).cmp(&place(&b.key)).then_with(|| {
                let strength = |row: &Row| row.key.strength.unwrap_or(1.0);
                strength(a).total_cmp(&strength(b))
            })
        });
    }

    /// Writes `table.json` and `table.md`, whole or not at all.
    pub fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.results)
            .map_err(|error| Error::input(format!("cannot write the table as JSON: {error}")))?;
        write_whole(&self.folder, "table.json", &(text + "\n"))?;
        write_whole(&self.folder, "table.md", &markdown::tables(&self.results))
    }
}

impl Experiment {
    /// Takes over the checksums of models that only `before` used; an error where the two are not one experiment.
    fn continue_from(&mut self, before: &Self, path: &Path) -> Result<()> {
        let other_model =
            self.models.iter().find(|(name, sum)| before.models.get(*name).is_some_and(|old| old != *sum));
        let difference = if before.seed != self.seed {
            Some(format!("seed {} and not {}", before.seed, self.seed))
        } else if before.faces_sha256 != self.faces_sha256 {
            Some(format!("other pictures, of {} people and not {}", before.people, self.people))
        } else {
            other_model.map(|(name, _)| format!("another `{name}`"))
        };
        if let Some(difference) = difference {
            return Err(Error::input(format!(
                "{} was made with {difference}; choose another --out, or remove it to begin anew",
                path.display()
            )));
        }
        for (name, sum) in &before.models {
            self.models.entry(name.clone()).or_insert_with(|| sum.clone());
        }
        Ok(())
    }
}
