// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties that bound the changes, and say when they are enough.

use gst::prelude::*;

use super::super::property::{Property, property};
use super::super::settings::Settings;
use super::super::{FailPolicy, JndModel};

pub(super) fn rows(default: &Settings) -> Vec<Property> {
    vec![
        property!(
            glib::ParamSpecFloat::builder("jnd-scale")
                .nick("JND scale")
                .blurb("Largest change of a pixel, in just-noticeable differences")
                .minimum(0.0)
                .maximum(20.0)
                .default_value(default.core.jnd_scale)
                .mutable_playing()
                .controllable(),
            f32,
            core.jnd_scale
        ),
        property!(
            glib::ParamSpecFloat::builder("jnd-rms")
                .nick("JND root mean square")
                .blurb("Preferred RMS change of a face, in just-noticeable differences")
                .minimum(0.0)
                .maximum(20.0)
                .default_value(default.core.jnd_rms)
                .mutable_playing()
                .controllable(),
            f32,
            core.jnd_rms
        ),
        property!(
            glib::ParamSpecFloat::builder("jnd-rms-ceiling")
                .nick("JND root mean square, ceiling")
                .blurb("Up to where the RMS change may rise if jnd-rms does not suffice (0 = jnd-rms)")
                .minimum(0.0)
                .maximum(20.0)
                .default_value(default.core.jnd_rms_ceiling)
                .mutable_playing()
                .controllable(),
            f32,
            core.jnd_rms_ceiling
        ),
        property!(
            glib::ParamSpecFloat::builder("min-psnr")
                .nick("Minimum PSNR")
                .blurb("Lowest PSNR of the luma of a face, in decibels (0 = any)")
                .minimum(0.0)
                .maximum(60.0)
                .default_value(default.core.min_psnr)
                .mutable_playing()
                .controllable(),
            f32,
            core.min_psnr
        ),
        property!(
            glib::ParamSpecFloat::builder("reshape")
                .nick("Reshape")
                .blurb("Largest displacement in a face, % of its eye distance; alters the likeness")
                .minimum(0.0)
                .maximum(advjnd::Settings::MOST_RESHAPE)
                .default_value(default.core.reshape)
                .mutable_playing(),
            f32,
            core.reshape
        ),
        property!(
            glib::ParamSpecFloat::builder("relight")
                .nick("Relight")
                .blurb("Largest smooth gain or loss of a face's luma, in per cent (0 = none)")
                .minimum(0.0)
                .maximum(advjnd::Settings::MOST_RELIGHT)
                .default_value(default.core.relight)
                .mutable_playing(),
            f32,
            core.relight
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<JndModel>("jnd-model", default.core.jnd_model.into())
                .nick("JND model")
                .blurb("Model of the just-noticeable difference of each pixel")
                .mutable_playing(),
            |settings| JndModel::from(settings.core.jnd_model),
            |settings, model: JndModel| settings.core.jnd_model = model.into()
        ),
        property!(
            glib::ParamSpecFloat::builder("viewing-distance")
                .nick("Viewing distance")
                .blurb("Distance of the viewer in picture heights (1000 = any)")
                .minimum(0.5)
                .maximum(1000.0)
                .default_value(default.core.viewing_distance)
                .mutable_playing()
                .controllable(),
            f32,
            core.viewing_distance
        ),
        property!(
            glib::ParamSpecBoolean::builder("temporal-masking")
                .nick("Temporal masking")
                .blurb("Use the thresholds of video: lower where still, higher where moving")
                .default_value(default.core.temporal_masking)
                .mutable_playing(),
            bool,
            core.temporal_masking
        ),
        property!(
            glib::ParamSpecFloat::builder("flicker-limit")
                .nick("Flicker limit")
                .blurb("Largest difference between frames, as a share of the budget (2 = any)")
                .minimum(0.0)
                .maximum(2.0)
                .default_value(default.core.flicker_limit)
                .mutable_playing()
                .controllable(),
            f32,
            core.flicker_limit
        ),
        property!(
            glib::ParamSpecUInt::builder("max-change")
                .nick("Maximum change")
                .blurb("Largest change of a pixel, in 8-bit code values (255 = any)")
                .maximum(255)
                .default_value(default.core.max_change)
                .mutable_playing()
                .controllable(),
            u32,
            core.max_change
        ),
        property!(
            glib::ParamSpecFloat::builder("margin")
                .nick("Margin")
                .blurb("Margin beyond the verification threshold that a face needs to be shown")
                .minimum(0.0)
                .maximum(2.0)
                .default_value(default.core.margin)
                .mutable_playing(),
            f32,
            core.margin
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<FailPolicy>("fail-policy", default.core.fail_policy.into())
                .nick("Fail policy")
                .blurb("How a face that must be hidden is hidden; only fill is sure to hide it")
                .mutable_playing(),
            |settings| FailPolicy::from(settings.core.fail_policy),
            |settings, policy: FailPolicy| settings.core.fail_policy = policy.into()
        ),
    ]
}
