// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presets: settings of the attack that trade visibility for protection.
//!
//! Chosen on the parameter split of the clips (DESIGN.md). docs/evaluation.md has the results on the other split.

use super::{Settings, Transfer};
use crate::error::Error;
use crate::jnd::Model;

/// Single peaks are hardly bounded.
const PEAKS: f32 = 20.0;
/// Smooth changes cost no more than rough ones, because they survive codecs.
const FAR: f32 = 1000.0;
/// Iterations never reach their goal, so they spend all that the mean allows. The self-check requires the margin that a
/// codec takes.
const RESERVE: f32 = 4.0;

/// A row of values for [`Settings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// Hardly seen side by side; stops the recognisers it attacks.
    Invisible,
    /// Seen when looked for; lasts through codecs, stops some other recognisers.
    Balanced,
    /// Seen; stops most other recognisers.
    Strong,
    /// Less noise than [`Balanced`](Self::Balanced); moves and lights faces, which alters the likeness.
    Natural,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 4] = [Self::Invisible, Self::Balanced, Self::Strong, Self::Natural];

    /// Its name, as the property `preset` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invisible => "invisible",
            Self::Balanced => "balanced",
            Self::Strong => "strong",
            Self::Natural => "natural",
        }
    }

    /// Writes its values to `settings`; all other settings stay.
    pub fn apply(self, settings: &mut Settings) {
        (settings.jnd_rms, settings.jnd_rms_ceiling, settings.margin) = match self {
            Self::Invisible => (2.2, 3.2, 0.05),
            Self::Balanced => (4.3, 8.0, 0.05),
            Self::Strong => (6.6, 12.0, 0.05),
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

    /// The preset that `settings` match: applying it would change nothing. `None` if they match none.
    pub fn of(settings: &Settings) -> Option<Self> {
        let holds = |preset: &Self| {
            let mut same = *settings;
            preset.apply(&mut same);
            same == *settings
        };
        Self::ALL.into_iter().find(holds)
    }
}

impl std::str::FromStr for Preset {
    type Err = Error;

    /// The preset of that name, else [`Error::Input`] with the list of names.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::input(format!("there is no preset `{name}`; choose among {names}"))
        })
    }
}
