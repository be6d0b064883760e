// SPDX-License-Identifier: MIT OR Apache-2.0
//! People by photograph: reads folders and files into the people with whom faces are compared.

use std::fs;
use std::path::{Path, PathBuf};

use advjnd::people::Rule;
use advjnd::{Enroller, Error, Models, People, Pool, Result, Selection};

use super::photograph;
use super::settings::Settings;

/// Name of the details structure in the warning that faces pass by choice.
pub const KEPT: &str = "advjndprotect-kept";

/// A photograph, and the name of its person.
struct Named {
    person: String,
    file: PathBuf,
}

/// Enrols people from photographs and from folders of them. In a folder, each subfolder has the photographs of one
/// person, and each file is a photograph of another. A person has the name of the subfolder, or of the file without its
/// suffix; photographs with the same name are of the same person. Hidden files are left out. `threads`: 0 = one per
/// core. GStreamer must be initialised.
///
/// # Errors
/// [`Error::Io`] if a folder cannot be read; [`Error::Input`] with the name of a file that is not a photograph of one
/// face, or if there is no file.
pub fn enrol(paths: &[PathBuf], models: &Models, threads: usize) -> Result<People> {
    let mut enroller = Enroller::new(models, &Pool::new(threads)?)?;
    let mut people = People::new(models);
    for path in paths {
        let photographs = if path.is_dir() { photographs(path)? } else { vec![Named::of(path)?] };
        for Named { person, file } in photographs {
            let named = |error: Error| match error {
                Error::Input(reason) => Error::input(format!("{} {reason}", file.display())),
                other => other,
            };
            let mut photograph = photograph::read(&file).map_err(named)?;
            let embedded = photograph.frame().and_then(|frame| enroller.enroll(&frame)).map_err(named)?;
            people.add(&person, embedded)?;
        }
    }
    Ok(people)
}

/// The selection of people who pass unchanged, if the settings have one.
pub(super) fn selection(settings: &Settings, models: &Models) -> Result<Option<Selection>> {
    let (path, rule) = match (&settings.exclude_people, &settings.protect_only) {
        (None, None) => return Ok(None),
        (Some(path), None) => (Path::new(path), Rule::Exclude),
        (None, Some(path)) => (Path::new(path), Rule::ProtectOnly),
        (Some(_), Some(_)) => {
            return Err(Error::input("exclude-people and protect-only are both set; set only one of them"));
        }
    };
    let people = match path.is_dir() {
        true => enrol(&[path.to_owned()], models, settings.threads as usize)?,
        false => People::load(path, models)?,
    };
    Selection::new(people, rule).map(Some)
}

/// The photographs of a folder.
fn photographs(folder: &Path) -> Result<Vec<Named>> {
    let mut photographs = Vec::new();
    for path in visible(folder)? {
        if !path.is_dir() {
            photographs.push(Named::of(&path)?);
            continue;
        }
        let person = name_of(path.file_name(), &path)?;
        let own = visible(&path)?;
        if own.is_empty() {
            return Err(Error::input(format!("{} holds no photograph; add one, or remove it", path.display())));
        }
        if let Some(deep) = own.iter().find(|file| file.is_dir()) {
            return Err(Error::input(format!(
                "{} is a folder in the folder of a person; put its photographs beside it, or remove it",
                deep.display()
            )));
        }
        photographs.extend(own.into_iter().map(|file| Named { person: person.clone(), file }));
    }
    if photographs.is_empty() {
        return Err(Error::input(format!("{} holds no photograph; add one for each person", folder.display())));
    }
    Ok(photographs)
}

impl Named {
    /// A photograph with the name of its person, from its file name.
    fn of(file: &Path) -> Result<Self> {
        Ok(Self { person: name_of(file.file_stem(), file)?, file: file.to_owned() })
    }
}

fn name_of(name: Option<&std::ffi::OsStr>, path: &Path) -> Result<String> {
    let name = name.and_then(std::ffi::OsStr::to_str);
    let wrong = || Error::input(format!("{} is named with what is no UTF-8; rename it", path.display()));
    name.map(str::to_owned).ok_or_else(wrong)
}

/// The entries of a folder that are not hidden, sorted by name.
fn visible(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
