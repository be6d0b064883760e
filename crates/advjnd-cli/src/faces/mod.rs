// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of analysis in the formats of other programs, and back.

mod coco;
mod csv;
mod kitti;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use advjnd::face::BBox;
use advjnd::{Error, Result};
use clap::{Args, ValueEnum};

use crate::analysis::{Action, Analysis, Face, Person, Sight, Track};
use crate::protect::{refuse_existing, refuse_input, write_whole};

const AFTER_HELP: &str = "\
Formats:
  analysis  what `advjnd analyze` writes
  csv       a line for each face of each frame
  coco      COCO annotations with five keypoints, an image for each frame
  kitti     a folder of text files, one for each frame, as DeepStream's tracker writes them; no
            landmarks

To convert another format to an analysis, give --of the analysis of the same video. Its people keep
their names and actions. Tracks that it does not know become new people.";

/// Converts an analysis to CSV, COCO or KITTI, or back.
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
pub struct Faces {
    /// File to convert; for KITTI, the folder
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// File to write; for KITTI, the folder
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Format of the input
    #[arg(long, value_enum, default_value_t = Format::Analysis)]
    from: Format,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Analysis)]
    to: Format,
    /// Analysis of the same video; needed if the input has another format
    #[arg(long, value_name = "FILE")]
    of: Option<PathBuf>,
    /// Replace existing files
    #[arg(short = 'y', long)]
    overwrite: bool,
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Analysis,
    Csv,
    Coco,
    Kitti,
}

/// A face of a frame, as all formats have it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    /// The number of its track.
    track: u32,
    face: Face,
}

impl Faces {
    /// Converts, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where something is not in its format, or cannot be written.
    pub fn run(self) -> Result<String> {
        refuse_existing(&self.output, self.overwrite)?;
        let inputs: Vec<&Path> = self.of.iter().chain([&self.input]).map(PathBuf::as_path).collect();
        refuse_input(&self.output, &inputs)?;
        let analysis = self.analysis()?;
        let write = |text: &str| write_whole(&self.output, text, self.overwrite);
        match self.to {
            Format::Analysis => write(&crate::analyze::text(&analysis)?)?,
            Format::Csv => write(&csv::text(&analysis)?)?,
            Format::Coco => write(&coco::text(&analysis)?)?,
            Format::Kitti => kitti::write(&self.output, &analysis)?,
        }
        let faces: usize = analysis.tracks.iter().map(|track| track.faces.len()).sum();
        Ok(format!("{}: {} tracks, {faces} faces\n", self.output.display(), analysis.tracks.len()))
    }

    /// The analysis that is converted.
    fn analysis(&self) -> Result<Analysis> {
        if self.from == Format::Analysis {
            return Analysis::read(&self.input);
        }
        let Some(of) = &self.of else {
            return Err(Error::input("faces of another format need --of: the analysis of the same video"));
        };
        let mut analysis = Analysis::read(of)?;
        let rows = match self.from {
            Format::Csv => csv::rows(&self.input),
            Format::Coco => coco::rows(&self.input),
            Format::Analysis | Format::Kitti => kitti::rows(&self.input),
        }?;
        if rows.is_empty() {
            return Err(wrong(&self.input, "there is no face in it"));
        }
        replace(&mut analysis, rows);
        analysis.check().map_err(|reason| Error::input(format!("{}: {reason}", self.input.display())))?;
        Ok(analysis)
    }
}

/// Overlap from which two faces of a frame are one.
const SAME_FACE: f32 = 0.3;

/// Whether most of `faces` lie where those of `track` do: another program may number its tracks otherwise.
fn follows(track: &Track, faces: &[Face]) -> bool {
    let bbox = |face: &Face| BBox { x: face.bbox[0], y: face.bbox[1], width: face.bbox[2], height: face.bbox[3] };
    let is_same = |face: &&Face| {
        let at = track.faces.binary_search_by_key(&face.frame, |own| own.frame).ok();
        at.is_some_and(|at| bbox(&track.faces[at]).iou(&bbox(face)) > SAME_FACE)
    };
    2 * faces.iter().filter(is_same).count() > faces.len()
}

