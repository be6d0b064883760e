// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a picture becomes another than it was, besides its faces.

use std::sync::{Arc, Mutex, PoisonError};

use advjnd_media::HighRange;
use gst::buffer::BufferMetaForeachAction::{Keep, Remove};
use gst::prelude::*;
use gst_video::{VideoColorRange, VideoFormatFlags, VideoInfo, VideoInterlaceMode};

use super::LEFT_OUT;

/// What has changed, in words, each once.
#[derive(Debug, Clone, Default)]
pub struct Changes(Arc<Mutex<Vec<String>>>);

impl Changes {
    fn add(&self, change: String) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !changes.contains(&change) {
            changes.push(change);
        }
    }

    /// All of them.
    pub fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Notes what becomes of decoded video that comes to `pad`. Video of high dynamic range is an error: its values mean
/// other light than those of the output.
pub fn note(changes: &Changes, pad: &gst::Pad, both_fields: bool) {
    let changes = changes.clone();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Ok(video) = VideoInfo::from_caps(event.caps())
        {
            if HighRange::of(&video).is_some() {
                if let Some(bin) = pad.parent_element() {
                    gst::element_error!(
                        bin,
                        gst::StreamError::Format,
                        ("this is video of high dynamic range (HLG or PQ), which is not written; --tone-map maps it to \
                          standard range")
                    );
                }
                return LEFT_OUT;
            }
            of(&video, both_fields).into_iter().for_each(|change| changes.add(change));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Notes what becomes of decoded video that is mapped to standard range first.
pub fn mapped(changes: &Changes, video: &VideoInfo) {
    let depth = video.format_info().depth().first().copied().unwrap_or(8);
    changes.add(format!(
        "high dynamic range became standard range, {depth} bits a sample became 8; light above 1000 cd/m² is lost"
    ));
}

fn of(video: &VideoInfo, both_fields: bool) -> Vec<String> {
    let format = video.format_info();
    let mut changes = Vec::new();
    let depth = format.depth().first().copied().unwrap_or(8);
    if depth > 8 {
        changes.push(format!("{depth} bits a sample became 8"));
    }
    if format.flags().contains(VideoFormatFlags::RGB) {
        changes.push("R'G'B' became Y'CbCr 4:2:0".to_owned());
    } else if format.flags().contains(VideoFormatFlags::YUV) {
        let sub = |at: &[u32]| at.get(1).copied().unwrap_or(1);
        match (sub(format.w_sub()), sub(format.h_sub())) {
            (1, 1) => (),
            (0, 0) => changes.push("colour of 4:4:4 became 4:2:0".to_owned()),
            (1, 0) => changes.push("colour of 4:2:2 became 4:2:0".to_owned()),
            _ => changes.push("the resolution of colour became 4:2:0".to_owned()),
        }
        if video.colorimetry().range() == VideoColorRange::Range0_255 {
            changes.push("full range became limited range".to_owned());
        }
    }
    if format.flags().contains(VideoFormatFlags::ALPHA) {
        changes.push("transparency was left out".to_owned());
    }
    if video.interlace_mode() != VideoInterlaceMode::Progressive {
        let rate = if both_fields { "one for each field" } else { "at the same frame rate; --both-fields keeps both" };
        changes.push(format!("interlaced frames became whole ones, {rate}"));
    }
    changes
}

/// Has `squared`, a filter of caps behind the scaler `square`, ask for square pixels where they are more than one and a
/// half times as long one way as the other. The shorter side of the picture grows, so that nothing is lost.
pub fn square(changes: &Changes, square: &gst::Element, squared: &gst::Element) {
    let (changes, weak) = (changes.clone(), squared.downgrade());
    let Some(pad) = square.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Ok(video) = VideoInfo::from_caps(event.caps())
            && let Some(squared) = weak.upgrade()
        {
            let wanted = squared_size(&video).map_or_else(gst::Caps::new_any, |(width, height)| {
                let (from, of) = (format!("{}×{}", video.width(), video.height()), video.par());
                changes.add(format!(
                    "{from} of pixels {}:{} became {width}×{height} of square ones",
                    of.numer(),
                    of.denom()
                ));
                let caps = gst_video::VideoCapsBuilder::new().width(width).height(height);
                caps.pixel_aspect_ratio(gst::Fraction::new(1, 1)).build()
            });
            squared.set_property("caps", wanted);
        }
        gst::PadProbeReturn::Ok
    });
}

/// The size of `video` in square pixels; `None` where its own are near enough to them.
fn squared_size(video: &VideoInfo) -> Option<(i32, i32)> {
    let (wide, high) = (i64::from(video.par().numer()), i64::from(video.par().denom()));
    let (width, height) = (i64::from(video.width()), i64::from(video.height()));
    let (width, height) = match () {
        () if 2 * wide > 3 * high => ((width * wide + high / 2) / high, height),
        () if 2 * high > 3 * wide => (width, (height * high + wide / 2) / wide),
        () => return None,
    };
    Some((i32::try_from(width).ok()?, i32::try_from(height).ok()?))
}

/// Has `even`, a `videobox`, add a column and a row where there is an odd number, and `coloured`, a `capssetter` behind
/// it, name the colorimetry that comes to it.
pub fn even(changes: &Changes, even: &gst::Element, coloured: &gst::Element) {
    let (changes, weak, coloured) = (changes.clone(), even.downgrade(), coloured.downgrade());
    let Some(pad) = even.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Ok(video) = VideoInfo::from_caps(event.caps())
            && let Some((even, coloured)) = weak.upgrade().zip(coloured.upgrade())
        {
            let colorimetry = video.colorimetry().to_string();
            let caps = gst::Caps::builder("video/x-raw").field("colorimetry", colorimetry).build();
            coloured.set_property("caps", caps);
            let (width, height) = (video.width(), video.height());
            let (right, bottom) = (width % 2, height % 2);
            even.set_property_from_str("right", &format!("-{right}"));
            even.set_property_from_str("bottom", &format!("-{bottom}"));
            if right + bottom > 0 {
                let (wide, high) = (width + right, height + bottom);
                changes.add(format!(
                    "{width}×{height} became {wide}×{high}, black at the edge, for H.264 has even sizes only \
                     (--lossless keeps the size)"
                ));
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Takes captions from the frames that come to `pad`, an encoder's, which would write them.
pub fn drop_captions(changes: &Changes, pad: &gst::Pad) {
    let changes = changes.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && buffer.iter_meta::<gst_video::VideoCaptionMeta>().next().is_some()
        {
            changes.add("captions within the picture were left out".to_owned());
            buffer.make_mut().foreach_meta_mut(|mut meta| {
                let is_caption = meta.downcast_ref::<gst_video::VideoCaptionMeta>().is_some();
                let action = if is_caption { Remove } else { Keep };
                std::ops::ControlFlow::Continue(action)
            });
        }
        gst::PadProbeReturn::Ok
    });
}
