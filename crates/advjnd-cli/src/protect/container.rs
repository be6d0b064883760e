// SPDX-License-Identifier: MIT OR Apache-2.0
//! The containers that are written, and what they hold.

use std::ffi::OsStr;

use serde::{Deserialize, Serialize};

/// A container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Container {
    /// MPEG-4, `.mp4`.
    Mp4,
    /// QuickTime, `.mov`.
    Mov,
    /// Matroska, `.mkv`.
    Matroska,
}

impl Container {
    /// The one that a name with this suffix is for.
    pub fn of_suffix(suffix: &OsStr) -> Option<Self> {
        match suffix.to_str()?.to_ascii_lowercase().as_str() {
            "mp4" | "m4v" => Some(Self::Mp4),
            "mov" | "qt" => Some(Self::Mov),
            "mkv" => Some(Self::Matroska),
            _ => None,
        }
    }

    /// The one that comes closest to a file of the type `caps`.
    pub fn like(caps: &gst::CapsRef) -> Self {
        let structure = caps.structure(0);
        let variant = structure.and_then(|structure| structure.get::<&str>("variant").ok());
        match structure.map(|structure| structure.name().as_str()) {
            Some("video/quicktime") if variant == Some("apple") => Self::Mov,
            Some("video/x-matroska" | "video/webm") => Self::Matroska,
            _ => Self::Mp4,
        }
    }

    /// The suffix of its files.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "mkv",
        }
    }

    /// The element that writes it.
    pub fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4mux",
            Self::Mov => "qtmux",
            Self::Matroska => "matroskamux",
        }
    }
}
