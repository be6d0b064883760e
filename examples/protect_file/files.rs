// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that are written: never over another one unasked, and under their name only when they are whole.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::options::Options;

/// The picture of a frame before and after that belongs to `output`; its name says what is in it.
pub fn picture(output: &Path) -> PathBuf {
    let stem = output.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem.strip_suffix("-protected").unwrap_or(&stem);
    output.with_file_name(format!("{stem}-clean-and-protected.png"))
}

/// Checks that what is asked for harms no file.
pub fn check(options: &Options) -> Result<()> {
    let Options { input, output, .. } = options;
    if !input.is_file() {
        return Err(format!("there is no file {}", input.display()).into());
    }
    if output.file_name().is_none() || output.is_dir() {
        return Err(format!("the output {} is a folder; name a file in it", output.display()).into());
    }
    let picture = options.picture.then(|| picture(output));
    for path in picture.iter().chain([output]) {
        if is_same(input, path) {
            return Err(format!("{} is the input itself; give the output another name", path.display()).into());
        }
        refuse_existing(path, options.overwrite)?;
    }
    Ok(())
}

/// Whether both names, links followed, are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(|path| fs::metadata(path).map(|file| (file.dev(), file.ino())));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}

fn refuse_existing(path: &Path, overwrite: bool) -> Result<()> {
    // A link that leads nowhere is there too.
    if !overwrite && path.symlink_metadata().is_ok() {
        let path = path.display();
        return Err(format!("{path} is there already; give another name, or -y to overwrite it").into());
    }
    Ok(())
}

/// A file beside the one that it is to become; removed unless it becomes it.
pub struct Unfinished {
    path: PathBuf,
    target: PathBuf,
}

impl Unfinished {
    /// An empty file in the folder of `target`, which is made if it is missing.
    pub fn beside(target: &Path) -> Result<Self> {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = target.with_file_name(format!(".{name}.{}.unfinished", std::process::id()));
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        made.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(Self { path, target: target.to_owned() })
    }

    /// Where it lies for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name.
    pub fn finish(self, overwrite: bool) -> Result<()> {
        refuse_existing(&self.target, overwrite)?;
        fs::rename(&self.path, &self.target).map_err(|error| format!("{}: {error}", self.target.display()).into())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone if it got its name.
        let _ = fs::remove_file(&self.path);
    }
}
