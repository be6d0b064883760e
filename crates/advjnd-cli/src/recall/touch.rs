// SPDX-License-Identifier: MIT OR Apache-2.0
//! What became of the pixels of a face, whatever is said of it.

use std::collections::BTreeMap;

use advjnd::face::BBox;
use advjnd::frame::Rect;
use advjnd_media::Picture;
use serde::{Deserialize, Serialize};

use super::rounded;

/// Share of the box, both ways, that is looked at.
const CENTER: f32 = 0.6;
/// Share of the pixels below which a face is untouched.
const TOUCHED: f32 = 0.02;
/// Shares of pixels that are of one colour, and that were changed, from which a face is covered.
const FLAT: f32 = 0.8;
const REPLACED: f32 = 0.5;

/// What became of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It went out as it came in.
    Untouched,
    /// One colour lies over it.
    Covered,
    /// It was changed, and can be seen.
    Shown,
}

/// What became of the middle of a face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Touch {
    /// Share of its pixels that differ.
    #[serde(serialize_with = "rounded::number")]
    pub changed: f32,
    /// Share of its pixels that are of the commonest colour.
    #[serde(serialize_with = "rounded::number")]
    pub flat: f32,
}

impl Touch {
    /// Compares what went in with what came out; none where no pixel of the middle lies in the picture.
    pub fn of(clean: &Picture, output: &Picture, bbox: &BBox) -> Option<Self> {
        let middle = bbox.scaled(CENTER);
        let (right, bottom) = (middle.x + middle.width, middle.y + middle.height);
        let rect = Rect::covering(middle.x, middle.y, right, bottom, clean.width, clean.height);
        if rect.is_empty() || (clean.width, clean.height) != (output.width, output.height) {
            return None;
        }
        let (mut changed, mut colours) = (0, BTreeMap::<&[u8], usize>::new());
        for y in rect.y..rect.y + rect.height {
            let row = 3 * (y * clean.width + rect.x)..3 * (y * clean.width + rect.x + rect.width);
            let pairs = clean.pixels[row.clone()].chunks_exact(3).zip(output.pixels[row].chunks_exact(3));
            for (before, after) in pairs {
                changed += usize::from(before != after);
                *colours.entry(after).or_default() += 1;
            }
        }
        let count = (rect.width * rect.height) as f32;
        let commonest = colours.values().max().copied().unwrap_or_default();
        Some(Self { changed: changed as f32 / count, flat: commonest as f32 / count })
    }

    /// What that means.
    pub fn state(&self) -> State {
        if self.changed < TOUCHED {
            State::Untouched
        } else if self.flat >= FLAT && self.changed >= REPLACED {
            State::Covered
        } else {
            State::Shown
        }
    }
}
