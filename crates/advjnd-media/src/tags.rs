// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tags on branches that the filter does not see.

use gst::prelude::*;

/// Takes what holds a picture or a file (cover art, attachments) from the tags that come to `pad`, as the filter does
/// on its own branch: those of a whole file come with its sound as well.
pub fn drop_pictures(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        let Some(gst::EventView::Tag(event)) = info.event().map(|event| event.view()) else {
            return gst::PadProbeReturn::Ok;
        };
        let tags = without_pictures(event.tag());
        if tags.n_tags() == 0 {
            return gst::PadProbeReturn::Drop;
        }
        info.data = Some(gst::PadProbeData::Event(gst::event::Tag::new(tags)));
        gst::PadProbeReturn::Ok
    });
}

fn without_pictures(tags: &gst::TagListRef) -> gst::TagList {
    let mut kept = tags.to_owned();
    for name in (0..tags.n_tags()).filter_map(|index| tags.nth_tag_name(index)) {
        let kind = tags.index_generic(name, 0).map(|value| value.type_());
        if kind.is_some_and(|kind| kind == gst::Sample::static_type() || kind == gst::Buffer::static_type()) {
            kept.make_mut().remove_generic(name);
        }
    }
    kept
}
