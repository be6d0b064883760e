// SPDX-License-Identifier: MIT OR Apache-2.0
//! Subtitles: as they are where the container holds them, else left out.

use advjnd::{Error, Result};
use gst::prelude::*;

use super::super::container::Container;
use super::super::message::{Fate, Stream};
use super::stream::{Found, media_type};
use super::tracks::Tracks;

const TEMPLATE: &str = "subtitle_%u";
const TEXT: &str = "text/x-raw";
/// What stands for characters that markup needs itself; `&` last, for it begins all others.
const ESCAPES: [(&str, &str); 5] = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];

/// Why subtitles are left out, if they are.
pub fn refusal(tracks: &Tracks<'_>, track: &Found) -> Option<String> {
    if tracks.settings.strip {
        return Some("--strip".to_owned());
    }
    let is_held = tracks.takes(TEMPLATE, &as_written(&track.caps));
    (!is_held).then(|| "the container cannot hold them; name an output in .mkv".to_owned())
}

/// Takes a track, which comes out of `from`, into a container.
///
/// # Errors
/// [`advjnd::Error::Input`] if it takes no more.
pub fn take(tracks: &Tracks<'_>, track: &Found, from: &gst::Pad, container: Container) -> Result<Stream> {
    if media_type(&track.caps) != TEXT {
        tracks.link(from, "identity", TEMPLATE)?;
        return Ok(track.report(Fate::Copied, None));
    }
    let bin = tracks.link(from, &format!("capssetter caps={TEXT},format=utf8"), TEMPLATE)?;
    let pad = bin.static_pad("sink").ok_or_else(|| Error::input("a track lost its pads"))?;
    let keeps_tags = container == Container::Matroska;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            *buffer = plain(buffer, keeps_tags);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(track.report(Fate::Copied, None))
}

/// The caps with which subtitles are written: demuxers give text with markup, muxers take it without.
fn as_written(caps: &gst::CapsRef) -> gst::Caps {
    let mut caps = caps.to_owned();
    if media_type(&caps) == TEXT {
        caps.make_mut().set("format", "utf8");
    }
    caps
}

/// A line of text as containers hold it: without escapes, and without tags such as `<i>` unless it `keeps_tags`.
fn plain(buffer: &gst::Buffer, keeps_tags: bool) -> gst::Buffer {
    let Ok(map) = buffer.map_readable() else { return buffer.clone() };
    let mut text = String::from_utf8_lossy(&map).into_owned();
    if !keeps_tags {
        text = without_tags(&text);
    }
    ESCAPES.iter().for_each(|(escape, character)| text = text.replace(escape, character));
    let mut written = gst::Buffer::from_mut_slice(text.into_bytes());
    if let Some(written) = written.get_mut() {
        written.set_pts(buffer.pts());
        written.set_dts(buffer.dts());
        written.set_duration(buffer.duration());
        written.set_flags(buffer.flags());
    }
    written
}

fn without_tags(text: &str) -> String {
    let mut is_inside = false;
    let is_kept = |character: &char| {
        is_inside |= *character == '<';
        let is_kept = !is_inside;
        is_inside &= *character != '>';
        is_kept
    };
    text.chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_its_markup_and_keeps_its_words() {
        gst::init().unwrap();
        let text = |keeps_tags| {
            let buffer = gst::Buffer::from_slice("<i>Tom &amp; Jerry</i>: 1 &lt; 2 &amp;lt;");
            let map = plain(&buffer, keeps_tags).into_mapped_buffer_readable().unwrap();
            String::from_utf8(map.to_vec()).unwrap()
        };
        assert_eq!(text(false), "Tom & Jerry: 1 < 2 &lt;");
        assert_eq!(text(true), "<i>Tom & Jerry</i>: 1 < 2 &lt;");
    }
}
