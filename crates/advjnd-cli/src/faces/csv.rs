// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces as comma-separated values.

use std::path::Path;

use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{Row, rows_of, wrong};
use crate::analysis::{Analysis, Face};

/// A line. What only people read is not read back.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    frame: usize,
    #[serde(default)]
    seconds: f64,
    track: u32,
    #[serde(default)]
    person: u32,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    score: f32,
    #[serde(default)]
    right_eye_x: Option<f32>,
    #[serde(default)]
    right_eye_y: Option<f32>,
    #[serde(default)]
    left_eye_x: Option<f32>,
    #[serde(default)]
    left_eye_y: Option<f32>,
    #[serde(default)]
    nose_x: Option<f32>,
    #[serde(default)]
    nose_y: Option<f32>,
    #[serde(default)]
    mouth_right_x: Option<f32>,
    #[serde(default)]
    mouth_right_y: Option<f32>,
    #[serde(default)]
    mouth_left_x: Option<f32>,
    #[serde(default)]
    mouth_left_y: Option<f32>,
}

impl Line {
    fn of(analysis: &Analysis, Row { track, face }: Row) -> Self {
        let [x, y, width, height] = face.bbox;
        let person = analysis.tracks.iter().find(|known| known.id == track).map_or(0, |known| known.person);
        let point = |index: usize, axis: usize| face.landmarks.map(|points| points[index][axis]);
        Self {
            frame: face.frame,
            seconds: analysis.times.get(face.frame).copied().unwrap_or_default(),
            track,
            person,
            x,
            y,
            width,
            height,
            score: face.score,
            right_eye_x: point(0, 0),
            right_eye_y: point(0, 1),
            left_eye_x: point(1, 0),
            left_eye_y: point(1, 1),
            nose_x: point(2, 0),
            nose_y: point(2, 1),
            mouth_right_x: point(3, 0),
            mouth_right_y: point(3, 1),
            mouth_left_x: point(4, 0),
            mouth_left_y: point(4, 1),
        }
    }

    fn row(&self) -> Row {
        let point = |x: Option<f32>, y: Option<f32>| Some([x?, y?]);
        let points = [
            point(self.right_eye_x, self.right_eye_y),
            point(self.left_eye_x, self.left_eye_y),
            point(self.nose_x, self.nose_y),
            point(self.mouth_right_x, self.mouth_right_y),
            point(self.mouth_left_x, self.mouth_left_y),
        ];
        let landmarks = points.iter().all(Option::is_some).then(|| points.map(Option::unwrap_or_default));
        let bbox = [self.x, self.y, self.width, self.height];
        Row { track: self.track, face: Face { frame: self.frame, bbox, landmarks, score: self.score } }
    }
}

/// The faces of `analysis`, with a line of names before them.
pub fn text(analysis: &Analysis) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| Error::input(format!("the CSV cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows_of(analysis) {
        writer.serialize(Line::of(analysis, row)).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

/// The faces in a file.
pub fn rows(path: &Path) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(path, error))?;
    reader.deserialize::<Line>().map(|line| line.map(|line| line.row()).map_err(|error| wrong(path, error))).collect()
}
