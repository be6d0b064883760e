// SPDX-License-Identifier: MIT OR Apache-2.0
//! The streams of a file, what people call them, and which of them is protected.

use advjnd::{Error, Result};
use gst::prelude::*;

use super::super::message::{Fate, Stream};
use super::byte_order;
use super::flow::Flow;

/// Formats as people call them, by the media type of their caps.
const FORMATS: [(&str, &str); 33] = [
    ("video/x-h264", "H.264"),
    ("video/x-h265", "HEVC"),
    ("video/x-vp8", "VP8"),
    ("video/x-vp9", "VP9"),
    ("video/x-av1", "AV1"),
    ("video/x-raw", "uncompressed"),
    ("image/jpeg", "Motion JPEG"),
    ("image/png", "PNG"),
    ("video/x-theora", "Theora"),
    ("video/x-prores", "ProRes"),
    ("video/x-dnxhd", "DNxHD"),
    ("video/x-dv", "DV"),
    ("video/x-huffyuv", "HuffYUV"),
    ("video/x-wmv", "Windows Media"),
    ("video/x-h263", "H.263"),
    ("video/x-divx", "DivX"),
    ("video/x-xvid", "Xvid"),
    ("audio/x-raw", "PCM"),
    ("audio/x-ac3", "AC-3"),
    ("audio/x-eac3", "E-AC-3"),
    ("audio/x-dts", "DTS"),
    ("audio/x-opus", "Opus"),
    ("audio/x-vorbis", "Vorbis"),
    ("audio/x-flac", "FLAC"),
    ("audio/x-alac", "ALAC"),
    ("audio/x-alaw", "A-law"),
    ("audio/x-mulaw", "µ-law"),
    ("audio/x-wma", "Windows Media"),
    ("audio/AMR", "AMR"),
    ("audio/AMR-WB", "AMR-WB"),
    ("text/x-raw", "text"),
    ("application/x-ssa", "SSA"),
    ("application/x-ass", "ASS"),
];

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Video,
    /// A still among moving pictures: a thumbnail.
    Picture,
    Sound,
    Subtitles,
    Data,
}

impl Kind {
    /// That of a stream with these caps.
    fn of(caps: &gst::CapsRef) -> Self {
        let name = media_type(caps);
        match name.split_once('/') {
            Some(("video", _)) => Self::Video,
            Some(("image", _)) => Self::Picture,
            Some(("audio", _)) => Self::Sound,
            Some(("text" | "subtitle" | "subpicture" | "closedcaption", _)) => Self::Subtitles,
            _ if matches!(
                name,
                "application/x-ssa" | "application/x-ass" | "application/x-usf" | "application/ttml+xml"
            ) =>
            {
                Self::Subtitles
            }
            _ => Self::Data,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Picture => "picture",
            Self::Sound => "sound",
            Self::Subtitles => "subtitles",
            Self::Data => "data",
        }
    }
}

/// A stream that a demuxer gives.
#[derive(Debug)]
pub struct Found {
    /// Where it comes out of the parser.
    pub parsed: gst::Pad,
    /// Where it comes out of its queue.
    pub queued: gst::Pad,
    /// What holds it back there until something is linked.
    hold: Option<gst::PadProbeId>,
    /// What has come of it.
    pub flow: Flow,
    /// What it is.
    pub kind: Kind,
    /// Its caps; not fixed where a parser waits for what is wanted.
    pub caps: gst::Caps,
    /// The format of uncompressed sound, where the demuxer tells another one.
    pub true_format: Option<&'static str>,
}

impl Found {
    /// The stream that comes out of the pad `parsed` of a parser and of `queued`, where `hold` holds it back.
    pub fn new(parsed: gst::Pad, queued: gst::Pad, hold: Option<gst::PadProbeId>, flow: Flow) -> Self {
        let caps = parsed.query_caps(None);
        let mut found = Self { parsed, queued, hold, flow, kind: Kind::of(&caps), caps, true_format: None };
        found.look_again();
        found
    }

