// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals that end a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use advjnd::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How often is looked whether a signal has come.
const TICK: Duration = Duration::from_millis(100);

/// Whether the run is to end.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Told by the signals that people and systems end programs with.
    ///
    /// # Errors
    /// [`Error::Input`] where the system does not allow it.
    pub fn on_signals() -> Result<Self> {
        let this = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_usize(signal, this.0.clone(), signal.unsigned_abs() as usize)
                .map_err(|error| Error::input(format!("signals cannot be waited for: {error}")))?;
        }
        Ok(this)
    }

    /// Waits so long, or until a signal comes.
    pub fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        while self.signal().is_none() && Instant::now() < until {
            std::thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
        }
    }

    /// The signal that has come, if one has.
    pub fn signal(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|signal| *signal > 0)
    }
}
