// SPDX-License-Identifier: MIT OR Apache-2.0
//! A recogniser: a network, its specification, and an executor.

use std::sync::Arc;

use bytes::Bytes;

use super::executor::{Backend, Executor, Pass, RetreatBuffers, check_finite, check_len, is_finite};
use super::graph::Graph;
use super::retreat::Retreat;
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

/// A frozen face recogniser.
pub struct Recognizer {
    spec: RecognizerSpec,
    executor: Box<dyn Executor>,
    /// Cotangents of the embeddings of a differentiable pass.
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
        Ok(Self { spec, executor, cotangents: Vec::new() })
    }

    /// Another recogniser on the same weights, with its own memory, that works on `pool`; [`Error::Model`] if `graph`
    /// is not the graph of this one.
    pub fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Self> {
        Self::new(self.spec.clone(), self.executor.share(graph, pool)?)
    }

    /// Has it work on `pool` from now on, unless that has more threads than it was made for.
    pub fn work_on(&mut self, pool: &Arc<Pool>) {
        self.executor.work_on(pool);
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

    /// Embeds consecutive `chips`, one for each of `retreats`, and pulls the direction of its retreat back to each.
    /// Computes those together that are faster together. `embeddings` and `gradients` are in the same order.
    ///
    /// Numbers that are not finite are no error here, so that they are the fault of one chip only. If an embedding is
    /// not finite, its gradient is NaN.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if a length is wrong, and the errors of the executor.
    pub fn retreat_many(
        &mut self,
        chips: &[f32],
        retreats: &[Retreat<'_>],
        embeddings: &mut [f32],
        gradients: &mut [f32],
    ) -> Result<()> {
        let Self { spec, executor, cotangents } = self;
        let (chip, length) = (executor.input_shape().len(), spec.embedding_len);
        check_len("the chips", chips.len(), retreats.len() * chip)?;
        check_len("the embeddings", embeddings.len(), retreats.len() * length)?;
        check_len("the gradients", gradients.len(), chips.len())?;
        let mut first = 0;
        while first < retreats.len() {
            // Anew for each pass: a device may have failed.
            let own = first..retreats.len().min(first + executor.gradients_together());
            cotangents.resize(own.len() * length, 0.0);
            let mut found = RetreatBuffers {
                outputs: &mut embeddings[own.start * length..own.end * length],
                cotangents,
                gradients: &mut gradients[own.start * chip..own.end * chip],
            };
            executor.retreat_many(&chips[own.start * chip..own.end * chip], &retreats[own.clone()], &mut found)?;
            first = own.end;
        }
        for (embedding, gradient) in embeddings.chunks_exact(length).zip(gradients.chunks_exact_mut(chip)) {
            if !is_finite(embedding) {
                gradient.fill(f32::NAN);
            }
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
        let Self { spec, executor, cotangents } = self;
        executor.forward(chip, Pass::Differentiable)?;
        check_finite(executor.output(0), "the recogniser")?;
        cotangents.resize(spec.embedding_len, 0.0);
        cotangents.fill(0.0);
        cotangent(executor.output(0), cotangents);
        executor.input_gradient(cotangents, gradient)?;
        check_finite(gradient, "the recogniser's gradient")
    }
}
