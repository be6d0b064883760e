// SPDX-License-Identifier: MIT OR Apache-2.0
//! Folders that files come into.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::plan::{Step, Task};

/// What tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

/// What was seen of the files before.
#[derive(Debug, Default)]
pub struct Watched {
    seen: HashMap<PathBuf, State>,
    tried: HashMap<PathBuf, State>,
}

impl Watched {
    /// Those of `tasks` whose file has not changed since the last look, and was not tried as it is. Of files that this
    /// run has not seen before, those with an output newer than they are were done by another one.
    pub fn untried(&mut self, tasks: Vec<Task>) -> Vec<Task> {
        let states: HashMap<_, _> =
            tasks.iter().filter_map(|task| Some((task.input.clone(), state(&task.input)?))).collect();
        let is_untried = |task: &Task| {
            let Some(now) = states.get(&task.input) else { return false };
            if self.seen.get(&task.input) != Some(now) {
                return false;
            }
            let is_done = match &task.step {
                Step::Protect(order) => state(&order.output).is_some_and(|output| output.modified > now.modified),
                Step::Skip(_) | Step::Refuse(_) => false,
            };
            self.tried.insert(task.input.clone(), *now).map_or(!is_done, |before| before != *now)
        };
        let untried = tasks.into_iter().filter(is_untried).collect();
        self.seen = states;
        untried
    }
}

fn state(path: &Path) -> Option<State> {
    fs::metadata(path).ok().map(|file| State { length: file.len(), modified: file.modified().ok() })
}
