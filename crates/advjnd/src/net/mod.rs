// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frozen networks: their description, execution, and gradient with respect to their input.
//!
//! The rest of the crate sees recognisers only through [`Embedder`], and detectors only through [`DetectorNet`] and
//! [`BlazeFaceNet`]. [`Network`] reads a model file into a [`graph::Graph`], the one description of a network. A
//! [`Backend`] says which [`Executor`] runs it.

mod affine;
mod blazeface;
#[cfg(feature = "candle")]
pub mod candle;
pub mod cpu;
mod detector;
pub mod dlib;
mod executor;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod graph;
pub mod manifest;
mod metric;
pub mod mobilefacenet;
mod nodes;
mod precision;
mod prepared;
mod recognizer;
mod retreat;
pub mod sface;
pub mod thresholds;
mod upsample;
pub mod values;
pub mod watch;
mod weights;
mod yunet;

pub use blazeface::{BlazeFaceNet, Candidate};
pub use detector::{DetectorNet, STRIDES};
pub use executor::{Backend, Executor, Executors, Pass, RetreatBuffers, check_len};
pub use metric::{Metric, cosine_similarity};
pub use precision::WeightPrecision;
pub use recognizer::{Network, Recognizer};
pub use retreat::Retreat;
pub use upsample::Upsampling;

use crate::error::Result;

/// Five facial landmarks of an aligned chip, in pixels of the chip (origin at the centre of its first pixel):
/// image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.
pub type Template = [[f32; 2]; 5];

/// ArcFace's landmarks in a chip of 112 × 112.
pub const ARCFACE_TEMPLATE: Template =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

/// The specification of a recogniser: its input, and how to read its output.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizerSpec {
    /// Name in the manifest.
    pub name: String,
    /// Side of the square input chip in pixels.
    pub chip_size: usize,
    /// Places of the five landmarks in that chip.
    pub template: Template,
    /// Length of the embedding.
    pub embedding_len: usize,
    /// How embeddings are compared.
    pub metric: Metric,
    /// Verification threshold in units of `metric`.
    pub verification_threshold: f32,
    /// False accept rate at that threshold.
    pub false_accept_rate: f32,
    /// Margin lost to a video codec, relative to that of `dlib_resnet29` (measured in DESIGN.md); 1 if not measured.
    pub codec_loss: f32,
}

/// A frozen network from a face chip to an embedding, differentiable with respect to the chip.
pub trait Embedder: Send {
    /// Its specification.
    fn spec(&self) -> &RecognizerSpec;

    /// Embeds one chip: planar RGB `[3][size][size]`, 0..=255. `embedding` has `embedding_len` entries.
    fn embed(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()>;

    /// Embeds one chip and pulls a cotangent back to it (vector-Jacobian product).
    ///
    /// `cotangent` is called once with the embedding and fills d loss / d embedding; `gradient`, shaped as the chip,
    /// receives d loss / d chip.
    fn embed_vjp(
        &mut self,
        chip: &[f32],
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        gradient: &mut [f32],
    ) -> Result<()>;
}
