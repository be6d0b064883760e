// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder of results: the rows as JSON, and the tables that show them.

use std::path::{Path, PathBuf};

use advjnd::{Error, Result};

use super::markdown;
use super::results::{Experiment, Key, Results, Row};
use crate::folder::{make, write_whole};

/// Name of the file of results.
pub const NAME: &str = "evaluate.json";

/// The results and the folder they lie in.
pub struct File {
    folder: PathBuf,
    results: Results,
}

impl File {
    /// The results in `folder`, to be continued as `experiment`.
    pub fn open(folder: &Path, experiment: Experiment) -> Result<Self> {
        make(folder)?;
        let results = Results::resume(&folder.join(NAME), experiment)?;
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
        write_whole(&self.folder, NAME, &(text + "\n"))?;
        write_whole(&self.folder, "evaluate.md", &markdown::tables(&self.results))
    }

    /// Where the tables are.
    pub fn path(&self) -> PathBuf {
        self.folder.join("evaluate.md")
    }
}
