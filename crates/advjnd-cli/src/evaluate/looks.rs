// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the recognisers see in a variant of the protected clip.

use advjnd::face::{BBox, ChipCutter, Detection};
use advjnd::{Error, Result};
use advjnd_media::Frames;

use super::faces::{Eyes, MIN_FACE, SCORE, Treated};

/// Overlap from which a face found is the one that was there.
const SAME_FACE: f32 = 0.3;
/// How much smaller than the smallest clean face one may be found.
const SMALLER: f32 = 0.75;

/// One sighting, looked at.
pub struct Look {
    /// Index of the sighting.
    pub sighting: usize,
    /// Whether the detector found the face in this variant; where not, it is looked at where it was.
    pub found: bool,
    /// By recogniser.
    pub embeddings: Vec<Vec<f32>>,
}

/// The one of `faces` that was at `place`.
pub fn nearest<'a>(faces: &'a [Detection], place: &BBox) -> Option<&'a Detection> {
    let nearest = faces.iter().max_by(|a, b| a.bbox.iou(place).total_cmp(&b.bbox.iou(place)));
    nearest.filter(|face| face.bbox.iou(place) > SAME_FACE)
}

/// Looks at every sighting that was embedded and is not covered, in frames whose sides are `scale` times the clip's.
///
/// Faces are found anew in every frame, without a tracker, and landmarks taken from what is found. `step` is called
/// after each frame.
pub fn look(
    frames: &mut Frames,
    scale: f32,
    Treated { clean, covered }: Treated<'_>,
    eyes: &mut Eyes,
    step: impl Fn(),
) -> Result<Vec<Look>> {
    let (mut looks, mut cutter, mut next, mut count) = (Vec::new(), ChipCutter::default(), 0, 0);
    while let Some(mut picture) = frames.pull()? {
        // Sides are rounded to even numbers, each for itself.
        let zoom = [picture.width as f32 / clean.size[0] as f32, picture.height as f32 / clean.size[1] as f32];
        let point = |[x, y]: [f32; 2]| [(x + 0.5) * zoom[0] - 0.5, (y + 0.5) * zoom[1] - 0.5];
        let frame = picture.frame()?;
        let mut found: Option<Vec<Detection>> = None;
        while let Some(sighting) = clean.sightings.get(next).filter(|sighting| sighting.frame == count) {
            let index = next;
            next += 1;
            if sighting.embeddings.is_empty() || covered[index] {
                continue;
            }
            let faces = match &mut found {
                Some(faces) => faces,
                none => none.insert(eyes.detector.detect(&frame, (SMALLER * MIN_FACE * scale) as u32, SCORE)?),
            };
            let [x, y] = point([sighting.bbox.x, sighting.bbox.y]);
            let (width, height) = (sighting.bbox.width * zoom[0], sighting.bbox.height * zoom[1]);
            let place = BBox { x, y, width, height };
            let nearest = nearest(faces, &place);
            let landmarks = nearest.map_or_else(|| sighting.landmarks.map(point), |face| face.landmarks);
            let embeddings = eyes.panel.embed(&mut cutter, &frame, &landmarks)?;
            looks.push(Look { sighting: index, found: nearest.is_some(), embeddings });
        }
        count += 1;
        step();
    }
    if count != clean.frames {
        return Err(Error::input(format!(
            "{count} of {} frames came back from the codec; try another variant",
            clean.frames
        )));
    }
    Ok(looks)
}
