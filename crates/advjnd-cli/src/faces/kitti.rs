// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces as text files of KITTI, one for each frame, as NVIDIA's DeepStream writes them with its tracker
//! (`kitti-track-output-dir`): name, track, truncation, occlusion, alpha, left, top, right, bottom, seven zeros, score.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use advjnd::{Error, Result};

use super::{Row, rows_of, wrong};
use crate::analysis::{Analysis, Face};
use crate::folder::{make, unwritable};

/// What stands before the number of a frame in the name of its file: application and stream.
const STREAM: &str = "00_000_";

/// Writes a file for each frame of `analysis` into `folder`.
pub fn write(folder: &Path, analysis: &Analysis) -> Result<()> {
    make(folder)?;
    let mut rows = rows_of(analysis).into_iter().peekable();
    for frame in 0..analysis.times.len() {
        let mut text = String::new();
        while let Some(Row { track, face }) = rows.next_if(|row| row.face.frame == frame) {
            let [left, top, width, height] = face.bbox;
            let (right, bottom) = (left + width, top + height);
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "face {track} 0.0 0 0.0 {left:.6} {top:.6} {right:.6} {bottom:.6} 0.0 0.0 0.0 0.0 0.0 0.0 0.0 {}",
                face.score
            );
        }
        let path = folder.join(format!("{STREAM}{frame:06}.txt"));
        fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

/// The faces in the files of `folder`, whose names end in the number of their frame.
pub fn rows(folder: &Path) -> Result<Vec<Row>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let number = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.rsplit('_').next());
        let Some(frame) = number.and_then(|number| number.parse().ok()) else { continue };
        let text = fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            rows.push(row(frame, line).ok_or_else(|| wrong(&path, format!("`{line}` is no line of a tracker")))?);
        }
    }
    rows.sort_by_key(|row| (row.face.frame, row.track));
    Ok(rows)
}

fn row(frame: usize, line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<f32>().ok());
    let (left, top) = (number(5)?, number(6)?);
    let bbox = [left, top, number(7)? - left, number(8)? - top];
    let score = number(16).unwrap_or(1.0);
    Some(Row { track: fields.get(1)?.parse().ok()?, face: Face { frame, bbox, landmarks: None, score } })
}
