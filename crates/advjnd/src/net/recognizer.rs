// SPDX-License-Identifier: MIT OR Apache-2.0
//! A recogniser: a network, its specification, and an executor.

use std::sync::Arc;

use bytes::Bytes;

use super::executor::{Backend, Executor, Pass, check_finite, check_len, is_finite};
use super::graph::Graph;
use super::{Embedder, RecognizerSpec, dlib, mobilefacenet, sface};
use crate::error::{Error, Result};
use crate::pool::Pool;

/// The recognisers this crate can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// [`dlib`].
    DlibResnet29,
    /// [`sface`].
    SFace,
    /// [`mobilefacenet`].
    MobileFaceNet,
}

impl Network {
    /// All networks.
    pub const ALL: [Self; 3] = [Self::DlibResnet29, Self::SFace, Self::MobileFaceNet];

    /// The network whose [`RecognizerSpec::name`] is `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.name() == name)
    }

    /// Its name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::DlibResnet29 => dlib::NAME,
            Self::SFace => sface::NAME,
            Self::MobileFaceNet => mobilefacenet::NAME,
        }
    }

    /// See [`RecognizerSpec::codec_loss`].
    pub(super) fn codec_loss(self) -> f32 {
        match self {
            Self::DlibResnet29 => dlib::CODEC_LOSS,
            Self::SFace => sface::CODEC_LOSS,
            Self::MobileFaceNet => mobilefacenet::CODEC_LOSS,
        }
    }

    /// The network from its safetensors file, sharing the file's numbers in place; [`Error::Model`] if the file is
    /// invalid.
    pub fn graph(self, file: &Bytes) -> Result<Graph> {
        let chip = self.chip()?;
        let graph = match self {
            Self::DlibResnet29 => dlib::graph(&chip, file),
            Self::SFace => sface::graph(&chip, file),
            Self::MobileFaceNet => mobilefacenet::graph(&chip, file),
        };
        graph?.of_bounded_size()
    }
}

/// Fills the cotangent of an embedding, d loss / d embedding, from the number of its chip and the embedding.
pub type Cotangents<'a> = dyn FnMut(usize, &[f32], &mut [f32]) + 'a;

/// A frozen face recogniser.
pub struct Recognizer {
    spec: RecognizerSpec,
    executor: Box<dyn Executor>,
    /// Embeddings of the chips of a differentiable pass, and their cotangents.
    embeddings: Vec<f32>,
    cotangents: Vec<f32>,
}

impl Recognizer {
    /// The recogniser `network` from its safetensors file, run by `backend` one chip at a time.
    pub fn load(network: Network, file: &Bytes, backend: &Backend) -> Result<Self> {
        Self::new(network.spec()?, backend.executor(&network.graph(file)?, 1)?)
    }

    /// A recogniser from its parts; [`Error::Model`] if `executor` does not map one chip of `spec` to one embedding.
    pub fn new(spec: RecognizerSpec, executor: Box<dyn Executor>) -> Result<Self> {
        let input = executor.input_shape();
        let square = input.channels == 3 && input.height == spec.chip_size && input.width == spec.chip_size;
        let embedding = executor.output_shape(0).map(|shape| shape.len());
        if !square || embedding != Some(spec.embedding_len) || executor.batch() != 1 {
            let reason = format!(
                "takes {} of {input:?} to {embedding:?} values, not one chip of {} to {}; use the file this version ships with",
                executor.batch(),
                spec.chip_size,
                spec.embedding_len
            );
            return Err(Error::model(spec.name, reason));
        }
        Ok(Self { spec, executor, embeddings: Vec::new(), cotangents: Vec::new() })
    }

    /// Another recogniser on the same weights, with its own memory, that works on `pool`; [`Error::Model`] if `graph`
    /// is not the graph of this one.
    pub fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Self> {
        Self::new(self.spec.clone(), self.executor.share(graph, pool)?)
    }

    /// Whether the results of [`embed_exactly`](Self::embed_exactly) and [`embed`](Embedder::embed) can differ.
    pub fn is_watched(&self) -> bool {
        self.executor.is_watched()
    }

    /// Embeds one chip on the processor, even if another device runs the network.
    pub fn embed_exactly(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()> {
        self.embed_by(chip, Pass::Exact, embedding)
    }

    /// Whether [`embed_many`](Self::embed_many) is faster than one [`embed`](Embedder::embed) per chip.
    pub fn takes_many(&self) -> bool {
        self.executor.takes_many()
    }

    /// Embeds consecutive `chips`, and fills `embeddings` in the same order.
    pub fn embed_many(&mut self, chips: &[f32], embeddings: &mut [f32]) -> Result<()> {
        self.executor.infer_many(chips, embeddings)?;
        check_finite(embeddings, "the recogniser")
    }

    /// As [`embed_vjp`](Embedder::embed_vjp), for consecutive `chips`, together where that is faster. `cotangent` also
    /// gets the number of the chip. `gradients` receives the gradients of all, shaped as `chips`.
    ///
    /// Numbers that are not finite are no error here, so that they are the fault of one chip only. If an embedding is
    /// not finite, `cotangent` is not called for it, and its gradient is NaN.
    pub fn embed_vjp_many(
        &mut self,
        chips: &[f32],
        cotangent: &mut Cotangents<'_>,
        gradients: &mut [f32],
    ) -> Result<()> {
        check_len("the gradients", gradients.len(), chips.len())?;
        let Self { spec, executor, embeddings, cotangents } = self;
        let (chip, length) = (executor.input_shape().len(), spec.embedding_len);
        let (mut chips, mut gradients, mut number) = (chips, gradients, 0);
        while !chips.is_empty() {
            // Anew for each pass: a device may have failed.
            let taken = chips.len().min(executor.gradients_together() * chip);
            let (own, later_chips) = chips.split_at(taken);
            let (pulled, later_gradients) = gradients.split_at_mut(taken);
            for buffer in [&mut *embeddings, &mut *cotangents] {
                buffer.clear();
                buffer.resize(taken / chip * length, 0.0);
            }
            executor.differentiate_many(own, embeddings)?;
            for (embedding, own) in embeddings.chunks_exact(length).zip(cotangents.chunks_exact_mut(length)) {
                if is_finite(embedding) {
                    cotangent(number, embedding, own);
                }
                number += 1;
            }
            executor.input_gradient(cotangents, pulled)?;
            for (embedding, pulled) in embeddings.chunks_exact(length).zip(pulled.chunks_exact_mut(chip)) {
                if !is_finite(embedding) {
                    pulled.fill(f32::NAN);
                }
            }
            (chips, gradients) = (later_chips, later_gradients);
        }
        Ok(())
    }

    fn embed_by(&mut self, chip: &[f32], pass: Pass, embedding: &mut [f32]) -> Result<()> {
        check_len("the embedding", embedding.len(), self.spec.embedding_len)?;
        self.executor.forward(chip, pass)?;
        check_finite(self.executor.output(0), "the recogniser")?;
        embedding.copy_from_slice(self.executor.output(0));
        Ok(())
    }
}

impl Embedder for Recognizer {
    fn spec(&self) -> &RecognizerSpec {
        &self.spec
    }

    fn embed(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()> {
        self.embed_by(chip, Pass::Infer, embedding)
    }

    fn embed_vjp(
        &mut self,
        chip: &[f32],
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        gradient: &mut [f32],
    ) -> Result<()> {
        check_len("the chip", chip.len(), self.executor.input_shape().len())?;
        self.embed_vjp_many(chip, &mut |_, embedding, own| cotangent(embedding, own), gradient)?;
        check_finite(gradient, "the recogniser's gradient")
    }
}
