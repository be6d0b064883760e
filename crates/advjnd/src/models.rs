// SPDX-License-Identifier: MIT OR Apache-2.0
//! The networks that ship with the crate or lie in a folder: manifest, checksums, loading.
//!
//! Weights are read once per process and shared by every [`Protector`](crate::Protector); each protector adds only its
//! own scratch memory. Nothing is ever downloaded. A file runs only if its checksum matches the manifest.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use once_cell::sync::{Lazy, OnceCell};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::net::graph::Graph;
pub use crate::net::manifest::{Channels, Entry, Input, Kind, MANIFEST, Manifest};
use crate::net::{BlazeFaceNet, DetectorNet, RecognizerSpec};

/// Longest manifest and longest model file that are read, in bytes.
const MAX_MANIFEST_LEN: u64 = 1 << 20;
const MAX_MODEL_LEN: u64 = 1 << 29;
/// What to do about a file that cannot be a model.
const SHIPPED: &str = "take the one that ships with the models";

/// The bytes of a file of the folder that `build.rs` names.
macro_rules! embedded {
    ($file:literal) => {
        ($file, &Aligned(*include_bytes!(concat!(env!("ADVJND_MODELS"), "/", $file))))
    };
}

static EMBEDDED_FILES: [(&str, &Aligned<[u8]>); 5] = [
    embedded!("yunet_2023mar.safetensors"),
    embedded!("dlib_resnet29.safetensors"),
    embedded!("sface_2021dec.safetensors"),
    embedded!("mobilefacenet.safetensors"),
    embedded!("blazeface_full_range.safetensors"),
];

/// Bytes aligned for numbers.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static EMBEDDED: OnceCell<Arc<Models>> = OnceCell::new();
static FOLDERS: Lazy<Mutex<HashMap<Selection, Weak<Models>>>> = Lazy::new(Mutex::default);

/// A folder and the recognisers asked for.
type Selection = (PathBuf, Vec<String>);

/// Loaded weights, immutable, shared by every protector of the process.
#[derive(Debug)]
pub struct Models {
    pub(crate) detector: Graph,
    second_detector: Option<Graph>,
    pub(crate) recognizers: Vec<(RecognizerSpec, Graph)>,
    /// SHA-256 of each recogniser's file.
    checksums: Vec<String>,
}

impl Manifest {
    /// The manifest of a folder.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Model`] if it is not a valid manifest.
    pub fn from_dir(folder: &Path) -> Result<Self> {
        Self::parse(&read(&folder.join(MANIFEST), MAX_MANIFEST_LEN, SHIPPED)?)
    }

    /// The named recognisers; without names, those that a protector uses by default.
    fn chosen(&self, names: &[String]) -> Result<Vec<&Entry>> {
        let recognizers = || self.entries.iter().filter(|entry| entry.kind == Kind::Recognizer);
        if names.is_empty() {
            let chosen: Vec<&Entry> = recognizers().filter(|entry| entry.embedded).collect();
            return if chosen.is_empty() { Err(missing("recognizer")) } else { Ok(chosen) };
        }
        let mut chosen: Vec<&Entry> = Vec::new();
        for name in names {
            let known = || recognizers().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
            let entry = recognizers().find(|entry| entry.name == *name).ok_or_else(|| {
                Error::model(name, format!("is no recogniser of the manifest; choose among {}", known()))
            })?;
            if chosen.iter().any(|other| other.name == entry.name) {
                return Err(Error::model(name, "is named twice; name every recogniser once"));
            }
            chosen.push(entry);
        }
        Ok(chosen)
    }
}

impl Models {
    /// The detectors and the recognisers embedded in this library, parsed once per process.
    ///
    /// # Errors
    /// [`Error::Model`] if they do not match the embedded manifest.
    pub fn embedded() -> Result<Arc<Self>> {
        EMBEDDED
            .get_or_try_init(|| {
                let manifest = Manifest::embedded()?;
                Self::load(manifest, &manifest.chosen(&[])?, embedded_bytes).map(Arc::new)
            })
            .cloned()
    }

