// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the recognisers see in a variant of the protected clip.

use advjnd::face::{BBox, Detection};
use advjnd::{Error, Result};
use advjnd_media::{Picture, Pictures};

use super::faces::{Embeddings, Eyes, MIN_FACE, Sighting, Treated};

/// Overlap from which a face found is the one that was there.
const SAME_FACE: f32 = 0.3;
/// How much smaller than the smallest clean face one may be found.
const SMALLER: f32 = 0.75;

/// One sighting, looked at.
#[derive(Debug)]
pub struct Look {
    /// Index of the sighting.
    pub sighting: usize,
    /// Whether the detector found the face in this variant; where not, it is looked at where it was.
    pub found: bool,
    /// By recogniser.
    pub embeddings: Embeddings,
}

/// The one of `faces` that was at `place`.
pub fn nearest<'a>(faces: &'a [Detection], place: &BBox) -> Option<&'a Detection> {
    let nearest = faces.iter().max_by(|a, b| a.bbox.iou(place).total_cmp(&b.bbox.iou(place)));
    nearest.filter(|face| face.bbox.iou(place) > SAME_FACE)
}

/// A frame of a variant, whose sides may be other than the clip's. Faces are found anew in it, without a tracker, and
/// landmarks taken from what is found.
pub struct Looked<'a> {
    pub picture: &'a mut Picture,
    /// Width and height of a frame of the clip.
    pub size: [usize; 2],
    found: Option<Vec<Detection>>,
}

impl<'a> Looked<'a> {
    /// A frame of a variant of a clip whose frames have `size`.
    pub fn new(picture: &'a mut Picture, size: [usize; 2]) -> Self {
        Self { picture, size, found: None }
    }
}

impl Looked<'_> {
    /// The embeddings of the face of `sighting` in a frame of the variant, and whether the detector found it there.
    ///
    /// # Errors
    /// What the detector and the recognisers report.
    pub fn look(&mut self, sighting: &Sighting, eyes: &mut Eyes) -> Result<(Embeddings, bool)> {
        let Self { picture, size, found } = self;
        // Sides are rounded to even numbers, each for itself.
        let zoom = [picture.width as f32 / size[0] as f32, picture.height as f32 / size[1] as f32];
        let point = |[x, y]: [f32; 2]| [(x + 0.5) * zoom[0] - 0.5, (y + 0.5) * zoom[1] - 0.5];
        let frame = picture.frame()?;
        let faces = match found {
            Some(faces) => faces,
            none => {
                let least = SMALLER * MIN_FACE * zoom[0].min(zoom[1]);
                none.insert(eyes.find(&frame, least)?)
            }
        };
        let [x, y] = point([sighting.bbox.x, sighting.bbox.y]);
        let (width, height) = (sighting.bbox.width * zoom[0], sighting.bbox.height * zoom[1]);
        let nearest = nearest(faces, &BBox { x, y, width, height });
        let anew = nearest.filter(|_| !eyes.keeps_landmarks).map(|face| face.landmarks);
        let landmarks = anew.unwrap_or_else(|| sighting.landmarks.map(point));
        let embeddings = eyes.panel.embed(&frame, &landmarks)?;
        Ok((embeddings, nearest.is_some()))
    }
}

/// Looks at every sighting that was embedded and is not covered. `step` is called after each frame.
///
/// # Errors
/// [`Error::Input`] where frames are missing, and what the detector and the recognisers report.
pub fn look(
    frames: &mut impl Pictures,
    Treated { clean, covered }: Treated<'_>,
    eyes: &mut Eyes,
    step: impl Fn(),
) -> Result<Vec<Look>> {
    let (mut looks, mut next, mut count) = (Vec::new(), 0, 0);
    while let Some(mut picture) = frames.pull()? {
        let mut looked = Looked::new(&mut picture, clean.size);
        while let Some(sighting) = clean.sightings.get(next).filter(|sighting| sighting.frame == count) {
            let index = next;
            next += 1;
            if sighting.embeddings.is_empty() || covered[index] {
                continue;
            }
            let (embeddings, found) = looked.look(sighting, eyes)?;
            looks.push(Look { sighting: index, found, embeddings });
        }
        count += 1;
        step();
    }
    if count < clean.frames {
        return Err(Error::input(format!(
            "{count} of {} frames came back from the codec; try another variant",
            clean.frames
        )));
    }
    Ok(looks)
}
