//! Documents that hold tables between two marks.

use std::path::Path;

use advjnd::{Error, Result};

use crate::folder::replace;
use crate::networks::read;

/// Puts `tables` between the lines `<!-- mark -->` and `<!-- /mark -->` of a Markdown file, in place of what is there.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::Input`] where it has no such lines or cannot be written.
pub fn splice(path: &Path, mark: &str, tables: &str) -> Result<()> {
    let wrong = |what: String| Error::input(format!("{}: {what}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong("is no text; give a Markdown file".to_owned()))?;
    let marks = [format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->\n")];
    let parts = text.split_once(&marks[0]).and_then(|(before, rest)| Some((before, rest.split_once(&marks[1])?.1)));
    let (before, after) = parts.ok_or_else(|| {
        let [open, close] = marks.each_ref().map(|mark| mark.trim());
        wrong(format!("there are no lines `{open}` and `{close}` to put the tables between"))
    })?;
    replace(path, &[before, &marks[0], tables, &marks[1], after].concat())
}
