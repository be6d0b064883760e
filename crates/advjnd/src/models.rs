//! The networks that ship with the crate, or lie in a folder: manifest, checksums, loading.
//!
//! Weights are read once per process and shared by every [`Protector`](crate::Protector); each protector only adds its own
//! scratch. Nothing is ever fetched, nothing is run whose checksum differs from the manifest's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use once_cell::sync::{Lazy, OnceCell};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::net::graph::Graph;
use crate::net::{DetectorNet, Network};

/// Name of the manifest in a folder of models.
pub const MANIFEST: &str = "manifest.toml";

/// Longest manifest and longest model file that are read, in bytes.
const MAX_MANIFEST_LEN: u64 = 1 << 20;
const MAX_MODEL_LEN: u64 = 1 << 29;

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

/// What a folder of models holds.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    /// The models, in the manifest's order.
    #[serde(rename = "model")]
    pub entries: Vec<Entry>,
}

/// One model of a manifest.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// Name of the network.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Name of the file in the folder.
    pub file: String,
    /// Checksum of the file, hexadecimal.
    pub sha256: String,
    /// Whether a protector uses it.
    pub embedded: bool,
}

/// What a model does.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Finds faces.
    Detector,
    /// Embeds them.
    Recognizer,
}

impl Manifest {
    /// The manifest of a folder.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Model`] if it is none.
    pub fn from_dir(folder: &Path) -> Result<Self> {
        Self::parse(&read(&folder.join(MANIFEST), MAX_MANIFEST_LEN)?)
    }

    /// The manifest in `bytes`.
    ///
    /// # Errors
    /// [`Error::Model`] if they are none, or name a file by more than its name: a manifest speaks of its own folder only.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let unfit = |what: String| Error::model(MANIFEST, format!("{what}; take the one that ships with the models"));
        let text = std::str::from_utf8(bytes).map_err(|_| unfit("is not UTF-8 text".into()))?;
        let manifest: Self = toml::from_str(text).map_err(|error| unfit(error.to_string()))?;
        match manifest.entries.iter().find(|entry| !is_file_name(&entry.file)) {
            Some(entry) => Err(unfit(format!("names a file {:?}, which is no name of a file beside it", entry.file))),
            None => Ok(manifest),
        }
    }
}

impl Models {
    /// The detector and the recogniser embedded in this library, parsed once per process.
    ///
    /// # Errors
    /// [`Error::Model`] if they do not match the embedded manifest.
    pub fn embedded() -> Result<Arc<Self>> {
        let load = |entry: &Entry| {
            let found = EMBEDDED_FILES.iter().find(|(file, _)| *file == entry.file);
            let (_, bytes) = found.ok_or_else(|| {
                Error::model(&entry.name, format!("`{}` is not built into this library; rebuild it", entry.file))
            })?;
            entry.check(bytes)?;
            Ok(Cow::Borrowed(*bytes))
        };
        EMBEDDED
            .get_or_try_init(|| Self::load(&Manifest::parse(EMBEDDED_MANIFEST.as_bytes())?, load).map(Arc::new))
            .cloned()
    }

    /// The models of a folder with a `manifest.toml`, shared by all who use the same folder at the same time.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Model`] if one is not what the manifest says.
    pub fn from_dir(folder: &Path) -> Result<Arc<Self>> {
        let manifest = read(&folder.join(MANIFEST), MAX_MANIFEST_LEN)?;
        let key = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(models) = folders.get(&key).and_then(Weak::upgrade) {
            return Ok(models);
        }
        let manifest = Manifest::parse(&manifest)?;
        let models = Arc::new(Self::load(&manifest, |entry| entry.read(folder).map(Cow::Owned))?);
        folders.insert(key, Arc::downgrade(&models));
        Ok(models)
    }

    /// `bytes_of` gives what an entry's checksum holds for.
    fn load<'a>(manifest: &Manifest, bytes_of: impl Fn(&Entry) -> Result<Cow<'a, [u8]>>) -> Result<Self> {
        let mut detector = None;
        let mut recognizers = Vec::new();
        for entry in manifest.entries.iter().filter(|entry| entry.embedded) {
            let bytes = bytes_of(entry)?;
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
    /// The model's bytes in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Model`] if it has another checksum.
    pub fn read(&self, folder: &Path) -> Result<Vec<u8>> {
        let bytes = read(&folder.join(&self.file), MAX_MODEL_LEN)?;
        self.check(&bytes)?;
        Ok(bytes)
    }

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

/// Whether `name` is a file in the folder it is joined to, and nothing else.
fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let plain = matches!(parts.next(), Some(Component::Normal(only)) if only == name) && parts.next().is_none();
    plain && !name.contains(['/', '\\', '\0'])
}

/// The bytes of a regular file of at most `limit` bytes; devices and pipes, which need not end, are refused.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |source| Error::Io { path: path.to_owned(), source };
    let refused =
        |what: String| Error::model(path.display().to_string(), what + "; take the one that ships with the models");
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refused("is no regular file".into()));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(refused(format!("is longer than {limit} bytes")));
    }
    Ok(bytes)
}
