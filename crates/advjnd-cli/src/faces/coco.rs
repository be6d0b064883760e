// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces as annotations of COCO (cocodataset.org, "Data format"), keypoints included; an image is a frame.

use std::path::Path;

use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Row, rows_of, wrong};
use crate::analysis::{Analysis, Face};

const KEYPOINTS: [&str; 5] = ["right_eye", "left_eye", "nose", "mouth_right", "mouth_left"];
/// A keypoint that is seen.
const VISIBLE: f32 = 2.0;

#[derive(Debug, Serialize, Deserialize)]
struct Annotation {
    #[serde(default)]
    id: usize,
    image_id: usize,
    #[serde(default)]
    category_id: u32,
    bbox: [f32; 4],
    #[serde(default)]
    area: f32,
    #[serde(default)]
    iscrowd: u8,
    #[serde(default = "certain")]
    score: f32,
    #[serde(default)]
    keypoints: Vec<f32>,
    #[serde(default)]
    num_keypoints: u32,
    track_id: u32,
}

fn certain() -> f32 {
    1.0
}

#[derive(Debug, Deserialize)]
struct Image {
    id: usize,
    frame: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    images: Vec<Image>,
    annotations: Vec<Annotation>,
}

/// The faces of `analysis`.
pub fn text(analysis: &Analysis) -> Result<String> {
    let source = &analysis.source;
    let images = analysis.times.iter().enumerate().map(|(frame, seconds)| {
        let name = format!("{}-{frame:06}", source.name);
        json!({ "id": frame + 1, "file_name": name, "width": source.width, "height": source.height,
                "frame": frame, "seconds": seconds })
    });
    let annotations = rows_of(analysis).into_iter().enumerate().map(|(index, Row { track, face })| {
        let points = face.landmarks.iter().flatten();
        let keypoints: Vec<f32> = points.flat_map(|[x, y]| [*x, *y, VISIBLE]).collect();
        Annotation {
            id: index + 1,
            image_id: face.frame + 1,
            category_id: 1,
            bbox: face.bbox,
            area: face.bbox[2] * face.bbox[3],
            iscrowd: 0,
            score: face.score,
            num_keypoints: (keypoints.len() / 3) as u32,
            keypoints,
            track_id: track,
        }
    });
    let document = json!({
        "info": { "description": format!("faces of {}", source.name), "version": analysis.program },
        "images": images.collect::<Vec<_>>(),
        "categories": [{ "id": 1, "name": "face", "keypoints": KEYPOINTS, "skeleton": [] }],
        "annotations": annotations.collect::<Vec<_>>(),
    });
    let text = serde_json::to_string(&document);
    text.map(|text| text + "\n").map_err(|error| Error::input(format!("the annotations cannot be written: {error}")))
}

/// The faces in a file. An image without a field `frame` is the frame before its number.
pub fn rows(path: &Path) -> Result<Vec<Row>> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| wrong(path, error))?;
    let frame_of = |id: usize| {
        let named = document.images.iter().find(|image| image.id == id).and_then(|image| image.frame);
        named.or_else(|| id.checked_sub(1)).ok_or_else(|| wrong(path, "images are numbered from 1"))
    };
    let row = |annotation: &Annotation| {
        let points = annotation.keypoints.as_chunks::<3>().0;
        let is_whole = points.len() == KEYPOINTS.len() && points.iter().all(|[.., seen]| *seen > 0.0);
        let landmarks = is_whole.then(|| [0, 1, 2, 3, 4].map(|index| [points[index][0], points[index][1]]));
        let (bbox, score) = (annotation.bbox, annotation.score);
        Ok(Row {
            track: annotation.track_id,
            face: Face { frame: frame_of(annotation.image_id)?, bbox, landmarks, score },
        })
    };
    document.annotations.iter().map(row).collect()
}
