// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that have their name only when they are whole.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use advjnd::{Error, Result};

use crate::folder::unwritable;

/// Files that this process has made.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A hidden file beside the one that it is to become; removed unless it becomes it.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    target: PathBuf,
}

impl Unfinished {
    /// An empty file in the folder of `target`, which is made if it is missing.
    ///
    /// # Errors
    /// [`Error::Input`] where it cannot be written.
    pub fn beside(target: &Path) -> Result<Self> {
        Self::with_mode(target, 0o666)
    }

    /// As [`beside`](Self::beside), and only its owner can read it: it is to show a clean face.
    ///
    /// # Errors
    /// As [`beside`](Self::beside).
    pub fn private(target: &Path) -> Result<Self> {
        Self::with_mode(target, 0o600)
    }

    fn with_mode(target: &Path, mode: u32) -> Result<Self> {
        if let Some(folder) = target.parent() {
            crate::folder::make(folder)?;
        }
        // Processes of containers have the same number each time.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let name =
            format!(".advjnd-{}-{now:x}-{}.unfinished", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = target.with_file_name(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        made.map_err(|error| unwritable(&path, &error))?;
        Ok(Self { path, target: target.to_owned() })
    }

    /// Where it lies for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, once the disk has it.
    ///
    /// # Errors
    /// [`Error::Input`] where the disk does not take it, or where a file of that name has come meanwhile and may not
    /// be overwritten.
    pub fn finish(self, overwrite: bool) -> Result<()> {
        let Self { path, target } = &self;
        File::open(path).and_then(|file| file.sync_all()).map_err(|error| unwritable(target, &error))?;
        // A link is not made where a file has come in this moment; not every file system has links.
        if !overwrite && fs::hard_link(path, target).is_ok() {
            return Ok(());
        }
        refuse_existing(target, overwrite)?;
        fs::rename(path, target).map_err(|error| unwritable(target, &error))
    }
}

/// Writes `text` to a file, whole or not at all.
///
/// # Errors
/// Those of [`Unfinished::finish`].
pub fn write_whole(path: &Path, text: &str, overwrite: bool) -> Result<()> {
    let unfinished = Unfinished::beside(path)?;
    fs::write(unfinished.path(), text).map_err(|error| unwritable(path, &error))?;
    unfinished.finish(overwrite)
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone if it got its name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Checks that `path` may be written.
///
/// # Errors
/// [`Error::Input`] where something of that name is there, a link that leads nowhere too, and may not be overwritten.
pub fn refuse_existing(path: &Path, overwrite: bool) -> Result<()> {
    if !overwrite && path.symlink_metadata().is_ok() {
        let path = path.display();
        return Err(Error::input(format!("{path} already exists; give another name, or -y to overwrite it")));
    }
    Ok(())
}
