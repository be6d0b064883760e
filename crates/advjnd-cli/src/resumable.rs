// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results that a run continues where another one ended.

use std::cmp::Ordering;
use std::path::Path;

use advjnd::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::networks::read;

/// What all rows of a file share.
pub trait Experiment: DeserializeOwned {
    /// Continues `before`, which the file `path` holds, and takes over what only that knew.
    ///
    /// # Errors
    /// [`Error::Input`] where the two are not one experiment.
    fn continue_from(&mut self, before: Self, path: &Path) -> Result<()>;
}

/// One row of a file.
pub trait Row: DeserializeOwned {
    /// Whether the two are about the same: then they are one row.
    fn is_about_the_same(&self, other: &Self) -> bool;

    /// Which of the two stands first.
    fn order(&self, other: &Self) -> Ordering;
}

/// What a file of results holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results<E, R> {
    #[serde(flatten)]
    pub experiment: E,
    pub rows: Vec<R>,
}

impl<E: Experiment, R: Row> Results<E, R> {
    /// The results in a file.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Input`] where it holds no results.
    pub fn read(path: &Path) -> Result<Self> {
        serde_json::from_slice(&read(path)?).map_err(|error| {
            Error::input(format!("{} holds no results ({error}); remove it or choose another --out", path.display()))
        })
    }

    /// The results in a file, to be continued as `experiment`; without rows where there is no file.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), and [`Error::Input`] where the file holds another experiment.
    pub fn resume(path: &Path, experiment: E) -> Result<Self> {
        let mut results = Self { experiment, rows: Vec::new() };
        if path.exists() {
            let found = Self::read(path)?;
            results.experiment.continue_from(found.experiment, path)?;
            results.rows = found.rows;
        }
        Ok(results)
    }

    /// Adds the row, in place of one that is about the same.
    pub fn add(&mut self, row: R) {
        self.rows.retain(|other| !row.is_about_the_same(other));
        self.rows.push(row);
        self.rows.sort_by(R::order);
    }
}
