// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command that makes a population of pictures of people.

use std::path::{Path, PathBuf};

use advjnd::face::Detector;
use advjnd::net::{Backend, RecognizerSpec};
use advjnd::{Error, Pool, Result};
use clap::Args;

use super::Population;
use super::fit::{Person, fit};
use crate::evaluate::{Eyes, Panel, enrol};
use crate::folder::{entries, unwritable};
use crate::networks::Networks;
use crate::progress::progress_bar;
use crate::protect::{Unfinished, refuse_existing};

/// Makes the statistics of other people that `verify` uses: thresholds, and a gallery of people who do not exist.
#[derive(Args)]
pub struct MakePopulation {
    /// Folders with one folder per person; the first gives the thresholds
    #[arg(required = true, value_name = "DIR")]
    people: Vec<PathBuf>,
    /// File to write, for `verify --population`
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Folder with the networks and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// Folders with more judges: safetensors files with a manifest.toml, or NAME.onnx with NAME.toml
    #[arg(long, value_name = "DIR")]
    judges: Vec<PathBuf>,
    /// Replace an existing file
    #[arg(short = 'y', long)]
    overwrite: bool,
}

impl MakePopulation {
    /// Writes the file, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Model`] where something cannot be read, [`Error::Input`] where there are too few
    /// people, or the file cannot be written.
    pub fn run(self) -> Result<String> {
        refuse_existing(&self.output, self.overwrite)?;
        let pool = Pool::new(0)?;
        let panel = Panel::load(&self.models, &self.judges, pool.threads())?;
        let detector = Detector::new(&Networks::open(&self.models)?.detector()?, &Backend::Cpu(pool));
        let mut eyes = Eyes { detector, panel, enlarges: false, keeps_landmarks: false };
        let specs: Vec<RecognizerSpec> = eyes.panel.specs().cloned().collect();
        let sets = self.people.iter().map(|folder| Set::read(folder, &mut eyes)).collect::<Result<Vec<_>>>()?;
        let mut population = Population::default();
        for (index, spec) in specs.iter().enumerate() {
            let of = |set: &Set| -> Vec<Person> {
                let own = |person: &Vec<Vec<Vec<f32>>>| person.iter().map(|picture| picture[index].clone()).collect();
                set.people.iter().map(own).collect()
            };
            population.add(&spec.name, fit(spec, &sets.iter().map(of).collect::<Vec<_>>())?);
        }
        let texts: Vec<String> = sets.iter().map(Set::text).collect();
        let made_of = texts.join("; ");
        let unfinished = Unfinished::beside(&self.output)?;
        let bytes = population.to_bytes(&made_of)?;
        std::fs::write(unfinished.path(), bytes).map_err(|error| unwritable(&self.output, &error))?;
        unfinished.finish(self.overwrite)?;
        Ok(format!("{}: {made_of}\n", self.output.display()))
    }
}

/// People of one folder.
struct Set {
    name: String,
    /// By person and picture: the embeddings by recogniser.
    people: Vec<Vec<Vec<Vec<f32>>>>,
    /// Pictures that show no face.
    left_out: usize,
}

impl Set {
    fn read(folder: &Path, eyes: &mut Eyes) -> Result<Self> {
        let name = folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let folders: Vec<_> = entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()).collect();
        let progress = progress_bar(folders.len(), " people")?;
        let mut set = Self { name, people: Vec::new(), left_out: 0 };
        for (_, path) in folders {
            let mut person = Vec::new();
            for (_, picture) in entries(&path)?.into_iter().filter(|(_, path)| path.is_file()) {
                match enrol(&picture, eyes) {
                    Ok((embeddings, _)) => person.push(embeddings),
                    Err(Error::Input(_)) => set.left_out += 1,
                    Err(error) => return Err(error),
                }
            }
            set.people.extend(Some(person).filter(|person| !person.is_empty()));
            progress.inc(1);
        }
        progress.finish_and_clear();
        Ok(set)
    }

    fn text(&self) -> String {
        let pictures: usize = self.people.iter().map(Vec::len).sum();
        let left_out = if self.left_out > 0 { format!(", {} left out", self.left_out) } else { String::new() };
        format!("{}: {} people, {pictures} pictures{left_out}", self.name, self.people.len())
    }
}
