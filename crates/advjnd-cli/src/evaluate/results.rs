// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was measured, and the file it is kept in.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use serde::{Deserialize, Serialize, Serializer};

use super::clips::Stats;
use super::figures::Figures;
use super::markdown;
use super::quality::Quality;
use crate::folder::{make, write_whole};
use crate::resumable;

/// Name of the file of results.
pub const FILE: &str = "evaluate.json";

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub count: u64,
    pub of: u64,
}

impl Share {
    /// One more, which counts or not.
    pub fn take(&mut self, counts: bool) {
        self.count += u64::from(counts);
        self.of += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.of += other.of;
    }

    /// 0..=1; none of nothing.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }
}

/// A mean of so many values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Zero of none.
    #[serde(serialize_with = "rounded")]
    pub mean: f64,
    pub of: u64,
}

/// Six decimals: what is read back is what was written.
fn rounded<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64((1e6 * value).round() / 1e6)
}

impl Mean {
    /// One more.
    pub fn take(&mut self, value: f64) {
        self.add(&Self { mean: value, of: 1 });
    }

    pub fn add(&mut self, other: &Self) {
        let of = self.of + other.of;
        if other.of > 0 {
            self.mean += (other.mean - self.mean) * other.of as f64 / of as f64;
        }
        self.of = of;
    }

    /// None of nothing.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then_some(self.mean)
    }
}

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

impl resumable::Experiment for Experiment {
    fn continue_from(&mut self, before: Self, path: &Path) -> Result<()> {
        if before == *self {
            return Ok(());
        }
        Err(Error::input(format!(
            "{} was made with another --every, --frames, --enrolment or other recognisers; choose another --out, or \
             remove it to begin anew",
            path.display()
        )))
    }
}

impl resumable::Row for Row {
    fn is_about_the_same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    fn order(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// `evaluate.json`.
pub type Results = resumable::Results<Experiment, Row>;

/// The results and the folder they lie in.
pub struct File {
    folder: PathBuf,
    results: Results,
}

impl File {
    /// The results in `folder`, to be continued as `experiment`.
    pub fn open(folder: &Path, experiment: Experiment) -> Result<Self> {
        make(folder)?;
        let results = Results::resume(&folder.join(FILE), experiment)?;
        Ok(Self { folder: folder.to_owned(), results })
    }

    /// Whether the row is there, made of the same clip, with all `variants`.
    pub fn has(&self, key: &Key, clip_sha256: &str, variants: &[String]) -> bool {
        let complete = |row: &Row| variants.iter().all(|name| row.variants.iter().any(|seen| seen.variant == *name));
        self.results.rows.iter().any(|row| row.key == *key && row.clip_sha256 == clip_sha256 && complete(row))
    }

    /// Adds the row, in place of one of the same key, and writes everything, whole or not at all.
    pub fn add(&mut self, row: Row) -> Result<()> {
        self.results.add(row);
        self.write()
    }

    /// Writes `evaluate.json` and `evaluate.md`.
    pub fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.results)
            .map_err(|error| Error::input(format!("cannot write the results as JSON: {error}")))?;
        write_whole(&self.folder, FILE, &(text + "\n"))?;
        write_whole(&self.folder, "evaluate.md", &markdown::tables(&self.results))
    }

    /// Where the tables are.
    pub fn path(&self) -> PathBuf {
        self.folder.join("evaluate.md")
    }
}
