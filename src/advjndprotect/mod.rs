//! The element's public face: its type, its registration, its enumerations.

mod error;
mod frame;
mod imp;
mod report;
mod settings;

use glib::prelude::*;

glib::wrapper! {
    /// The element `advjndprotect`, a [`gst_video::VideoFilter`].
    pub struct AdvJndProtect(ObjectSubclass<imp::AdvJndProtect>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Property `fail-policy`: what happens to a face that the self-check does not confirm as protected.
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

impl From<advjnd::FailPolicy> for FailPolicy {
    fn from(policy: advjnd::FailPolicy) -> Self {
        match policy {
            advjnd::FailPolicy::Fill => Self::Fill,
            advjnd::FailPolicy::Pixelate => Self::Pixelate,
            advjnd::FailPolicy::Blur => Self::Blur,
            advjnd::FailPolicy::Drop => Self::Drop,
            advjnd::FailPolicy::Error => Self::Error,
        }
    }
}

impl From<FailPolicy> for advjnd::FailPolicy {
    fn from(policy: FailPolicy) -> Self {
        match policy {
            FailPolicy::Fill => Self::Fill,
            FailPolicy::Pixelate => Self::Pixelate,
            FailPolicy::Blur => Self::Blur,
            FailPolicy::Drop => Self::Drop,
            FailPolicy::Error => Self::Error,
        }
    }
}

/// Registers the element with its plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "advjndprotect", gst::Rank::NONE, AdvJndProtect::static_type())
}
