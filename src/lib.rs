// SPDX-License-Identifier: MIT OR Apache-2.0
//! plugin-advjndprotect:
//!
//! The video filter `advjndprotect` protects faces in raw video from face recognition: it changes each face within a
//! budget of just-noticeable differences until recognisers no longer match it. A face that is not protected is covered.
//!
//! The crate [`advjnd`] does the work. This crate translates between it and GStreamer.
//!
//! Programs load the plugin from where it is installed, or link this crate and register it:
//!
//! ```
//! use gst::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! gst::init()?;
//! gstadvjndprotect::plugin_register_static()?;
//! let filter = gst::ElementFactory::make("advjndprotect").property_from_str("mode", "cover").build()?;
//! assert_eq!(filter.property_value("mode").serialize()?, "cover");
//!
//! let pipeline = gst::parse::launch(
//!     "videotestsrc num-buffers=2 ! video/x-raw,width=320,height=240 ! advjndprotect ! fakesink",
//! )?;
//! pipeline.set_state(gst::State::Playing)?;
//! let bus = pipeline.bus().ok_or("no bus")?;
//! let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
//! let last = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds).ok_or("too slow")?;
//! pipeline.set_state(gst::State::Null)?;
//! assert_eq!(last.type_(), gst::MessageType::Eos);
//! # Ok(())
//! # }
//! ```
//!
//! Since: plugin-advjndprotect-0.1.0

#[cfg(test)]
extern crate self as gstadvjndprotect;

pub mod advjndprotect;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    advjndprotect::register(plugin)
}

#[allow(missing_docs, reason = "the macro writes public items without any")]
mod plugin {
    use super::plugin_init;

    gst::plugin_define!(
        advjndprotect,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        // GStreamer knows one licence per plugin; the crate is under MIT OR Apache-2.0.
        "MIT/X11",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_REPOSITORY"),
        env!("BUILD_REL_DATE")
    );
}

pub use plugin::plugin_register_static;
