//! The networks that ship with the crate, or lie in a folder: manifest, checksums, loading.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;

/// Loaded weights, immutable, shared by every protector of the process.
pub struct Models {}

impl Models {
    /// The detector and the recogniser embedded in this library, parsed once per process.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if they do not match the embedded manifest.
    pub fn embedded() -> Result<Arc<Self>> {
        Ok(Arc::new(Self {}))
    }

    /// The models of a folder with a `manifest.toml`, loaded once per process and folder.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) or [`Error::Model`](crate::Error::Model).
    pub fn from_dir(folder: &Path) -> Result<Arc<Self>> {
        let _ = folder;
        Ok(Arc::new(Self {}))
    }
}
