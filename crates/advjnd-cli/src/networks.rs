// SPDX-License-Identifier: MIT OR Apache-2.0
//! The networks of a folder of models, checked against its manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use advjnd::models::{Entry, Kind, MANIFEST, Manifest};
use advjnd::net::{DetectorNet, Network, RecognizerSpec};
use advjnd::{Error, Result};

/// A folder of models and its manifest.
pub struct Networks {
    folder: PathBuf,
    manifest: Manifest,
}

impl Networks {
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), manifest: Manifest::from_dir(folder)? })
    }

    /// The detector's graph.
    pub fn detector(&self) -> Result<advjnd::net::graph::Graph> {
        DetectorNet::graph(&self.detector_entry()?.read(&self.folder)?)
    }

    /// The recogniser's graph.
    pub fn recognizer(&self, network: Network) -> Result<advjnd::net::graph::Graph> {
        network.graph(&self.entry(network)?.read(&self.folder)?)
    }

    /// What the manifest says of the recogniser.
    pub fn spec(&self, network: Network) -> Result<RecognizerSpec> {
        self.entry(network)?.spec()
    }

    /// The manifest's checksums of the detector and of `networks`, by name; what is loaded has them.
    pub fn checksums(&self, networks: &[Network]) -> Result<BTreeMap<String, String>> {
        let recognizers = networks.iter().map(|network| self.entry(*network));
        let models = [self.detector_entry()].into_iter().chain(recognizers);
        models.map(|model| model.map(|model| (model.name.clone(), model.sha256.clone()))).collect()
    }

    fn entry(&self, network: Network) -> Result<&Entry> {
        let name = network.name();
        let found = self.manifest.entries.iter().find(|model| model.name == name);
        found.ok_or_else(|| self.missing(&format!("recogniser `{name}`")))
    }

    fn detector_entry(&self) -> Result<&Entry> {
        let first = |model: &&Entry| model.kind == Kind::Detector && !model.is_second_detector();
        self.manifest.entries.iter().find(first).ok_or_else(|| self.missing("detector"))
    }

    fn missing(&self, what: &str) -> Error {
        Error::model(MANIFEST, format!("{} names no {what}; give --models the project's folder", self.folder.display()))
    }
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}
