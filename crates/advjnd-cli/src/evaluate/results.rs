//! What was measured, and how it is kept.

use std::collections::BTreeMap;
use std::path::Path;

use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};

use super::clips::Stats;
use super::figures::Figures;
use super::quality::Quality;
use super::tally::Share;
use crate::networks::read;

/// What a row is about: two rows of the same key are one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Properties of the element besides its recognisers.
    pub properties: BTreeMap<String, String>,
    /// The recognisers that were attacked, by name; all others are judges.
    pub surrogates: Vec<String>,
    /// Name of the file, without its ending.
    pub clip: String,
}

/// What the recognisers make of one variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Name of the variant.
    pub variant: String,
    /// Bytes of the protected clip, if it was encoded,
    pub bytes: Option<u64>,
    /// and of the clean clip.
    pub clean_bytes: Option<u64>,
    /// Of the shown faces, those that the detector found in the variant.
    pub found: Share,
    /// By name.
    pub recognizers: BTreeMap<String, Figures>,
}

/// One clip, protected in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    #[serde(flatten)]
    pub key: Key,
    /// Of the file; a row made of another is made again.
    pub clip_sha256: String,
    /// Frames of the clip, as far as it was read.
    pub frames: usize,
    /// People, by place and by the recognisers.
    pub tracks: usize,
    /// Faces that were looked at; and of these, covered.
    pub covered: Share,
    #[serde(flatten)]
    pub quality: Quality,
    /// What the element says itself.
    pub element: Stats,
    pub variants: Vec<Seen>,
    /// Wall time of the protection, decoding and lossless encoding included.
    pub seconds: f64,
    /// Of the working folder, where that is a checkout of git.
    pub commit: Option<String>,
    /// Processor and threads.
    pub machine: String,
}

/// What all rows of a file share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// Every so many frames were looked at.
    pub every: usize,
    /// Frames read of a clip at most.
    pub most_frames: Option<u32>,
    /// SHA-256 of the photograph of enrolment; none: each track's mean clean embedding.
    pub photograph: Option<String>,
    /// SHA-256 by name, detector and recognisers.
    pub models: BTreeMap<String, String>,
    /// False accept rate at the thresholds, by recogniser.
    pub false_accept_rates: BTreeMap<String, String>,
}

/// `evaluate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    #[serde(flatten)]
    pub experiment: Experiment,
    pub rows: Vec<Row>,
}

impl Results {
    /// The results in the file `path`.
    pub fn read(path: &Path) -> Result<Self> {
        serde_json::from_slice(&read(path)?).map_err(|error| {
            let advice = "remove it or choose another --out";
            Error::input(format!("{} holds no results ({error}); {advice}", path.display()))
        })
    }

    /// The results in the file `path`, to be continued as `experiment`; none yet where there is no such file.
    pub fn open(path: &Path, experiment: Experiment) -> Result<Self> {
        let mut results = Self { experiment, rows: Vec::new() };
        if path.exists() {
            let found = Self::read(path)?;
            if found.experiment != results.experiment {
                return Err(Error::input(format!(
                    "{} was made with another --every, --frames, --enrolment or other recognisers; choose another --out, or \
                     remove it to begin anew",
                    path.display()
                )));
            }
            results.rows = found.rows;
        }
        Ok(results)
    }

    /// Whether the row is there, made of the same clip, with all `variants`.
    pub fn has(&self, key: &Key, clip_sha256: &str, variants: &[String]) -> bool {
        let complete = |row: &Row| variants.iter().all(|name| row.variants.iter().any(|seen| seen.variant == *name));
        self.rows.iter().any(|row| row.key == *key && row.clip_sha256 == clip_sha256 && complete(row))
    }

    /// Adds the row, in place of one of the same key.
    pub fn add(&mut self, row: Row) {
        self.rows.retain(|other| other.key != row.key);
        self.rows.push(row);
        self.rows.sort_by(|a, b| a.key.cmp(&b.key));
    }

    /// As JSON.
    pub fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::input(format!("cannot write the results as JSON: {error}")))?;
        Ok(text + "\n")
    }
}
