// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presets: how much is seen against how much is stopped, as settings of the attack.
//!
//! Chosen on the parameter split of the clips (DESIGN.md); docs/evaluation.md has what each reaches on the other.

use super::{Settings, Transfer};
use crate::error::Error;
use crate::jnd::Model;

/// Peaks may be as high as they like,
const PEAKS: f32 = 20.0;
/// smooth changes cost no more than rough ones, for they last through codecs,
const FAR: f32 = 1000.0;
/// and the iterations never have enough: what the mean allows is spent. What a codec takes is asked for by the
/// self-check.
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
    /// All of them.
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

    /// Writes its values to `settings`; those that it does not speak of stay.
    pub fn apply(self, settings: &mut Settings) {
        (settings.jnd_rms, settings.jnd_rms_ceiling, settings.margin) = match self {
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

    /// The preset that holds in `settings`: setting it would change nothing. `None` if none does.
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

    /// The preset of that name; [`Error::Input`] names those that there are.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::input(format!("there is no preset `{name}`; choose among {names}"))
        })
    }
}
