// SPDX-License-Identifier: MIT OR Apache-2.0
//! Folders that files come into.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::inputs::Input;
use super::plan::{Step, Task};

/// What tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    length: u64,
    changed: Option<SystemTime>,
}

/// What was seen of the files before.
#[derive(Debug, Default)]
pub struct Watched {
    seen: HashMap<PathBuf, State>,
    tried: HashMap<PathBuf, State>,
}

impl Watched {
    /// Those of `inputs` that have not changed since the last look.
    pub fn settled(&mut self, inputs: Vec<Input>) -> Vec<Input> {
        let states: HashMap<_, _> =
            inputs.iter().filter_map(|input| Some((input.path.clone(), state(&input.path)?))).collect();
        let has_settled = |input: &Input| {
            let now = states.get(&input.path);
            now.is_some() && now == self.seen.get(&input.path)
        };
        let settled = inputs.into_iter().filter(has_settled).collect();
        self.seen = states;
        settled
    }

    /// Those of `tasks` whose file was not tried as it is, and whose output is missing or older than it.
    pub fn untried(&mut self, tasks: Vec<Task>) -> Vec<Task> {
        let is_new = |task: &Task| {
            let Some(state) = self.seen.get(&task.input) else { return false };
            let is_done = match &task.step {
                Step::Protect(order) => modified(&order.output).is_some_and(|done| Some(done) > state.changed),
                Step::Skip(_) | Step::Refuse(_) => false,
            };
            !is_done && self.tried.insert(task.input.clone(), *state) != Some(*state)
        };
        tasks.into_iter().filter(is_new).collect()
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

fn state(path: &Path) -> Option<State> {
    fs::metadata(path).ok().map(|file| State { length: file.len(), changed: file.modified().ok() })
}
