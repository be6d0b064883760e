// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a picture becomes another than it was, besides its faces.

use std::sync::{Arc, Mutex, PoisonError};

use gst::buffer::BufferMetaForeachAction::{Keep, Remove};
use gst::prelude::*;
use gst_video::{VideoColorRange, VideoFormatFlags, VideoInfo, VideoInterlaceMode, VideoTransferFunction};

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
            let transfer = video.colorimetry().transfer();
            if matches!(transfer, VideoTransferFunction::Smpte2084 | VideoTransferFunction::AribStdB67) {
                if let Some(bin) = pad.parent_element() {
                    gst::element_error!(
                        bin,
                        gst::StreamError::Format,
                        ("video of high dynamic range (HLG or PQ) cannot be written yet; convert it first, with \
                          HandBrake or ffmpeg's filters zscale and tonemap")
                    );
                }
                return gst::PadProbeReturn::Handled;
            }
            of(&video, both_fields).into_iter().for_each(|change| changes.add(change));
        }
        gst::PadProbeReturn::Ok
    });
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

/// Has `even`, a `videobox`, add a column and a row where there is an odd number.
pub fn even(changes: &Changes, even: &gst::Element) {
    let (changes, weak) = (changes.clone(), even.downgrade());
    let Some(pad) = even.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Ok(video) = VideoInfo::from_caps(event.caps())
            && let Some(even) = weak.upgrade()
        {
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
