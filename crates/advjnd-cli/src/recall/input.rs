// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files, frame by frame.

use std::path::Path;
use std::time::Duration;

use advjnd::{Error, Result};
use advjnd_media::{Frames, Picture, Pictures};
use gst::prelude::*;

use super::derived::FRAMES;
use super::people::picture;

/// The frames of a clip, or of a picture that stands still.
pub enum Input {
    /// A clip.
    Clip(Frames),
    /// A picture.
    Still {
        /// It.
        picture: Picture,
        /// How often it was shown.
        shown: usize,
    },
}

impl Input {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Input`] where there is none, or it cannot be decoded.
    pub fn open(path: &Path, is_clip: bool) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::input("there is no such file; give --material the folder it lies in"));
        }
        if !is_clip {
            return Ok(Self::Still { picture: picture(path)?, shown: 0 });
        }
        let frames = Frames::of("filesrc name=read ! decodebin ! queue", |pipeline| {
            let read = pipeline.by_name("read").ok_or_else(|| Error::input("the pipeline lost `read`"))?;
            read.set_property("location", path);
            Ok(())
        });
        frames.map(Self::Clip)
    }

    /// The next frame; none at the end.
    ///
    /// # Errors
    /// [`Error::Input`] with what a decoder reports.
    pub fn pull(&mut self) -> Result<Option<Picture>> {
        match self {
            Self::Clip(frames) => frames.pull(),
            Self::Still { shown, .. } if *shown == FRAMES => Ok(None),
            Self::Still { picture, shown } => {
                let time = Duration::from_nanos(*shown as u64 * 1_000_000_000 / 30);
                *shown += 1;
                Ok(Some(Picture { time, ..picture.clone() }))
            }
        }
    }
}
