// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frames of a pipeline, one after the other.

use std::time::Duration;

use advjnd::frame::Rect;
use advjnd::{Colorimetry, Error, FrameMut, PixelFormat, PlaneMut, Result};
use gst::prelude::*;
use gst_video::prelude::*;

use crate::pipeline::{fault, pipeline};

/// How long to wait for a frame before asking whether something went wrong.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// Frames that wait to be pulled.
const AHEAD: u32 = 4;

/// A frame: R', G', B', interleaved, without padding.
#[derive(Debug, Clone)]
pub struct Picture {
    /// `3 * width * height` bytes.
    pub pixels: Vec<u8>,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// When it is shown, from the start of the stream.
    pub time: Duration,
}

impl Picture {
    /// A frame of the format RGB.
    ///
    /// # Errors
    /// [`Error::Input`] if it is none.
    pub fn of(sample: &gst::Sample) -> Result<Self> {
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
            return Err(Error::input("a frame came without its format"));
        };
        let unusable = |error: glib::BoolError| Error::input(format!("a frame cannot be read: {error}"));
        let info = gst_video::VideoInfo::from_caps(caps).map_err(unusable)?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(unusable)?;
        let (width, height) = (info.width() as usize, info.height() as usize);
        let stride = usize::try_from(frame.plane_stride()[0]).unwrap_or(0).max(1);
        let data = frame.plane_data(0).map_err(unusable)?;
        let mut pixels = Vec::with_capacity(3 * width * height);
        let rows = data.chunks(stride).take(height);
        rows.for_each(|row| pixels.extend_from_slice(&row[..(3 * width).min(row.len())]));
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        let time = segment.and_then(|segment| segment.to_stream_time(buffer.pts()));
        Ok(Self { pixels, width, height, time: time.map_or(Duration::ZERO, Duration::from) })
    }

    /// A part of it; what of `rect` lies outside is left out.
    #[must_use]
    pub fn cut(&self, rect: Rect) -> Self {
        let (left, top) = (rect.x.min(self.width), rect.y.min(self.height));
        let (width, height) = (rect.width.min(self.width - left), rect.height.min(self.height - top));
        let rows = self.pixels.chunks_exact(3 * self.width.max(1)).skip(top).take(height);
        let pixels = rows.flat_map(|row| &row[3 * left..3 * (left + width)]).copied().collect();
        Self { pixels, width, height, time: self.time }
    }

    /// Itself as the core takes frames.
    ///
    /// # Errors
    /// [`Error::Input`] if width, height and pixels do not fit together.
    pub fn frame(&mut self) -> Result<FrameMut<'_>> {
        let planes = vec![PlaneMut { data: &mut self.pixels, stride: 3 * self.width }];
        FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), self.width, self.height, planes)
    }
}

/// Frames, one after the other.
pub trait Pictures {
    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`] with what is wrong with what they are read from.
    fn pull(&mut self) -> Result<Option<Picture>>;
}

/// Frames as they come out of a pipeline; stops it when dropped.
#[derive(Debug)]
pub struct Frames {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    started: bool,
}

impl Frames {
    /// The frames that `source`, a pipeline as `gst-launch-1.0` reads it, ends in; `prepare` gets the pipeline before
    /// it starts.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no pipeline, or what `prepare` reports.
    pub fn of(source: &str, prepare: impl FnOnce(&gst::Pipeline) -> Result<()>) -> Result<Self> {
        let text = format!(
            "{source} ! videoconvert dither=none ! appsink name=frames caps=video/x-raw,format=RGB sync=false \
             max-buffers={AHEAD}"
        );
        let pipeline = pipeline(&text)?;
        let sink = pipeline.by_name("frames").and_then(|sink| sink.downcast().ok());
        let sink = sink.ok_or_else(|| Error::input("the pipeline lost its sink"))?;
        prepare(&pipeline)?;
        let mut frames = Self { pipeline, sink, started: true };
        // Why it does not start is told where the first frame does not come.
        frames.started = frames.pipeline.set_state(gst::State::Playing).is_ok();
        Ok(frames)
    }
}

impl Pictures for Frames {
    fn pull(&mut self) -> Result<Option<Picture>> {
        loop {
            if let Some(sample) = self.sink.try_pull_sample(PATIENCE) {
                return Picture::of(&sample).map(Some);
            }
            if let Some(error) = fault(&self.pipeline) {
                return Err(error);
            }
            if self.sink.is_eos() {
                return Ok(None);
            }
            if !self.started {
                return Err(Error::input("the pipeline does not start"));
            }
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
