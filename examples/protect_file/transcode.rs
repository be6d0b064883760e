//! The pipeline: decode, protect, encode, with the sound alongside.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use crate::Result;
use crate::options::Options;

/// From decoded video to what the encoder takes: upright, progressive, 8-bit, of a colorimetry that players know (encoders
/// and containers lose the full range of some cameras).
const VIDEO: &str = "queue ! deinterlace fields=top ! videoflip method=automatic ! videoconvert ! capsfilter name=range ! \
                     videoconvert dither=none ! video/x-raw,format=I420,colorimetry=(string){ bt601, bt709, bt2020 } ! \
                     advjndprotect name=protect ! queue";
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
    pub fn new(options: &Options) -> Result<Self> {
        for (element, package) in PACKAGES {
            if gst::ElementFactory::find(element).is_none() {
                return Err(format!("GStreamer has no {element}; install {package}").into());
            }
        }
        let pipeline = gst::Pipeline::new();
        let source = gst::ElementFactory::make("filesrc").property("location", &options.input).build()?;
        let decoder = gst::ElementFactory::make("decodebin").build()?;
        let encode = if options.lossless { FFV1 } else { H264 };
        let video = gst::parse::bin_from_description(&format!("{VIDEO} ! {encode}"), true)?;
        settle_colorimetry(&video)?;
        let mux = if options.lossless { "matroskamux" } else { "mp4mux" };
        let mux = gst::ElementFactory::make(mux).build()?;
        let sink = gst::ElementFactory::make("filesink").property("location", &options.output).build()?;
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
        let result = self.play();
        self.pipeline.set_state(gst::State::Null)?;
        result?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Outcome {
            stats: self.protect.property("stats"),
            shown_at: most_telling(&seen),
            sound: self.sound.load(Ordering::Relaxed),
        })
    }

    fn play(&self) -> Result<()> {
        let bus = self.pipeline.bus().ok_or("the pipeline has no bus")?;
        // Why it does not start is on the bus.
        let started = self.pipeline.set_state(gst::State::Playing);
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
        let patience = started.is_err().then_some(gst::ClockTime::SECOND);
        while let Some(message) = bus.timed_pop_filtered(patience, &kinds) {
            match message.view() {
                gst::MessageView::Eos(_) => return Ok(()),
                gst::MessageView::Warning(warning) => eprintln!("warning: {}", warning.error()),
                gst::MessageView::Error(error) => {
                    let details = error.debug().unwrap_or_default();
                    return Err(format!("{}\n{details}", error.error()).into());
                }
                _ => (),
            }
        }
        Err("the pipeline does not start".into())
    }
}

/// Names the colorimetry where the source does not, and sends full-range video through R'G'B'.
///
/// Where a source names none, `videoconvert` would choose among those allowed and convert to it. GStreamer 1.22 takes full
/// range without a matrix for limited range, and turns one range into the other by name alone where the matrix stays the
/// same; encoders and containers tell players different ranges.
fn settle_colorimetry(video: &gst::Bin) -> Result<()> {
    let range = video.by_name("range").ok_or("the video branch lost its filter")?;
    let pad = video.static_pad("sink").ok_or("the video branch has no sink pad")?;
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

fn set_properties(element: &gst::Element, properties: &[(String, String)]) -> Result<()> {
    for (name, text) in properties {
        let spec = element.find_property(name).ok_or_else(|| {
            format!("the element has no property `{name}`; gst-inspect-1.0 advjndprotect lists those it has")
        })?;
        let value = glib::Value::deserialize_with_pspec(text, &spec)
            .map_err(|_| format!("property `{name}` cannot be `{text}`: it is a {}", spec.value_type()))?;
        element.set_property_from_value(name, &value);
    }
    Ok(())
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
    pad.link(&sink)?;
    Ok(())
}
