// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a face goes out untouched, in clips of one person: every frame, by what a detector finds before the
//! protector.

use advjnd::Result;
use advjnd_media::Picture;
use serde::{Deserialize, Serialize};

use super::attacker::Attacker;
use super::touch::{State, Touch};
use super::truth::Marked;

/// Narrowest face that is looked for, pixels.
const LEAST: u32 = 24;

/// A clip, watched frame by frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The file.
    pub source: String,
    /// Letter of the person.
    pub person: String,
    /// Frames.
    pub frames: usize,
    /// Frames in which the detector finds a face before the protector.
    pub found: usize,
    /// Of these, frames in which it is untouched.
    pub untouched: usize,
    /// The most of them one after the other.
    pub longest: usize,
    #[serde(skip)]
    current: usize,
}

impl Watch {
    /// A clip in which only one person is marked; none where there are others.
    pub fn of(source: &str, marked: &[&Marked]) -> Option<Self> {
        let mut faces = marked.iter().flat_map(|marked| &marked.faces);
        let person = faces.clone().next()?.person.clone()?;
        let alone = marked.iter().all(|marked| marked.frame.is_some() && marked.faces.len() <= 1);
        let same = faces.all(|face| face.person.as_ref() == Some(&person));
        (alone && same).then(|| Self {
            source: source.to_owned(),
            person,
            frames: 0,
            found: 0,
            untouched: 0,
            longest: 0,
            current: 0,
        })
    }

    /// Looks at the next frame.
    ///
    /// # Errors
    /// What the detector reports.
    pub fn see(&mut self, attacker: &mut Attacker, clean: &mut Picture, output: &Picture) -> Result<()> {
        self.frames += 1;
        let face = attacker.best(clean, LEAST)?;
        let touch = face.and_then(|face| Touch::of(clean, output, &face.bbox));
        self.found += usize::from(touch.is_some());
        let untouched = touch.is_some_and(|touch| touch.state() == State::Untouched);
        self.untouched += usize::from(untouched);
        self.current = if untouched { self.current + 1 } else { 0 };
        self.longest = self.longest.max(self.current);
        Ok(())
    }
}
