// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one table of properties.

use std::sync::LazyLock;
use std::time::Duration;

use glib::prelude::*;
use gst::prelude::*;

use super::property::{Access, Property, from_array, property, rectangle_spec, rectangles, to_array};
use super::settings::Settings;
use super::shape;
use super::{Detector, FailPolicy, JndModel, Mode, OnLost, Preset, Search, View};

/// The properties, in the order in which `gst-inspect-1.0` lists them.
pub(super) static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(|| {
    let default = Settings::default();
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
                .blurb("Largest RMS change of a face that jnd-rms does not protect (0 = jnd-rms)")
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
        shape::reshape(),
        shape::relight(),
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
                .blurb("What happens to a face that the self-check does not confirm")
                .mutable_playing(),
            |settings| FailPolicy::from(settings.core.fail_policy),
            |settings, policy: FailPolicy| settings.core.fail_policy = policy.into()
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Detector>("detector", default.detector)
                .nick("Detector")
                .blurb("Who finds the faces: the built-in detector, region metas, or both")
                .mutable_playing(),
            Detector,
            detector
        ),
        rectangles!(
            "regions",
            "Regions",
            "Protect only faces centred in these rectangles of pixels (empty = all faces)",
            regions
        ),
        rectangles!(
            "exclude-regions",
            "Excluded regions",
            "Pass faces centred in these rectangles of pixels unchanged, recognisable",
            exclude_regions
        ),
        rectangles!(
            "privacy-masks",
            "Privacy masks",
            "Rectangles of pixels that are covered in every frame",
            privacy_masks
        ),
        property!(
            glib::ParamSpecString::builder("roi-types")
                .nick("Region types")
                .blurb("Types of region metas to cover, comma-separated, for example plate,head")
                .mutable_playing(),
            Option<String>,
            roi_types
        ),
        property!(
            glib::ParamSpecUInt::builder("detect-interval")
                .nick("Detection interval")
                .blurb("Frames between searches of the whole frame (0 = automatic)")
                .maximum(1000)
                .default_value(default.core.detect_interval)
                .mutable_playing(),
            u32,
            core.detect_interval
        ),
        property!(
            glib::ParamSpecUInt::builder("max-faces")
                .nick("Maximum faces")
                .blurb("Most faces to protect in a frame; others are covered (0 = all)")
                .default_value(default.core.max_faces)
                .mutable_playing(),
            u32,
            core.max_faces
        ),
        property!(
            glib::ParamSpecFloat::builder("score-threshold")
                .nick("Score threshold")
                .blurb("Detector score from which a detection counts as a face")
                .minimum(0.0)
                .maximum(1.0)
                .default_value(default.core.score_threshold)
                .mutable_playing(),
            f32,
            core.score_threshold
        ),
        property!(
            glib::ParamSpecUInt::builder("min-face-size")
                .nick("Minimum face size")
                .blurb("Smallest face to find, in pixels of its shorter side")
                .minimum(8)
                .maximum(8192)
                .default_value(default.core.min_face_size)
                .mutable_playing(),
            u32,
            core.min_face_size
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Search>("search", default.core.search.into())
                .nick("Search")
                .blurb("How thoroughly frames are searched for turned, large and dark faces")
                .mutable_playing(),
            |settings| Search::from(settings.core.search),
            |settings, search: Search| settings.core.search = search.into()
        ),
        property!(
            glib::ParamSpecInt::builder("look-ahead")
                .nick("Look-ahead")
                .blurb("Frames to hold back, to protect a face from its first (-1 = 15, live 0)")
                .minimum(-1)
                .maximum(250)
                .default_value(default.look_ahead)
                .mutable_playing(),
            i32,
            look_ahead
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<OnLost>("on-lost", OnLost::Hold)
                .nick("On lost")
                .blurb("What to cover while a followed face is not found")
                .mutable_playing(),
            |settings| if settings.core.cover_frame_on_lost { OnLost::CoverFrame } else { OnLost::Hold },
            |settings, on_lost: OnLost| settings.core.cover_frame_on_lost = on_lost == OnLost::CoverFrame
        ),
        property!(
            glib::ParamSpecUInt64::builder("hold-time")
                .nick("Hold time")
                .blurb("How long the place of a lost face stays covered, in ns")
                .default_value(u64::try_from(default.core.hold_time.as_nanos()).unwrap_or(u64::MAX))
                .mutable_playing(),
            |settings| u64::try_from(settings.core.hold_time.as_nanos()).unwrap_or(u64::MAX),
            |settings, nanoseconds: u64| settings.core.hold_time = Duration::from_nanos(nanoseconds)
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
});
