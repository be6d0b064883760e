// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one error type of the core. The variant says whose fault it was; the text says what was wrong and what to do
//! next.

use std::path::PathBuf;

/// Result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, by whose fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model file or the manifest is missing, damaged or not what the manifest says.
    #[error("model `{model}`: {reason}")]
    Model {
        /// Name in the manifest, or the file.
        model: String,
        /// What was wrong and what to do next.
        reason: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The caller gave something that cannot be processed (a frame, a shape, a setting).
    #[error("{0}")]
    Input(String),
    /// A network produced a value that is not finite: nothing computed from it can be trusted.
    #[error("{stage} produced a value that is not finite")]
    NotFinite {
        /// Where it was seen.
        stage: &'static str,
    },
    /// A face could not be protected, and the fail policy is `error`.
    #[error("{places} face(s) not protected{}; the frame must not go out", fault.as_ref().map(|f| format!(" ({f})")).unwrap_or_default())]
    Unprotected {
        /// How many places would otherwise have been covered.
        places: usize,
        /// What failed, if the cause was a failed computation.
        fault: Option<String>,
    },
    /// A compute device is unavailable or has failed.
    #[error("device `{device}`: {reason}")]
    Device {
        /// Its name.
        device: String,
        /// What was wrong and what to do next.
        reason: String,
    },
    /// An executor of the caller's own ([`Backend::Own`](crate::net::Backend::Own)) failed.
    #[error("the executor failed: {0}")]
    Executor(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A model error; `reason` says what was wrong and what to do next.
    pub fn model(model: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Model { model: model.into(), reason: reason.into() }
    }

    /// A device error; `reason` says what was wrong and what to do next.
    pub fn device(device: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Device { device: device.into(), reason: reason.into() }
    }

    /// An input error; `reason` says what was wrong and what to do next.
    pub fn input(reason: impl Into<String>) -> Self {
        Self::Input(reason.into())
    }
}
