// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lies in a folder.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
#[cfg(feature = "measure")]
use std::path::PathBuf;

use advjnd::{Error, Result};

/// Names and paths of what lies in a folder and is not hidden, by name.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read, [`Error::Input`] where a name is not UTF-8.
#[cfg(feature = "measure")]
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

/// Makes a folder, if need be.
///
/// # Errors
/// [`Error::Input`] where it cannot be made.
pub fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))
}

/// Writes `text` to the file `name` of `folder`, whole or not at all.
///
/// # Errors
/// [`Error::Input`] where it cannot be written.
#[cfg(feature = "measure")]
pub fn write_whole(folder: &Path, name: &str, text: &str) -> Result<()> {
    replace(&folder.join(name), text)
}

/// Writes `text` to a file, whole or not at all.
///
/// # Errors
/// [`Error::Input`] where it cannot be written.
#[cfg(feature = "measure")]
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    std::fs::write(&unfinished, text).map_err(|error| unwritable(&unfinished, &error))?;
    std::fs::rename(&unfinished, path).map_err(|error| unwritable(path, &error))
}

/// Writes `bytes` to a file that only its owner reads.
///
/// # Errors
/// [`Error::Input`] where it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        // A file that was there keeps its mode.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)
    });
    written.map_err(|error| unwritable(path, &error))
}

/// What cannot be written, and why.
pub fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::input(format!("cannot write {}: {error}; check the folder and its permissions", path.display()))
}
