// SPDX-License-Identifier: MIT OR Apache-2.0
//! The branch of the pipeline in which the picture is decoded, protected and encoded.

use std::sync::atomic::{AtomicBool, Ordering};

use advjnd::{Error, Result};
use advjnd_media::{HighRange, UPRIGHT, settle_colorimetry};
use gst::prelude::*;
use gst_video::VideoInfo;

use super::super::settings::{ELEMENT, Settings};
use super::changes::{self, Changes};
use super::stream::{Found, media_type};
use super::watch::stream_time;
use super::{LEFT_OUT, made};

/// With 4:2:0, x264 takes even sizes only: `even` adds what is missing. It forgets the colorimetry, which `coloured`
/// names again.
const H264: &str = "videobox name=even ! capssetter name=coloured \
                    ! x264enc name=encode pass=qual quantizer=18 speed-preset=medium \
                    ! video/x-h264,profile=high ! h264parse";
/// The filter refuses pixels that are far from square: `squared` says what they are to become.
const SQUARE: &str = "videoscale name=square ! capsfilter name=squared";
const FFV1: &str = "avenc_ffv1 name=encode";
/// Where nothing is written: frames as they come, and as they leave the filter, with what it says of them.
const LOOKED_AT: &str = "videoconvert dither=none ! video/x-raw,format=RGB ! tee name=both \
                         both. ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 \
                         ! appsink name=clean sync=false \
                         both. ! queue ! advjndprotect name=protect ! appsink name=looked sync=false max-buffers=4";
/// Where nothing is protected: frames as they come to the filter.
#[cfg(feature = "measure")]
const CLEAN: &str = "videoconvert dither=none ! video/x-raw,format=RGB ! appsink name=clean sync=false max-buffers=4";
/// How long after the last frame of a preview encoded frames are still decoded: they may come out of order.
const REORDERED: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// The branch, not linked yet.
#[derive(Debug)]
pub struct Video {
    /// All of it, from raw video to encoded.
    pub bin: gst::Bin,
    /// What is before it, for encoded video.
    decoder: Option<gst::Element>,
    /// What video of high dynamic range is noted in when it is mapped; it is refused where there is none.
    mapped: Option<Changes>,
}

impl Video {
    /// For the stream `found` of a file; what of the picture becomes another than it was is noted in `changes`.
    ///
    /// # Errors
    /// [`Error::Input`] where an element is missing or does not take its properties.
    pub fn new(found: &Found, settings: &Settings, changes: &Changes) -> Result<Self> {
        let encode = if settings.lossless { FFV1 } else { H264 };
        Self::of(found, settings, changes, &format!("{ELEMENT} name=protect ! queue ! {encode}"))
    }