    /// Takes over its caps, where it has told them by now.
    pub fn look_again(&mut self) {
        if let Some(caps) = self.parsed.current_caps() {
            self.kind = Kind::of(&caps);
            self.caps = caps;
        }
    }

    /// Has its uncompressed sound taken for what it is, least significant byte first.
    pub fn set_little_endian(&mut self) {
        self.true_format = byte_order::true_format(&self.caps);
        if let Some(format) = self.true_format {
            self.caps.make_mut().set("format", format);
        }
    }

    /// Lets it flow.
    pub fn release(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.queued.remove_probe(hold);
        }
    }

    /// Its format and language, for people.
    pub fn format(&self) -> String {
        let format = format(&self.caps);
        let language = (0..)
            .map_while(|index| self.parsed.sticky_event::<gst::event::Tag>(index))
            .find_map(|event| event.tag().get::<gst::tags::LanguageCode>().map(|language| language.get().to_owned()));
        language.map_or(format.clone(), |language| format!("{format}, {language}"))
    }

    /// Itself in a report.
    pub fn report(&self, fate: Fate, detail: Option<String>) -> Stream {
        Stream { kind: self.kind.name().to_owned(), format: self.format(), fate, detail }
    }

    /// Why it cannot be decoded, if it cannot.
    pub fn undecodable(&self) -> Option<String> {
        (!self.is_decodable()).then(|| {
            format!(
                "no decoder for {} is installed; apt install gstreamer1.0-libav gstreamer1.0-plugins-bad, or convert \
                 the file first",
                self.format()
            )
        })
    }

    /// Whether an element is installed that decodes it.
    pub fn is_decodable(&self) -> bool {
        media_type(&self.caps).ends_with("/x-raw")
            || gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::MARGINAL)
                .iter()
                .any(|factory| factory.can_sink_any_caps(&self.caps))
    }
}

/// The media type of `caps`.
pub fn media_type(caps: &gst::CapsRef) -> &str {
    caps.structure(0).map_or("", |structure| structure.name().as_str())
}

/// The format that `caps` describe, for people.
fn format(caps: &gst::CapsRef) -> String {
    let name = media_type(caps);
    let number = |field: &str| caps.structure(0).and_then(|structure| structure.get::<i32>(field).ok());
    match (name, number("mpegversion"), number("layer")) {
        ("video/mpeg", Some(4), _) => "MPEG-4 video".to_owned(),
        ("video/mpeg", Some(version), _) => format!("MPEG-{version} video"),
        ("audio/mpeg", Some(1), Some(layer)) => format!("MP{layer}"),
        ("audio/mpeg", Some(1), None) => "MPEG audio".to_owned(),
        ("audio/mpeg", ..) => "AAC".to_owned(),
        _ => FORMATS.iter().find(|(kind, _)| *kind == name).map_or(name, |(_, format)| format).to_owned(),
    }
}

/// The place among `streams` of the one that people mean: the first video, else the only moving picture that is stored
/// as stills.
///
/// # Errors
/// [`Error::Input`] if there is none, or no decoder for it is installed.
pub fn main_video(streams: &[Found]) -> Result<usize> {
    let first = |kind| streams.iter().position(|stream: &Found| stream.kind == kind);
    let main = first(Kind::Video).or(first(Kind::Picture));
    let (main, video) = main.and_then(|main| Some((main, streams.get(main)?))).ok_or_else(|| {
        let others: Vec<_> = streams.iter().map(Found::format).collect();
        Error::input(format!(
            "GStreamer finds no video in it, but {}; if players show one, convert it first: ffmpeg -i FILE NEW.mkv (a \
             video of less than a fifth of the sound's length counts as a preview: add -shortest)",
            listed(&others)
        ))
    })?;
    video.undecodable().map_or(Ok(main), |reason| Err(Error::Input(reason)))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing that can be read".to_owned() } else { names.join(", ") }
}
