// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pipeline: decode, protect, encode, with the sound alongside.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use advjnd_media::{UPRIGHT, drop_pictures, play, set_properties, settle_colorimetry};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use crate::Result;
use crate::options::Options;

const H264: &str = "x264enc pass=qual quantizer=18 speed-preset=medium ! video/x-h264,profile=high ! h264parse";
const FFV1: &str = "avenc_ffv1";
/// Encoders of AAC, best first.
const AAC: [&str; 3] = ["fdkaacenc", "avenc_aac", "voaacenc"];
/// What is needed beyond the core, and where Debian keeps it.
const PACKAGES: [(&str, &str); 6] = [
    ("decodebin", "gstreamer1.0-plugins-base"),
    ("deinterlace", "gstreamer1.0-plugins-good"),
    ("mp4mux", "gstreamer1.0-plugins-good"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("avenc_ffv1", "gstreamer1.0-libav"),
];

/// What was done.
pub struct Outcome {
    /// The element's `stats`.
    pub stats: gst::Structure,
    /// A moment at which as many faces as ever are protected.
    pub shown_at: Duration,
    /// Whether there was sound.
    pub sound: bool,
}

/// How many faces were protected in a frame.
struct Seen {
    at: gst::ClockTime,
    protected: usize,
}

/// A pipeline ready to run.
pub struct Transcode {
    pipeline: gst::Pipeline,
    protect: gst::Element,
    seen: Arc<Mutex<Vec<Seen>>>,
    sound: Arc<AtomicBool>,
}

impl Transcode {
    /// Of the options' input into the file `output`.
    pub fn new(options: &Options, output: &Path) -> Result<Self> {
        advjnd_media::require(&PACKAGES)?;
        let pipeline = gst::Pipeline::new();
        let source = gst::ElementFactory::make("filesrc").property("location", &options.input).build()?;
        let decoder = gst::ElementFactory::make("decodebin").build()?;
        let encode = if options.lossless { FFV1 } else { H264 };
        let video = gst::parse::bin_from_description(
            &format!("queue ! {UPRIGHT} ! advjndprotect name=protect ! queue ! {encode}"),
            true,
        )?;
        settle_colorimetry(&video)?;
        let mux = if options.lossless { "matroskamux" } else { "mp4mux" };
        let mux = gst::ElementFactory::make(mux).build()?;
        let sink = gst::ElementFactory::make("filesink").property("location", output).build()?;
        pipeline.add_many([&source, &decoder, video.upcast_ref(), &mux, &sink])?;
        source.link(&decoder)?;
        gst::Element::link_many([video.upcast_ref(), &mux, &sink])?;

        let protect = video.by_name("protect").ok_or("the pipeline lost its filter")?;
        set_properties(&protect, &options.properties)?;
        let seen = watch(&protect)?;
        let sound = Arc::new(AtomicBool::new(false));
        connect(&pipeline, &decoder, &video, &mux, &sound);
        Ok(Self { pipeline, protect, seen, sound })
    }

    /// Runs to the end of the file.
    pub fn run(self) -> Result<Outcome> {
        play(&self.pipeline, |warning| eprintln!("warning: {warning}"))?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Outcome {
            stats: self.protect.property("stats"),
            shown_at: most_telling(&seen),
            sound: self.sound.load(Ordering::Relaxed),
        })
    }
}

/// Notes what leaves the filter.
fn watch(protect: &gst::Element) -> Result<Arc<Mutex<Vec<Seen>>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pad = protect.static_pad("src").ok_or("the filter has no source pad")?;
    let notes = seen.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some((buffer, at)) = info.buffer().and_then(|buffer| Some((buffer, stream_time(pad, buffer)?))) {
            let verdicts = buffer
                .iter_meta::<VideoRegionOfInterestMeta>()
                .filter_map(|meta| meta.param("advjndprotect").and_then(|param| param.get::<String>("verdict").ok()));
            let protected = verdicts.filter(|verdict| verdict == "protected").count();
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { at, protected });
        }
        gst::PadProbeReturn::Ok
    });
    Ok(seen)
}

/// Where in the file a buffer belongs; time stamps may start anywhere.
fn stream_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_stream_time(buffer.pts())
}

/// The middle one of the frames with the most protected faces.
fn most_telling(seen: &[Seen]) -> Duration {
    let most = seen.iter().map(|frame| frame.protected).max().unwrap_or(0);
    let best: Vec<_> = seen.iter().filter(|frame| frame.protected == most).collect();
    best.get(best.len() / 2).map_or(Duration::ZERO, |frame| Duration::from(frame.at))
}

/// Links what the decoder finds: the first video, every sound.
fn connect(
    pipeline: &gst::Pipeline,
    decoder: &gst::Element,
    video: &gst::Bin,
    mux: &gst::Element,
    sound: &Arc<AtomicBool>,
) {
    let (weak, video, mux, sound) = (pipeline.downgrade(), video.clone(), mux.clone(), sound.clone());
    let video_pad = video.static_pad("sink");
    let first_video = video_pad.clone();
    decoder.connect_pad_added(move |decoder, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let kind = pad.current_caps().and_then(|caps| caps.structure(0).map(|structure| structure.name().to_string()));
        let linked = match (kind.as_deref(), &first_video) {
            (Some("video/x-raw"), Some(sink)) if !sink.is_linked() => pad.link(sink).map(|_| ()).map_err(Into::into),
            (Some("audio/x-raw"), _) => {
                sound.store(true, Ordering::Relaxed);
                link_sound(&pipeline, pad, &mux)
            }
            _ => Ok(()),
        };
        if let Err(error) = linked {
            gst::element_error!(decoder, gst::CoreError::Pad, ("{error}"));
        }
    });
    decoder.connect_no_more_pads(move |decoder| {
        if video_pad.as_ref().is_none_or(|pad| !pad.is_linked()) {
            gst::element_error!(decoder, gst::StreamError::WrongType, ("there is no video in the file"));
        }
    });
}

fn link_sound(pipeline: &gst::Pipeline, pad: &gst::Pad, mux: &gst::Element) -> Result<()> {
    let encoder = AAC.into_iter().find(|name| gst::ElementFactory::find(name).is_some());
    let encoder = encoder.ok_or("GStreamer has no encoder for AAC; install gstreamer1.0-libav")?;
    // The video encoder looks ahead: sound waits for it, however long.
    let waiting = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0";
    let description = format!("queue ! audioconvert ! audioresample ! {encoder} ! aacparse ! {waiting}");
    let bin = gst::parse::bin_from_description(&description, true)?;
    pipeline.add(&bin)?;
    bin.link(mux)?;
    bin.sync_state_with_parent()?;
    let sink = bin.static_pad("sink").ok_or("the sound branch has no sink pad")?;
    drop_pictures(&sink);
    pad.link(&sink)?;
    Ok(())
}
