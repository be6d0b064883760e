// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of a run, several at a time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bars::Bars;
use super::child::{self, Failure};
use super::identity;
use super::message::{Files, Job};
use super::plan::{Order, Step, Task};
use super::report::{Record, Status};
use super::settings::Settings;
use super::stop::Stop;
use super::unfinished::Unfinished;
use crate::analysis::Marks;

/// How a run goes about its files.
#[derive(Debug)]
pub struct Batch<'a> {
    /// What every file is protected with.
    pub settings: &'a Settings,
    /// Who is where in the one file, if an analysis says that.
    pub marks: Option<&'a Marks>,
    /// Whether records are told as JSON, with checksums.
    pub json: bool,
    /// Whether files that are there already may be overwritten.
    pub overwrite: bool,
    /// How many files are worked on at a time.
    pub jobs: usize,
    /// How long a frame may take.
    pub patience: Duration,
    /// Whether the run is to end.
    pub stop: &'a Stop,
}

impl Batch<'_> {
    /// Does all `tasks`, tells of each when it is done, and returns what became of them, in their order.
    pub fn run(&self, tasks: &[Task]) -> Vec<Record> {
        if tasks.is_empty() {
            return Vec::new();
        }
        let (bars, next) = (Bars::default(), AtomicUsize::new(0));
        let program = if self.json { identity::program() } else { None };
        let records = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(tasks.len()) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(task) = tasks.get(index) else { break };
                        let record = self.record(task, &bars);
                        self.tell(&record, program.as_deref(), &bars);
                        records.lock().unwrap_or_else(PoisonError::into_inner).push((index, record));
                    }
                });
            }
        });
        let mut records = records.into_inner().unwrap_or_else(PoisonError::into_inner);
        records.sort_by_key(|(index, _)| *index);
        records.into_iter().map(|(_, record)| record).collect()
    }

    fn tell(&self, record: &Record, program: Option<&str>, bars: &Bars) {
        let failed = matches!(record.status, Status::Failed | Status::Interrupted);
        if self.json {
            bars.print(&format!("{}\n", record.json(self.settings, program)));
        }
        if failed {
            bars.print_error(&record.text());
        } else if !self.json {
            bars.print(&record.text());
        }
    }

    fn record(&self, task: &Task, bars: &Bars) -> Record {
        let without = |status, reason| Record::without_output(&task.input, status, reason);
        if self.stop.signal().is_some() {
            return without(Status::Interrupted, None);
        }
        let order = match &task.step {
            Step::Protect(order) => order,
            Step::Skip(reason) => return without(Status::Skipped, Some(reason.clone())),
            Step::Refuse(reason) => return without(Status::Failed, Some(reason.clone())),
        };
        match self.protect(&task.input, order, bars) {
            Ok(record) => record,
            Err(Failure::Interrupted) => without(Status::Interrupted, None),
            Err(Failure::Failed(reason)) => without(Status::Failed, Some(reason)),
        }
    }

    fn protect(&self, input: &Path, order: &Order, bars: &Bars) -> Result<Record, Failure> {
        let begun = Instant::now();
        let unfinished = Unfinished::beside(&order.output)?;
        let picture = order.picture.as_deref().map(Unfinished::private).transpose()?;
        let files = Files {
            input: input.to_owned(),
            output: unfinished.path().to_owned(),
            picture: picture.as_ref().map(|picture| picture.path().to_owned()),
        };
        let job = Job {
            settings: self.settings.clone(),
            container: order.container,
            hashes: self.json,
            marks: self.marks.cloned(),
        };
        let bar = bars.add(input)?;
        let show = |begun: &_, progress| bar.show(input, begun, progress);
        let mut outcome = child::protect(&files, &job, self.patience, self.stop, &show)?;
        drop(bar);
        if order.renamed {
            let change = "the output has a longer name because another input wants the usual one";
            outcome.changes.push(change.to_owned());
        }
        unfinished.finish(self.overwrite)?;
        if let (Some(unfinished), Some(picture), true) = (picture, &order.picture, outcome.has_picture) {
            let (name, at) = (picture.display(), outcome.shown_at);
            match unfinished.finish(self.overwrite) {
                Ok(()) => outcome
                    .changes
                    .push(format!("side by side: {name} (clean, NOT protected | protected, at {at:.2} s)")),
                Err(error) => outcome.warnings.push(error.to_string()),
            }
        }
        Ok(Record::written(input, &order.output, outcome, begun.elapsed().as_secs_f64()))
    }
}