/// Puts `rows` in the place of the faces of `analysis`. A track that lies where one of its own did keeps the person;
/// people without a track go.
fn replace(analysis: &mut Analysis, rows: Vec<Row>) {
    let mut faces = BTreeMap::<u32, Vec<Face>>::new();
    rows.into_iter().for_each(|row| faces.entry(row.track).or_default().push(row.face));
    let before = std::mem::take(&mut analysis.tracks);
    let mut next = analysis.people.iter().map(|person| person.id).max().unwrap_or(0);
    for (id, mut faces) in faces {
        faces.sort_by_key(|face| face.frame);
        let known = before.iter().find(|track| follows(track, &faces));
        let best = faces.iter().copied().max_by(|a, b| a.score.total_cmp(&b.score));
        let Some(best) = best else { continue };
        let person = known.map_or_else(
            || {
                next += 1;
                let sight = Sight { frame: best.frame, bbox: best.bbox };
                let (name, action, quality) = (String::new(), Action::Protect, best.score);
                analysis.people.push(Person { id: next, name, action, quality, best: sight, thumbnail: None });
                next
            },
            |track| track.person,
        );
        let struck = known.is_some_and(|track| track.struck);
        let quality = known.map_or(best.score, |track| track.quality);
        analysis.tracks.push(Track { id, person, struck, quality, faces });
    }
    let tracks = &analysis.tracks;
    analysis.people.retain(|person| tracks.iter().any(|track| track.person == person.id));
}

/// All faces of `analysis`, by frame and track.
fn rows_of(analysis: &Analysis) -> Vec<Row> {
    let tracks = analysis.tracks.iter();
    let mut rows: Vec<Row> =
        tracks.flat_map(|track| track.faces.iter().map(|face| Row { track: track.id, face: *face })).collect();
    rows.sort_by_key(|row| (row.face.frame, row.track));
    rows
}

/// What is wrong with a file.
fn wrong(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::input(format!("{}: {reason}; `advjnd faces --help` names the formats", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;
    use crate::analysis::example;

    /// An analysis of two tracks, one without landmarks.
    fn analysis() -> Analysis {
        let mut analysis = example([Action::Protect, Action::Keep, Action::Cover]);
        analysis.tracks.truncate(2);
        analysis.people.truncate(2);
        for face in &mut analysis.tracks[1].faces {
            (face.landmarks, face.bbox[0]) = (None, 9.0);
        }
        analysis
    }

    #[test]
    fn every_format_gives_the_faces_back() {
        let (analysis, folder) = (analysis(), tempfile::tempdir().expect("a folder"));
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.csv"), csv::text(&analysis).expect("CSV")).expect("it is written");
        fs::write(path("a.json"), coco::text(&analysis).expect("COCO")).expect("it is written");
        kitti::write(&path("kitti"), &analysis).expect("it is written");
        let own = rows_of(&analysis);
        assert_eq!(csv::rows(&path("a.csv")).expect("rows"), own);
        assert_eq!(coco::rows(&path("a.json")).expect("rows"), own);
        let without: Vec<Row> =
            own.iter().map(|row| Row { face: Face { landmarks: None, ..row.face }, ..*row }).collect();
        assert_eq!(kitti::rows(&path("kitti")).expect("rows"), without);
    }

    #[test]
    fn tracks_keep_their_people_and_new_ones_get_one_of_their_own() {
        let mut changed = analysis();
        let mut rows = rows_of(&changed);
        rows.retain(|row| row.track == 2);
        // Another program numbers them otherwise.
        rows.iter_mut().for_each(|row| row.track = 1);
        rows.push(Row { track: 9, face: Face { bbox: [5.0, 9.0, 3.0, 3.0], ..rows[0].face } });
        replace(&mut changed, rows);
        let tracks: Vec<(u32, u32)> = changed.tracks.iter().map(|track| (track.id, track.person)).collect();
        assert_eq!(tracks, [(1, 2), (9, 3)], "by place, and not by number");
        let people: Vec<(u32, Action)> = changed.people.iter().map(|person| (person.id, person.action)).collect();
        assert_eq!(people, [(2, Action::Keep), (3, Action::Protect)]);
        assert_eq!(changed.check(), Ok(()));
    }
}
