// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder of results: the rows as JSON, the tables and the page that show them.

use std::path::{Path, PathBuf};

use advjnd::{Error, Result};

use super::key::Key;
use super::markdown;
use super::page::{self, Example};
use super::results::{Experiment, Results, Row};
use crate::folder::{make, write_whole};

/// Name of the file of results.
pub const NAME: &str = "table.json";

/// The results and the folder they lie in.
pub struct File {
    folder: PathBuf,
    pub results: Results,
}

impl File {
    /// The results in `folder`, which is made if need be, to be continued as `experiment`.
    pub fn open(folder: &Path, experiment: Experiment) -> Result<Self> {
        make(folder)?;
        let results = Results::resume(&folder.join(NAME), experiment)?;
        Ok(Self { folder: folder.to_owned(), results })
    }

    /// Whether the row is there, made with the same `recipe`.
    pub fn has(&self, key: &Key, recipe: &str) -> bool {
        self.results.rows.iter().any(|row| row.key == *key && row.recipe == recipe)
    }

    /// Whether `table.html` is there.
    pub fn has_page(&self) -> bool {
        self.folder.join("table.html").exists()
    }

    /// Adds the row, in place of one of the same key.
    pub fn add(&mut self, row: Row) {
        self.results.add(row);
    }

    /// Writes `table.json` and `table.md`.
    pub fn write(&self) -> Result<()> {
        let text =
            self.results.json().map_err(|error| Error::input(format!("cannot write the table as JSON: {error}")))?;
        write_whole(&self.folder, NAME, &text)?;
        write_whole(&self.folder, "table.md", &markdown::tables(&self.results))
    }

    /// Writes `table.html`.
    pub fn write_page(&self, examples: &[Example]) -> Result<()> {
        write_whole(&self.folder, "table.html", &page::html(&self.results, examples))
    }
}
