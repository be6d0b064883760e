// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and folders in, protected ones out.
//!
//! ```text
//! arguments ─► inputs ─► plan: which file becomes which ─► batch ─► a worker process for each ─► records
//!                                                                      └─► film: streams apart, video protected,
//!                                                                      │         sound copied, together again
//!                                                                      └─► still: a video of one frame
//! ```
//!
//! An output has its name only when it is whole. What a worker does not survive is an error of its file alone.

mod arguments;
mod bars;
mod batch;
mod child;
mod container;
mod film;
mod identity;
mod inputs;
mod kind;
mod lock;
mod message;
mod plan;
mod report;
mod settings;
mod shard;
mod side_by_side;
mod still;
mod stop;
mod unfinished;
mod watched;
pub mod worker;

use std::process::ExitCode;
use std::time::Duration;

use advjnd::{Error, Result};

pub use arguments::Protect;
use batch::Batch;
use inputs::inputs;
use lock::Lock;
use plan::{Target, Task, plan};
use report::{Record, code, summary};
use stop::Stop;
use watched::Watched;

impl Protect {
    /// Protects all inputs, and tells what became of each.
    ///
    /// # Errors
    /// [`Error::Input`] where an argument names nothing or a property is none; what is wrong with a file is told of it.
    pub fn run(self) -> Result<ExitCode> {
        start()?;
        let stop = Stop::on_signals()?;
        let settings = self.settings();
        settings.element()?;
        let target = Target::of(&self.output, &self.inputs);
        let found = inputs(&self.inputs, target.folder())?;
        let alone = matches!(target, Target::Folder(_)) && self.shard.is_none();
        let lock = Lock::of(target.folder(), alone)?;
        if lock.is_none() {
            eprintln!("{} cannot be locked; start one run at a time for it", target.folder().display());
        }
        let batch = Batch {
            settings: &settings,
            json: self.json,
            overwrite: self.rules().overwrite,
            jobs: self.jobs as usize,
            patience: Duration::from_secs_f64(self.timeout),
            stop: &stop,
        };
        if let Some(seconds) = self.watch {
            let records = self.watch(&batch, &target, Duration::from_secs_f64(seconds))?;
            return Ok(ExitCode::from(end(&records, &stop)));
        }
        let tasks = plan(&found, &target, self.rules());
        let records = batch.run(&self.own(tasks));
        if records.len() != 1 {
            eprint!("{}", summary(&records));
        }
        Ok(ExitCode::from(end(&records, &stop)))
    }

    /// Those of `tasks` that this run is for.
    fn own(&self, tasks: Vec<Task>) -> Vec<Task> {
        match self.shard {
            Some(shard) => shard.of(tasks),
            None => tasks,
        }
    }

    /// Protects what comes, until a signal ends it; returns the records of the last look.
    fn watch(&self, batch: &Batch<'_>, target: &Target, interval: Duration) -> Result<Vec<Record>> {
        let mut watched = Watched::default();
        let mut records = Vec::new();
        while batch.stop.signal().is_none() {
            let found = watched.settled(inputs(&self.inputs, target.folder())?);
            let tasks = watched.untried(plan(&found, target, self.rules()));
            records.extend(batch.run(&self.own(tasks)));
            batch.stop.wait(interval);
        }
        Ok(records)
    }
}

/// The exit code.
fn end(records: &[Record], stop: &Stop) -> u8 {
    stop.signal().map_or_else(|| code(records), |signal| 128 + signal)
}

/// Starts GStreamer with the element.
///
/// # Errors
/// [`Error::Input`] where that fails.
pub(crate) fn start() -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Error::input(format!("GStreamer cannot be started: {error}"));
    gst::init().map_err(|error| failed(&error))?;
    gstadvjndprotect::plugin_register_static().map_err(|error| failed(&error))
}
