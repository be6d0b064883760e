// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties that say whose faces to find, and where.

use std::time::Duration;

use gst::prelude::*;

use super::super::property::{Property, property, rectangles};
use super::super::settings::Settings;
use super::super::{Detector, OnLost, Search};

pub(super) fn rows(default: &Settings) -> Vec<Property> {
    vec![
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
        property!(
            glib::ParamSpecString::builder("exclude-people")
                .nick("Excluded people")
                .blurb("Folder of photographs, or file, of people who pass unchanged, RECOGNISABLE")
                .mutable_ready(),
            Option<String>,
            exclude_people
        ),
        property!(
            glib::ParamSpecString::builder("protect-only")
                .nick("Protect only")
                .blurb("Folder of photographs, or file, of the only people who are protected")
                .mutable_ready(),
            Option<String>,
            protect_only
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
    ]
}
