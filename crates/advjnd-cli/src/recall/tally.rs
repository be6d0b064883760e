// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line of a table: how many faces came to what.

use super::results::{Part, Row};
use super::touch::State;
use crate::document::percent;

/// What faces came to.
pub struct Tally {
    faces: usize,
    untouched: usize,
    covered: usize,
    known: usize,
    looked: usize,
    known_before: usize,
    early: usize,
    early_of: usize,
    others: Vec<usize>,
}

impl Tally {
    /// Counts; `others` are the names of other programs.
    pub fn of(rows: &[&Row], others: &[String]) -> Self {
        let count = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
        let early = || rows.iter().flat_map(|row| &row.early);
        Self {
            faces: rows.len(),
            untouched: count(&|row| row.outcome.state == State::Untouched),
            covered: count(&|row| row.outcome.state == State::Covered),
            known: count(&|row| row.outcome.known),
            looked: count(&|row| row.outcome.known_before.is_some()),
            known_before: count(&|row| row.outcome.known_before == Some(true)),
            early: early().filter(|untouched| **untouched).count(),
            early_of: early().count(),
            others: others.iter().map(|name| count(&|row| row.others.get(name) == Some(&true))).collect(),
        }
    }

    /// Its cells.
    pub fn cells(&self, part: Part) -> Vec<String> {
        let mut cells = vec![self.faces.to_string(), share(self.untouched, self.faces)];
        if part == Part::Derived {
            cells.push(share(self.early, self.early_of));
        }
        cells.push(share(self.covered, self.faces));
        cells.push(share(self.known, self.faces));
        cells.push(share(self.known_before, self.looked));
        cells.extend(self.others.iter().map(|count| share(*count, self.faces)));
        cells
    }
}

/// The heads of its cells.
pub fn columns(others: &[String], part: Part) -> Vec<String> {
    let early = (part == Part::Derived).then_some("untouched in frames 0 to 2");
    let measures = ["faces", "untouched"].into_iter().chain(early);
    let measures = measures.chain(["covered", "known after", "known before"]).map(str::to_owned);
    measures.chain(others.iter().map(|name| format!("{name}: untouched"))).collect()
}

/// So many of so many.
pub fn share(count: usize, of: usize) -> String {
    percent((of > 0).then(|| count as f64 / of as f64), 1)
}
