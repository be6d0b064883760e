// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames at half their size, through a codec.

use std::collections::{BTreeMap, BTreeSet};

use advjnd::Result;
use advjnd::frame::Rect;
use advjnd_media::{Picture, require};

use super::canvas::Canvas;
use super::through::Through;

/// H.264 as it is common, and what it needs.
const CODEC: &str = "x264enc pass=qual quantizer=23 speed-preset=medium vbv-buf-capacity=0 ! \
                     video/x-h264,profile=high ! h264parse ! avdec_h264";
const CODEC_ELEMENTS: [(&str, &str); 3] = [
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("avdec_h264", "gstreamer1.0-libav"),
];
/// Smallest frame that is encoded at half its size, pixels.
const LEAST_CODED: usize = 64;

/// What went in and what came out, by number.
pub type Halves = BTreeMap<usize, [Picture; 2]>;

/// What goes in and what comes out, at half its size, through a codec each.
pub struct Codecs([Through; 2]);

impl Codecs {
    /// For frames such as `first`; none where there is no codec, or frames are too small. Frames that are `wanted`
    /// are kept.
    ///
    /// # Errors
    /// [`Error::Input`](advjnd::Error::Input) where they do not start.
    pub fn start(first: &Picture, wanted: BTreeSet<usize>) -> Result<Option<Self>> {
        let half = halved(first);
        if require(&CODEC_ELEMENTS).is_err() || half.width.min(half.height) < LEAST_CODED {
            return Ok(None);
        }
        let start = || Through::start(CODEC, half.width, half.height, wanted.clone());
        Ok(Some(Self([start()?, start()?])))
    }

    /// What went in and what came out, of number `index`.
    pub fn push(&self, pictures: [&Picture; 2], index: usize) {
        self.0.iter().zip(pictures).for_each(|(through, picture)| through.push(&halved(picture), index));
    }

    /// The frames that were wanted.
    ///
    /// # Errors
    /// [`Error::Input`](advjnd::Error::Input) with what a codec reports.
    pub fn finish(self) -> Result<Halves> {
        let [clean, output] = self.0;
        let (clean, mut output) = (clean.finish()?, output.finish()?);
        let both = clean.into_iter().filter_map(|(index, clean)| Some((index, [clean, output.remove(&index)?])));
        Ok(both.collect())
    }
}

/// Half as wide and high, both even.
fn halved(picture: &Picture) -> Picture {
    let whole = Canvas::of(picture);
    let rect = Rect { x: 0, y: 0, width: whole.width / 4 * 4, height: whole.height / 4 * 4 };
    whole.part(rect).halved().picture(picture.time)
}
