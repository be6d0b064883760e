// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was measured.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};

use super::clips::Stats;
use super::counts::Share;
use super::figures::Figures;
use super::quality::Quality;
use crate::resumable;

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
