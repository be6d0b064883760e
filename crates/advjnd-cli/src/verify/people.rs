// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tracks of a video, each with its clearest face.

use advjnd::attack::margin;
use advjnd::net::RecognizerSpec;

use super::reference::Reference;
use crate::evaluate::{Look, Share};

/// Tracks that are shown at most: the longest.
const MOST: usize = 24;

/// A track.
#[derive(Debug)]
pub struct Row {
    /// Its largest face: the index of the sighting.
    pub clearest: usize,
    /// From 1.
    pub number: usize,
    /// Seconds of its first and its last face.
    pub seconds: [f64; 2],
    /// Of its faces, those that are covered.
    pub covered: Share,
    /// By recogniser: of its faces that are looked at and shown, those that are known.
    pub known: Vec<Share>,
}

/// The longest tracks, in the order in which they begin.
pub fn rows(reference: &Reference, looks: &[Look], specs: &[RecognizerSpec]) -> Vec<Row> {
    let clean = &reference.clean;
    let mut rows: Vec<Option<Row>> = (0..clean.tracks).map(|_| None).collect();
    for (index, (face, treatment)) in clean.sightings.iter().zip(&reference.treatments).enumerate() {
        let seconds = face.time.as_secs_f64();
        let row = rows[face.track].get_or_insert_with(|| Row {
            clearest: index,
            number: face.track + 1,
            seconds: [seconds; 2],
            covered: Share::default(),
            known: vec![Share::default(); specs.len()],
        });
        if face.bbox.size() > clean.sightings[row.clearest].bbox.size() {
            row.clearest = index;
        }
        row.seconds[1] = seconds;
        row.covered.take(treatment.flat);
    }
    for look in looks {
        let track = clean.sightings[look.sighting].track;
        let Some(row) = &mut rows[track] else { continue };
        for (index, (known, spec)) in row.known.iter_mut().zip(specs).enumerate() {
            known.take(margin(spec, &clean.enrolled[track][index], &look.embeddings[index]) <= 0.0);
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.covered.of));
    rows.truncate(MOST);
    rows.sort_by_key(|row| row.number);
    rows
}
