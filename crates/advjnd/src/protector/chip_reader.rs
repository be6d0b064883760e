// SPDX-License-Identifier: MIT OR Apache-2.0
//! A recogniser that reads chips, one by one or several together, and gives the gradients of margins.

use std::sync::Arc;

use super::chip::Chip;
use crate::attack::Dodge;
use crate::error::{Error, Result};
use crate::net::{Embedder, Recognizer, RecognizerSpec};
use crate::pool::Pool;

/// A recogniser with the chips that it is to read together: those that [`keep`](Self::keep) has kept.
pub struct ChipReader {
    recognizer: Recognizer,
    /// Kept chips, one after the other; their embeddings, gradients and margins.
    kept: Vec<f32>,
    embeddings: Vec<f32>,
    gradients: Vec<f32>,
    margins: Vec<f32>,
}

/// The margin of a chip, and its gradient with respect to the chip.
#[derive(Debug, Clone, Copy)]
pub struct Pulled<'a> {
    /// The margin.
    pub margin: f32,
    /// The gradient, shaped as the chip.
    pub gradient: &'a [f32],
}

impl ChipReader {
    /// A reader for one thread at a time.
    pub fn new(recognizer: Recognizer) -> Self {
        let [kept, embeddings, gradients, margins] = [const { Vec::new() }; 4];
        Self { recognizer, kept, embeddings, gradients, margins }
    }

    /// The recogniser.
    pub fn recognizer(&self) -> &Recognizer {
        &self.recognizer
    }

    /// Has the recogniser work on `pool` from now on.
    pub fn work_on(&mut self, pool: &Arc<Pool>) {
        self.recognizer.work_on(pool);
    }

    /// The recogniser's specification.
    pub fn spec(&self) -> &RecognizerSpec {
        self.recognizer.spec()
    }

    /// Embeds `chip`.
    pub fn embed(&mut self, chip: &Chip, embedding: &mut [f32]) -> Result<()> {
        self.recognizer.embed(chip.values(), embedding)
    }

    /// Embeds `chip` on the processor with exact algorithms.
    pub fn embed_exactly(&mut self, chip: &Chip, embedding: &mut [f32]) -> Result<()> {
        self.recognizer.embed_exactly(chip.values(), embedding)
    }

    /// Forgets the kept chips.
    pub fn begin(&mut self) {
        self.kept.clear();
    }

    /// Keeps a copy of `chip`.
    pub fn keep(&mut self, chip: &Chip) {
        self.kept.extend_from_slice(chip.values());
    }

    /// Embeds the kept chips together.
    pub fn embed_kept(&mut self) -> Result<()> {
        self.lay_out_embeddings();
        self.recognizer.embed_many(&self.kept, &mut self.embeddings)
    }

    /// Embeds the kept chips together, and computes for each the margin of its dodge and the gradient of that. `dodges`
    /// are in the order of the chips.
    pub fn dodge_kept(&mut self, dodges: &[Dodge<'_>]) -> Result<()> {
        self.lay_out_embeddings();
        let Self { recognizer, kept, embeddings, gradients, margins, .. } = self;
        let length = recognizer.spec().embedding_len;
        gradients.resize(kept.len(), 0.0);
        margins.clear();
        let retreats: Vec<_> = dodges.iter().map(Dodge::retreat).collect();
        recognizer.retreat_many(kept, &retreats, embeddings, gradients)?;
        let embeddings = embeddings.chunks_exact(length);
        margins.extend(dodges.iter().zip(embeddings).map(|(dodge, embedding)| dodge.margin(embedding)));
        Ok(())
    }

    /// The embeddings of the kept chips, in their order.
    pub fn embeddings(&self) -> impl Iterator<Item = &[f32]> {
        self.embeddings.chunks_exact(self.spec().embedding_len)
    }

    /// What [`dodge_kept`](Self::dodge_kept) computed for the kept chip number `index`.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the gradient is not finite.
    pub fn pulled(&self, index: usize) -> Result<Pulled<'_>> {
        let length = self.kept.len() / self.margins.len().max(1);
        let gradient = &self.gradients[index * length..][..length];
        if gradient.iter().all(|value| value.is_finite()) {
            return Ok(Pulled { margin: self.margins[index], gradient });
        }
        Err(Error::NotFinite { stage: "the recogniser's gradient" })
    }

    fn lay_out_embeddings(&mut self) {
        let side = self.spec().chip_size;
        self.embeddings.clear();
        self.embeddings.resize(self.kept.len() / (3 * side * side) * self.spec().embedding_len, 0.0);
    }
}
