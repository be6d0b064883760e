// SPDX-License-Identifier: MIT OR Apache-2.0
//! People of whom there are two photographs: one is protected, one is what they are known by.

use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use advjnd_media::Picture;

use crate::folder::entries;
use crate::networks::read;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name of the folder.
    pub name: String,
    /// The photograph that is protected.
    pub protected: PathBuf,
    /// The photograph they are enrolled with.
    pub enrolled: PathBuf,
}

/// The people of a folder with a folder for each, of the first two pictures by name; nobody where there is no such
/// folder.
///
/// # Errors
/// [`Error::Io`] where it cannot be read.
pub fn people(folder: &Path) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    if !folder.is_dir() {
        return Ok(people);
    }
    for (name, path) in entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()) {
        let mut pictures = entries(&path)?.into_iter().map(|(_, path)| path).filter(|path| is_picture(path));
        if let (Some(protected), Some(enrolled)) = (pictures.next(), pictures.next()) {
            people.push(Person { name, protected, enrolled });
        }
    }
    Ok(people)
}

/// Folders of people below the material, in colour and grey.
pub const COLOUR: &str = "faces/london";
/// See [`COLOUR`].
pub const GREY: &str = "faces/lfw_gray";

/// Another photograph of the person whose photograph `source` below `material` is, where it is in one of the folders
/// of people.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read.
pub fn other(material: &Path, source: &str) -> Result<Option<PathBuf>> {
    let path = material.join(source);
    let (Some(folder), true) = (path.parent(), source.starts_with(COLOUR) || source.starts_with(GREY)) else {
        return Ok(None);
    };
    let mut pictures = entries(folder)?.into_iter().map(|(_, path)| path);
    Ok(pictures.find(|other| *other != path && is_picture(other)))
}

/// Whether a file is a picture, by its name.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ["jpg", "jpeg", "png"].contains(&ending.as_str()))
}

/// A picture of a file.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::Input`] where it is none.
pub fn picture(path: &Path) -> Result<Picture> {
    let decoded = image::load_from_memory(&read(path)?)
        .map_err(|error| Error::input(format!("{} cannot be decoded: {error}; convert it", path.display())))?
        .into_rgb8();
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    Ok(Picture { pixels: decoded.into_raw(), width, height, time: std::time::Duration::ZERO })
}
