// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was found, and how it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use advjnd::{Error, FaceReport, Result};
use serde::{Deserialize, Serialize};

use super::examine::Outcome;
use super::product::Search;
use super::rounded;
use super::runs::Watch;
use super::truth::{Light, Turn};
use crate::networks::read;

/// Where a face comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Somebody marked it.
    Labelled,
    /// It was laid into a scene.
    Derived,
}

/// One face of one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Where it comes from.
    pub part: Part,
    /// The file, or what is varied in the scene,
    pub source: String,
    /// and to what.
    pub value: String,
    /// The frame.
    pub frame: usize,
    /// Who it is: a letter within the file, or the name of a folder.
    pub person: Option<String>,
    /// Geometric mean of the sides of its upright box, pixels.
    #[serde(serialize_with = "rounded::number")]
    pub size: f32,
    /// Degrees, clockwise.
    #[serde(serialize_with = "rounded::number")]
    pub roll: f32,
    /// How far it is turned away.
    pub pose: Turn,
    /// Its light; of scenes, what is varied says it.
    pub light: Light,
    /// Whether something is in front of it.
    pub occluded: bool,
    /// Whether it is out of focus or moved.
    pub blurred: bool,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether it was untouched in the first frames of the scene.
    pub early: Vec<bool>,
    /// Whether other programs leave it untouched, by their names.
    pub others: BTreeMap<String, bool>,
}

/// Faces that the protector reports where there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarms {
    /// The file.
    pub source: String,
    /// Frames that were looked at.
    pub frames: usize,
    /// Faces in them that are none.
    pub faces: usize,
    /// Of these, faces that were not found there but held on to.
    pub held: usize,
    /// Tracks that they belong to.
    pub tracks: usize,
    #[serde(skip)]
    seen: BTreeSet<u64>,
}

impl Alarms {
    /// None yet.
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned(), frames: 0, faces: 0, held: 0, tracks: 0, seen: BTreeSet::new() }
    }

    /// Adds those `reports` of a frame that are `false_alarm`s.
    pub fn add(&mut self, reports: &[FaceReport], false_alarm: impl Fn(&FaceReport) -> bool) {
        self.frames += 1;
        for report in reports.iter().filter(|report| false_alarm(report)) {
            self.faces += 1;
            self.held += usize::from(report.score == 0.0);
            self.seen.insert(report.id.0);
        }
        self.tracks = self.seen.len();
    }
}

/// What the faces were looked at with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// How the protector was to search; none: as it does by default.
    pub search: Option<Search>,
    /// Scenes of each kind.
    pub cases: usize,
    /// Of marked frames, every so many was judged.
    pub every: usize,
    /// Name of the attacker's recogniser.
    pub recognizer: String,
    /// Its threshold.
    #[serde(serialize_with = "rounded::number")]
    pub threshold: f32,
    /// False accept rate at the threshold.
    #[serde(serialize_with = "rounded::number")]
    pub false_accept_rate: f32,
    /// SHA-256 by name, detector and recogniser.
    pub models: BTreeMap<String, String>,
    /// Of the working folder, where that is a checkout of git.
    pub commit: Option<String>,
}

/// `recall.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// How it was made.
    pub experiment: Experiment,
    /// All faces.
    pub faces: Vec<Row>,
    /// All files.
    pub alarms: Vec<Alarms>,
    /// Clips that were watched frame by frame.
    pub runs: Vec<Watch>,
}

impl Results {
    /// Those of the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be read, [`Error::Input`] where they are none.
    pub fn read(path: &Path) -> Result<Self> {
        serde_json::from_slice(&read(path)?)
            .map_err(|error| Error::input(format!("{} holds no results ({error}); make them anew", path.display())))
    }

    /// As JSON, a face to a line.
    ///
    /// # Errors
    /// [`Error::Input`] where they cannot be written so.
    pub fn json(&self) -> Result<String> {
        let experiment = json(&self.experiment)?;
        let (faces, alarms, runs) = (lines(&self.faces)?, lines(&self.alarms)?, lines(&self.runs)?);
        Ok(format!(
            "{{\n\"experiment\": {experiment},\n\"faces\": {faces},\n\"alarms\": {alarms},\n\"runs\": {runs}\n}}\n"
        ))
    }
}

fn lines<T: Serialize>(items: &[T]) -> Result<String> {
    let lines = items.iter().map(json).collect::<Result<Vec<_>>>()?;
    Ok(if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", lines.join(",\n")) })
}

fn json<T: Serialize>(item: &T) -> Result<String> {
    serde_json::to_string(item).map_err(|error| Error::input(format!("cannot write the results as JSON: {error}")))
}
