// SPDX-License-Identifier: MIT OR Apache-2.0
//! A manifest describes the networks in its folder. The embedded manifest is the only source for the input of a
//! recogniser and for its threshold; a manifest in a folder may set other thresholds.

use std::path::{Component, Path};

use once_cell::sync::OnceCell;
use serde::Deserialize;

use super::graph::{INPUT, Op, Shape};
use super::{BlazeFaceNet, Metric, Network, RecognizerSpec, Template};
use crate::error::{Error, Result};

/// Name of the manifest in a folder of models.
pub const MANIFEST: &str = "manifest.toml";

const EMBEDDED: &str = include_str!(concat!(env!("ADVJND_MODELS"), "/manifest.toml"));

/// Longest embedding and longest side of a chip that a manifest may have.
const MAX_EMBEDDING_LEN: usize = 1 << 16;
const MAX_SIDE: usize = 1 << 10;

/// The content of a folder of models.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The models, in the manifest's order.
    #[serde(rename = "model")]
    pub entries: Vec<Entry>,
}

/// One model of a manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name of the network.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Name of the file in the folder.
    pub file: String,
    /// Checksum of the file, hexadecimal.
    pub sha256: String,
    /// Whether a protector uses it by default.
    pub embedded: bool,
    /// The network code that runs the file.
    pub architecture: Option<String>,
    /// Licence of the weights (SPDX).
    pub licence: Option<String>,
    /// The registry that the weights come from.
    pub source_registry: Option<String>,
    /// Its package.
    pub source_package: Option<String>,
    /// The package's version.
    pub source_version: Option<String>,
    /// The file in the package.
    pub source_file: Option<String>,
    /// The checksum of that file.
    pub source_sha256: Option<String>,
    /// Length of a recogniser's output.
    pub embedding_len: Option<usize>,
    /// How a recogniser's outputs are compared.
    pub metric: Option<Metric>,
    /// Threshold from which a recogniser takes two faces for the same person.
    pub verification_threshold: Option<f32>,
    /// False accept rate at that threshold.
    pub false_accept_rate: Option<f32>,
    /// The network's input.
    pub input: Option<Input>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Finds faces.
    Detector,
    /// Embeds faces.
    Recognizer,
}

/// The input that a network expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Width and height; absent if any size works.
    pub size: Option<[usize; 2]>,
    /// The sides must be multiples of this.
    pub multiple: Option<usize>,
    /// Order of the planes.
    pub channels: Channels,
    /// Subtracted from a value in 0..=255, by channel.
    pub mean: [f32; 3],
    /// Factor on the difference.
    pub scale: f32,
    /// Places of the five landmarks in a recogniser's input.
    pub template: Option<Template>,
}

/// Order of the planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Channels {
    /// Red first.
    #[serde(rename = "RGB")]
    Rgb,
    /// Blue first.
    #[serde(rename = "BGR")]
    Bgr,
}

/// How a recogniser's chip is normalised.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chip {
    side: usize,
    mean: [f32; 3],
    scale: f32,
}

impl Chip {
    /// The shape of the chip: planar and square.
    pub(super) fn shape(&self) -> Shape {
        Shape::new(3, self.side, self.side)
    }

    /// The operation from 0..=255 to the input of the first layer.
    pub(super) fn normalize(&self) -> Op {
        Op::Normalize { input: INPUT, order: [0, 1, 2], mean: self.mean, scale: [self.scale; 3] }
    }
}

impl Manifest {
    /// The embedded manifest, parsed once per process.
    ///
    /// # Errors
    /// [`Error::Model`] if it is invalid.
    pub fn embedded() -> Result<&'static Self> {
        static PARSED: OnceCell<Manifest> = OnceCell::new();
        PARSED.get_or_try_init(|| Self::parse(EMBEDDED.as_bytes()))
    }

    /// The manifest in `bytes`.
    ///
    /// # Errors
    /// [`Error::Model`] if they are not a valid manifest: for unknown fields, impossible values, or a file name with a
    /// path, since a manifest describes only its own folder.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let unfit = |what: String| Error::model(MANIFEST, format!("{what}; take the one that ships with the models"));
        let text = std::str::from_utf8(bytes).map_err(|_| unfit("is not UTF-8 text".into()))?;
        let manifest: Self = toml::from_str(text).map_err(|error| unfit(error.to_string()))?;
        for entry in &manifest.entries {
            if !is_file_name(&entry.file) {
                return Err(unfit(format!("names a file {:?}, which is no name of a file beside it", entry.file)));
            }
            if entry.kind == Kind::Recognizer {
                entry.recognizer()?;
            }
        }
        Ok(manifest)
    }

    /// The entry of a recogniser.
    fn of(&self, network: Network) -> Result<&Entry> {
        let found = self.entries.iter().find(|entry| entry.kind == Kind::Recognizer && entry.name == network.name());
        found.ok_or_else(|| Error::model(network.name(), "is no recogniser of the manifest; add it"))
    }
}

