// SPDX-License-Identifier: MIT OR Apache-2.0
//! Full-range Y'CbCr, narrowed sample by sample. Through R'G'B' of eight bits a code value would be lost.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;
use gst_video::{VideoColorRange, VideoColorimetry, VideoInfo};

/// Narrows the full-range 4:2:0 video of eight bits that leaves `filter`, and says so in its caps; other video passes.
pub fn narrow(filter: &gst::Element) {
    let Some(pad) = filter.static_pad("src") else { return };
    let tables = [(16.0, 219.0, 0.0), (128.0, 224.0, 128.0)].map(|(to, range, from)| {
        let narrowed = |value: usize| to + range * (value as f64 - from) / 255.0;
        std::array::from_fn::<u8, 256, _>(|value| narrowed(value).round() as u8)
    });
    // The format, while it is one to be narrowed.
    let full = Mutex::new(None::<VideoInfo>);
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        let mut full = full.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view()) {
            *full = VideoInfo::from_caps(event.caps()).ok().filter(is_full);
            if let Some(video) = full.as_ref() {
                let mut caps = event.caps_owned();
                caps.make_mut().set("colorimetry", narrowed(&video.colorimetry()).to_string());
                info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
            }
        } else if let (Some(video), Some(buffer)) = (full.as_ref(), info.buffer_mut())
            && let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), video)
        {
            for plane in 0..3 {
                let table = &tables[plane.min(1)];
                if let Ok(samples) = frame.plane_data_mut(plane as u32) {
                    samples.iter_mut().for_each(|sample| *sample = table[usize::from(*sample)]);
                }
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn is_full(video: &VideoInfo) -> bool {
    video.format() == gst_video::VideoFormat::I420 && video.colorimetry().range() == VideoColorRange::Range0_255
}

fn narrowed(full: &VideoColorimetry) -> VideoColorimetry {
    VideoColorimetry::new(VideoColorRange::Range16_235, full.matrix(), full.transfer(), full.primaries())
}
