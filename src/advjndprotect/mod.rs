// SPDX-License-Identifier: MIT OR Apache-2.0
//! The element's public face: its type, its registration, its enumerations.

mod ahead;
mod device;
mod error;
mod formats;
mod frame;
mod imp;
mod live;
mod masks;
mod metas;
pub mod people;
mod photograph;
mod preset;
mod properties;
mod property;
mod report;
mod roi;
mod settings;
mod state;
mod switch;
mod tags;
#[cfg(test)]
mod tests;

use glib::prelude::*;

/// Name of the structures in messages and metas.
const NAME: &str = "advjndprotect";
/// Type of the metas that mark faces.
const FACE: &str = "face";

glib::wrapper! {
    /// The element `advjndprotect`, a [`gst_video::VideoFilter`].
    pub struct AdvJndProtect(ObjectSubclass<imp::AdvJndProtect>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object,
        @implements gst::Preset;
}

/// Property `mode`: what is done to the faces found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectMode")]
pub enum Mode {
    /// Changed, or covered.
    #[enum_value(name = "Change each face so that it is not recognised; cover it if that fails", nick = "protect")]
    Protect,
    /// Covered.
    #[enum_value(name = "Cover each face", nick = "cover")]
    Cover,
}

/// Property `fail-policy`: how a face that must be hidden is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectFailPolicy")]
pub enum FailPolicy {
    /// Opaque fill.
    #[enum_value(name = "Cover the face with an opaque fill (safest)", nick = "fill")]
    Fill,
    /// Large blocks.
    #[enum_value(name = "Cover the face with large blocks (weak: trained networks read them)", nick = "pixelate")]
    Pixelate,
    /// Strong blur.
    #[enum_value(name = "Blur the face strongly (weak: trained networks read it)", nick = "blur")]
    Blur,
    /// The frame does not go out.
    #[enum_value(name = "Drop the frame", nick = "drop")]
    Drop,
    /// The stream ends with an error.
    #[enum_value(name = "Stop with an error", nick = "error")]
    Error,
}

/// Property `detector`: who finds the faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectDetector")]
pub enum Detector {
    /// The built-in one, and also upstream.
    #[default]
    #[enum_value(name = "The detector built in, and metas of type face besides", nick = "auto")]
    Auto,
    /// The built-in one.
    #[enum_value(name = "The detector built in, whatever metas say", nick = "builtin")]
    Builtin,
    /// Upstream.
    #[enum_value(name = "Metas of type face alone: a buffer without one has no face, and passes", nick = "roi-meta")]
    RoiMeta,
    /// Nobody.
    #[enum_value(
        name = "Nobody: all of the frame, or each of the regions, is a face, and is covered if none is found in it",
        nick = "full-frame"
    )]
    FullFrame,
}

impl Detector {
    /// Whether metas from upstream add faces.
    fn reads_marks(self) -> bool {
        matches!(self, Self::Auto | Self::RoiMeta)
    }
}

/// Property `jnd-model`: the model of the just-noticeable difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectJndModel")]
pub enum JndModel {
    /// Chou & Li 1995.
    #[enum_value(name = "Chou and Li 1995: luminance adaptation or contrast masking", nick = "chou")]
    Chou,
    /// Yang et al. 2005.
    #[enum_value(name = "Yang et al. 2005: nonlinear additivity of both, edges spared", nick = "namm")]
    Namm,
    /// Wu et al. 2013.
    #[enum_value(
        name = "Wu et al. 2013: free energy, what is not expected hides more (slow, for stills)",
        nick = "free-energy"
    )]
    FreeEnergy,
    /// Wu et al. 2017.
    #[enum_value(name = "Wu et al. 2017: pattern complexity, the authors' program", nick = "pattern")]
    Pattern,
    /// Wu et al. 2017, the paper's constants.
    #[enum_value(name = "Wu et al. 2017: pattern complexity, the paper's constants", nick = "pattern-paper")]
    PatternPaper,
    /// Learned towards picture quality.
    #[enum_value(name = "Learned, in full colour, towards picture quality", nick = "rgb")]
    Rgb,
    /// Learned towards quality after the eye's losses.
    #[enum_value(name = "Learned, in full colour, towards quality after the losses of seeing", nick = "hvs-sd")]
    HvsSd,
}

