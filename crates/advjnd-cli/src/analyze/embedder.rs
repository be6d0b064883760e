// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recognisers that tell people apart: those that are built in.

use advjnd::face::{ChipCutter, Landmarks};
use advjnd::models::Models;
use advjnd::net::{Backend, Recognizer, RecognizerSpec};
use advjnd::{Pool, Result};
use advjnd_media::Picture;

/// Embeds faces with every recogniser that is built in.
pub struct PersonEmbedder {
    recognizers: Vec<Recognizer>,
    specs: Vec<RecognizerSpec>,
    cutter: ChipCutter,
}

impl PersonEmbedder {
    /// With all cores.
    ///
    /// # Errors
    /// [`Error::Model`](advjnd::Error::Model) where a network cannot be planned.
    pub fn new() -> Result<Self> {
        let (models, backend) = (Models::embedded()?, Backend::Cpu(Pool::new(0)?));
        let recognizers = models
            .recognizers()
            .map(|(spec, graph)| Recognizer::new(spec.clone(), backend.executor(graph, 1)?))
            .collect::<Result<Vec<_>>>()?;
        let specs = models.recognizers().map(|(spec, _)| spec.clone()).collect();
        Ok(Self { recognizers, specs, cutter: ChipCutter::default() })
    }

    /// What is to be known of each recogniser.
    pub fn specs(&self) -> &[RecognizerSpec] {
        &self.specs
    }

    /// That of the first recogniser, which is the fastest.
    ///
    /// # Errors
    /// Where the landmarks are no face's.
    pub fn embed_quickly(&mut self, picture: &mut Picture, landmarks: &Landmarks) -> Result<Vec<f32>> {
        let Some(recognizer) = self.recognizers.first_mut() else { return Ok(Vec::new()) };
        self.cutter.embed(&picture.frame()?, landmarks, recognizer)
    }

    /// The embeddings of the face of `picture` that has `landmarks`, by recogniser.
    ///
    /// # Errors
    /// Where the landmarks are no face's.
    pub fn embed(&mut self, picture: &mut Picture, landmarks: &Landmarks) -> Result<Vec<Vec<f32>>> {
        let frame = picture.frame()?;
        let cutter = &mut self.cutter;
        self.recognizers.iter_mut().map(|recognizer| cutter.embed(&frame, landmarks, recognizer)).collect()
    }
}
