// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces that an analysis has found, told to the filter in place of its own search.

use std::sync::atomic::{AtomicBool, Ordering};

use advjnd::{Error, Result};
use advjnd_media::set_properties;
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use super::super::settings::ELEMENT;
use super::watch::stream_time;
use crate::analysis::{COVERED, Mark, Marks};

/// Has the filter `protect` take its faces from `marks`.
///
/// # Errors
/// [`Error::Input`] where the filter has no such properties.
pub fn give(protect: &gst::Element, marks: Marks) -> Result<()> {
    let properties = [("detector", "roi-meta"), ("roi-types", COVERED)];
    set_properties(protect, &properties.map(|(name, value)| (name.to_owned(), value.to_owned())))?;
    let pad = protect.static_pad("sink").ok_or_else(|| Error::input("the filter has no sink pad"))?;
    let is_lost = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let at = info.buffer().and_then(|buffer| stream_time(pad, buffer));
        let size = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
        let fits = size.is_some_and(|size| [size.width(), size.height()] == marks.size);
        let at = at.filter(|_| fits);
        let known = at.and_then(|at| marks.at(at.seconds_f64()));
        match (known, info.buffer_mut()) {
            (Some(known), Some(buffer)) => {
                let buffer = buffer.make_mut();
                known.iter().for_each(|mark| add(buffer, mark, marks.size));
            }
            // A frame that nobody looked at must not go out.
            _ if !is_lost.swap(true, Ordering::Relaxed) => refuse(pad, at),
            _ => (),
        }
        if is_lost.load(Ordering::Relaxed) { super::LEFT_OUT } else { gst::PadProbeReturn::Ok }
    });
    Ok(())
}

fn refuse(pad: &gst::Pad, at: Option<gst::ClockTime>) {
    if let Some(element) = pad.parent_element() {
        let at = at.map_or("of this size".to_owned(), |at| format!("at {:.3} s", at.seconds_f64()));
        gst::element_error!(
            element,
            gst::StreamError::Failed,
            ("the analysis has no frame {at}; make it anew with `advjnd analyze` and the same --both-fields")
        );
    }
}

/// Adds `mark` to a frame of `size`.
fn add(buffer: &mut gst::BufferRef, mark: &Mark, [width, height]: [u32; 2]) {
    let [x, y, wide, high] = mark.bbox;
    let span = |from: f32, length: f32, limit: u32| {
        let low = from.floor().clamp(0.0, limit as f32) as u32;
        let high = (from + length).ceil().clamp(0.0, limit as f32) as u32;
        (low, high.saturating_sub(low))
    };
    let ((x, wide), (y, high)) = (span(x, wide, width), span(y, high, height));
    if wide == 0 || high == 0 {
        return;
    }
    let kind = if mark.covered { COVERED } else { "face" };
    let mut meta = VideoRegionOfInterestMeta::add(buffer, kind, (x, y, wide, high));
    if let Some(landmarks) = mark.landmarks {
        let numbers = landmarks.iter().flatten().map(|value| f64::from(*value).to_send_value());
        // Not by the filter's own name: what another one of it did is no mark.
        let name = format!("{ELEMENT}-analysis");
        meta.add_param(gst::Structure::builder(name).field("landmarks", gst::Array::from_values(numbers)).build());
    }
}
