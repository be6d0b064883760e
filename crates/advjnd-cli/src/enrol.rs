// SPDX-License-Identifier: MIT OR Apache-2.0
//! People by photograph: a file that the element knows them by.

use std::path::{Path, PathBuf};

use advjnd::{Error, Models, Result};
use clap::Args;
use gstadvjndprotect::advjndprotect::people::enrol;

use crate::folder::write_private;
use crate::protect::{Unfinished, refuse_existing, refuse_input, start};

const AFTER_HELP: &str = "\
In a folder, each subfolder has the photographs of one person, and each file beside them is one of another; people have
the names of folders and files. PNG, JPEG and WebP, with one face that is larger than all others. Give the file to the
element: `advjnd protect --property exclude-people=FILE`, or `--property protect-only=FILE`. It holds biometric data,
and only you can read it.";

/// Makes a file of the people in photographs, by whom `protect` chooses: exclude-people, protect-only.
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
pub struct Enrol {
    /// Photographs, and folders of them
    #[arg(required = true, value_name = "PHOTO_OR_FOLDER")]
    inputs: Vec<PathBuf>,
    /// The file to write, for example people.safetensors
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Folder with manifest.toml and its model files; the element must be given the same (default: those built in)
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Replace a file that is there already
    #[arg(short = 'y', long)]
    overwrite: bool,
}

impl Enrol {
    /// Writes the file, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where an input is no photograph of one face, which it names, or the file cannot be written.
    pub fn run(self) -> Result<String> {
        refuse_existing(&self.output, self.overwrite)?;
        refuse_input(&self.output, &self.inputs.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())?;
        if let Some(missing) = self.inputs.iter().find(|path| !path.exists()) {
            return Err(Error::input(format!("{} is not there; check the path", missing.display())));
        }
        start()?;
        let models = Models::open(self.models.as_deref(), &[])?;
        let people = enrol(&self.inputs, &models, 0)?;
        let unfinished = Unfinished::beside(&self.output)?;
        write_private(unfinished.path(), &people.to_bytes()?)?;
        unfinished.finish(self.overwrite)?;
        let mut text = format!("{}: people: {}\n", self.output.display(), people.iter().count());
        for (name, photographs) in people.iter() {
            text += &format!("  {name}, photographs: {photographs}\n");
        }
        Ok(text)
    }
}
