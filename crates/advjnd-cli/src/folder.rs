//! What lies in a folder.

use std::path::{Path, PathBuf};

use advjnd::{Error, Result};

/// Names and paths of what lies in a folder and is not hidden, by name.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read, [`Error::Input`] where a name is not UTF-8.
pub fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| Error::input(format!("{}: the name is not UTF-8; rename it", entry.path().display())))?;
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}
