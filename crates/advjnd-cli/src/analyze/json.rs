// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file of analysis as people like to edit it: a line for each person, track and box.

use advjnd::{Error, Result};
use serde::Serialize;

use crate::analysis::Analysis;

/// The text of `analysis`.
///
/// # Errors
/// [`Error::Input`] where it has none.
pub fn text(analysis: &Analysis) -> Result<String> {
    fields(analysis).map_err(|error| Error::input(format!("the analysis cannot be written: {error}")))
}

fn fields(analysis: &Analysis) -> serde_json::Result<String> {
    let Analysis { format, version, program, source, times, people, tracks, boxes } = analysis;
    let fields = [
        ("format", serde_json::to_string(format)?),
        ("version", serde_json::to_string(version)?),
        ("program", serde_json::to_string(program)?),
        ("source", serde_json::to_string(source)?),
        ("times", serde_json::to_string(times)?),
        ("people", lines(people)?),
        ("tracks", lines(tracks)?),
        ("boxes", lines(boxes)?),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    Ok(format!("{{\n{}\n}}\n", fields.join(",\n")))
}

/// A line for each of `items`.
fn lines<T: Serialize>(items: &[T]) -> serde_json::Result<String> {
    let items = items.iter().map(serde_json::to_string).collect::<serde_json::Result<Vec<_>>>()?;
    Ok(if items.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", items.join(",\n")) })
}
