// SPDX-License-Identifier: MIT OR Apache-2.0
//! What colours a source means, settled before anything converts them.

use advjnd::{Error, Result};
use gst::prelude::*;

/// Names the colorimetry where the source of `video` does not, and sends full-range video through R'G'B'. `video` has
/// one sink pad and holds [`UPRIGHT`](crate::UPRIGHT).
///
/// Where a source names none, `videoconvert` would choose among those allowed and convert to it. GStreamer 1.22 takes
/// full range without a matrix for limited range, and turns one range into the other by name alone where the matrix
/// stays the same; encoders and containers tell players different ranges.
///
/// # Errors
/// [`Error::Input`] if `video` has no sink pad or no filter named `range`.
pub fn settle_colorimetry(video: &gst::Bin) -> Result<()> {
    let range = video.by_name("range").ok_or_else(|| Error::input("the video branch lost its filter"))?;
    let pad = video.static_pad("sink").ok_or_else(|| Error::input("the video branch has no sink pad"))?;
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Some((colorimetry, mut caps)) = with_colorimetry(event.caps())
        {
            let through = gst_video::VideoCapsBuilder::new();
            let full = colorimetry.range() == gst_video::VideoColorRange::Range0_255;
            let through =
                if full { through.format(gst_video::VideoFormat::Rgbx).build() } else { gst::Caps::new_any() };
            range.set_property("caps", through);
            caps.make_mut().set("colorimetry", colorimetry.to_string());
            info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// The colorimetry of Y'CbCr video, what its caps leave open as is usual for its size; `None` for others.
fn with_colorimetry(caps: &gst::CapsRef) -> Option<(gst_video::VideoColorimetry, gst::Caps)> {
    let source = gst_video::VideoInfo::from_caps(caps).ok().filter(|source| source.is_yuv())?;
    let usual = gst_video::VideoInfo::builder(source.format(), source.width(), source.height()).build().ok()?;
    let usual = usual.colorimetry();
    let given = caps.structure(0)?.get::<&str>("colorimetry").ok().and_then(|text| text.parse().ok());
    let named = match given {
        Some(given) if gst_video::VideoColorimetry::matrix(&given) == gst_video::VideoColorMatrix::Unknown => {
            let range =
                if given.range() == gst_video::VideoColorRange::Unknown { usual.range() } else { given.range() };
            gst_video::VideoColorimetry::new(range, usual.matrix(), usual.transfer(), usual.primaries())
        }
        Some(given) => given,
        None => usual,
    };
    Some((named, caps.to_owned()))
}