    /// The models of a folder with a `manifest.toml`. The recognisers are those with `embedded = true`.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn from_dir(folder: &Path) -> Result<Arc<Self>> {
        Self::open(Some(folder), &[])
    }

    /// The models of `folder`, or without one those embedded in this library. The recognisers are those named, in that
    /// order; without names, those with `embedded = true`. Callers that use the same folder and names at the same time
    /// share one copy.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read; [`Error::Model`] if a file is not what the manifest says, or if a name
    /// is not a recogniser of the manifest, is given twice, or (without a folder) is not embedded.
    pub fn open(folder: Option<&Path>, recognizers: &[String]) -> Result<Arc<Self>> {
        let Some(folder) = folder else {
            if recognizers.is_empty() {
                return Self::embedded();
            }
            let manifest = Manifest::embedded()?;
            return Self::load(manifest, &manifest.chosen(recognizers)?, embedded_bytes).map(Arc::new);
        };
        let manifest = read(&folder.join(MANIFEST), MAX_MANIFEST_LEN, SHIPPED)?;
        let key = (folder.canonicalize().unwrap_or_else(|_| folder.to_owned()), recognizers.to_vec());
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(models) = folders.get(&key).and_then(Weak::upgrade) {
            return Ok(models);
        }
        let manifest = Manifest::parse(&manifest)?;
        let models = Arc::new(Self::load(&manifest, &manifest.chosen(recognizers)?, |entry| entry.read(folder))?);
        folders.insert(key, Arc::downgrade(&models));
        Ok(models)
    }

    /// The graph of the first detector, a [`DetectorNet`].
    pub fn detector(&self) -> &Graph {
        &self.detector
    }

    /// The graph of a [`BlazeFaceNet`], a second detector of another family. `None` if the manifest has none with
    /// `embedded = true`; manifests of earlier versions have none.
    pub fn second_detector(&self) -> Option<&Graph> {
        self.second_detector.as_ref()
    }

    /// The recognisers: the specification and the graph of each.
    pub fn recognizers(&self) -> impl Iterator<Item = (&RecognizerSpec, &Graph)> {
        self.recognizers.iter().map(|(spec, graph)| (spec, graph))
    }

    /// The recognisers in the same order: the specification of each and the SHA-256 of its weights.
    pub fn checksums(&self) -> impl ExactSizeIterator<Item = (&RecognizerSpec, &str)> {
        self.recognizers.iter().zip(&self.checksums).map(|((spec, _), sha256)| (spec, sha256.as_str()))
    }

    /// Loads the models. `bytes_of` returns the bytes that the checksum of an entry is for.
    fn load(manifest: &Manifest, recognizers: &[&Entry], bytes_of: impl Fn(&Entry) -> Result<Bytes>) -> Result<Self> {
        let detectors = manifest.entries.iter().filter(|entry| entry.embedded && entry.kind == Kind::Detector);
        let (second, first): (Vec<&Entry>, Vec<&Entry>) = detectors.partition(|entry| entry.is_second_detector());
        let detector = first.last().ok_or_else(|| missing("detector"))?;
        let second = second.last().map(|entry| BlazeFaceNet::graph(&bytes_of(entry)?)).transpose()?;
        let load = |entry: &&Entry| Ok((entry.spec()?, entry.network()?.graph(&bytes_of(entry)?)?));
        Ok(Self {
            detector: DetectorNet::graph(&bytes_of(detector)?)?,
            second_detector: second,
            recognizers: recognizers.iter().map(load).collect::<Result<_>>()?,
            checksums: recognizers.iter().map(|entry| entry.sha256.clone()).collect(),
        })
    }
}

/// Gives the memory of the embedded files, 46 MiB, back to the system. Who reads them again gets them from the library's
/// own file. Call it when the recognisers have packed their weights, which are most of them.
pub(crate) fn release_embedded() {
    static RELEASES: OnceCell<bool> = OnceCell::new();
    // A packer of executables may have put the library into memory without a file. Then the system would give zeros.
    static PROBE: [u8; 2 * LARGEST_PAGE] = [0x55; 2 * LARGEST_PAGE];
    let releases = RELEASES.get_or_init(|| {
        release(whole_pages(&PROBE));
        std::hint::black_box(&PROBE).iter().all(|byte| *byte == 0x55)
    });
    if *releases {
        EMBEDDED_FILES.iter().for_each(|(_, Aligned(bytes))| release(whole_pages(bytes)));
    }
}

/// Largest page of the systems that this runs on, a multiple of every smaller one.
const LARGEST_PAGE: usize = 1 << 16;

/// The whole pages in `bytes`.
fn whole_pages(bytes: &'static [u8]) -> &'static [u8] {
    let rest = &bytes[bytes.as_ptr().align_offset(LARGEST_PAGE).min(bytes.len())..];
    &rest[..rest.len() - rest.len() % LARGEST_PAGE]
}

/// Gives whole pages of the library's read-only data back to the system.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "a system call")]
fn release(pages: &'static [u8]) {
    // SAFETY: the pages are read-only and private to this process. What it reads there afterwards comes from the file
    // from which they were mapped. If this fails, they stay.
    unsafe { libc::madvise(pages.as_ptr().cast_mut().cast(), pages.len(), libc::MADV_DONTNEED) };
}

#[cfg(not(target_os = "linux"))]
fn release(_: &'static [u8]) {}

/// The bytes of an entry built into this library.
fn embedded_bytes(entry: &Entry) -> Result<Bytes> {
    let found = EMBEDDED_FILES.iter().find(|(file, _)| *file == entry.file);
    let (_, Aligned(bytes)) = found.ok_or_else(|| {
        let reason = "is not built into this library; give the folder that holds it, with its manifest.toml";
        Error::model(&entry.name, reason)
    })?;
    entry.check(bytes)?;
    Ok(Bytes::from_static(bytes))
}

fn missing(what: &str) -> Error {
    Error::model(MANIFEST, format!("names no {what} with `embedded = true`; add one"))
}

impl Entry {
    /// The model's bytes in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Model`] if it has another checksum.
    pub fn read(&self, folder: &Path) -> Result<Bytes> {
        let bytes = read(&folder.join(&self.file), MAX_MODEL_LEN, SHIPPED)?;
        self.check(&bytes)?;
        Ok(bytes.into())
    }

    fn check(&self, bytes: &[u8]) -> Result<()> {
        let found = sha256(bytes);
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

/// The SHA-256 of `bytes` as the manifest writes it: in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a regular file of at most `limit` bytes. Devices and pipes may never end and are refused; the error
/// says what to do `instead`.
pub(crate) fn read(path: &Path, limit: u64, instead: &str) -> Result<Vec<u8>> {
    let failed = |source| Error::Io { path: path.to_owned(), source };
    let refused = |what: String| Error::model(path.display().to_string(), format!("{what}; {instead}"));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn embedded_files_are_the_same_after_their_memory_was_given_back() {
        for _ in 0..2 {
            release_embedded();
            for entry in &Manifest::embedded().expect("a manifest").entries {
                if EMBEDDED_FILES.iter().any(|(file, _)| *file == entry.file) {
                    embedded_bytes(entry).expect("the bytes of the checksum");
                }
            }
        }
    }
}
