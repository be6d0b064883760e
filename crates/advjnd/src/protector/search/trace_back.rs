// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backward search in held frames: a face that is found late is protected from the first frame that shows it.

use super::Search;
use crate::error::Result;
use crate::face::{COAST_FRAMES, Detection, Track, TrackId, TrackState};
use crate::frame::FrameMut;

/// A face that is searched backwards.
pub struct Sought {
    /// The track as last seen.
    track: Track,
    /// Frames since then.
    misses: u32,
}

impl Sought {
    /// The faces of `tracks` that are in view.
    pub fn all(tracks: &[Track]) -> Vec<Self> {
        let active = tracks.iter().filter(|track| track.state == TrackState::Active);
        active.map(|track| Self { track: track.clone(), misses: 0 }).collect()
    }
}

/// Fills gaps in the `tracks` of consecutive frames: a face seen a few frames before and after is added at the
/// interpolated place.
pub fn bridge(tracks: &mut [&mut Vec<Track>]) {
    let active = |tracks: &[Track], id: TrackId| {
        tracks.iter().find(|track| track.id == id && track.state == TrackState::Active).cloned()
    };
    for before in 0..tracks.len() {
        for track in tracks[before].clone() {
            let reach = (before + 1..tracks.len()).take(COAST_FRAMES as usize + 1);
            let after = reach.filter_map(|at| Some((at, active(tracks[at], track.id)?))).next();
            let Some((end, later)) = after.filter(|_| track.state == TrackState::Active) else { continue };
            let steps = (end - before) as f32;
            for (step, between) in (1u8..).zip(&mut tracks[before + 1..end]) {
                if between.iter().all(|known| known.id != track.id) {
                    between.push(track.between(&later, f32::from(step) / steps));
                    between.sort_by_key(|track| track.id);
                }
            }
        }
    }
}

impl Search {
    /// Looks in an earlier frame for the faces `sought`; adds them to its `tracks`, or moves their tracks there. Faces
    /// that this frame has already, or that several frames did not show, are dropped from `sought`.
    ///
    /// # Errors
    /// Errors of the detector.
    pub fn trace_back(
        &mut self,
        frame: &FrameMut<'_>,
        tracks: &mut Vec<Track>,
        sought: &mut Vec<Sought>,
    ) -> Result<()> {
        let mut left = Vec::with_capacity(sought.len());
        for Sought { mut track, misses } in sought.drain(..) {
            let known = tracks.iter().position(|other| other.id == track.id);
            if let Some(known) = known.filter(|known| tracks[*known].state == TrackState::Active) {
                // It was aligned late, so the frames before were not searched for it.
                if !tracks[known].aligned {
                    track.bbox = tracks[known].bbox;
                    left.push(Sought { track, misses: 0 });
                }
                continue;
            }
            let seen = self.confirmer.look(frame, &track)?;
            let taken = |seen: &Detection| tracks.iter().any(|o| o.id != track.id && o.bbox.overlaps(&seen.bbox));
            let Some(seen) = seen.filter(|seen| !taken(seen)) else {
                if misses < COAST_FRAMES {
                    left.push(Sought { track, misses: misses + 1 });
                }
                continue;
            };
            let track = track.seen_before(&seen);
            match known {
                Some(known) => tracks[known] = track.clone(),
                None => tracks.push(track.clone()),
            }
            left.push(Sought { track, misses: 0 });
        }
        *sought = left;
        tracks.sort_by_key(|track| track.id);
        Ok(())
    }
}
