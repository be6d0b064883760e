// SPDX-License-Identifier: MIT OR Apache-2.0
//! `appsink CLIP`: takes protected frames into a program, and prints what the element did to the faces of each.
//!
//! ```text
//! cargo run --release --example appsink -- clip.mp4
//! ```

use std::error::Error;

use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;
use gst_video::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let clip = std::env::args().nth(1).ok_or("usage: appsink CLIP")?;
    gst::init()?;
    gstadvjndprotect::plugin_register_static()?;

    // RGB in front of the element: videoconvert behind it would lose what the metas say.
    let pipeline = "filesrc name=file ! decodebin ! videoconvert ! videoflip video-direction=auto \
                    ! video/x-raw,format=RGB ! advjndprotect \
                    ! appsink name=frames sync=false max-buffers=4";
    let pipeline = gst::parse::launch(pipeline)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    pipeline.by_name("file").ok_or("no filesrc")?.set_property("location", clip);
    let frames = pipeline.by_name("frames").and_downcast::<gst_app::AppSink>().ok_or("no appsink")?;
    pipeline.set_state(gst::State::Playing)?;

    while let Ok(sample) = frames.pull_sample() {
        let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else { continue };
        let info = gst_video::VideoInfo::from_caps(caps)?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)?;
        println!("{} {}x{}", buffer.pts().display(), frame.width(), frame.height());
        for face in buffer.iter_meta::<VideoRegionOfInterestMeta>() {
            let verdict = face.param("advjndprotect").and_then(|param| param.get::<String>("verdict").ok());
            println!("  face {} at {:?}: {}", face.id(), face.rect(), verdict.unwrap_or_default());
        }
    }
    let error = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    pipeline.set_state(gst::State::Null)?;
    match error.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => Err(error.error().to_string().into()),
        _ => Ok(()),
    }
}
