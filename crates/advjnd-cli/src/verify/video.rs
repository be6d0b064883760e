// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frames of the two files.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use advjnd::{Error, Result};
use advjnd_media::{Frames, UPRIGHT};
use gst::prelude::*;

use crate::evaluate::Variant;
use crate::protect::{CleanFrames, Settings};

/// How long the original may go without a frame.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The frames of the original, as the filter got them.
///
/// # Errors
/// [`Error::Input`] where it cannot be read.
pub fn original(file: &Path, settings: &Settings) -> Result<CleanFrames> {
    CleanFrames::open(file, settings, TIMEOUT).map_err(|error| named(file, error))
}

/// The frames of the protected file.
///
/// # Errors
/// [`Error::Input`] where it cannot be read.
pub fn protected(file: &Path) -> Result<Frames> {
    frames(file, "", |_| Ok(()))
}

/// The frames of the protected file, of `size`, after what `variant` does to them.
///
/// # Errors
/// [`Error::Input`] where they cannot be read.
pub fn protected_through(file: &Path, variant: &Variant, size: [usize; 2]) -> Result<Frames> {
    frames(file, &variant.elements(size), |pipeline| variant.prepare(pipeline))
}

fn frames(file: &Path, behind: &str, prepare: impl FnOnce(&gst::Pipeline) -> Result<()>) -> Result<Frames> {
    let source = format!("filesrc name=read ! decodebin name=decode ! queue ! {UPRIGHT}{behind} ! queue");
    Frames::of(&source, |pipeline| {
        let lost = || Error::input("the pipeline has no source");
        pipeline.by_name("read").ok_or_else(lost)?.set_property("location", file);
        pipeline.by_name("decode").iter().for_each(refuse_further_videos);
        prepare(pipeline)
    })
    .map_err(|error| named(file, error))
}

fn named(file: &Path, error: Error) -> Error {
    Error::input(format!("{}: {error}", file.display()))
}

/// Has a second video that `decoder` finds end in an error: nobody would look at it.
fn refuse_further_videos(decoder: &gst::Element) {
    let found = AtomicUsize::new(0);
    decoder.connect_pad_added(move |decoder, pad| {
        let caps = pad.current_caps();
        let is_video = caps.is_some_and(|caps| caps.structure(0).is_some_and(|caps| caps.name() == "video/x-raw"));
        if is_video && found.fetch_add(1, Ordering::Relaxed) > 0 {
            gst::element_error!(
                decoder,
                gst::StreamError::Format,
                ("there is more than one video in the file, and only one is looked at; write each to a file of its own")
            );
        }
    });
}
