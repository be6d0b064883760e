// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is kept, by the command line.

use std::path::Path;

use advjnd::{Error, Result};

use super::{Action, Analysis};

/// People by their numbers, in place of what the file of analysis says of them.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// They are left as they are.
    pub keep: Vec<u32>,
    /// All others are.
    pub only: Vec<u32>,
}

impl Choice {
    /// The analysis in a file, of `video`, whose checksum is `sha256`, with this choice.
    ///
    /// # Errors
    /// Those of [`Analysis::read`] and [`apply`](Self::apply), and [`Error::Input`] where it is of another video.
    pub fn read(&self, path: &Path, video: &Path, sha256: &str) -> Result<Analysis> {
        let mut analysis = Analysis::read(path)?;
        if sha256 != analysis.source.sha256 {
            let (path, video) = (path.display(), video.display());
            return Err(Error::input(format!("{path} is the analysis of another file than {video}; analyse this one")));
        }
        self.apply(&mut analysis)?;
        Ok(analysis)
    }

    /// Changes what becomes of the people of `analysis`.
    ///
    /// # Errors
    /// [`Error::Input`] for a number that nobody has.
    pub fn apply(&self, analysis: &mut Analysis) -> Result<()> {
        for id in self.keep.iter().chain(&self.only) {
            if analysis.people.iter().all(|person| person.id != *id) {
                let known: Vec<String> = analysis.people.iter().map(|person| person.id.to_string()).collect();
                let known = if known.is_empty() { "nobody".to_owned() } else { known.join(", ") };
                return Err(Error::input(format!("there is no person {id} in the analysis; it has {known}")));
            }
        }
        for person in &mut analysis.people {
            if self.keep.contains(&person.id) || !self.only.is_empty() && !self.only.contains(&person.id) {
                person.action = Action::Keep;
            } else if self.only.contains(&person.id) && person.action == Action::Keep {
                person.action = Action::Protect;
            }
        }
        Ok(())
    }
}
