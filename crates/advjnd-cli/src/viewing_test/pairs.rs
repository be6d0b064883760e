// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the folder of pairs, and refuses one in which a picture has no partner of its size.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use image::{ImageFormat, ImageReader};

use super::IDENTICAL;
use crate::folder::entries;

/// A picture file that can be decoded.
pub struct Picture {
    pub bytes: Vec<u8>,
    pub media_type: &'static str,
    size: (u32, u32),
}

/// A picture of the reference and what each method made of it.
pub struct Pair {
    /// `GROUP/NAME` or `NAME`.
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub reference: Picture,
    /// In the order of [`Pairs::methods`].
    pub methods: Vec<Picture>,
}

/// The folder, read.
pub struct Pairs {
    /// Name of the folder that all others are compared with.
    pub reference: String,
    /// By name.
    pub methods: Vec<String>,
    /// By name.
    pub pictures: Vec<Pair>,
}

impl Pairs {
    pub fn read(folder: &Path, reference: &str) -> Result<Self> {
        let mut methods: Vec<String> =
            entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()).map(|(name, _)| name).collect();
        let Some(place) = methods.iter().position(|name| name == reference) else {
            return Err(Error::input(format!(
                "{} has no folder `{reference}`; put the pictures that all methods are compared with there",
                folder.display()
            )));
        };
        if methods.iter().any(|name| name == IDENTICAL) {
            return Err(Error::input(format!(
                "{}: `{IDENTICAL}` is the name of the hidden check; call the folder otherwise",
                folder.join(IDENTICAL).display()
            )));
        }
        methods.remove(place);
        if methods.is_empty() {
            return Err(Error::input(format!(
                "{} has no folder but `{reference}`; add one per method, with pictures of the same names",
                folder.display()
            )));
        }
        let clean = files(&folder.join(reference))?;
        if clean.is_empty() {
            let path = folder.join(reference);
            return Err(Error::input(format!("{} holds no pictures; add PNG or JPEG files", path.display())));
        }
        let mut made = Vec::new();
        for method in &methods {
            let own = files(&folder.join(method))?;
            if let Some((_, path)) = own.iter().find(|(name, _)| !clean.contains_key(*name)) {
                return Err(Error::input(format!(
                    "{} has no partner in `{reference}`; add it there under the same name, or remove this one",
                    path.display()
                )));
            }
            made.push(own);
        }
        let pictures = clean.iter().map(|(name, path)| {
            let partners = methods.iter().zip(&made).map(|(method, own)| {
                own.get(name).ok_or_else(|| {
                    Error::input(format!(
                        "{} has no partner in `{method}`; every method needs every picture",
                        path.display()
                    ))
                })
            });
            pair(name, path, &partners.collect::<Result<Vec<_>>>()?)
        });
        Ok(Self { reference: reference.to_owned(), pictures: pictures.collect::<Result<_>>()?, methods })
    }
}

fn pair(name: &str, path: &Path, partners: &[&PathBuf]) -> Result<Pair> {
    let reference = Picture::read(path)?;
    let (width, height) = reference.size;
    let methods = partners.iter().map(|partner| {
        let picture = Picture::read(partner)?;
        if picture.size == reference.size {
            return Ok(picture);
        }
        Err(Error::input(format!(
            "{} is {}x{}, but {} is {width}x{height}; both pictures of a pair must be of one size",
            partner.display(),
            picture.size.0,
            picture.size.1,
            path.display()
        )))
    });
    Ok(Pair { name: name.to_owned(), width, height, methods: methods.collect::<Result<_>>()?, reference })
}

impl Picture {
    fn read(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        let reader = ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format().map_err(io)?;
        let media_type = match reader.format() {
            Some(ImageFormat::Png) => "image/png",
            Some(ImageFormat::Jpeg) => "image/jpeg",
            _ => return Err(Error::input(format!("{} is neither PNG nor JPEG; convert it", path.display()))),
        };
        let decoded = reader
            .decode()
            .map_err(|error| Error::input(format!("{} cannot be decoded: {error}; convert it", path.display())))?;
        Ok(Self { media_type, size: (decoded.width(), decoded.height()), bytes })
    }
}

/// The picture files of one method, by `GROUP/NAME` or `NAME`, without their endings.
fn files(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for (name, path) in entries(folder)? {
        if !path.is_dir() {
            add(&mut found, "", &name, path)?;
            continue;
        }
        for (file, path) in entries(&path)? {
            if path.is_dir() {
                return Err(Error::input(format!(
                    "{} lies too deep; groups of pictures are one level below the method",
                    path.display()
                )));
            }
            add(&mut found, &format!("{name}/"), &file, path)?;
        }
    }
    Ok(found)
}

fn add(found: &mut BTreeMap<String, PathBuf>, group: &str, file: &str, path: PathBuf) -> Result<()> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if let Some(other) = found.get(&format!("{group}{stem}")) {
        return Err(Error::input(format!(
            "{} and {} have the same name without its ending; rename one of them",
            other.display(),
            path.display()
        )));
    }
    found.insert(format!("{group}{stem}"), path);
    Ok(())
}
