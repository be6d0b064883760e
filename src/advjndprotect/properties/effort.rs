// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of effort and time.

use gst::prelude::*;

use super::super::property::{Property, property};
use super::super::settings::Settings;

pub(super) fn rows(default: &Settings) -> Vec<Property> {
    vec![
        property!(
            glib::ParamSpecString::builder("device")
                .nick("Device")
                .blurb("What runs the recognisers: cpu, auto, gpu or gpu:0, cuda or cuda:0, metal")
                .default_value(default.device.as_deref())
                .mutable_ready(),
            Option<String>,
            device
        ),
        property!(
            glib::ParamSpecBoolean::builder("warm-start")
                .nick("Warm start")
                .blurb("Start each frame from the perturbation of the frame before")
                .default_value(default.core.warm_start)
                .mutable_playing(),
            bool,
            core.warm_start
        ),
        property!(
            glib::ParamSpecUInt64::builder("frame-deadline")
                .nick("Frame deadline")
                .blurb("Time for a frame of a live stream, in ns (0 = 95 % of its duration)")
                .default_value(default.frame_deadline)
                .mutable_playing(),
            u64,
            frame_deadline
        ),
        property!(
            glib::ParamSpecInt::builder("max-iterations")
                .nick("Maximum iterations")
                .blurb("Most gradient iterations per face and frame (-1 = 60, in live streams 4)")
                .minimum(-1)
                .maximum(100)
                .default_value(default.max_iterations)
                .mutable_playing()
                .controllable(),
            i32,
            max_iterations
        ),
        property!(
            glib::ParamSpecFloat::builder("input-diversity")
                .nick("Input diversity")
                .blurb("Strength of the random views in each iteration (0 = as landmarks vary)")
                .minimum(0.0)
                .maximum(0.5)
                .default_value(default.core.transfer.diversity)
                .mutable_playing(),
            f32,
            core.transfer.diversity
        ),
        property!(
            glib::ParamSpecFloat::builder("gradient-smoothing")
                .nick("Gradient smoothing")
                .blurb("Sigma of the Gaussian on each gradient, in 1/160 of the face (0 = none)")
                .minimum(0.0)
                .maximum(8.0)
                .default_value(default.core.transfer.smoothing)
                .mutable_playing(),
            f32,
            core.transfer.smoothing
        ),
        property!(
            glib::ParamSpecFloat::builder("momentum")
                .nick("Momentum")
                .blurb("Share of the accumulated gradient that is kept")
                .minimum(0.0)
                .maximum(0.99)
                .default_value(default.core.transfer.momentum)
                .mutable_playing(),
            f32,
            core.transfer.momentum
        ),
        property!(
            glib::ParamSpecFloat::builder("reserve")
                .nick("Reserve")
                .blurb("How far beyond the required margin iterations go on, in units of margin")
                .minimum(0.0)
                .maximum(4.0)
                .default_value(default.core.transfer.reserve)
                .mutable_playing(),
            f32,
            core.transfer.reserve
        ),
    ]
}
