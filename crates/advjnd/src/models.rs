//! The networks that ship with the crate, or lie in a folder: manifest, checksums, loading.
//!
//! Weights are read once per process and shared by every [`Protector`](crate::Protector); each protector only adds its own
//! scratch. Nothing is ever fetched, nothing is run whose checksum differs from the manifest's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use once_cell::sync::{Lazy, OnceCell};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::net::graph::Graph;
use crate::net::{DetectorNet, Network};

/// Name of the manifest in a folder of models.
pub const MANIFEST: &str = "manifest.toml";

const EMBEDDED_MANIFEST: &str = include_str!("../../../models/manifest.toml");
const EMBEDDED_FILES: [(&str, &[u8]); 2] = [
    ("yunet_2023mar.safetensors", include_bytes!("../../../models/yunet_2023mar.safetensors")),
    ("dlib_resnet29.safetensors", include_bytes!("../../../models/dlib_resnet29.safetensors")),
];

static EMBEDDED: OnceCell<Arc<Models>> = OnceCell::new();
static FOLDERS: Lazy<Mutex<HashMap<PathBuf, Weak<Models>>>> = Lazy::new(Mutex::default);

/// Loaded weights, immutable, shared by every protector of the process.
#[derive(Debug)]
pub struct Models {
    pub(crate) detector: Graph,
    pub(crate) recognizers: Vec<(Network, Graph)>,
}

#[derive(Deserialize)]
struct Manifest {
    model: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    kind: Kind,
    file: String,
    sha256: String,
    embedded: bool,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Detector,
    Recognizer,
}

impl Models {
    /// The detector and the recogniser embedded in this library, parsed once per process.
    ///
    /// # Errors
    /// [`Error::Model`] if they do not match the embedded manifest.
    pub fn embedded() -> Result<Arc<Self>> {
        let load = |entry: &Entry| {
            let found = EMBEDDED_FILES.iter().find(|(file, _)| *file == entry.file);
            found.map(|(_, bytes)| Cow::Borrowed(*bytes)).ok_or_else(|| {
                Error::model(&entry.name, format!("`{}` is not built into this library; rebuild it", entry.file))
            })
        };
        EMBEDDED.get_or_try_init(|| Self::load(EMBEDDED_MANIFEST, load).map(Arc::new)).cloned()
    }

    /// The models of a folder with a `manifest.toml`, shared by all who use the same folder at the same time.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Model`] if one is not what the manifest says.
    pub fn from_dir(folder: &Path) -> Result<Arc<Self>> {
        let manifest = read(&folder.join(MANIFEST))?;
        let key = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(models) = folders.get(&key).and_then(Weak::upgrade) {
            return Ok(models);
        }
        let text = String::from_utf8(manifest)
            .map_err(|_| Error::model(MANIFEST, "is not UTF-8 text; take the one that ships with the models"))?;
        let models = Arc::new(Self::load(&text, |entry| read(&folder.join(&entry.file)).map(Cow::Owned))?);
        folders.insert(key, Arc::downgrade(&models));
        Ok(models)
    }

    fn load<'a>(manifest: &str, bytes_of: impl Fn(&Entry) -> Result<Cow<'a, [u8]>>) -> Result<Self> {
        let manifest: Manifest = toml::from_str(manifest)
            .map_err(|error| Error::model(MANIFEST, format!("{error}; take the one that ships with the models")))?;
        let mut detector = None;
        let mut recognizers = Vec::new();
        for entry in manifest.model.iter().filter(|entry| entry.embedded) {
            let bytes = bytes_of(entry)?;
            entry.check(&bytes)?;
            match entry.kind {
                Kind::Detector => detector = Some(DetectorNet::graph(&bytes)?),
                Kind::Recognizer => {
                    let network = Network::from_name(&entry.name).ok_or_else(|| {
                        Error::model(&entry.name, "is no recogniser this version can run; update the library")
                    })?;
                    recognizers.push((network, network.graph(&bytes)?));
                }
            }
        }
        let missing = |what| Error::model(MANIFEST, format!("names no {what} with `embedded = true`; add one"));
        let detector = detector.ok_or_else(|| missing("detector"))?;
        if recognizers.is_empty() {
            return Err(missing("recognizer"));
        }
        Ok(Self { detector, recognizers })
    }
}

impl Entry {
    fn check(&self, bytes: &[u8]) -> Result<()> {
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found == self.sha256 {
            return Ok(());
        }
        Err(Error::model(
            &self.name,
            format!(
                "`{}` has sha256 {found}, the manifest says {}; the file is damaged or another one: restore it",
                self.file, self.sha256
            ),
        ))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}
