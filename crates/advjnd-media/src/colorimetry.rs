// SPDX-License-Identifier: MIT OR Apache-2.0
//! What colours a source means, settled before anything converts them.

use advjnd::{Error, Result};
use gst::prelude::*;
use gst_video::VideoColorimetry;

use crate::full_range::narrow;

/// What encoders tell and players understand.
const KNOWN: [&str; 3] = ["bt601", "bt709", "bt2020"];

/// Names the colorimetry where the source of `video` does not, and narrows full-range video. `video` has one sink pad
/// and holds [`UPRIGHT`](crate::UPRIGHT).
///
/// `videoconvert` would choose among the colorimetries that are allowed and convert to it, so one is: that with the
/// matrix of the source, or any where it has none. GStreamer 1.22 takes full range without a matrix for limited range,
/// and turns one range into the other by name alone where the matrix stays the same; encoders and containers tell
/// players different ranges.
///
/// # Errors
/// [`Error::Input`] if `video` has no sink pad, or no filters named `range` and `colours`.
pub fn settle_colorimetry(video: &gst::Bin) -> Result<()> {
    let filter = |name| video.by_name(name).ok_or_else(|| Error::input("the video branch lost a filter"));
    let (range, colours) = (filter("range")?, filter("colours")?);
    colours.set_property("caps", known(None));
    narrow(&range);
    let pad = video.static_pad("sink").ok_or_else(|| Error::input("the video branch has no sink pad"))?;
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Some((colorimetry, mut caps)) = with_colorimetry(event.caps())
        {
            let through = gst_video::VideoCapsBuilder::new();
            let full = colorimetry.range() == gst_video::VideoColorRange::Range0_255;
            let through =
                if full { through.format(gst_video::VideoFormat::I420).build() } else { gst::Caps::new_any() };
            range.set_property("caps", through);
            colours.set_property("caps", known(Some(&colorimetry)));
            caps.make_mut().set("colorimetry", colorimetry.to_string());
            info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// 8-bit 4:2:0 of a colorimetry that players know: that with the matrix of `source`, else any.
fn known(source: Option<&VideoColorimetry>) -> gst::Caps {
    let has_its_matrix = |name: &&str| {
        let known = name.parse::<VideoColorimetry>();
        known.is_ok_and(|known| source.is_some_and(|source| known.matrix() == source.matrix()))
    };
    let one = KNOWN.into_iter().find(has_its_matrix);
    let allowed = one.map_or_else(|| gst::List::new(KNOWN).to_send_value(), |name| name.to_send_value());
    gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::I420).field("colorimetry", allowed).build()
}

/// The colorimetry of Y'CbCr video, what its caps leave open as is usual for its size; `None` for others.
fn with_colorimetry(caps: &gst::CapsRef) -> Option<(VideoColorimetry, gst::Caps)> {
    let source = gst_video::VideoInfo::from_caps(caps).ok().filter(|source| source.is_yuv())?;
    let usual = gst_video::VideoInfo::builder(source.format(), source.width(), source.height()).build().ok()?;
    let usual = usual.colorimetry();
    let given = caps.structure(0)?.get::<&str>("colorimetry").ok().and_then(|text| text.parse().ok());
    let named = match given {
        Some(given) if VideoColorimetry::matrix(&given) == gst_video::VideoColorMatrix::Unknown => {
            let range =
                if given.range() == gst_video::VideoColorRange::Unknown { usual.range() } else { given.range() };
            VideoColorimetry::new(range, usual.matrix(), usual.transfer(), usual.primaries())
        }
        Some(given) => given,
        None => usual,
    };
    Some((named, caps.to_owned()))
}
