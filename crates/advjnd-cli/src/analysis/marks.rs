// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an analysis says about each frame, as it is told to the filter.

use serde::{Deserialize, Serialize};

use super::{Action, Analysis, Face};

/// The type of the region metas of what is covered.
pub const COVERED: &str = "covered";
/// A frame is one of the analysis if it is shown within so many seconds of it.
const SAME_TIME: f64 = 5e-4;

/// A face or a place in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Left, top, width and height, pixels.
    pub bbox: [f32; 4],
    /// Those of a face that is to be protected, where they are known.
    pub landmarks: Option<[[f32; 2]; 5]>,
    /// Whether it is covered, and not protected.
    pub covered: bool,
}

/// Frames over which a face may go on unseen between two sights.
const GAP: usize = 15;

/// Whether the face at an index of a track is the track's person for certain: its landmarks were seen, or those shortly
/// before and after it. Anything else may be another's, after a cut, say.
fn is_certain(faces: &[Face], at: usize) -> bool {
    let is_near = |face: &&Face| face.landmarks.is_some() && face.frame.abs_diff(faces[at].frame) <= GAP;
    let before = faces[..=at].iter().rev().take(GAP + 1).any(|face| is_near(&face));
    before && faces[at..].iter().take(GAP + 1).any(|face| is_near(&face))
}

/// The marks of every frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    /// Size of a frame, pixels.
    pub size: [u32; 2],
    times: Vec<f64>,
    frames: Vec<Vec<Mark>>,
    /// The people who are left as they are.
    pub kept: Vec<String>,
}

impl Marks {
    /// Those of `analysis`: nothing of who is kept, or was struck out.
    pub fn of(analysis: &Analysis) -> Self {
        let mut frames = vec![Vec::new(); analysis.times.len()];
        for track in analysis.tracks.iter().filter(|track| !track.struck) {
            let person = analysis.people.iter().find(|person| person.id == track.person);
            let covered = match person.map_or(Action::Protect, |person| person.action) {
                Action::Protect => false,
                Action::Cover => true,
                Action::Keep => {
                    let uncertain = track.faces.iter().enumerate().filter(|(at, _)| !is_certain(&track.faces, *at));
                    for (_, face) in uncertain {
                        frames[face.frame].push(Mark { bbox: face.bbox, landmarks: None, covered: true });
                    }
                    continue;
                }
            };
            for face in &track.faces {
                let landmarks = face.landmarks.filter(|_| !covered);
                frames[face.frame].push(Mark { bbox: face.bbox, landmarks, covered });
            }
        }
        for drawn in &analysis.boxes {
            let mark = Mark { bbox: drawn.bbox, landmarks: None, covered: true };
            frames[drawn.first..=drawn.last].iter_mut().for_each(|frame| frame.push(mark));
        }
        let size = [analysis.source.width, analysis.source.height];
        Self { size, times: analysis.times.clone(), frames, kept: analysis.kept() }
    }

    /// The marks of the frame that is shown at `seconds`; `None` if the analysis has no such frame.
    pub fn at(&self, seconds: f64) -> Option<&[Mark]> {
        let index = self.times.partition_point(|time| *time < seconds - SAME_TIME);
        let time = self.times.get(index)?;
        ((time - seconds).abs() <= SAME_TIME).then(|| self.frames[index].as_slice())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{DrawnBox, Person, Sight, Source, Track};
    use super::*;

    pub fn analysis(actions: [Action; 3]) -> Analysis {
        let best = Sight { frame: 0, bbox: [1.0; 4] };
        let person = |(id, action)| Person { id, name: String::new(), action, quality: 0.5, best, thumbnail: None };
        let face = |frame| Face { frame, bbox: [frame as f32 + 1.0; 4], landmarks: Some([[2.0; 2]; 5]), score: 0.9 };
        let track = |id| Track { id, person: id, struck: false, quality: 0.5, faces: vec![face(0), face(2)] };
        Analysis {
            format: super::super::FORMAT.to_owned(),
            version: super::super::VERSION,
            program: String::new(),
            source: Source { name: String::new(), sha256: String::new(), width: 16, height: 16 },
            times: vec![0.0, 0.04, 0.08],
            people: (1..).zip(actions).map(person).collect(),
            tracks: (1..=3).map(track).collect(),
            boxes: vec![DrawnBox { first: 1, last: 2, bbox: [7.0; 4], note: String::new() }],
        }
    }

    #[test]
    fn who_is_kept_has_no_mark_and_who_is_covered_no_landmarks() {
        let marks = Marks::of(&analysis([Action::Protect, Action::Cover, Action::Keep]));
        let kinds =
            |time| marks.at(time).map(|marks| marks.iter().map(|m| (m.covered, m.landmarks.is_some())).collect());
        assert_eq!(kinds(0.0), Some(vec![(false, true), (true, false)]));
        assert_eq!(kinds(0.0401), Some(vec![(true, false)]));
        assert_eq!(kinds(0.08), Some(vec![(false, true), (true, false), (true, false)]));
        assert_eq!(kinds(0.06), None);
        assert_eq!(kinds(0.2), None);
        assert_eq!(marks.kept, ["person 3"]);
    }

    #[test]
    fn who_is_kept_is_covered_where_nobody_saw_who_it_is() {
        let mut analysis = analysis([Action::Keep; 3]);
        analysis.boxes.clear();
        analysis.tracks[0].faces[1].landmarks = None;
        let marks = Marks::of(&analysis);
        assert_eq!(marks.at(0.0), Some(&[][..]));
        assert_eq!(marks.at(0.08).map(|marks| marks.iter().all(|mark| mark.covered) && marks.len() == 1), Some(true));
    }

    #[test]
    fn what_was_struck_out_has_no_mark() {
        let mut analysis = analysis([Action::Protect; 3]);
        analysis.tracks[1].struck = true;
        assert_eq!(Marks::of(&analysis).at(0.0).map(<[_]>::len), Some(2));
    }
}
