// SPDX-License-Identifier: MIT OR Apache-2.0
//! The product under test: the protector as anybody would use it.

use std::path::Path;
use std::sync::Arc;

use advjnd::{Context, FaceReport, Models, Protector, Result, Settings, Thoroughness};
use advjnd_media::Picture;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How thoroughly the protector looks for faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Upright, and one extra pass in every other frame.
    Fast,
    /// Every extra pass in every frame; of the four diagonal ones, two.
    Thorough,
}

/// Iterations of a face in a frame at most, as the element has them for files.
const ITERATIONS: u32 = 60;

/// Models and settings of the protector.
#[derive(Debug, Clone)]
pub struct Product {
    models: Arc<Models>,
    settings: Settings,
}

impl Product {
    /// The protector with the models of a folder and the default settings but for the search.
    ///
    /// # Errors
    /// Those of [`Models::from_dir`].
    pub fn open(folder: &Path, search: Option<Search>) -> Result<Self> {
        Ok(Self { models: Models::from_dir(folder)?, settings: settings(search) })
    }

    /// A protector that has seen nothing yet.
    ///
    /// # Errors
    /// Those of [`Protector::new`].
    pub fn stream(&self) -> Result<Stream> {
        Ok(Stream { protector: Protector::new(Arc::clone(&self.models), 0, 1)?, settings: self.settings })
    }
}

/// The settings of a search; without one, the default's.
fn settings(search: Option<Search>) -> Settings {
    let default = Settings::default();
    let search = match search {
        Some(Search::Fast) => Thoroughness::Fast,
        Some(Search::Thorough) => Thoroughness::Thorough,
        None => default.search,
    };
    Settings { search, max_iterations: ITERATIONS, ..default }
}

/// A protector at work on a stream of frames.
pub struct Stream {
    protector: Protector,
    settings: Settings,
}

impl Stream {
    /// Protects the next frame in place; the faces it speaks of.
    ///
    /// # Errors
    /// Those of [`Protector::process`].
    pub fn protect(&mut self, picture: &mut Picture) -> Result<Vec<FaceReport>> {
        let context = Context { time: Some(picture.time), ..Context::default() };
        Ok(self.protector.process(&mut picture.frame()?, &context, &self.settings)?.faces)
    }
}
