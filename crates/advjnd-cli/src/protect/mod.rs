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
mod jpeg;
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
#[cfg(feature = "measure")]
pub(crate) use film::CleanFrames;
pub(crate) use film::{Looked, Looks};
pub(crate) use identity::checksum;
use inputs::inputs;
use lock::Lock;
pub(crate) use plan::refuse_input;
use plan::{Target, Task, plan};
use report::{Record, code, summary};
pub(crate) use settings::Settings;
use stop::Stop;
pub(crate) use unfinished::{Unfinished, refuse_existing, write_whole};
use watched::Watched;

use crate::analysis::{Choice, Marks};

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
        let found = match inputs(&self.inputs, target.folder()) {
            // What does not exist yet may come.
            Err(_) if self.watch.is_some() => Vec::new(),
            found => found?,
        };
        let alone = matches!(target, Target::Folder(_)) && self.shard.is_none();
        let lock = Lock::of(target.folder(), alone)?;
        if lock.is_none() {
            eprintln!("{} cannot be locked; start one run at a time for it", target.folder().display());
        }
        let marks = self.marks()?;
        let batch = Batch {
            settings: &settings,
            marks: marks.as_ref(),
            json: self.json,
            overwrite: self.rules().overwrite,
            jobs: self.jobs as usize,
            patience: Duration::from_secs_f64(self.timeout),
            stop: &stop,
        };
        if let Some(seconds) = self.watch {
            self.watch(&batch, &target, Duration::from_secs_f64(seconds));
            return Ok(ExitCode::from(end(&[], &stop)));
        }
        let tasks = self.own(plan(&found, &target, self.rules()));
        let records = batch.run(&tasks);
        if records.len() != 1 {
            eprint!("{}", summary(&records));
        }
        Ok(ExitCode::from(end(&records, &stop)))
    }

    /// Who is where in the one input, as the analysis that is named has it.
    fn marks(&self) -> Result<Option<Marks>> {
        let Some(path) = &self.faces else { return Ok(None) };
        let [input] = self.inputs.as_slice() else {
            return Err(Error::input("--faces is the analysis of one video; name that one"));
        };
        let choice = Choice { keep: self.keep.clone(), only: self.only.clone() };
        Ok(Some(Marks::of(&choice.read(path, input, &checksum(input)?)?)))
    }

    /// Those of `tasks` that this run is for.
    fn own(&self, tasks: Vec<Task>) -> Vec<Task> {
        tasks.into_iter().filter(|task| self.shard.is_none_or(|shard| shard.has(&task.place))).collect()
    }

    /// Protects what comes, until a signal ends it.
    fn watch(&self, batch: &Batch<'_>, target: &Target, interval: Duration) {
        let mut watched = Watched::default();
        while batch.stop.signal().is_none() {
            match inputs(&self.inputs, target.folder()) {
                Ok(found) => {
                    let tasks = self.own(plan(&found, target, self.rules()));
                    batch.run(&watched.untried(tasks));
                }
                // A folder may be away for a while.
                Err(error) => eprintln!("{error}; looking again"),
            }
            batch.stop.wait(interval);
        }
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
