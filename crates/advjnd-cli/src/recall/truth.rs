// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames in which somebody has marked every face.

use std::path::Path;

use advjnd::face::BBox;
use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::networks::read;

const EMBEDDED: &str = include_str!("../../data/ground_truth.json");

/// All marked frames.
#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// In any order.
    pub frames: Vec<Marked>,
}

/// One frame, every face of which is marked.
#[derive(Debug, Clone, Deserialize)]
pub struct Marked {
    /// The file, below the folder of material.
    pub source: String,
    /// Which frame of a clip; none: the file is a picture.
    pub frame: Option<usize>,
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    /// Its faces.
    pub faces: Vec<Face>,
}

/// A marked face.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Face {
    /// Left, top, width, height, pixels.
    #[serde(rename = "box")]
    pub place: [f32; 4],
    /// Letter of the person within the file.
    pub person: Option<String>,
    /// Degrees, clockwise in the picture.
    #[serde(default)]
    pub roll: f32,
    /// How far the head is turned away.
    #[serde(default)]
    pub pose: Turn,
    /// Whether something is in front of it.
    #[serde(default)]
    pub occluded: bool,
    /// Whether it is out of focus or moved.
    #[serde(default)]
    pub blurred: bool,
    /// Its light.
    #[serde(default)]
    pub light: Light,
    /// Whether it is not certain to be a face that can be seen: then nothing is asked of it.
    #[serde(default)]
    pub uncertain: bool,
}

/// How far a head is turned away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// Not.
    #[default]
    Frontal,
    /// Half.
    ThreeQuarter,
    /// To the side.
    Profile,
}

/// The light on a face.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// As is common.
    #[default]
    Normal,
    /// Little.
    Dark,
    /// Much.
    Bright,
}

impl Face {
    /// Its box.
    pub fn bbox(&self) -> BBox {
        let [x, y, width, height] = self.place;
        BBox { x, y, width, height }
    }
}

impl Truth {
    /// The file, or the one that comes with the program.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Input`] where it is not what it should be.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let (name, bytes) = match path {
            Some(path) => (path.display().to_string(), read(path)?),
            None => ("the ground truth of this program".to_owned(), EMBEDDED.as_bytes().to_vec()),
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::input(format!("{name} is no list of marked frames: {error}; see --help")))
    }

    /// The files, in the order in which they come first.
    pub fn sources(&self) -> Vec<&str> {
        let mut sources: Vec<&str> = Vec::new();
        for marked in &self.frames {
            if !sources.contains(&marked.source.as_str()) {
                sources.push(&marked.source);
            }
        }
        sources
    }

    /// The marked frames of a file, in their order.
    pub fn of(&self, source: &str) -> Vec<&Marked> {
        let mut frames: Vec<&Marked> = self.frames.iter().filter(|marked| marked.source == source).collect();
        frames.sort_by_key(|marked| marked.frame);
        frames
    }
}
