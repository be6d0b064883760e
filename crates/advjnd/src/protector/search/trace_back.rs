// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking for faces backwards, in frames that are held: a face that is found late is protected from the first frame in
//! which it is seen.

use super::Search;
use crate::error::Result;
use crate::face::{COAST_FRAMES, Detection, Track, TrackId, TrackState};
use crate::frame::FrameMut;

/// A face that is looked for backwards.
pub struct Sought {
    /// As it was last seen.
    track: Track,
    /// Frames since.
    misses: u32,
}

impl Sought {
    /// The faces of `tracks` that are in view.
    pub fn all(tracks: &[Track]) -> Vec<Self> {
        let active = tracks.iter().filter(|track| track.state == TrackState::Active);
        active.map(|track| Self { track: track.clone(), misses: 0 }).collect()
    }
}

/// Adds faces to the `tracks` of frames that follow one another in which they were not seen: those that were a few
/// frames before and after, at the place between.
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
    /// Looks in an earlier frame for the faces that are `sought`; adds them to its `tracks`, or puts those where they
    /// are found. Those that it has already, and those that were not seen in several frames, are sought no longer.
    ///
    /// # Errors
    /// What the detector reports.
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
                // It was aligned late: the frames before it were not looked at for it.
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
