// SPDX-License-Identifier: MIT OR Apache-2.0
//! Judges that are ONNX files, each with a description beside it.
//!
//! `NAME.toml` beside `NAME.onnx` says what the models' manifest says of a recogniser, by the same names:
//!
//! ```toml
//! embedding_len = 512
//! metric = "cosine"                  # or "euclidean"
//! verification_threshold = 0.24
//! false_accept_rate = 0.01
//! [input]
//! size = [112, 112]                  # square
//! channels = "RGB"                   # or "BGR"
//! layout = "NCHW"                    # or "NHWC"
//! mean = [127.5, 127.5, 127.5]       # by plane: (value - mean) * scale, value in 0..255
//! scale = 0.0078125
//! template = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
//! ```

use std::path::Path;

use advjnd::net::{Embedder, Metric, RecognizerSpec, Template};
use advjnd::{Error, Result};
use rten::Model;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    embedding_len: usize,
    metric: Comparison,
    verification_threshold: f32,
    false_accept_rate: f32,
    input: Input,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Comparison {
    Cosine,
    Euclidean,
}

/// How a chip is prepared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    size: [usize; 2],
    channels: Channels,
    layout: Layout,
    mean: [f32; 3],
    scale: f32,
    template: Template,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Channels {
    Rgb,
    Bgr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Layout {
    Nchw,
    Nhwc,
}

/// The judge `name` from the bytes of `path`; [`Error::Io`] or [`Error::Model`] where it or its description is not
/// usable.
pub fn load(name: &str, path: &Path, bytes: &[u8]) -> Result<Box<dyn Embedder>> {
    let beside = path.with_extension("toml");
    let text = String::from_utf8_lossy(&crate::networks::read(&beside)?).into_owned();
    let wrong = |reason: String| Error::model(name, format!("{}: {reason}", beside.display()));
    let description: Description =
        toml::from_str(&text).map_err(|error| wrong(format!("{error}; say what the help of `evaluate` lists")))?;
    let [width, height] = description.input.size;
    if width != height || width == 0 {
        return Err(wrong(format!("a chip of {width}x{height}; give a square one")));
    }
    let spec = RecognizerSpec {
        name: name.to_owned(),
        chip_size: width,
        template: description.input.template,
        embedding_len: description.embedding_len,
        metric: match description.metric {
            Comparison::Cosine => Metric::Cosine,
            Comparison::Euclidean => Metric::Euclidean,
        },
        verification_threshold: description.verification_threshold,
        false_accept_rate: description.false_accept_rate,
        codec_loss: 1.0,
    };
    let model = Model::load(bytes.to_vec())
        .map_err(|error| Error::model(name, format!("{}: {error}; give an ONNX file", path.display())))?;
    let mut judge = Judge { spec, input: description.input, model };
    // What it puts out is checked before any clip is protected.
    judge.embed(&vec![128.0; 3 * width * height], &mut vec![0.0; judge.spec.embedding_len])?;
    Ok(Box::new(judge))
}

/// A frozen ONNX network of one input and one output.
struct Judge {
    spec: RecognizerSpec,
    input: Input,
    model: Model,
}

impl Judge {
    fn unusable(&self, reason: &str) -> Error {
        Error::model(
            &self.spec.name,
            format!("the ONNX file cannot be run: {reason}; export it anew, for a batch of 1"),
        )
    }
}

impl Embedder for Judge {
    fn spec(&self) -> &RecognizerSpec {
        &self.spec
    }

    fn embed(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()> {
        let size = self.spec.chip_size;
        let Input { mean, scale, channels, layout, .. } = &self.input;
        let value = |plane: usize, at: usize| {
            let source = if *channels == Channels::Rgb { plane } else { 2 - plane };
            (chip[source * size * size + at] - mean[plane]) * scale
        };
        let area = size * size;
        let (shape, input): ([usize; 4], Vec<f32>) = match layout {
            Layout::Nchw => ([1, 3, size, size], (0..3 * area).map(|at| value(at / area, at % area)).collect()),
            Layout::Nhwc => ([1, size, size, 3], (0..3 * area).map(|at| value(at % 3, at / 3)).collect()),
        };
        let output = self.model.run_one(NdTensor::from_data(shape, input).into(), None);
        let output = output.map_err(|error| self.unusable(&error.to_string()))?;
        let output: Tensor<f32> = output.try_into().map_err(|_| self.unusable("its output is no f32"))?;
        let output = output.to_vec();
        if output.len() != embedding.len() {
            let (found, said) = (output.len(), embedding.len());
            return Err(Error::model(
                &self.spec.name,
                format!("puts out {found} values, and its description says embedding_len = {said}; correct it"),
            ));
        }
        if output.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite { stage: "a judge" });
        }
        embedding.copy_from_slice(&output);
        Ok(())
    }

    fn embed_vjp(&mut self, _: &[f32], _: &mut dyn FnMut(&[f32], &mut [f32]), _: &mut [f32]) -> Result<()> {
        Err(Error::model(&self.spec.name, "is a judge: no gradient is taken through it"))
    }
}
