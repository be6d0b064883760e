// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files that arguments name.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use advjnd::{Error, Result};
use walkdir::{DirEntry, WalkDir};

/// A file to be protected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// Where it lies.
    pub path: PathBuf,
    /// Where its output belongs in the folder of outputs: its own place in the folder that was named.
    pub place: PathBuf,
    /// Whether it was named itself, and not by a folder or a pattern.
    pub named: bool,
}

/// The files that `arguments` name: files, all that lies in folders and is not hidden, and what fits a pattern. What
/// lies in the folder `out` is left out, for it is what was protected before.
///
/// # Errors
/// [`Error::Input`] where an argument names nothing, and where a folder cannot be read.
pub fn inputs(arguments: &[PathBuf], out: &Path) -> Result<Vec<Input>> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument.is_dir() {
            walk(argument, out, &mut found)?;
        } else if argument.symlink_metadata().is_ok() {
            found.push(single(argument, true));
        } else {
            matching(argument, out, &mut found)?;
        }
    }
    found.sort();
    found.dedup_by(|one, other| one.path == other.path);
    Ok(found)
}

fn single(path: &Path, named: bool) -> Input {
    Input { path: path.to_owned(), place: path.file_name().map(PathBuf::from).unwrap_or_default(), named }
}

fn walk(folder: &Path, out: &Path, found: &mut Vec<Input>) -> Result<()> {
    let out = out.canonicalize().ok();
    if out.is_some() && folder.canonicalize().ok() == out {
        let folder = folder.display();
        return Err(Error::input(format!("{folder} is the folder of inputs and of outputs; name another one with -o")));
    }
    let is_wanted = |entry: &DirEntry| {
        let is_out = || entry.file_type().is_dir() && out.is_some() && entry.path().canonicalize().ok() == out;
        entry.depth() == 0 || (!is_hidden(entry.file_name()) && !is_out())
    };
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_wanted) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            // A link that leads nowhere, a folder that cannot be read: told with the files.
            Err(error) => error.path().unwrap_or(folder).to_owned(),
        };
        let place = path.strip_prefix(folder).unwrap_or(&path).to_owned();
        found.push(Input { path, place, named: false });
    }
    Ok(())
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn matching(pattern: &Path, out: &Path, found: &mut Vec<Input>) -> Result<()> {
    let nothing = || Error::input(format!("there is no file {}; check the name", pattern.display()));
    let text = pattern.to_str().filter(|text| text.contains(['*', '?', '['])).ok_or_else(nothing)?;
    let unreadable = |error: &dyn std::fmt::Display| Error::input(format!("{text} is not a valid pattern: {error}"));
    let (before, mut outputs) = (found.len(), 0);
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let folder = out.canonicalize().ok();
    let is_output = |path: &Path| {
        path.canonicalize().is_ok_and(|path| folder.as_ref().is_some_and(|folder| path.starts_with(folder)))
    };
    let wanted = glob::Pattern::new(text).map_err(|error| unreadable(&error))?;
    for path in below(pattern).filter(|path| wanted.matches_with(&path.to_string_lossy(), options)) {
        match path {
            path if path.file_name().is_some_and(is_hidden) => (),
            path if is_output(&path) => outputs += 1,
            path if path.is_dir() => walk(&path, out, found)?,
            path => found.push(single(&path, false)),
        }
    }
    if found.len() == before && outputs > 0 {
        return Err(Error::input(format!("what {text} names lies in the folder of outputs; name another one with -o")));
    }
    if found.len() == before {
        return Err(nothing());
    }
    Ok(())
}

/// What lies where `pattern` may name something, as deep as it goes. The walk of `glob` itself panics at a name that is
/// no UTF-8.
fn below(pattern: &Path) -> impl Iterator<Item = PathBuf> {
    let is_plain = |part: &Component<'_>| !part.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte));
    let root: PathBuf = pattern.components().take_while(is_plain).collect();
    let rest: Vec<_> = pattern.components().skip_while(is_plain).collect();
    let is_deep = rest.iter().any(|part| part.as_os_str() == "**");
    let depth = if is_deep { usize::MAX } else { rest.len() };
    let is_here = root.as_os_str().is_empty();
    let start = if is_here { PathBuf::from(".") } else { root };
    let walk = WalkDir::new(start).min_depth(1).max_depth(depth).follow_links(true).sort_by_file_name();
    let paths = walk.into_iter().filter_map(std::result::Result::ok).map(DirEntry::into_path);
    paths.map(move |path| if is_here { path.strip_prefix(".").map_or(path.clone(), PathBuf::from) } else { path })
}
