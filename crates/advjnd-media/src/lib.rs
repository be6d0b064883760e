// SPDX-License-Identifier: MIT OR Apache-2.0
//! Media files through GStreamer, for programs around the filter: decoded to what it takes, and read frame by frame.
//!
//! The filter itself does not use this crate, and the crate does not know the filter.
//!
//! [`pipeline`](fn@pipeline) makes a pipeline of text, [`play`] runs it to its end and gives what went wrong as an
//! error, and [`Frames`] reads pictures one by one.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! gst::init()?;
//! let pipeline = advjnd_media::pipeline("videotestsrc num-buffers=3 ! videoconvert ! fakesink")?;
//! advjnd_media::play(&pipeline, |warning| eprintln!("{warning}"))?;
//!
//! assert!(advjnd_media::require(&[("fakesink", "gstreamer1.0-tools")]).is_ok());
//! let missing = advjnd_media::require(&[("no-such-element", "no-such-package")]);
//! assert!(missing.is_err_and(|error| error.to_string().contains("no-such-package")));
//! # Ok(())
//! # }
//! ```

mod colorimetry;
mod frames;
mod full_range;
mod pipeline;
mod tone_map;

pub use colorimetry::settle_colorimetry;
pub use frames::{Frames, Picture, Pictures};
pub use pipeline::{fault, pipeline, play, require, set_properties};
pub use tone_map::HighRange;

/// From decoded video of any layout to what encoders take: progressive, upright, 8-bit 4:2:0, of a colorimetry that
/// players know (encoders and containers lose the full range of some cameras). [`settle_colorimetry`] completes it.
/// Layouts are converted first: what turns frames knows few of them.
pub const UPRIGHT: &str = "videoconvert ! capsfilter name=range ! videoconvert dither=none \
                           ! capsfilter name=colours caps=video/x-raw,format=I420 \
                           ! deinterlace name=deinterlace fields=top ! videoflip video-direction=auto";
