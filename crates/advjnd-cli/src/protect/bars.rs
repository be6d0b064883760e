// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is seen while a run lasts: a bar for every file in work, and what became of those that are done.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use advjnd::Result;
use indicatif::{MultiProgress, ProgressBar};

use super::message::{Begun, Progress};
use crate::progress::progress_bar;

/// Steps of a bar in a second of video.
const STEPS: f64 = 100.0;

/// The bars of a run.
#[derive(Debug, Default)]
pub struct Bars(MultiProgress);

/// The bar of a file.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    begun: Instant,
}

impl Bars {
    /// One for the file `input`.
    ///
    /// # Errors
    /// [`advjnd::Error::Input`] where it cannot be drawn.
    pub fn add(&self, input: &Path) -> Result<Bar> {
        let bar = self.0.add(progress_bar(0, " hundredths of a second")?);
        bar.set_message(input.display().to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        Ok(Bar { bar, begun: Instant::now() })
    }

    /// Prints `text`, above the bars. Whoever does not listen any more (`| head`) misses nothing that is asked for.
    pub fn print(&self, text: &str) {
        self.0.suspend(|| {
            let _ = std::io::stdout().write_all(text.as_bytes());
        });
    }

    /// The same, where errors go.
    pub fn print_error(&self, text: &str) {
        self.0.suspend(|| {
            let _ = std::io::stderr().write_all(text.as_bytes());
        });
    }
}

impl Bar {
    /// Shows how far the file has come.
    pub fn show(&self, input: &Path, begun: &Begun, progress: Progress) {
        if let Some(seconds) = begun.seconds {
            self.bar.set_length((STEPS * seconds) as u64);
        }
        self.bar.set_position((STEPS * progress.at) as u64);
        let rate = progress.frames as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        let Progress { frames, faces, covered, .. } = progress;
        let input = input.display();
        self.bar.set_message(format!("{input}: {frames} frames, {rate:.1} fps, {faces} faces, {covered} covered"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
