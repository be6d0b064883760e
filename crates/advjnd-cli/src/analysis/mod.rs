// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a file of analysis holds: who is where in a video, and what is to become of each.
//!
//! `advjnd analyze` writes it, people and the review page edit it, `advjnd protect --faces` follows it.
//! `docs/faces.schema.json` is its JSON Schema.

mod choice;
mod marks;

use std::collections::BTreeSet;
use std::path::Path;

use advjnd::{Error, Result};
use serde::{Deserialize, Serialize};

pub use choice::Choice;
#[cfg(test)]
pub use marks::tests::analysis as example;
pub use marks::{COVERED, Mark, Marks};

/// What [`Analysis::format`] is.
pub const FORMAT: &str = "advjnd-faces";
/// What [`Analysis::version`] is.
pub const VERSION: u32 = 1;

/// The faces of a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// What wrote it first.
    pub program: String,
    /// The video.
    pub source: Source,
    /// When each frame is shown, seconds from the start of the video, increasing.
    pub times: Vec<f64>,
    /// Who is in it.
    pub people: Vec<Person>,
    /// Where they are: one person may have several tracks.
    pub tracks: Vec<Track>,
    /// Places that somebody drew, to be covered.
    pub boxes: Vec<DrawnBox>,
}

/// The video that was analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name, without folders.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Size of a frame as it is shown, upright, in square pixels.
    pub width: u32,
    pub height: u32,
}

/// What is done about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The face is protected, or covered where that fails.
    Protect,
    /// The face is covered.
    Cover,
    /// The face is left as it is, and anybody can recognise it.
    Keep,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// From 1.
    pub id: u32,
    /// What people call them; may be empty.
    pub name: String,
    pub action: Action,
    /// How good the best sight is, 0..=1.
    pub quality: f32,
    /// The best sight.
    pub best: Sight,
    /// A picture of the clean face, relative to the file of analysis.
    pub thumbnail: Option<String>,
}

/// A face in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// Index of the frame.
    pub frame: usize,
    /// Left, top, width and height, pixels.
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
}

/// A face followed over frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// From 1.
    pub id: u32,
    /// The person's [`id`](Person::id).
    pub person: u32,
    /// Whether somebody said that this is no face: nothing is done about it.
    pub struck: bool,
    /// As [`Person::quality`].
    pub quality: f32,
    /// At most one a frame, in their order.
    pub faces: Vec<Face>,
}

/// A face of a track in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// Index of the frame.
    pub frame: usize,
    /// Left, top, width and height, pixels.
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
    /// The eyes, the nose and the corners of the mouth, x and y each; none where nobody can tell.
    pub landmarks: Option<[[f32; 2]; 5]>,
    /// The detector's, 0..=1.
    pub score: f32,
}

/// A place that somebody drew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnBox {
    /// The first and the last frame in which it is covered.
    pub first: usize,
    pub last: usize,
    /// Left, top, width and height, pixels.
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
    /// What somebody noted; may be empty.
    #[serde(default)]
    pub note: String,
}