/// Property `preset`: several properties at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectPreset")]
pub enum Preset {
    /// No preset.
    #[default]
    #[enum_value(name = "None of the others: properties as they were set one by one", nick = "custom")]
    Custom,
    /// Hardly visible.
    #[enum_value(name = "Hardly seen side by side; stops the recognisers it attacks", nick = "invisible")]
    Invisible,
    /// Between the two.
    #[enum_value(name = "Seen when looked for; lasts through codecs, stops some other recognisers", nick = "balanced")]
    Balanced,
    /// Stops most recognisers.
    #[enum_value(name = "Seen; stops most other recognisers", nick = "strong")]
    Strong,
    /// Less noise, and another likeness.
    #[enum_value(
        name = "Less noise than balanced; moves and lights faces, which alters the likeness",
        nick = "natural"
    )]
    Natural,
}

/// Property `search`: how thoroughly frames are searched for faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectSearch")]
pub enum Search {
    /// One extra pass in every other frame.
    #[enum_value(
        name = "Upright, and in every other frame one extra pass: turned, from afar, brightened",
        nick = "fast"
    )]
    Fast,
    /// All extra passes.
    #[enum_value(name = "Upright and in all extra passes; landmarks confirmed in every frame", nick = "thorough")]
    Thorough,
}

/// Property `on-lost`: what is covered while a followed face is not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectOnLost")]
pub enum OnLost {
    /// Its place.
    #[enum_value(name = "The place where it is expected", nick = "hold")]
    Hold,
    /// Everything.
    #[enum_value(name = "The whole frame", nick = "cover-frame")]
    CoverFrame,
}

/// Property `view`: what goes out in place of the protected frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdvJndProtectView")]
pub enum View {
    /// The protected frame.
    #[enum_value(name = "The protected frame", nick = "protected")]
    Protected,
    /// The budget.
    #[enum_value(name = "How much each pixel may change, ten times, on black", nick = "jnd")]
    Jnd,
    /// The perturbation.
    #[enum_value(name = "How much each pixel was changed, ten times, on grey", nick = "delta")]
    Delta,
    /// The tracks.
    #[enum_value(
        name = "The protected frame with a box round every face: green protected, red covered, amber lost, blue kept",
        nick = "boxes"
    )]
    Boxes,
}

/// Conversions between an enumeration of the core and its GObject twin, variant by variant. No property sets a value
/// without a twin; if one occurs all the same, it is logged as an error and read as the first variant.
macro_rules! twins {
    ($core:path, $own:ident: $first:ident $($variant:ident)*) => {
        impl From<$core> for $own {
            fn from(value: $core) -> Self {
                match value {
                    <$core>::$first => Self::$first,
                    $(<$core>::$variant => Self::$variant,)*
                    unknown => {
                        gst::error!(imp::CAT, "{unknown:?} is no value of {}", Self::static_type());
                        Self::$first
                    }
                }
            }
        }

        impl From<$own> for $core {
            fn from(value: $own) -> Self {
                match value {
                    $own::$first => Self::$first,
                    $($own::$variant => Self::$variant,)*
                }
            }
        }
    };
}

twins!(advjnd::FailPolicy, FailPolicy: Fill Pixelate Blur Drop Error);
twins!(advjnd::Mode, Mode: Protect Cover);
twins!(advjnd::jnd::Model, JndModel: Chou Namm FreeEnergy Pattern PatternPaper Rgb HvsSd);
twins!(advjnd::Thoroughness, Search: Fast Thorough);
twins!(advjnd::View, View: Protected Jnd Delta Boxes);

/// Registers the element with its plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "advjndprotect", gst::Rank::NONE, AdvJndProtect::static_type())
}
