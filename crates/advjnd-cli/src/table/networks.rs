//! The networks of a folder of models, checked against its manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use advjnd::models::MANIFEST;
use advjnd::net::{DetectorNet, Network};
use advjnd::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A folder of models and its manifest.
pub struct Networks {
    folder: PathBuf,
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Manifest {
    model: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    name: String,
    kind: String,
    file: String,
    sha256: String,
}

impl Networks {
    pub fn open(folder: &Path) -> Result<Self> {
        let bytes = read(&folder.join(MANIFEST))?;
        let wrong =
            |reason: String| Error::model(MANIFEST, format!("{reason}; take the one that ships with the models"));
        let text = String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { folder: folder.to_owned(), models: manifest.model })
    }

    /// The detector's graph.
    pub fn detector(&self) -> Result<advjnd::net::graph::Graph> {
        DetectorNet::graph(&self.bytes(self.detector_entry()?)?)
    }

    /// The recogniser's graph.
    pub fn recognizer(&self, network: Network) -> Result<advjnd::net::graph::Graph> {
        network.graph(&self.bytes(self.entry(network)?)?)
    }

    /// The manifest's checksums of the detector and of `networks`, by name; what is loaded has them.
    pub fn checksums(&self, networks: &[Network]) -> Result<BTreeMap<String, String>> {
        let recognizers = networks.iter().map(|network| self.entry(*network));
        let models = [self.detector_entry()].into_iter().chain(recognizers);
        models.map(|model| model.map(|model| (model.name.clone(), model.sha256.clone()))).collect()
    }

    fn entry(&self, network: Network) -> Result<&Model> {
        let name = network.spec().name;
        let found = self.models.iter().find(|model| model.name == name);
        found.ok_or_else(|| self.missing(&format!("recogniser `{name}`")))
    }

    fn detector_entry(&self) -> Result<&Model> {
        self.models.iter().find(|model| model.kind == "detector").ok_or_else(|| self.missing("detector"))
    }

    fn missing(&self, what: &str) -> Error {
        Error::model(MANIFEST, format!("{} names no {what}; give --models the project's folder", self.folder.display()))
    }

    fn bytes(&self, model: &Model) -> Result<Vec<u8>> {
        let bytes = read(&self.folder.join(&model.file))?;
        let found = hex(&Sha256::digest(&bytes));
        if found == model.sha256 {
            return Ok(bytes);
        }
        Err(Error::model(
            &model.name,
            format!("`{}` has sha256 {found}, the manifest says {}; restore the file", model.file, model.sha256),
        ))
    }
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
