// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commit and release date for the plugin description.

fn main() {
    gst_plugin_version_helper::info()
}
