// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames through elements of GStreamer: codecs, and other filters.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;

use advjnd::{Error, Result};
use advjnd_media::{Frames, Picture, Pictures};
use gst::prelude::*;

/// Frames that wait to be taken in.
const WAITING: u64 = 4;

/// Elements at work; frames that are wanted are kept as they come out.
pub struct Through {
    feed: gst_app::AppSrc,
    drain: JoinHandle<Result<BTreeMap<usize, Picture>>>,
}

impl Through {
    /// Starts `elements`, as `gst-launch-1.0` reads them, for frames of `width` × `height`.
    ///
    /// # Errors
    /// [`Error::Input`] if they are no elements.
    pub fn start(elements: &str, width: usize, height: usize, wanted: BTreeSet<usize>) -> Result<Self> {
        let source = format!(
            "appsrc name=feed format=time block=true max-buffers={WAITING} max-bytes=0 max-time=0 \
             caps=video/x-raw,format=RGB,width={width},height={height},framerate=30/1 ! \
             videoconvert dither=none ! {elements}"
        );
        let mut feed = None;
        let mut frames = Frames::of(&source, |pipeline| {
            feed = pipeline.by_name("feed").and_then(|feed| feed.downcast::<gst_app::AppSrc>().ok());
            Ok(())
        })?;
        let feed = feed.ok_or_else(|| Error::input("the pipeline lost `feed`"))?;
        let drain = std::thread::spawn(move || {
            let (mut kept, mut count) = (BTreeMap::new(), 0);
            while let Some(picture) = frames.pull()? {
                if wanted.contains(&count) {
                    kept.insert(count, picture);
                }
                count += 1;
            }
            Ok(kept)
        });
        Ok(Self { feed, drain })
    }

    /// Gives them the frame of number `index`. What goes wrong is told by [`finish`](Self::finish).
    pub fn push(&self, picture: &Picture, index: usize) {
        // Rows of GStreamer's frames begin at multiples of four bytes.
        let (row, stride) = (3 * picture.width, (3 * picture.width).next_multiple_of(4));
        let mut bytes = vec![0; stride * picture.height];
        for (padded, row) in bytes.chunks_exact_mut(stride).zip(picture.pixels.chunks_exact(row.max(1))) {
            padded[..row.len()].copy_from_slice(row);
        }
        let mut buffer = gst::Buffer::from_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(index as u64 * 1_000_000_000 / 30));
            buffer.set_duration(gst::ClockTime::from_nseconds(1_000_000_000 / 30));
        }
        let _ = self.feed.push_buffer(buffer);
    }

    /// The frames that were wanted, by number.
    ///
    /// # Errors
    /// [`Error::Input`] with what an element reports.
    pub fn finish(self) -> Result<BTreeMap<usize, Picture>> {
        let _ = self.feed.end_of_stream();
        self.drain.join().map_err(|_| Error::input("the frames cannot be read any more"))?
    }
}
