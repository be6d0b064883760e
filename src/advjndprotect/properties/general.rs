// SPDX-License-Identifier: MIT OR Apache-2.0
//! General properties: what is done, by which models, and what is reported.

use gst::prelude::*;

use super::super::property::{Access, Property, property};
use super::super::settings::Settings;
use super::super::{Mode, Preset, View};

pub(super) fn rows(default: &Settings) -> Vec<Property> {
    vec![
        property!(
            glib::ParamSpecBoolean::builder("enabled")
                .nick("Enabled")
                .blurb("Protect faces; if false, every frame passes unchanged and recognisable")
                .default_value(default.enabled)
                .mutable_playing(),
            bool,
            enabled
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Mode>("mode", default.core.mode.into())
                .nick("Mode")
                .blurb("What is done to each face: protect it, or cover every face")
                .mutable_playing(),
            |settings| Mode::from(settings.core.mode),
            |settings, mode: Mode| settings.core.mode = mode.into()
        ),
        property!(
            glib::ParamSpecString::builder("models")
                .nick("Models")
                .blurb("Folder with manifest.toml and its model files (NULL = built-in models)")
                .mutable_ready(),
            Option<String>,
            models
        ),
        property!(
            glib::ParamSpecString::builder("recognizers")
                .nick("Recognizers")
                .blurb("Recognisers to attack and check, comma-separated (NULL = the built-in ones)")
                .mutable_ready(),
            Option<String>,
            recognizers
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Preset>("preset", Preset::of(&default.core))
                .nick("Preset")
                .blurb("Sets strength and quality together; custom is any other combination")
                .mutable_playing(),
            |settings| Preset::of(&settings.core),
            |settings, preset: Preset| preset.apply(&mut settings.core)
        ),
        property!(
            glib::ParamSpecUInt64::builder("seed")
                .nick("Seed")
                .blurb("Seed of the random numbers: same seed and frames, same bytes")
                .default_value(default.seed)
                .mutable_ready(),
            u64,
            seed
        ),
        property!(
            glib::ParamSpecUInt::builder("threads")
                .nick("Threads")
                .blurb("Number of worker threads (0 = one per core)")
                .maximum(256)
                .default_value(default.threads)
                .mutable_ready(),
            u32,
            threads
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<View>("view", default.core.view.into())
                .nick("View")
                .blurb("What goes out: the protected frame, or a picture of how it came about")
                .mutable_playing(),
            |settings| View::from(settings.core.view),
            |settings, view: View| settings.core.view = view.into()
        ),
        property!(
            glib::ParamSpecBoolean::builder("messages")
                .nick("Messages")
                .blurb("Post an element message when a face appears or its verdict changes")
                .default_value(default.messages)
                .mutable_playing(),
            bool,
            messages
        ),
        property!(
            glib::ParamSpecBoolean::builder("attach-meta")
                .nick("Attach meta")
                .blurb("Add a GstVideoRegionOfInterestMeta of type face for every face")
                .default_value(default.attach_meta)
                .mutable_playing(),
            bool,
            attach_meta
        ),
        Property {
            spec: glib::ParamSpecUInt64::builder("latency")
                .nick("Latency")
                .blurb("Latency of the element in a live stream, in ns (0 = not live)")
                .read_only()
                .build(),
            access: Access::Reading(|stats| stats.latency.nseconds().to_value()),
        },
        Property {
            spec: glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Frames, faces, iterations and times since the element was started")
                .read_only()
                .build(),
            access: Access::Reading(|stats| stats.structure().to_value()),
        },
    ]
}
