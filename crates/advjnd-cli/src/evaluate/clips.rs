// SPDX-License-Identifier: MIT OR Apache-2.0
//! A clip on its way: decoded once without loss, protected by the element itself, encoded, read frame by frame.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use advjnd::{Error, Result};
use advjnd_media::{Frames, UPRIGHT, pipeline, play, require, set_properties, settle_colorimetry};
use gst::prelude::*;
use serde::{Deserialize, Serialize};

use super::variants::{PACKAGES, Variant};

/// Without loss, and every frame by itself.
const WRITE: &str = "avenc_ffv1 ! matroskamux ! filesink name=written";
const READ: &str = "filesrc name=read ! matroskademux ! avdec_ffv1 ! queue";
const FFV1: [(&str, &str); 2] = [("avenc_ffv1", "gstreamer1.0-libav"), ("matroskamux", "gstreamer1.0-plugins-good")];

/// The element's own account of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Frames processed.
    pub frames: u64,
    /// Faces, one per face and frame.
    pub faces: u64,
    /// Of these, protected by its self-check.
    pub protected: u64,
    /// Of these, covered.
    pub covered: u64,
    /// Gradients.
    pub iterations: u64,
}

/// Starts GStreamer with the element, and checks that it has what is needed.
pub fn start() -> Result<()> {
    let failed = |error: String| Error::input(format!("GStreamer does not start: {error}"));
    gst::init().map_err(|error| failed(error.to_string()))?;
    gstadvjndprotect::plugin_register_static().map_err(|error| failed(error.to_string()))?;
    require(&PACKAGES)?;
    require(&FFV1)
}

/// A file without loss.
#[derive(Debug)]
pub struct Lossless {
    path: PathBuf,
}

impl Lossless {
    /// The first `most` frames of `clip`, as the element would get them, written to `path`.
    pub fn decode(clip: &Path, most: Option<u32>, path: PathBuf) -> Result<Self> {
        if !clip.is_file() {
            return Err(Error::input(format!("there is no file {}; name a clip", clip.display())));
        }
        let decode = pipeline("filesrc name=read ! decodebin name=decoder")?;
        let video =
            gst::parse::bin_from_description(&format!("queue ! {UPRIGHT} ! identity name=first ! {WRITE}"), true)
                .map_err(|error| Error::input(format!("GStreamer cannot decode: {error}")))?;
        settle_colorimetry(&video)?;
        decode.add(&video).map_err(|error| Error::input(error.to_string()))?;
        locate(&decode, "read", clip)?;
        locate(&decode, "written", &path)?;
        connect(&decode, &video)?;
        end_after(&named(&decode, "first")?, most)?;
        of(clip, play(&decode, |_| ()))?;
        Ok(Self { path })
    }

    /// What the element makes of it with `properties`, written to `path`, and the element's account.
    pub fn protect(&self, properties: &[(String, String)], path: PathBuf) -> Result<(Self, Stats)> {
        let protect = pipeline(&format!("{READ} ! advjndprotect name=protect ! queue ! {WRITE}"))?;
        let element = named(&protect, "protect")?;
        set_properties(&element, properties)?;
        locate(&protect, "read", &self.path)?;
        locate(&protect, "written", &path)?;
        play(&protect, |_| ())?;
        let stats = element.property::<gst::Structure>("stats");
        let count = |field: &str| {
            stats.get::<u64>(field).map_err(|error| Error::input(format!("the element's statistics: {error}")))
        };
        let (frames, dropped) = (count("frames")?, count("frames-dropped")?);
        if dropped > 0 {
            return Err(Error::input(format!(
                "the element dropped {dropped} of {frames} frames; only a fail policy that keeps every frame can be evaluated"
            )));
        }
        let stats = Stats {
            frames,
            faces: count("faces")?,
            protected: count("protected")?,
            covered: count("covered")?,
            iterations: count("iterations")?,
        };
        Ok((Self { path }, stats))
    }

    /// Its frames.
    pub fn frames(&self) -> Result<Frames> {
        Frames::of(READ, |pipeline| locate(pipeline, "read", &self.path))
    }

