// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the table of properties that are about a face's shape and light.

use gst::prelude::*;

use super::property::{Access, Property, property};
use super::settings::Settings;

/// How far a face may be moved.
pub(super) fn reshape() -> Property {
    property!(
        glib::ParamSpecFloat::builder("reshape")
            .nick("Reshape")
            .blurb("Largest displacement in a face, % of its eye distance; alters the likeness")
            .minimum(0.0)
            .maximum(advjnd::Settings::MOST_RESHAPE)
            .default_value(Settings::default().core.reshape)
            .mutable_playing(),
        f32,
        core.reshape
    )
}

/// How much its light may change.
pub(super) fn relight() -> Property {
    property!(
        glib::ParamSpecFloat::builder("relight")
            .nick("Relight")
            .blurb("Largest smooth gain or loss of a face's luma, in per cent (0 = none)")
            .minimum(0.0)
            .maximum(advjnd::Settings::MOST_RELIGHT)
            .default_value(Settings::default().core.relight)
            .mutable_playing(),
        f32,
        core.relight
    )
}
