// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a long run has come.

use advjnd::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar on the terminal over a video of so many `seconds`, in milliseconds; a spinner where they are not known.
///
/// # Errors
/// [`Error::Input`] where it cannot be drawn.
pub fn seconds_bar(seconds: Option<f64>) -> Result<ProgressBar> {
    let unusable = |error| Error::input(format!("the progress bar cannot be drawn: {error}"));
    let style = ProgressStyle::with_template("{spinner} {bar:30} {percent} %, {eta} left").map_err(unusable)?;
    let bar = seconds.map_or_else(ProgressBar::new_spinner, |seconds| ProgressBar::new((1e3 * seconds) as u64));
    Ok(bar.with_style(style))
}

/// A bar on the terminal over so many `steps`, which count what `unit` names, if it names something.
///
/// # Errors
/// [`Error::Input`] where it cannot be drawn.
pub fn progress_bar(steps: usize, unit: &str) -> Result<ProgressBar> {
    let style =
        ProgressStyle::with_template(&format!("{{spinner}} {{bar:30}} {{pos}}/{{len}}{unit}, {{eta}} left, {{msg}}"))
            .map_err(|error| Error::input(format!("the progress bar cannot be drawn: {error}")))?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}
