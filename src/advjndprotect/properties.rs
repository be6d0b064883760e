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
                .blurb("Whether faces are protected: if not, every frame passes as it came, recognisable")
                .default_value(default.enabled)
                .mutable_playing(),
            bool, enabled
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Mode>("mode", default.core.mode.into())
                .nick("Mode")
                .blurb("What happens to the faces that are found (fail-policy says how they are covered)")
                .mutable_playing(),
            |settings| Mode::from(settings.core.mode),
            |settings, mode: Mode| settings.core.mode = mode.into()
        ),
        property!(
            glib::ParamSpecString::builder("models")
                .nick("Models")
                .blurb("Folder with a manifest.toml and the model files it names (NULL = the models embedded in the plugin)")
                .mutable_ready(),
            Option<String>, models
        ),
        property!(
            glib::ParamSpecString::builder("recognizers")
                .nick("Recognizers")
                .blurb("Names of the recognisers that are attacked in turn and that the self-check looks with, comma-separated, from the manifest of the models (NULL = those it marks as embedded)")
                .mutable_ready(),
            Option<String>, recognizers
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Preset>("preset", Preset::of(&default.core))
                .nick("Preset")
                .blurb("Sets jnd-model, jnd-scale, jnd-rms, jnd-rms-ceiling, min-psnr, reshape, relight, viewing-distance, margin, reserve, momentum, input-diversity and gradient-smoothing at once; reads which preset their values are")
                .mutable_playing(),
            |settings| Preset::of(&settings.core),
            |settings, preset: Preset| preset.apply(&mut settings.core)
        ),
        property!(
            glib::ParamSpecFloat::builder("jnd-scale")
                .nick("JND scale")
                .blurb("How much a pixel may change at most, in just-noticeable differences: at 1, noise of that size is not noticed (0 = nothing, so every face is covered)")
                .minimum(0.0)
                .maximum(20.0)
                .default_value(default.core.jnd_scale)
                .mutable_playing()
                .controllable(),
            f32, core.jnd_scale
        ),
        property!(
            glib::ParamSpecFloat::builder("jnd-rms")
                .nick("JND root mean square")
                .blurb("Preferred root mean square of the changes of a face's pixels, in just-noticeable differences")
                .minimum(0.0)
                .maximum(20.0)
                .default_value(default.core.jnd_rms)
                .mutable_playing()
                .controllable(),
            f32, core.jnd_rms
        ),
        property!(
            glib::ParamSpecFloat::builder("jnd-rms-ceiling")
                .nick("JND root mean square, ceiling")
                .blurb("Largest root mean square for a face that jnd-rms does not protect (0 = jnd-rms)")
                .minimum(0.0)
                .maximum(20.0)
                .default_value(default.core.jnd_rms_ceiling)
                .mutable_playing()
                .controllable(),
            f32, core.jnd_rms_ceiling
        ),
        property!(
            glib::ParamSpecFloat::builder("min-psnr")
                .nick("Minimum PSNR")
                .blurb("Peak signal-to-noise ratio that no face falls below, in decibels of its luma, whatever the just-noticeable differences allow (0 = no such bound)")
                .minimum(0.0)
                .maximum(60.0)
                .default_value(default.core.min_psnr)
                .mutable_playing()
                .controllable(),
            f32, core.min_psnr
        ),
        shape::reshape(),
        shape::relight(),
        property!(
            glib::ParamSpecEnum::builder_with_default::<JndModel>("jnd-model", default.core.jnd_model.into())
                .nick("JND model")
                .blurb("How the just-noticeable difference of a pixel is worked out")
                .mutable_playing(),
            |settings| JndModel::from(settings.core.jnd_model),
            |settings, model: JndModel| settings.core.jnd_model = model.into()
        ),
        property!(
            glib::ParamSpecFloat::builder("viewing-distance")
                .nick("Viewing distance")
                .blurb("How far the viewer is from the picture, in times its height: smooth changes are held the tighter the nearer they are seen (1000 = pixels alone are held)")
                .minimum(0.5)
                .maximum(1000.0)
                .default_value(default.core.viewing_distance)
                .mutable_playing()
                .controllable(),
            f32, core.viewing_distance
        ),
        property!(
            glib::ParamSpecBoolean::builder("temporal-masking")
                .nick("Temporal masking")
                .blurb("Whether thresholds are those of video: a fifth lower than a still's where nothing changes, higher where much does")
                .default_value(default.core.temporal_masking)
                .mutable_playing(),
            bool, core.temporal_masking
        ),
        property!(
            glib::ParamSpecFloat::builder("flicker-limit")
                .nick("Flicker limit")
                .blurb("How much the change of a face that is shown may differ from frame to frame, as a share of its budget (2 = no limit)")
                .minimum(0.0)
                .maximum(2.0)
                .default_value(default.core.flicker_limit)
                .mutable_playing()
                .controllable(),
            f32, core.flicker_limit
        ),
        property!(
            glib::ParamSpecUInt::builder("max-change")
                .nick("Maximum change")
                .blurb("How much a pixel may change at most, in code values of full range (0..255), whatever the just-noticeable differences allow")
                .maximum(255)
                .default_value(default.core.max_change)
                .mutable_playing()
                .controllable(),
            u32, core.max_change
        ),
        property!(
            glib::ParamSpecBoolean::builder("warm-start")
                .nick("Warm start")
                .blurb("Whether the change of a face is carried on from frame to frame: without, every frame starts from nothing, and needs many iterations")
                .default_value(default.core.warm_start)
                .mutable_playing(),
            bool, core.warm_start
        ),
        property!(
            glib::ParamSpecUInt64::builder("frame-deadline")
                .nick("Frame deadline")
                .blurb("Time for a frame of a live stream, in nanoseconds, which is also the latency that is reported: iterations end in time, and faces that cannot be checked in time are covered (0 = 95 % of the frame's duration); without effect in streams that are not live")
                .default_value(default.frame_deadline)
                .mutable_playing(),
            u64, frame_deadline
        ),
        property!(
            glib::ParamSpecInt::builder("max-iterations")
                .nick("Maximum iterations")
                .blurb("Gradient iterations per face and frame at most: more protect sooner and cost more time; a face that they do not protect gets fewer from frame to frame (-1 = 60, in live streams 4)")
                .minimum(-1)
                .maximum(100)
                .default_value(default.max_iterations)
                .mutable_playing()
                .controllable(),
            i32, max_iterations
        ),
        property!(
            glib::ParamSpecFloat::builder("input-diversity")
                .nick("Input diversity")
                .blurb("How strongly each iteration turns, scales and shifts what the recogniser sees, as a share (0 = as far as landmarks differ): more helps against recognisers that are not at hand")
                .minimum(0.0)
                .maximum(0.5)
                .default_value(default.core.transfer.diversity)
                .mutable_playing(),
            f32, core.transfer.diversity
        ),
        property!(
            glib::ParamSpecFloat::builder("gradient-smoothing")
                .nick("Gradient smoothing")
                .blurb("Sigma of the Gaussian that smooths each gradient, in 160ths of a face's surroundings (0 = none)")
                .minimum(0.0)
                .maximum(8.0)
                .default_value(default.core.transfer.smoothing)
                .mutable_playing(),
            f32, core.transfer.smoothing
        ),
        property!(
            glib::ParamSpecFloat::builder("momentum")
                .nick("Momentum")
                .blurb("Share of the accumulated gradient that is kept from iteration to iteration and from frame to frame")
                .minimum(0.0)
                .maximum(0.99)
                .default_value(default.core.transfer.momentum)
                .mutable_playing(),
            f32, core.transfer.momentum
        ),
        property!(
            glib::ParamSpecFloat::builder("reserve")
                .nick("Reserve")
                .blurb("How far beyond the required margin iterations go on, in the unit of margin: more spends more of the budget, and lasts better through codecs and on recognisers that are not at hand")
                .minimum(0.0)
                .maximum(4.0)
                .default_value(default.core.transfer.reserve)
                .mutable_playing(),
            f32, core.transfer.reserve
        ),
        property!(
            glib::ParamSpecFloat::builder("margin")
                .nick("Margin")
                .blurb("How far beyond the verification threshold a face must be to be shown, as a share of the way from the person to the threshold. Codecs take some of it: faces whose eyes are less than 50 pixels apart need more, in inverse proportion to their pixels (four times as much at 25), and so do some recognisers. More covers more faces")
                .minimum(0.0)
                .maximum(2.0)
                .default_value(default.core.margin)
                .mutable_playing(),
            f32, core.margin
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<FailPolicy>("fail-policy", default.core.fail_policy.into())
                .nick("Fail policy")
                .blurb("What happens to a face that the self-check does not confirm as protected; it never passes as it came")
                .mutable_playing(),
            |settings| FailPolicy::from(settings.core.fail_policy),
            |settings, policy: FailPolicy| settings.core.fail_policy = policy.into()
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Detector>("detector", default.detector)
                .nick("Detector")
                .blurb("Who finds the faces: GstVideoRegionOfInterestMeta of type face, with landmarks in a parameter or found in the region, or the detector built in")
                .mutable_playing(),
            Detector, detector
        ),
        rectangles!(
            "regions",
            "Regions",
            "Only faces whose centre lies in one of these rectangles are protected: <<x,y,width,height>,...> in pixels (empty = all faces)",
            regions
        ),
        rectangles!(
            "exclude-regions",
            "Excluded regions",
            "Faces whose centre lies in one of these rectangles pass as they are, recognisable: <<x,y,width,height>,...> in pixels",
            exclude_regions
        ),
        rectangles!(
            "privacy-masks",
            "Privacy masks",
            "Rectangles that are covered with an opaque fill in every frame, whatever is found: <<x,y,width,height>,...> in pixels; not while enabled is false",
            privacy_masks
        ),
        property!(
            glib::ParamSpecString::builder("roi-types")
                .nick("Region types")
                .blurb("Types of GstVideoRegionOfInterestMeta whose rectangles are covered with an opaque fill in every frame that has them, comma-separated, for example plate,head; not while enabled is false (NULL or empty = none)")
                .mutable_playing(),
            Option<String>, roi_types
        ),
        property!(
            glib::ParamSpecUInt::builder("detect-interval")
                .nick("Detection interval")
                .blurb("Frames from one search of the whole frame for faces to the next; followed faces are looked for where they are expected in between, and a new face passes until it is found (1 = every frame; 0 = every frame, unless nothing changed where nobody is followed and either nobody is or time is short)")
                .maximum(1000)
                .default_value(default.core.detect_interval)
                .mutable_playing(),
            u32, core.detect_interval
        ),
        property!(
            glib::ParamSpecUInt::builder("max-faces")
                .nick("Maximum faces")
                .blurb("How many faces of a frame are worked on, those that were seen first; the others are covered (0 = all)")
                .default_value(default.core.max_faces)
                .mutable_playing(),
            u32, core.max_faces
        ),
        property!(
            glib::ParamSpecFloat::builder("score-threshold")
                .nick("Score threshold")
                .blurb("Detector score from which something is taken for a face (lower finds more faces and more mistakes)")
                .minimum(0.0)
                .maximum(1.0)
                .default_value(default.core.score_threshold)
                .mutable_playing(),
            f32, core.score_threshold
        ),
        property!(
            glib::ParamSpecUInt::builder("min-face-size")
                .nick("Minimum face size")
                .blurb("Shorter side of the smallest face to be found, in pixels; smaller faces may pass")
                .minimum(8)
                .maximum(8192)
                .default_value(default.core.min_face_size)
                .mutable_playing(),
            u32, core.min_face_size
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<Search>("search", default.core.search.into())
                .nick("Search")
                .blurb("How thoroughly frames are searched for faces that are turned, very large or dark: in every other frame in one of six extra passes, or in every frame in all ten, which takes about ten times as long")
                .mutable_playing(),
            |settings| Search::from(settings.core.search),
            |settings, search: Search| settings.core.search = search.into()
        ),
        property!(
            glib::ParamSpecInt::builder("look-ahead")
                .nick("Look-ahead")
                .blurb("Frames that one is held for: a face that is found is looked for in them backwards, and protected from the first in which it is seen; adds to the latency of live streams (-1 = 15, in live streams 0)")
                .minimum(-1)
                .maximum(250)
                .default_value(default.look_ahead)
                .mutable_playing(),
            i32, look_ahead
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<OnLost>("on-lost", OnLost::Hold)
                .nick("On lost")
                .blurb("What is covered while a followed face is no longer found, for hold-time: the place where it is expected, or the whole frame")
                .mutable_playing(),
            |settings| if settings.core.cover_frame_on_lost { OnLost::CoverFrame } else { OnLost::Hold },
            |settings, on_lost: OnLost| settings.core.cover_frame_on_lost = on_lost == OnLost::CoverFrame
        ),
        property!(
            glib::ParamSpecUInt64::builder("hold-time")
                .nick("Hold time")
                .blurb("How long a face that is no longer found stays covered where it is expected, in nanoseconds")
                .default_value(u64::try_from(default.core.hold_time.as_nanos()).unwrap_or(u64::MAX))
                .mutable_playing(),
            |settings| u64::try_from(settings.core.hold_time.as_nanos()).unwrap_or(u64::MAX),
            |settings, nanoseconds: u64| settings.core.hold_time = Duration::from_nanos(nanoseconds)
        ),
        property!(
            glib::ParamSpecUInt64::builder("seed")
                .nick("Seed")
                .blurb("Start of the random numbers: the same seed, frames and settings give the same bytes")
                .default_value(default.seed)
                .mutable_ready(),
            u64, seed
        ),
        property!(
            glib::ParamSpecUInt::builder("threads")
                .nick("Threads")
                .blurb("Worker threads (0 = one per core)")
                .maximum(256)
                .default_value(default.threads)
                .mutable_ready(),
            u32, threads
        ),
        property!(
            glib::ParamSpecEnum::builder_with_default::<View>("view", default.core.view.into())
                .nick("View")
                .blurb("What goes out in place of the protected frame, to look at how it came about")
                .mutable_playing(),
            |settings| View::from(settings.core.view),
            |settings, view: View| settings.core.view = view.into()
        ),
        property!(
            glib::ParamSpecBoolean::builder("messages")
                .nick("Messages")
                .blurb("Whether an element message is posted when a face appears or its verdict changes")
                .default_value(default.messages)
                .mutable_playing(),
            bool, messages
        ),
        property!(
            glib::ParamSpecBoolean::builder("attach-meta")
                .nick("Attach meta")
                .blurb("Whether a GstVideoRegionOfInterestMeta of type face is added to the buffer for every face")
                .default_value(default.attach_meta)
                .mutable_playing(),
            bool, attach_meta
        ),
        Property {
            spec: glib::ParamSpecUInt64::builder("latency")
                .nick("Latency")
                .blurb("How long the element delays a live stream, in nanoseconds, as it answers the LATENCY query (0 in streams that are not live)")
                .read_only()
                .build(),
            access: Access::Reading(|stats| stats.latency.nseconds().to_value()),
        },
        Property {
            spec: glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Sums since the element was started: frames (processed, dropped by fail-policy, dropped too late, passed while not enabled, searched for faces as a whole, finished after their deadline), faces (one per face and frame: protected, covered, covered for want of time), iterations; mean cosine similarity of the protected faces to their clean selves; times in nanoseconds")
                .read_only()
                .build(),
            access: Access::Reading(|stats| stats.structure().to_value()),
        },
    ]
});
