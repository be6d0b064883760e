// SPDX-License-Identifier: MIT OR Apache-2.0
//! One frame of two files, decoded, side by side.

use std::path::Path;
use std::time::Duration;

use gst::prelude::*;
use gst_video::prelude::*;
use image::{GenericImage, RgbImage};

use crate::Result;

/// Pixels between the two frames.
const GAP: u32 = 8;

/// Writes the frame at `at` of both files to `picture`.
pub fn side_by_side(clean: &Path, protected: &Path, at: Duration, picture: &Path) -> Result<()> {
    let (clean, protected) = (frame(clean, at)?, frame(protected, at)?);
    let width = clean.width() + GAP + protected.width();
    let mut both = RgbImage::from_pixel(width, clean.height().max(protected.height()), image::Rgb([255; 3]));
    both.copy_from(&clean, 0, 0)?;
    both.copy_from(&protected, clean.width() + GAP, 0)?;
    Ok(both.save(picture)?)
}

fn frame(file: &Path, at: Duration) -> Result<RgbImage> {
    let pipeline = "filesrc name=source ! decodebin ! videoflip video-direction=auto ! videoconvert ! \
                    appsink name=sink caps=video/x-raw,format=RGB sync=false max-buffers=2";
    let pipeline = gst::parse::launch(pipeline)?.downcast::<gst::Pipeline>().map_err(|_| "not a pipeline")?;
    let source = pipeline.by_name("source").ok_or("the pipeline has no source")?;
    source.set_property("location", file);
    let sink = pipeline.by_name("sink").and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
    let sink = sink.ok_or("the pipeline has no sink")?;
    pipeline.set_state(gst::State::Playing)?;
    let image = frame_at(&sink, at).map_err(|error| format!("{}: {error}", file.display()));
    pipeline.set_state(gst::State::Null)?;
    Ok(image?)
}

/// The first frame at or after `at`, else the last one. Plays up to it: not every container can be searched.
fn frame_at(sink: &gst_app::AppSink, at: Duration) -> Result<RgbImage> {
    let mut last = None;
    while let Ok(sample) = sink.pull_sample() {
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        let time = segment.zip(sample.buffer()).and_then(|(segment, buffer)| segment.to_stream_time(buffer.pts()));
        let reached = time.is_some_and(|time| Duration::from(time) >= at);
        last = Some(sample);
        if reached {
            break;
        }
    }
    let sample = last.ok_or("it has no frame")?;
    let info = gst_video::VideoInfo::from_caps(sample.caps().ok_or("a frame without caps")?)?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer().ok_or("no frame")?, &info)?;
    let (width, stride) = (info.width() as usize, frame.plane_stride()[0] as usize);
    let rows = frame.plane_data(0)?.chunks(stride).take(info.height() as usize);
    let pixels = rows.flat_map(|row| row[..3 * width].iter().copied()).collect();
    RgbImage::from_raw(info.width(), info.height(), pixels).ok_or_else(|| "a frame of the wrong size".into())
}
