// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presets: how much is seen against how much is stopped, as settings of the attack.
//!
//! Chosen on the parameter split of the clips (DESIGN.md); docs/evaluation.md has what each reaches on the other.
//! `presets/GstAdvJndProtect.prs` offers them through [`gst::Preset`].

use advjnd::jnd::Model;
use advjnd::{Settings, Transfer};

use super::Preset;

/// Peaks may be as high as they like,
const PEAKS: f32 = 20.0;
/// smooth changes cost no more than rough ones, for they last through codecs,
const FAR: f32 = 1000.0;
/// and the iterations never have enough: what the mean allows is spent. What a codec takes is asked for by the
/// self-check.
const RESERVE: f32 = 4.0;

impl Preset {
    /// Writes its values to `settings`; those that it does not speak of stay. [`Preset::Custom`] leaves all.
    pub(super) fn apply(self, settings: &mut Settings) {
        (settings.jnd_rms, settings.jnd_rms_ceiling, settings.margin) = match self {
            Self::Custom => return,
            Self::Invisible => (2.2, 3.2, 0.05),
            Self::Balanced => (4.2, 8.0, 0.05),
            Self::Strong => (5.2, 10.0, 0.05),
            Self::Natural => (4.2, 8.0, 0.05),
        };
        (settings.reshape, settings.relight, settings.min_psnr) = match self {
            Self::Natural => (4.0, 10.0, 38.0),
            _ => (0.0, 0.0, 0.0),
        };
        settings.jnd_model = Model::Rgb;
        settings.jnd_scale = PEAKS;
        settings.viewing_distance = FAR;
        settings.transfer = Transfer { diversity: 0.0, smoothing: 1.0, momentum: 0.5, reserve: RESERVE };
    }

    /// The preset that holds in `settings`: setting it would change nothing.
    pub(super) fn of(settings: &Settings) -> Self {
        let holds = |preset: &Self| {
            let mut same = *settings;
            preset.apply(&mut same);
            same == *settings
        };
        [Self::Invisible, Self::Balanced, Self::Strong, Self::Natural].into_iter().find(holds).unwrap_or_default()
    }
}
