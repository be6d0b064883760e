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

/// The judge `name` from the bytes of `path`; [`Error::Io`] or [`Error::Model`] where it or its description is not usable.
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
    };
    run::judge(spec, description.input, bytes)
}

#[cfg(not(feature = "onnx"))]
mod run {
    use super::{Embedder, Error, Input, RecognizerSpec, Result};

    pub fn judge(spec: RecognizerSpec, _: Input, _: &[u8]) -> Result<Box<dyn Embedder>> {
        Err(Error::model(spec.name, "this program was built without ONNX; build it with --features onnx"))
    }
}

#[cfg(feature = "onnx")]
mod run {
    use std::sync::Arc;

    use tract_onnx::prelude::{
        Framework, InferenceFact, InferenceModelExt, IntoRunnable, Tensor, TypedModel, TypedSimplePlan, tvec,
    };

    use super::{Channels, Embedder, Error, Input, Layout, RecognizerSpec, Result};

    struct Judge {
        spec: RecognizerSpec,
        input: Input,
        plan: TypedSimplePlan<TypedModel>,
    }

    pub fn judge(spec: RecognizerSpec, input: Input, mut bytes: &[u8]) -> Result<Box<dyn Embedder>> {
        let unusable = |error: tract_onnx::prelude::TractError| {
            Error::model(&spec.name, format!("the ONNX file cannot be run: {error:#}; export it anew, batch 1"))
        };
        let model = tract_onnx::onnx().model_for_read(&mut bytes).map_err(unusable)?;
        let fact = InferenceFact::dt_shape(f32::datum_type(), shape(&input, spec.chip_size));
        let model = model.with_input_fact(0, fact).and_then(|model| model.into_optimized()).map_err(unusable)?;
        let plan = model.into_runnable().map_err(unusable)?;
        let mut judge = Judge { spec, input, plan };
        // What it puts out is checked before any clip is.
        let size = judge.spec.chip_size;
        judge.embed(&vec![128.0; 3 * size * size], &mut vec![0.0; judge.spec.embedding_len])?;
        Ok(Box::new(judge))
    }
}