impl Network {
    /// Its specification in the embedded manifest.
    ///
    /// # Errors
    /// [`Error::Model`] if the embedded manifest does not describe it.
    pub fn spec(self) -> Result<RecognizerSpec> {
        Manifest::embedded()?.of(self)?.spec()
    }

    /// How its chip is normalised.
    pub(super) fn chip(self) -> Result<Chip> {
        Ok(Manifest::embedded()?.of(self)?.recognizer()?.1)
    }
}

impl Entry {
    /// The network that runs a recogniser's file.
    ///
    /// # Errors
    /// [`Error::Model`] if this version has no network of that name.
    pub fn network(&self) -> Result<Network> {
        Network::from_name(&self.name)
            .ok_or_else(|| Error::model(&self.name, "is no recogniser this version can run; update the library"))
    }

    /// Whether it is a detector for a [`BlazeFaceNet`], not for a [`DetectorNet`](super::DetectorNet).
    pub fn is_second_detector(&self) -> bool {
        self.kind == Kind::Detector && self.name == BlazeFaceNet::NAME
    }

    /// The specification of a recogniser. The threshold and its false accept rate come from this manifest. The rest
    /// belongs to the weights, and must equal the embedded manifest.
    ///
    /// # Errors
    /// [`Error::Model`] if it does not, or if this version cannot run the network.
    pub fn spec(&self) -> Result<RecognizerSpec> {
        let network = self.network()?;
        let known = Manifest::embedded()?.of(network)?;
        let fixed = [
            ("architecture", self.architecture == known.architecture),
            ("embedding_len", self.embedding_len == known.embedding_len),
            ("metric", self.metric == known.metric),
            ("input", self.input == known.input),
        ];
        if let Some((field, _)) = fixed.iter().find(|(_, fits)| !fits) {
            let reason = format!("`{field}` in the manifest is not that of the network; restore what ships with it");
            return Err(Error::model(&self.name, reason));
        }
        let (spec, _) = self.recognizer()?;
        Ok(RecognizerSpec { codec_loss: network.codec_loss(), ..spec })
    }

    /// The content of a recogniser's entry, whether or not this version can run it.
    fn recognizer(&self) -> Result<(RecognizerSpec, Chip)> {
        let missing = |field: &str| self.unfit(field, "is missing");
        let embedding_len = self.embedding_len.ok_or_else(|| missing("embedding_len"))?;
        if !(1..=MAX_EMBEDDING_LEN).contains(&embedding_len) {
            return Err(self.unfit("embedding_len", &format!("is not in 1..={MAX_EMBEDDING_LEN}")));
        }
        let metric = self.metric.ok_or_else(|| missing("metric"))?;
        let threshold = self.verification_threshold.ok_or_else(|| missing("verification_threshold"))?;
        match metric {
            Metric::Euclidean if !(threshold > 0.0 && threshold.is_finite()) => {
                return Err(self.unfit("verification_threshold", "is no distance above zero"));
            }
            Metric::Cosine if !(threshold > -1.0 && threshold < 1.0) => {
                return Err(self.unfit("verification_threshold", "is no cosine between -1 and 1"));
            }
            Metric::Euclidean | Metric::Cosine => {}
        }
        let false_accept_rate = self.false_accept_rate.ok_or_else(|| missing("false_accept_rate"))?;
        if !(false_accept_rate > 0.0 && false_accept_rate < 1.0) {
            return Err(self.unfit("false_accept_rate", "is not between 0 and 1"));
        }
        let input = self.input.as_ref().ok_or_else(|| missing("input"))?;
        let [side, height] = input.size.ok_or_else(|| missing("input.size"))?;
        if side != height || !(1..=MAX_SIDE).contains(&side) {
            return Err(self.unfit("input.size", &format!("is no square of 1..={MAX_SIDE} pixels")));
        }
        if input.channels != Channels::Rgb {
            return Err(self.unfit("input.channels", "is not RGB"));
        }
        if !input.mean.iter().all(|mean| (0.0..=255.0).contains(mean)) {
            return Err(self.unfit("input.mean", "is not in 0..=255"));
        }
        if !(input.scale > 0.0 && input.scale.is_finite()) {
            return Err(self.unfit("input.scale", "is no number above zero"));
        }
        let template = input.template.ok_or_else(|| missing("input.template"))?;
        if !template.iter().flatten().all(|at| (0.0..side as f32).contains(at)) {
            return Err(self.unfit("input.template", "does not lie in the input"));
        }
        let spec = RecognizerSpec {
            name: self.name.clone(),
            chip_size: side,
            template,
            embedding_len,
            metric,
            verification_threshold: threshold,
            false_accept_rate,
            codec_loss: 1.0,
        };
        Ok((spec, Chip { side, mean: input.mean, scale: input.scale }))
    }

    fn unfit(&self, field: &str, what: &str) -> Error {
        Error::model(&self.name, format!("`{field}` in the manifest {what}; restore what ships with the models"))
    }
}

/// Whether `name` is a file in the folder it is joined to, and nothing else.
fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let plain = matches!(parts.next(), Some(Component::Normal(only)) if only == name) && parts.next().is_none();
    plain && !name.contains(['/', '\\', '\0'])
}
