// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames that were searched for faces and not yet protected.

use std::time::Duration;

use super::search::{Found, Search, Sought, bridge};
use crate::error::Result;
use crate::frame::{FrameMut, Rect};

/// The faces of a frame that is not yet protected.
pub struct Sighting {
    /// The faces found, or why the search failed.
    pub(super) found: std::result::Result<Found, String>,
    /// Time that the search took.
    pub(super) took: Duration,
    /// What the caller covers in the frame.
    pub(super) masks: Vec<Rect>,
}

impl Sighting {
    /// Says which rectangles the caller will cover in the frame once it is finished. A face is covered, too, if they
    /// hide something between its brows and mouth, but not all of it: what is left was not checked.
    pub fn mask(&mut self, masks: &[Rect]) {
        self.masks.extend_from_slice(masks);
    }
}

/// A frame that was sighted and is not yet finished.
pub trait HeldFrame {
    /// Its faces.
    fn sighting(&mut self) -> &mut Sighting;

    /// Calls `look` with its picture and its faces.
    ///
    /// # Errors
    /// If the picture cannot be read.
    fn show(&mut self, look: &mut dyn FnMut(&FrameMut<'_>, &mut Sighting)) -> Result<()>;
}

/// Looks for the faces of the last of the `held` frames in those before it: see
/// [`Protector::trace_back`](super::Protector::trace_back).
pub fn trace_back(search: &mut Search, held: &mut [impl HeldFrame]) -> Result<()> {
    let Some((last, earlier)) = held.split_last_mut() else { return Ok(()) };
    let Ok(found) = &last.sighting().found else { return Ok(()) };
    let mut sought = Sought::all(&found.tracks);
    let mut first = earlier.len();
    while first > 0 && !sought.is_empty() {
        first -= 1;
        earlier[first].show(&mut |frame, sighting| {
            let Ok(found) = &mut sighting.found else { return };
            if let Err(error) = search.trace_back(frame, &mut found.tracks, &mut sought) {
                sighting.found = Err(error.to_string());
            }
        })?;
    }
    let sightings = held[first..].iter_mut().map(HeldFrame::sighting);
    let tracks = sightings.filter_map(|sighting| Some(&mut sighting.found.as_mut().ok()?.tracks));
    bridge(&mut tracks.collect::<Vec<_>>());
    Ok(())
}
