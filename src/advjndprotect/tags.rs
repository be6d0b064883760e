// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tags: pictures in them are removed, and frames that a player would have to turn are refused.
//!
//! A muxer writes the pictures in the tags into its file, for example cover art with a clean face. And the detector
//! misses faces that lie on their side.

use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;
use gst::tags::{ImageOrientation, Tag};
use gst_base::prelude::*;

use super::imp::{AdvJndProtect, lock};

/// The orientation of a frame that is shown without turning.
const UPRIGHT: &str = "rotate-0";
/// Largest number of upstream elements to check for one that turns frames.
const REACH: usize = 64;

/// How a player must turn frames, by the tags of each scope; `None`: they are upright.
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

    /// Forgets the tags: another stream begins.
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
    /// The event to pass on. TAG events go on without pictures; `None` if nothing is left. Stores how frames must be
    /// turned.
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

/// Whether an element upstream of `pad` turns frames as their tag says.
fn is_turned(pad: &gst::Pad) -> bool {
    let mut sink = pad.clone();
    for _ in 0..REACH {
        let Some(source) = sink.peer() else { return false };
        let Some(element) = source.parent_element() else {
            // The inner pad of a bin's boundary: continue upstream of the bin.
            let outer = source.downcast_ref::<gst::ProxyPad>().and_then(|inner| inner.internal());
            let Some(outer) = outer else { return false };
            sink = outer.upcast();
            continue;
        };
        if follows_tags(&element) {
            return true;
        }
        let before = match source.downcast_ref::<gst::GhostPad>() {
            // The outer pad of the boundary of an upstream bin: continue inside it.
            Some(ghost) => ghost.internal().map(|inner| inner.upcast()),
            None => only(element.sink_pads()),
        };
        let Some(before) = before else { return false };
        sink = before;
    }
    false
}

/// The only one of `pads`; `None` if there are several, since the source of the frames is then unclear.
fn only(pads: Vec<gst::Pad>) -> Option<gst::Pad> {
    <[gst::Pad; 1]>::try_from(pads).ok().map(|[pad]| pad)
}

/// Whether `element` turns frames by their tag.
fn follows_tags(element: &gst::Element) -> bool {
    let value = element.find_property("video-direction").map(|spec| element.property_value(spec.name()));
    value.as_ref().and_then(glib::EnumValue::from_value).is_some_and(|(_, direction)| direction.nick() == "auto")
}
