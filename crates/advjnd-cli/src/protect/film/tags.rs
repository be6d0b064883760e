// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a file tells besides picture and sound, and what of that goes on.

use gst::prelude::*;
use gst::tags::{ImageOrientation, LanguageCode, Tag};

use super::super::settings::Settings;
use super::LEFT_OUT;

/// Takes from the tags that come to `pad` those that do not go on: all but the language, or, where metadata is to be
/// kept, those that hold a picture or a file. How the picture is to be turned is never told: it has been turned.
/// Chapters go on, unless all that is beside picture and sound is to be left out.
pub fn filter(pad: &gst::Pad, settings: &Settings) {
    let (keep, strip) = (settings.keep_metadata, settings.strip);
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| match info.event().map(|event| event.view()) {
        Some(gst::EventView::Tag(event)) => {
            let tags = going_on(event.tag(), keep);
            if tags.n_tags() == 0 {
                return LEFT_OUT;
            }
            info.data = Some(gst::PadProbeData::Event(gst::event::Tag::new(tags)));
            gst::PadProbeReturn::Ok
        }
        Some(gst::EventView::Toc(_)) if strip => LEFT_OUT,
        _ => gst::PadProbeReturn::Ok,
    });
}

fn going_on(tags: &gst::TagListRef, keep: bool) -> gst::TagList {
    let mut kept = tags.to_owned();
    for name in (0..tags.n_tags()).filter_map(|index| tags.nth_tag_name(index)) {
        let kind = tags.index_generic(name, 0).map(|value| value.type_());
        let is_file = kind.is_some_and(|kind| kind == gst::Sample::static_type() || kind == gst::Buffer::static_type());
        let goes_on = name == LanguageCode::TAG_NAME || keep && !is_file && name != ImageOrientation::TAG_NAME;
        if !goes_on {
            kept.make_mut().remove_generic(name);
        }
    }
    kept
}