    /// As [`new`](Self::new), for video that is looked at and not written: two sinks, `clean` and `looked`, have its
    /// frames.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn looked_at(found: &Found, settings: &Settings) -> Result<Self> {
        Self::of(found, settings, &Changes::default(), LOOKED_AT)
    }

    /// As [`new`](Self::new), for video that is not protected: a sink, `clean`, has its frames as the filter would get
    /// them.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    #[cfg(feature = "measure")]
    pub fn clean(found: &Found, settings: &Settings) -> Result<Self> {
        Self::of(found, settings, &Changes::default(), CLEAN)
    }

    fn of(found: &Found, settings: &Settings, changes: &Changes, rest: &str) -> Result<Self> {
        let description = format!("{UPRIGHT} ! {SQUARE} ! queue ! {rest}");
        let lost = || Error::input("the video branch lost a filter");
        let bin = gst::parse::bin_from_description(&description, true).map_err(made)?;
        settle_colorimetry(&bin)?;
        if settings.both_fields {
            let deinterlace = bin.by_name("deinterlace").ok_or_else(lost)?;
            deinterlace.set_property_from_str("fields", "all");
        }
        if let Some(protect) = bin.by_name("protect") {
            settings.apply(&protect)?;
        }
        changes::note(changes, &bin.static_pad("sink").ok_or_else(lost)?, settings.both_fields);
        changes::square(changes, &bin.by_name("square").ok_or_else(lost)?, &bin.by_name("squared").ok_or_else(lost)?);
        if let Some((even, coloured)) = bin.by_name("even").zip(bin.by_name("coloured")) {
            changes::even(changes, &even, &coloured);
        }
        if let Some(pad) = bin.by_name("encode").and_then(|encode| encode.static_pad("sink")) {
            changes::drop_captions(changes, &pad);
        }
        let decoder = (media_type(&found.caps) != "video/x-raw")
            .then(|| gst::ElementFactory::make("decodebin").build().map_err(made))
            .transpose()?;
        let mapped = settings.tone_map.then(|| changes.clone());
        Ok(Self { bin, decoder, mapped })
    }

    /// The element that protects.
    ///
    /// # Errors
    /// [`Error::Input`] where there is none.
    pub fn protect(&self) -> Result<gst::Element> {
        self.bin.by_name("protect").ok_or_else(|| Error::input("the video branch has no filter"))
    }

    /// Where protected frames come out.
    ///
    /// # Errors
    /// [`Error::Input`] where the element has no such pad.
    pub fn protected(&self) -> Result<gst::Pad> {
        self.protect()?.static_pad("src").ok_or_else(|| Error::input("the filter has no source pad"))
    }

    /// Puts it between `from` and `into`, in `pipeline`; what is only looked at goes into nothing.
    ///
    /// # Errors
    /// [`Error::Input`] where that cannot be linked.
    pub fn link(&self, pipeline: &gst::Pipeline, from: &gst::Pad, into: Option<&gst::Pad>) -> Result<()> {
        let lost = || Error::input("the video branch has no pads");
        let sink = self.bin.static_pad("sink").ok_or_else(lost)?;
        pipeline.add(&self.bin).map_err(made)?;
        if let Some(into) = into {
            self.bin.static_pad("src").ok_or_else(lost)?.link(into).map_err(made)?;
        }
        self.bin.sync_state_with_parent().map_err(made)?;
        let Some(decoder) = &self.decoder else {
            return from.link(&sink).map(|_| ()).map_err(made);
        };
        pipeline.add(decoder).map_err(made)?;
        let (mapped, holder) = (self.mapped.clone(), pipeline.downgrade());
        decoder.connect_pad_added(move |decoder, pad| {
            if sink.is_linked() {
                return;
            }
            let link = || match holder.upgrade().zip(mapped.as_ref()) {
                Some((pipeline, changes)) => link_mapped(&pipeline, pad, &sink, changes),
                None => pad.link(&sink).map(|_| ()).map_err(made),
            };
            if let Err(error) = link() {
                gst::element_error!(decoder, gst::CoreError::Pad, ("the decoder gives no video: {error}"));
            }
        });
        decoder.sync_state_with_parent().map_err(made)?;
        from.link(&decoder.static_pad("sink").ok_or_else(lost)?).map_err(made)?;
        Ok(())
    }

    /// Ends the video after so many `seconds`; `from` is where it comes encoded.
    ///
    /// # Errors
    /// [`Error::Input`] where the branch has no pad.
    pub fn end_after(&self, seconds: f64, from: &gst::Pad) -> Result<()> {
        let raw = self.bin.static_pad("sink").ok_or_else(|| Error::input("the video branch has no pads"))?;
        let end = gst::ClockTime::from_seconds_f64(seconds);
        for (pad, end) in [(&raw, end), (from, end + REORDERED)] {
            let is_over = AtomicBool::new(false);
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                let at = info.buffer().and_then(|buffer| stream_time(pad, buffer));
                if !is_over.load(Ordering::Relaxed) && at.is_none_or(|at| at < end) {
                    return gst::PadProbeReturn::Ok;
                }
                if !is_over.swap(true, Ordering::Relaxed) {
                    finish(pad);
                }
                LEFT_OUT
            });
        }
        Ok(())
    }
}

/// Links `decoded` to `sink`, in `pipeline`, with what maps it to standard range between them where it needs that.
fn link_mapped(pipeline: &gst::Pipeline, decoded: &gst::Pad, sink: &gst::Pad, changes: &Changes) -> Result<()> {
    let video = decoded.current_caps().and_then(|caps| VideoInfo::from_caps(&caps).ok());
    let Some((video, range)) = video.and_then(|video| HighRange::of(&video).map(|range| (video, range))) else {
        return decoded.link(sink).map(|_| ()).map_err(made);
    };
    changes::mapped(changes, &video);
    let map = range.tone_map()?;
    pipeline.add(&map).map_err(made)?;
    let lost = || Error::input("the tone mapping has no pads");
    map.static_pad("src").ok_or_else(lost)?.link(sink).map_err(made)?;
    map.sync_state_with_parent().map_err(made)?;
    decoded.link(&map.static_pad("sink").ok_or_else(lost)?).map(|_| ()).map_err(made)
}

/// Tells what is behind `pad` that nothing more comes.
fn finish(pad: &gst::Pad) {
    match pad.direction() {
        gst::PadDirection::Sink => pad.send_event(gst::event::Eos::new()),
        _ => pad.push_event(gst::event::Eos::new()),
    };
}
