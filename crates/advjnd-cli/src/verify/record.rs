// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `advjnd protect --json` said of a file.

use std::path::Path;

use advjnd::{Error, Result};
use serde::Deserialize;

use crate::networks::read;

/// How a file was protected, as far as a page tells it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Record {
    #[serde(default)]
    output: Option<String>,
    /// How long it took.
    pub seconds: f64,
    #[serde(default)]
    pub frames: u64,
    /// Faces, one a frame.
    #[serde(default)]
    pub faces: u64,
    #[serde(default)]
    pub protected: u64,
    #[serde(default)]
    pub covered: u64,
    #[serde(default)]
    pub version: String,
}

impl Record {
    /// The line about the file `output` in the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Input`] where it has no such line.
    pub fn read(path: &Path, output: &Path) -> Result<Self> {
        let bytes = read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let name = output.file_name();
        let records = text.lines().filter_map(|line| serde_json::from_str::<Self>(line).ok());
        let mut own =
            records.filter(|record| record.output.as_deref().is_some_and(|own| Path::new(own).file_name() == name));
        own.next_back().ok_or_else(|| {
            Error::input(format!(
                "{} says nothing of {}; give what `advjnd protect --json` printed when it wrote that file",
                path.display(),
                output.display()
            ))
        })
    }

    /// Itself in a sentence.
    pub fn sentence(&self) -> String {
        let Self { seconds, frames, faces, protected, covered, version, .. } = self;
        format!(
            "Protected by version {version} in {seconds:.1} s, {:.1} ms a frame: of {faces} faces, one a frame, \
             {protected} were protected and {covered} covered.",
            1e3 * seconds / (*frames).max(1) as f64
        )
    }
}
