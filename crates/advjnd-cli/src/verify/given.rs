// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protected file beside an analysis, without the original: faces are where the analysis has them.

use std::path::Path;

use advjnd::face::{BBox, Landmarks};
use advjnd::{Error, Result};
use advjnd_media::Pictures;

use super::reference::{Kind, Reference};
use super::{Bench, Verify, video};
use crate::analysis::{Action, Analysis, Face};
use crate::evaluate::{Clean, Embeddings, Look, Looked, MIN_FACE, Sighting, Treatment, enrol, is_flat};

/// Holds the protected file against the analysis in `faces`.
///
/// # Errors
/// [`Error::Input`] where a file cannot be read, the two do not belong together, or nobody can be enrolled.
pub fn look(verify: &Verify, faces: &Path, bench: &mut Bench) -> Result<Reference> {
    bench.progress.set_message("the analysis");
    let mut analysis = Analysis::read(faces)?;
    verify.choice().apply(&mut analysis)?;
    let mut reference = Reference { kind: Kind::Analysis, ..Reference::default() };
    reference.clean = expected(verify, faces, &analysis, bench)?;
    reference.left_out = analysis.kept_tracks().map(|track| track.faces.len() as u64).sum();
    let clean = &mut reference.clean;
    let (mut frames, mut next) = (video::protected(&verify.protected)?, 0);
    let mut count = 0;
    while let Some(mut picture) = frames.pull()? {
        if clean.size != [picture.width, picture.height] {
            return Err(unlike(verify, faces, "its frames have another size"));
        }
        let size = clean.size;
        let mut looked = Looked::new(&mut picture, size);
        while let Some(sighting) = clean.sightings.get(next).filter(|sighting| sighting.frame == count) {
            let flat = is_flat(sighting, looked.picture)?;
            reference.treatments.push(Treatment { covered: flat, flat, change: 0.0 });
            if !flat && !sighting.embeddings.is_empty() {
                let (embeddings, found) = looked.look(sighting, &mut bench.eyes)?;
                reference.looks.push(Look { sighting: next, found, embeddings });
            }
            next += 1;
        }
        count += 1;
        bench.progress.tick();
    }
    if verify.preview.is_some() && count < clean.frames {
        clean.sightings.truncate(next);
        clean.frames = count;
    }
    if count != clean.frames {
        return Err(unlike(verify, faces, &format!("it has {count} frames, and not {}", clean.frames)));
    }
    Ok(reference)
}

/// The faces of the analysis, with whom each is to be compared.
fn expected(verify: &Verify, faces: &Path, analysis: &Analysis, bench: &mut Bench) -> Result<Clean> {
    let size = [analysis.source.width as usize, analysis.source.height as usize];
    let mut clean = Clean { frames: analysis.times.len(), size, ..Clean::default() };
    let enrolled = analysis.people.iter().map(|person| {
        let thumbnail = person.thumbnail.as_ref().map(|name| faces.with_file_name("").join(name));
        match (thumbnail.filter(|path| path.is_file()), bench.photographs.as_slice()) {
            (Some(path), _) => enrol(&path, &mut bench.eyes).map(|(embeddings, _)| Some(embeddings)),
            (None, [photograph]) => Ok(Some(photograph.clone())),
            (None, _) => Ok(None),
        }
    });
    let enrolled: Vec<Option<Embeddings>> = enrolled.collect::<Result<_>>()?;
    for track in analysis.tracks.iter().filter(|track| !track.struck) {
        let person = analysis.people.iter().position(|person| person.id == track.person);
        let Some(person) = person.filter(|index| analysis.people[*index].action != Action::Keep) else { continue };
        let Some(embeddings) = &enrolled[person] else {
            return Err(Error::input(format!(
                "there is no picture of person {}, for {} has no thumbnails; give --original, or --enrol with one \
                 photograph",
                track.person,
                faces.display()
            )));
        };
        let number = clean.enrolled.len();
        clean.enrolled.push(embeddings.clone());
        let seen = track.faces.iter().filter(|face| face.bbox[2] >= MIN_FACE);
        let sightings = seen.filter_map(|face| sighting(face, analysis, number)).enumerate();
        clean.sightings.extend(sightings.map(|(index, mut sighting)| {
            if index == 0 || sighting.frame.is_multiple_of(verify.every as usize) {
                sighting.embeddings.clone_from(embeddings);
            }
            sighting
        }));
    }
    clean.tracks = clean.enrolled.len();
    clean.enrol(if bench.photographs.len() > 1 { &bench.photographs } else { &[] }, &bench.specs);
    clean.sightings.sort_by_key(|sighting| sighting.frame);
    Ok(clean)
}

/// A face of the analysis, if somebody saw its landmarks.
fn sighting(face: &Face, analysis: &Analysis, track: usize) -> Option<Sighting> {
    let [x, y, width, height] = face.bbox;
    let time = std::time::Duration::try_from_secs_f64(*analysis.times.get(face.frame)?).ok()?;
    Some(Sighting {
        frame: face.frame,
        time,
        track,
        bbox: BBox { x, y, width, height },
        landmarks: Landmarks(face.landmarks?),
        embeddings: Vec::new(),
    })
}

fn unlike(verify: &Verify, faces: &Path, how: &str) -> Error {
    let (protected, faces) = (verify.protected.display(), faces.display());
    Error::input(format!("{protected} was not made with {faces}: {how}; give the analysis that it was made with"))
}
