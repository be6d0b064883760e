// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protected file alone, and photographs: is anybody in it taken for one of these people?

use std::ops::ControlFlow;

use advjnd::{Error, Result};

use super::reference::{Kind, Reference, sampling};
use super::{Bench, Verify, video};
use crate::evaluate::{Clean, Look, Treatment};

/// Looks for the people of the photographs in the protected file.
///
/// # Errors
/// [`Error::Input`] where it cannot be read, or shows no face.
pub fn look(verify: &Verify, bench: &mut Bench) -> Result<Reference> {
    bench.progress.set_message("the protected file");
    let progress = bench.progress.clone();
    let mut frames = video::protected(&verify.protected)?;
    let mut clean = Clean::read(&mut frames, sampling(verify), &mut bench.eyes, |_, _, _| {
        progress.tick();
        Ok(ControlFlow::Continue(()))
    })?;
    if clean.sightings.is_empty() {
        return Err(Error::input(format!(
            "{} shows no face that could be compared; give --original or --faces to see that each is covered",
            verify.protected.display()
        )));
    }
    clean.enrol(&bench.photographs, &bench.specs);
    let mut looks = Vec::new();
    for (index, sighting) in clean.sightings.iter_mut().enumerate().filter(|(_, face)| !face.embeddings.is_empty()) {
        // Whom it is compared with, so that it counts as known before.
        let enrolled = clean.enrolled[sighting.track].clone();
        let embeddings = std::mem::replace(&mut sighting.embeddings, enrolled);
        looks.push(Look { sighting: index, found: true, embeddings });
    }
    let shown = Treatment { covered: false, flat: false, change: 0.0 };
    let treatments = vec![shown; clean.sightings.len()];
    Ok(Reference { kind: Kind::Photographs, clean, treatments, looks, ..Reference::default() })
}
