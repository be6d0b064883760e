// SPDX-License-Identifier: MIT OR Apache-2.0
//! plugin-advjndprotect:
//!
//! The video filter `advjndprotect` protects faces in raw video from face recognition: it changes each face within a
//! budget of just-noticeable differences until recognisers no longer match it. A face that is not protected is covered.
//!
//! The crate [`advjnd`] does the work. This crate translates between it and GStreamer.
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
