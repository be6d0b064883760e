// SPDX-License-Identifier: MIT OR Apache-2.0
//! What people review an analysis with: pictures of the people, and a page. Both show clean faces; they lie in a folder
//! that says so and that only its owner reads.

use std::fs::{self, DirBuilder};
use std::io::Cursor;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;

use super::people::Found;
use super::trail::Trail;
use crate::folder::{unwritable, write_private};
use crate::protect::refuse_existing;

/// What stands behind the name of the file of analysis, for the folder to be known for what it is.
const ENDING: &str = "-clean-faces";
const NOTE: (&str, &str) = ("READ-ME.txt", "The faces in this folder are NOT protected. Do not pass it on.\n");
const PAGE: &str = "review.html";
const TEMPLATE: &str = include_str!("page/page.html");
/// What is put where in it.
const PARTS: [(&str, &[&str]); 2] = [
    ("/*STYLE*/", &[include_str!("page/page.css")]),
    ("/*SCRIPT*/", &[include_str!("page/document.js"), include_str!("page/view.js"), include_str!("page/actions.js")]),
];
/// Where the page takes the analysis and the pictures.
const ANALYSIS: &str = "/*FACES*/";
const PICTURES: &str = "/*THUMBNAILS*/";

/// The folder, and the pictures in it.
#[derive(Debug)]
pub struct Review {
    folder: PathBuf,
    /// By person a number and a picture as a `data:` address.
    pictures: Vec<(u32, String)>,
}

impl Review {
    /// The folder beside the file of analysis `output`.
    fn folder(output: &Path) -> PathBuf {
        let mut name = output.file_stem().unwrap_or_default().to_owned();
        name.push(ENDING);
        output.with_file_name(name)
    }

    /// Checks that the folder may be written: a link might lead to where others read.
    ///
    /// # Errors
    /// [`Error::Input`] where it is there already and may not be overwritten, or is no folder.
    pub fn refuse(output: &Path, overwrite: bool) -> Result<()> {
        let folder = Self::folder(output);
        refuse_existing(&folder, overwrite)?;
        match folder.symlink_metadata() {
            Ok(data) if !data.is_dir() => {
                Err(Error::input(format!("{} is no folder; remove it, or name another output", folder.display())))
            }
            _ => Ok(()),
        }
    }

    /// Makes the folder beside the file of analysis `output`, with a picture of each person, who then know it.
    ///
    /// # Errors
    /// [`Error::Input`] where it cannot be written, or is there already and may not be overwritten.
    pub fn new(output: &Path, found: &mut Found, trails: &[Trail], overwrite: bool) -> Result<Self> {
        Self::refuse(output, overwrite)?;
        let folder = Self::folder(output);
        let name = folder.file_name().unwrap_or_default().to_owned();
        if let Some(parent) = folder.parent() {
            crate::folder::make(parent)?;
        }
        let made = if folder.is_dir() { emptied(&folder) } else { DirBuilder::new().mode(0o700).create(&folder) };
        made.map_err(|error| unwritable(&folder, &error))?;
        let mut review = Self { folder, pictures: Vec::new() };
        review.write(NOTE.0, NOTE.1.as_bytes())?;
        for (person, best) in found.people.iter_mut().zip(&found.best) {
            let Some(picture) = &trails[*best].thumbnail else { continue };
            let file = format!("person-{}.png", person.id);
            let mut bytes = Cursor::new(Vec::new());
            let encoded = picture.write_to(&mut bytes, ImageFormat::Png);
            encoded.map_err(|error| Error::input(format!("the picture {file} cannot be encoded: {error}")))?;
            let bytes = bytes.into_inner();
            review.write(&file, &bytes)?;
            review.pictures.push((person.id, format!("data:image/png;base64,{}", STANDARD.encode(&bytes))));
            person.thumbnail = Some(format!("{}/{file}", name.to_string_lossy()));
        }
        Ok(review)
    }

    /// Writes the page for the analysis that is this `json`, and returns where it is.
    ///
    /// # Errors
    /// [`Error::Input`] where it cannot be written.
    pub fn finish(self, json: &str) -> Result<PathBuf> {
        let pictures: Vec<String> = self.pictures.iter().map(|(id, data)| format!("\"{id}\":\"{data}\"")).collect();
        let pictures = format!("{{{}}}", pictures.join(","));
        // A name in the analysis may be the other mark.
        let template =
            PARTS.iter().fold(TEMPLATE.to_owned(), |page, (mark, parts)| page.replace(mark, &parts.concat()));
        let page = template.split_once(ANALYSIS).and_then(|(head, rest)| {
            let (middle, tail) = rest.split_once(PICTURES)?;
            Some([head, &escaped(json), middle, &escaped(&pictures), tail].concat())
        });
        let page = page.ok_or_else(|| Error::input("the page to review has no place for the analysis"))?;
        self.write(PAGE, page.as_bytes())?;
        Ok(self.folder.join(PAGE))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        write_private(&path, bytes)
    }
}

/// Takes out of a folder what an earlier analysis has put there, which shows other faces, and closes it to others.
fn emptied(folder: &Path) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if [NOTE.0, PAGE].contains(&name.as_ref()) || name.starts_with("person-") && name.ends_with(".png") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// JSON as it may stand in a page: nothing in it ends the script.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
}
