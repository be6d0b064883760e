// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a protected file is held against, and what became of it there.

use advjnd::Result;

use super::{Bench, Verify, alone, given, pair};
use crate::evaluate::{Clean, Look, Quality, Sampling, Treatment};

/// Faces that should not be known, and the protected file as it is at each.
#[derive(Debug, Default)]
pub struct Reference {
    /// What the faces are taken from.
    pub kind: Kind,
    pub clean: Clean,
    /// By sighting, what became of its pixels.
    pub treatments: Vec<Treatment>,
    /// The sightings that recognisers look at and that are not covered, in the file as it is.
    pub looks: Vec<Look>,
    /// Frames of other faces that are to recognisers what they were. `None` where there is nothing to compare with.
    pub untouched: Option<Vec<usize>>,
    /// Faces that the second detector alone found.
    pub second: Option<Second>,
    /// Faces of people who are kept by choice.
    pub left_out: u64,
    /// Of the faces that are shown and looked at.
    pub quality: Quality,
    /// Path and SHA-256 of the original.
    pub original: Option<Original>,
}

/// What the faces are taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The original, frame by frame.
    #[default]
    Original,
    /// An analysis of the original.
    Analysis,
    /// Photographs: faces are looked for in the protected file.
    Photographs,
}

/// Faces, one a frame, that the second detector alone found in the original, in the frames in which it looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Second {
    /// Those that close looks believe.
    pub faces: u64,
    /// Of these, shown as they were.
    pub untouched: u64,
    /// Those that close looks do not believe; what they are is not known.
    pub doubtful: u64,
}

/// The file that the protected one was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    pub path: String,
    pub sha256: String,
}

impl Reference {
    /// What `verify` names, with what the protected file is there.
    ///
    /// # Errors
    /// [`Error::Input`](advjnd::Error::Input) where a file cannot be read, or two do not belong together.
    pub fn of(verify: &Verify, bench: &mut Bench) -> Result<Self> {
        let mut reference = match (&verify.original, &verify.faces) {
            (Some(original), _) => pair::compare(verify, original, bench)?,
            (None, Some(faces)) => given::look(verify, faces, bench)?,
            (None, None) => alone::look(verify, bench)?,
        };
        if reference.kind == Kind::Original {
            reference.clean.enrol(&bench.photographs, &bench.specs);
        }
        bench.progress.inc(1);
        Ok(reference)
    }
}

/// Which faces recognisers look at of themselves.
pub fn sampling(verify: &Verify) -> Sampling<'static> {
    Sampling { every: verify.every as usize, first: true, least_looks: 1, skip: &|_, _| false }
}