    /// Its frames of `size` after `variant`, and the bytes that were encoded so far.
    pub fn frames_after(&self, variant: &Variant, size: [usize; 2]) -> Result<(Frames, Arc<AtomicU64>)> {
        let bytes = Arc::new(AtomicU64::new(0));
        let frames = Frames::of(&format!("{READ}{} ! queue", variant.elements(size)), |pipeline| {
            locate(pipeline, "read", &self.path)?;
            variant.prepare(pipeline)?;
            if variant.is_coded() { count(pipeline, &bytes) } else { Ok(()) }
        })?;
        Ok((frames, bytes))
    }

    /// How many bytes `variant` encodes it to; none if it has no encoder.
    pub fn bytes_after(&self, variant: &Variant, size: [usize; 2]) -> Result<Option<u64>> {
        if !variant.is_coded() {
            return Ok(None);
        }
        let bytes = Arc::new(AtomicU64::new(0));
        let encode = pipeline(&format!("{READ}{} ! fakesink sync=false", variant.elements(size)))?;
        locate(&encode, "read", &self.path)?;
        variant.prepare(&encode)?;
        count(&encode, &bytes)?;
        play(&encode, |_| ())?;
        Ok(Some(bytes.load(Ordering::Relaxed)))
    }
}

fn of<T>(clip: &Path, result: Result<T>) -> Result<T> {
    result.map_err(|error| Error::input(format!("{}: {error}", clip.display())))
}

fn named(pipeline: &gst::Pipeline, name: &str) -> Result<gst::Element> {
    pipeline.by_name(name).ok_or_else(|| Error::input(format!("the pipeline lost `{name}`")))
}

fn locate(pipeline: &gst::Pipeline, name: &str, path: &Path) -> Result<()> {
    named(pipeline, name)?.set_property("location", path);
    Ok(())
}

/// Ends the stream after `most` buffers that reach `element`.
fn end_after(element: &gst::Element, most: Option<u32>) -> Result<()> {
    let (Some(most), Some(pad)) = (most, element.static_pad("sink")) else { return Ok(()) };
    let passed = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if passed.fetch_add(1, Ordering::Relaxed) < u64::from(most) {
            return gst::PadProbeReturn::Ok;
        }
        info.flow_res = Err(gst::FlowError::Eos);
        gst::PadProbeReturn::Handled
    });
    Ok(())
}

/// Adds up what passes the element `coded`.
fn count(pipeline: &gst::Pipeline, bytes: &Arc<AtomicU64>) -> Result<()> {
    let pad = named(pipeline, "coded")?.static_pad("sink").ok_or_else(|| Error::input("`coded` has no pad"))?;
    let bytes = Arc::clone(bytes);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        bytes.fetch_add(info.buffer().map_or(0, |buffer| buffer.size() as u64), Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Links the first video that the decoder finds; the rest is not looked at.
fn connect(pipeline: &gst::Pipeline, video: &gst::Bin) -> Result<()> {
    let decoder = named(pipeline, "decoder")?;
    let sink = video.static_pad("sink").ok_or_else(|| Error::input("the video branch has no sink pad"))?;
    let (weak, first) = (pipeline.downgrade(), sink.clone());
    decoder.connect_pad_added(move |decoder, pad| {
        let kind = pad.current_caps().and_then(|caps| caps.structure(0).map(|structure| structure.name().to_string()));
        let linked = if kind.as_deref() == Some("video/x-raw") && !first.is_linked() {
            pad.link(&first).map(|_| ()).map_err(|error| error.to_string())
        } else {
            weak.upgrade().map_or(Ok(()), |pipeline| discard(&pipeline, pad))
        };
        if let Err(error) = linked {
            gst::element_error!(decoder, gst::CoreError::Pad, ("{error}"));
        }
    });
    decoder.connect_no_more_pads(move |decoder| {
        if !sink.is_linked() {
            gst::element_error!(decoder, gst::StreamError::WrongType, ("there is no video in the file"));
        }
    });
    Ok(())
}

fn discard(pipeline: &gst::Pipeline, pad: &gst::Pad) -> std::result::Result<(), String> {
    let discard = gst::ElementFactory::make("fakesink").property("async", false).build();
    let discard = discard.map_err(|error| error.to_string())?;
    pipeline.add(&discard).map_err(|error| error.to_string())?;
    discard.sync_state_with_parent().map_err(|error| error.to_string())?;
    let sink = discard.static_pad("sink").ok_or("no pad")?;
    pad.link(&sink).map(|_| ()).map_err(|error| error.to_string())
}
