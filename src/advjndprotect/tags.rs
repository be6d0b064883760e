// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tags: pictures among them do not go on, and a frame that is to be turned by whoever shows it is refused.
//!
//! A muxer writes the pictures among the tags into its file: cover art with a clean face. And the detector misses faces
//! that lie on their side.

use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;
use gst::tags::{ImageOrientation, Tag};
use gst_base::prelude::*;

use super::imp::{AdvJndProtect, lock};

/// The orientation of a frame that is shown as it lies in its buffer.
const UPRIGHT: &str = "rotate-0";
/// How many elements are looked at, from the sink pad up, for one that turns frames.
const REACH: usize = 64;

/// How frames are to be turned to be shown, by the tags of each scope; `None`: they stand upright.
#[derive(Debug, Default)]
pub(super) struct Orientation {
    global: Option<String>,
    stream: Option<String>,
}

impl Orientation {
    fn note(&mut self, scope: gst::TagScope, orientation: &str) {
        let slot = if scope == gst::TagScope::Global { &mut self.global } else { &mut self.stream };
        *slot = (orientation != UPRIGHT).then(|| orientation.to_owned());
    }

    /// Another stream begins.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Why frames are refused, and what to do about it.
    pub(super) fn refusal(&self) -> Option<gst::ErrorMessage> {
        let orientation = self.stream.as_ref().or(self.global.as_ref())?;
        Some(gst::error_msg!(
            gst::StreamError::Format,
            ("Video with image-orientation {orientation} is refused, for faces that do not stand upright would be \
                 missed; put videoflip video-direction=auto in front")
        ))
    }
}

impl AdvJndProtect {
    /// What goes on of an event: of TAG events what is no picture, `None` if that is nothing. Notes how frames are to
    /// be turned.
    pub(super) fn filter_tags(&self, event: gst::Event) -> Option<gst::Event> {
        let gst::EventView::Tag(tag) = event.view() else { return Some(event) };
        let mut tags = without_pictures(tag.tag());
        if let Some(orientation) = tags.generic(ImageOrientation::TAG_NAME) {
            // Until GStreamer 1.22.5, videoflip turns frames and leaves the tag as it was.
            if is_turned(self.obj().sink_pad()) {
                tags.make_mut().add::<ImageOrientation>(&UPRIGHT, gst::TagMergeMode::Replace);
                lock(&self.orientation).note(tags.scope(), UPRIGHT);
            } else {
                lock(&self.orientation).note(tags.scope(), orientation.get().unwrap_or_default());
            }
        }
        if tags.n_tags() == 0 {
            return None;
        }
        let (number, offset) = (tag.seqnum(), tag.running_time_offset());
        Some(gst::event::Tag::builder(tags).seqnum(number).running_time_offset(offset).build())
    }
}

/// The `tags` that hold no picture and no file (`image`, `preview-image`, `attachment`, what demuxers pass on unread).
fn without_pictures(tags: &gst::TagListRef) -> gst::TagList {
    let mut kept = tags.to_owned();
    let names = (0..tags.n_tags()).filter_map(|index| tags.nth_tag_name(index));
    for name in names {
        let kind = tags.index_generic(name, 0).map(|value| value.type_());
        if kind.is_some_and(|kind| kind == gst::Sample::static_type() || kind == gst::Buffer::static_type()) {
            kept.make_mut().remove_generic(name);
        }
    }
    kept
}

/// Whether an element in front of `pad` turns frames as their tag says.
fn is_turned(pad: &gst::Pad) -> bool {
    let mut sink = pad.clone();
    for _ in 0..REACH {
        let Some(source) = sink.peer() else { return false };
        let Some(element) = source.parent_element() else {
            // The inner side of a bin's wall: go on in front of the bin.
            let outer = source.downcast_ref::<gst::ProxyPad>().and_then(|inner| inner.internal());
            let Some(outer) = outer else { return false };
            sink = outer.upcast();
            continue;
        };
        if follows_tags(&element) {
            return true;
        }
        let before = match source.downcast_ref::<gst::GhostPad>() {
            // The outer side of the wall of a bin in front: go on in it.
            Some(ghost) => ghost.internal().map(|inner| inner.upcast()),
            None => only(element.sink_pads()),
        };
        let Some(before) = before else { return false };
        sink = before;
    }
    false
}

/// The one of `pads`; `None` where it is not certain which of several the frames come from.
fn only(pads: Vec<gst::Pad>) -> Option<gst::Pad> {
    <[gst::Pad; 1]>::try_from(pads).ok().map(|[pad]| pad)
}

/// Whether `element` is one that turns frames, and told to do so by their tag.
fn follows_tags(element: &gst::Element) -> bool {
    let value = element.find_property("video-direction").map(|spec| element.property_value(spec.name()));
    value.as_ref().and_then(glib::EnumValue::from_value).is_some_and(|(_, direction)| direction.nick() == "auto")
}