impl Analysis {
    /// The tracks of the people who are kept.
    #[cfg(feature = "measure")]
    pub fn kept_tracks(&self) -> impl Iterator<Item = &Track> {
        let is_kept = |id: u32| self.people.iter().any(|person| person.id == id && person.action == Action::Keep);
        self.tracks.iter().filter(move |track| !track.struck && is_kept(track.person))
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Input`] where it is no analysis, and what is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let wrong = |reason: String| {
            let remedy = "correct it, or make it anew with `advjnd analyze`";
            Error::input(format!("{} is no file of analysis: {reason}; {remedy}", path.display()))
        };
        let analysis: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        analysis.check().map_err(wrong)?;
        Ok(analysis)
    }

    /// Checks that what it says fits together.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> std::result::Result<(), String> {
        if (self.format.as_str(), self.version) != (FORMAT, VERSION) {
            let (format, version) = (&self.format, self.version);
            return Err(format!("its format is `{format}` {version}, and this program reads `{FORMAT}` {VERSION}"));
        }
        if self.times.windows(2).any(|pair| pair[0] >= pair[1]) || !self.times.iter().all(|time| time.is_finite()) {
            return Err("its `times` do not increase".to_owned());
        }
        let people: BTreeSet<u32> = self.people.iter().map(|person| person.id).collect();
        if people.len() < self.people.len() {
            return Err("two people have the same id".to_owned());
        }
        if self.source.width == 0 || self.source.height == 0 {
            return Err("its frames have no pixels".to_owned());
        }
        let tracks: BTreeSet<u32> = self.tracks.iter().map(|track| track.id).collect();
        if tracks.len() < self.tracks.len() {
            return Err("two tracks have the same id".to_owned());
        }
        for person in &self.people {
            let (id, best) = (person.id, &person.best);
            self.check_place(best.frame, &best.bbox).map_err(|reason| format!("person {id}, best: {reason}"))?;
        }
        for track in &self.tracks {
            let id = track.id;
            if !people.contains(&track.person) {
                return Err(format!("track {id} is of person {}, who is not among its people", track.person));
            }
            if let Some(pair) = track.faces.windows(2).find(|pair| pair[0].frame >= pair[1].frame) {
                let [first, second] = [pair[0].frame, pair[1].frame];
                return Err(format!("track {id} has a face in frame {first} and the next in frame {second}"));
            }
            for face in &track.faces {
                self.check_place(face.frame, &face.bbox).map_err(|reason| format!("track {id}: {reason}"))?;
                if !face.score.is_finite() || !track.quality.is_finite() {
                    return Err(format!("track {id}: the score of frame {} is no number", face.frame));
                }
                if face.landmarks.iter().flatten().flatten().any(|value| !value.is_finite()) {
                    return Err(format!("track {id}: landmarks of frame {} are no numbers", face.frame));
                }
            }
        }
        for drawn in &self.boxes {
            if drawn.first > drawn.last {
                return Err(format!("a box begins in frame {} and ends in frame {}", drawn.first, drawn.last));
            }
            self.check_place(drawn.last, &drawn.bbox).map_err(|reason| format!("a box: {reason}"))?;
        }
        Ok(())
    }

    fn check_place(&self, frame: usize, [x, y, width, height]: &[f32; 4]) -> std::result::Result<(), String> {
        if frame >= self.times.len() {
            return Err(format!("there is no frame {frame}; the last is {}", self.times.len().saturating_sub(1)));
        }
        // Of less than a pixel in the picture nothing would be protected or covered.
        let reach = |from: f32, length: f32, limit: u32| (from + length).min(limit as f32) - from.max(0.0);
        let inside = [reach(*x, *width, self.source.width), reach(*y, *height, self.source.height)];
        if [x, y, width, height].iter().all(|value| value.is_finite()) && inside.iter().all(|side| *side >= 1.0) {
            return Ok(());
        }
        Err(format!("[{x}, {y}, {width}, {height}] in frame {frame} is no box with a pixel in the picture"))
    }

    /// Who is left as they are: people who are kept, and tracks that were struck out.
    pub fn kept(&self) -> Vec<String> {
        let kept = self.people.iter().filter(|person| person.action == Action::Keep);
        let kept = kept.map(|person| match person.name.as_str() {
            "" => format!("person {}", person.id),
            // A name is told as it is, and forges no further line.
            name => format!("person {} ({})", person.id, name.escape_debug()),
        });
        let struck = self.tracks.iter().filter(|track| track.struck);
        kept.chain(struck.map(|track| format!("track {} (struck out)", track.id))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Checks that `value` has exactly the fields that `schema` has, down to the first of each list.
    fn has_its_fields(value: &Value, schema: &Value, root: &Value, place: &str) {
        let schema = schema.get("$ref").and_then(Value::as_str).map_or(schema, |reference| {
            root.pointer(reference.trim_start_matches('#')).expect("what the schema refers to")
        });
        if let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
            let [own, its] = [object, properties].map(|map| map.keys().collect::<BTreeSet<_>>());
            assert_eq!(own, its, "{place}");
            for (name, value) in object {
                has_its_fields(value, &properties[name], root, &format!("{place}.{name}"));
            }
        } else if let Some(first) = value.as_array().and_then(|items| items.first()) {
            assert_eq!(schema["type"], "array", "{place}");
            has_its_fields(first, &schema["items"], root, place);
        }
    }

    #[test]
    fn the_schema_has_the_fields_that_are_written() {
        let schema: Value = serde_json::from_str(include_str!("../../../../docs/faces.schema.json")).expect("JSON");
        let mut analysis = example([Action::Protect; 3]);
        analysis.tracks[0].faces[0].landmarks = None;
        let value = serde_json::to_value(&analysis).expect("JSON");
        has_its_fields(&value, &schema, &schema, "analysis");
        assert_eq!((&schema["properties"]["format"]["const"], &value["format"]), (&value["format"], &FORMAT.into()));
        assert_eq!(schema["properties"]["version"]["const"], VERSION);
    }
}
