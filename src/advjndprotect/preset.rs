// SPDX-License-Identifier: MIT OR Apache-2.0
//! The core's presets as a property. `presets/GstAdvJndProtect.prs` offers them through [`gst::Preset`].

use advjnd::{Settings, protector};

use super::Preset;

impl Preset {
    /// Writes its values to `settings`; all other settings stay. [`Preset::Custom`] changes nothing.
    pub(super) fn apply(self, settings: &mut Settings) {
        match self {
            Self::Custom => {}
            Self::Invisible => protector::Preset::Invisible.apply(settings),
            Self::Balanced => protector::Preset::Balanced.apply(settings),
            Self::Strong => protector::Preset::Strong.apply(settings),
            Self::Natural => protector::Preset::Natural.apply(settings),
        }
    }

    /// The preset that `settings` match: setting it would change nothing.
    pub(super) fn of(settings: &Settings) -> Self {
        match protector::Preset::of(settings) {
            Some(protector::Preset::Invisible) => Self::Invisible,
            Some(protector::Preset::Balanced) => Self::Balanced,
            Some(protector::Preset::Strong) => Self::Strong,
            Some(protector::Preset::Natural) => Self::Natural,
            _ => Self::Custom,
        }
    }
}
