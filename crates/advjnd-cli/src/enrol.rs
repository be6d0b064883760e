// SPDX-License-Identifier: MIT OR Apache-2.0
//! People by photograph: a file that the element knows them by.

use std::path::{Path, PathBuf};

use advjnd::{Error, Models, Result};
use clap::Args;
use gstadvjndprotect::advjndprotect::people::enrol;

use crate::folder::write_private;
use crate::protect::{Unfinished, refuse_existing, refuse_input, start};

const AFTER_HELP: &str = "\
Each subfolder has photographs of one person. Each file beside the subfolders shows another person.
People get the names of the folders and files. Photographs are PNG, JPEG or WebP; one face must be
larger than all others. Use the file with `advjnd protect --property exclude-people=FILE` or
`--property protect-only=FILE`. It contains biometric data, and only you can read it.";

/// Makes a file of people from their photographs, for exclude-people and protect-only.
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
pub struct Enrol {
    /// Photographs, or folders of photographs
    #[arg(required = true, value_name = "PHOTO_OR_FOLDER")]
    inputs: Vec<PathBuf>,
    /// File to write, for example people.safetensors
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Folder with manifest.toml and its model files; give the element the same (default: the built-in models)
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Replace an existing file
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
