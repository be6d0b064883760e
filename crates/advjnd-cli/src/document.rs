// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents: a document's tables between two marks, lines of tables, numbers in them.

use std::path::Path;

use advjnd::{Error, Result};

use crate::folder::replace;
use crate::marks::{lines, spliced};
use crate::networks::read;

/// What stands for a number that there is none of.
const NONE: &str = "–";

/// Puts `tables` between the lines `<!-- mark -->` and `<!-- /mark -->` of a Markdown file, in place of what is there.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::Input`] where it has no such lines or cannot be written.
pub fn splice(path: &Path, mark: &str, tables: &str) -> Result<()> {
    let wrong = |what: String| Error::input(format!("{}: {what}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong("is no text; give a Markdown file".to_owned()))?;
    let page = spliced(&text, mark, tables).ok_or_else(|| {
        let [open, close] = lines(mark);
        wrong(format!("there are no lines `{}` and `{}` to put the tables between", open.trim(), close.trim()))
    })?;
    replace(path, &page)
}

/// A line of a table.
pub fn line<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) -> String {
    cells.into_iter().fold("|".to_owned(), |line, cell| line + " " + cell.as_ref() + " |") + "\n"
}

/// The head of a table: the first `texts` columns hold text, the others numbers, which stand at the right.
pub fn head<T: AsRef<str>>(columns: &[T], texts: usize) -> String {
    line(columns) + &line((0..columns.len()).map(|column| if column < texts { "---" } else { "---:" }))
}

/// With so many decimals; a dash for none.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or(NONE.to_owned(), |value| format!("{value:.decimals$}"))
}

/// A share in percent, with so many decimals; a dash for none.
pub fn percent(share: Option<f64>, decimals: usize) -> String {
    share.map_or(NONE.to_owned(), |share| format!("{:.decimals$} %", 100.0 * share))
}
