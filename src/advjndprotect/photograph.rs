// SPDX-License-Identifier: MIT OR Apache-2.0
//! A photograph in a local file, decoded by GStreamer without turning it: faces are enrolled at any roll.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use advjnd::{Colorimetry, Error, FrameMut, PixelFormat, PlaneMut, Result};
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};

/// Longest file that is read, bytes.
const MAX_LEN: u64 = 1 << 28;
/// How long decoding may take.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// A decoded photograph: R', G', B', interleaved.
pub(super) struct Photograph {
    pixels: Vec<u8>,
    stride: usize,
    width: usize,
    height: usize,
}

impl Photograph {
    /// The photograph as a frame of the core.
    ///
    /// # Errors
    /// [`Error::Input`] if it has no pixels.
    pub(super) fn frame(&mut self) -> Result<FrameMut<'_>> {
        let planes = vec![PlaneMut { data: &mut self.pixels, stride: self.stride }];
        FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), self.width, self.height, planes)
    }
}

/// The photograph in a file: PNG, JPEG or WebP, by content.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Input`] if it has another format or is damaged. The text
/// continues a sentence that begins with the file's name.
pub(super) fn read(file: &Path) -> Result<Photograph> {
    if !is_photograph(file)? {
        return Err(Error::input("is no PNG, JPEG or WebP; convert it, or take it out of the folder"));
    }
    let location = file.to_str().ok_or_else(|| Error::input("is named with what is no UTF-8; rename it"))?;
    let undecoded = |reason: &str| Error::input(format!("cannot be decoded ({reason}); save it as PNG"));
    let pipeline = "filesrc name=source ! decodebin ! videoconvert ! video/x-raw,format=RGB ! fakesink name=sink";
    let pipeline = gst::parse::launch(pipeline).map_err(|error| undecoded(error.message()))?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| undecoded("there is no pipeline"))?;
    let element = |name| pipeline.by_name(name).ok_or_else(|| undecoded("the pipeline lost an element"));
    element("source")?.set_property("location", location);
    // If it does not start, the bus has the reason.
    let _ = pipeline.set_state(gst::State::Paused);
    let (reached, ..) = pipeline.state(PATIENCE);
    let sample = element("sink")?.property::<Option<gst::Sample>>("last-sample");
    let fault = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    let _ = pipeline.set_state(gst::State::Null);
    if let Some(gst::MessageView::Error(error)) = fault.as_ref().map(|message| message.view()) {
        return Err(undecoded(error.error().message()));
    }
    let sample = sample.filter(|_| reached.is_ok()).ok_or_else(|| undecoded("no picture came of it in time"))?;
    photograph_of(&sample).ok_or_else(|| undecoded("its picture cannot be read"))
}

/// Whether a file begins like a supported picture. Other files go to no decoder, since some formats refer to further
/// files.
fn is_photograph(file: &Path) -> Result<bool> {
    let io = |source| Error::Io { path: file.to_owned(), source };
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() || metadata.len() > MAX_LEN {
        return Ok(false);
    }
    let mut head = Vec::new();
    File::open(file).and_then(|file| file.take(12).read_to_end(&mut head)).map_err(io)?;
    let is_webp = head.starts_with(b"RIFF") && head.ends_with(b"WEBP");
    Ok(head.starts_with(b"\x89PNG\r\n\x1a\n") || head.starts_with(b"\xff\xd8\xff") || is_webp)
}

fn photograph_of(sample: &gst::Sample) -> Option<Photograph> {
    let info = VideoInfo::from_caps(sample.caps()?).ok()?;
    let frame = VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
    let pixels = frame.plane_data(0).ok()?.to_vec();
    let stride = usize::try_from(*frame.plane_stride().first()?).ok()?;
    Some(Photograph { pixels, stride, width: info.width() as usize, height: info.height() as usize })
}
