// SPDX-License-Identifier: MIT OR Apache-2.0
//! From video of high dynamic range to video of standard range.

mod element;
mod light;

use advjnd::{Error, Result};
use gst::prelude::*;
use gst_video::{VideoInfo, VideoTransferFunction};

/// How video of high dynamic range tells light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HighRange {
    /// Absolute: Recommendation ITU-R BT.2100, perceptual quantisation.
    Pq,
    /// Relative to the display: Recommendation ITU-R BT.2100, hybrid log-gamma.
    Hlg,
}

impl HighRange {
    /// That of `video`; `None` where it is of standard range.
    pub fn of(video: &VideoInfo) -> Option<Self> {
        match video.colorimetry().transfer() {
            VideoTransferFunction::Smpte2084 => Some(Self::Pq),
            VideoTransferFunction::AribStdB67 => Some(Self::Hlg),
            _ => None,
        }
    }

    /// A filter from decoded video of this kind, with BT.2020 primaries, to 8-bit 4:2:0 of BT.709. Light up to
    /// 1000 cd/m² is told apart.
    ///
    /// # Errors
    /// [`Error::Input`] where an element is missing.
    pub fn tone_map(self) -> Result<gst::Bin> {
        let made = |error: glib::BoolError| Error::input(format!("the tone mapping cannot be put together: {error}"));
        let read =
            gst::parse::bin_from_description("videoconvert ! capsfilter caps=video/x-raw,format=ARGB64_LE", true);
        let write = "videoconvert dither=none ! capsfilter caps=video/x-raw,format=I420,colorimetry=bt709";
        let write = gst::parse::bin_from_description(write, true);
        let [read, write] = [read, write].map(|bin| bin.map_err(|error| Error::input(error.to_string())));
        let [read, write]: [gst::Element; 2] = [read?.upcast(), write?.upcast()];
        let map = element::ToneMap::new(self);
        let bin = gst::Bin::new();
        bin.add_many([&read, map.upcast_ref(), &write]).map_err(made)?;
        gst::Element::link_many([&read, map.upcast_ref(), &write]).map_err(made)?;
        for (element, name) in [(&read, "sink"), (&write, "src")] {
            let pad = element.static_pad(name).ok_or_else(|| Error::input("the tone mapping lost its pads"))?;
            let pad = gst::GhostPad::with_target(&pad).map_err(made)?;
            bin.add_pad(&pad).map_err(made)?;
        }
        Ok(bin)
    }
}
