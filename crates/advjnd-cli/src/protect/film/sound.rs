// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sound: as it is where the container holds it, else encoded anew.

use advjnd::{Error, Result};
use gst::prelude::*;

use super::super::message::{Fate, Stream};
use super::stream::{Found, media_type};
use super::tracks::{SOUND, Tracks};

/// Encoders of AAC, best first.
const AAC: [&str; 3] = ["fdkaacenc", "avenc_aac", "voaacenc"];
/// What brings a format into the shape that containers take.
const PARSERS: [(&str, i32, &str); 7] = [
    ("audio/mpeg", 4, "aacparse"),
    ("audio/mpeg", 2, "aacparse"),
    ("audio/mpeg", 1, "mpegaudioparse"),
    ("audio/x-ac3", 0, "ac3parse"),
    ("audio/x-eac3", 0, "ac3parse"),
    ("audio/x-flac", 0, "flacparse"),
    ("audio/x-dts", 0, "dcaparse"),
];
/// Speakers of so many channels, as GStreamer takes them where a file names none; bits of `channel-mask`.
const SPEAKERS: [(i32, u64); 6] = [(3, 0x7), (4, 0x33), (5, 0x37), (6, 0x3f), (7, 0x13f), (8, 0xc3f)];

/// Takes a track, which comes out of `from`, into the container, and says what becomes of it.
///
/// # Errors
/// [`Error::Input`] where what is needed for it is not installed.
pub fn take(tracks: &Tracks<'_>, track: &Found, from: &gst::Pad) -> Result<Stream> {
    let format = track.true_format.map(|format| format!("capssetter caps=audio/x-raw,format={format} ! "));
    let format = format.unwrap_or_default();
    if is_held(tracks, track) {
        let shape = shape(&track.caps).map(|parser| format!("{parser} ! ")).unwrap_or_default();
        tracks.link(from, &format!("{format}{shape}identity"), SOUND)?;
        return Ok(track.report(Fate::Copied, None));
    }
    let encoder = AAC.into_iter().find(|name| gst::ElementFactory::find(name).is_some());
    let encoder =
        encoder.ok_or_else(|| Error::input("GStreamer has no encoder for AAC; apt install gstreamer1.0-libav"))?;
    let decode = if media_type(&track.caps) == "audio/x-raw" { "" } else { "decodebin name=decode ! " };
    let description = format!(
        "{format}{decode}identity name=raw ! audioconvert ! audioresample ! {encoder} bitrate=192000 ! aacparse"
    );
    let bin = tracks.link(from, &description, SOUND)?;
    if let Some(raw) = bin.by_name("raw").and_then(|raw| raw.static_pad("sink")) {
        name_speakers(&raw);
    }
    Ok(track.report(Fate::Reencoded, Some("AAC".to_owned())))
}

/// Why a track cannot be taken, if it cannot.
pub fn refusal(tracks: &Tracks<'_>, track: &Found) -> Option<String> {
    (!is_held(tracks, track) && !track.is_decodable())
        .then(|| "no decoder for it is installed, and the container cannot hold it as it is".to_owned())
}

/// Whether the container holds the track as it is.
fn is_held(tracks: &Tracks<'_>, track: &Found) -> bool {
    let Some(structure) = track.caps.structure(0) else { return false };
    let mut plain = structure.to_owned();
    // A parser sees to these.
    if shape(&track.caps).is_some() {
        plain.remove_fields(["stream-format", "framed", "parsed", "alignment"]);
    }
    let is_loas = structure.get::<&str>("stream-format") == Ok("loas");
    let plain = gst::Caps::builder_full().structure(plain).build();
    !is_loas && tracks.takes(SOUND, &plain)
}

/// The parser for sound of these caps, if one is needed.
fn shape(caps: &gst::CapsRef) -> Option<&'static str> {
    let version = caps.structure(0).and_then(|structure| structure.value("mpegversion").ok());
    // What is not fixed yet is a list of versions of AAC.
    let version = version.map_or(0, |version| version.get::<i32>().unwrap_or(4));
    PARSERS.iter().find(|(name, of, _)| *name == media_type(caps) && *of == version).map(|(.., parser)| *parser)
}

/// Names the speakers of raw sound that comes to `pad` with more than two channels and no names for them: encoders
/// refuse it.
fn name_speakers(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Some(structure) = event.caps().structure(0)
            && let Ok(channels) = structure.get::<i32>("channels")
            && structure.get::<gst::Bitmask>("channel-mask").is_ok_and(|mask| mask.0 == 0)
            && let Some((_, mask)) = SPEAKERS.iter().find(|(number, _)| *number == channels)
        {
            let mut caps = event.caps_owned();
            caps.make_mut().set("channel-mask", gst::Bitmask(*mask));
            info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
}
