// SPDX-License-Identifier: MIT OR Apache-2.0
//! plugin-advjndprotect:
//!
//! One video filter, `advjndprotect`, that changes the faces of raw video by less than the eye notices and so that face
//! recognition no longer knows them; a face that is not protected is covered, never passed.
//!
//! The work is done by the crate [`advjnd`]; this one translates between it and GStreamer.
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
