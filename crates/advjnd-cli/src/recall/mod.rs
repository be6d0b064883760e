// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the face protection misses, measured from outside.
//!
//! ```text
//! marked frames ──┐                        ┌─► pixels: untouched? covered? ──────────────┐
//! scenes made of ─┴─► the protector ─► out ┴─► the attacker: straightened, mirrored, ... ┴─► recall.json, recall.md
//! photographs                                  aligned anew, embedded: known?
//! ```
//!
//! * The first part are clips and pictures in which somebody has marked every face. Clips run from their first frame
//!   on; pictures stand still for 12 frames, of which the first and the last are judged.
//! * The second part are scenes made of photographs of people of whom there is another one: their faces turned,
//!   small, dark, half outside, and so on. Of 12 frames, in which the face trembles, the last is judged.
//! * The attacker knows where each face is and how it is turned. It looks at it as it is, mirrored, at half its size
//!   (marked frames: through H.264), and where it is dim with its brightness stretched; finds its landmarks by
//!   itself; and compares it with another photograph of the person, or in clips with the mean of the person's clean
//!   faces in the file. What it does not know before the protector says nothing about the protector.
//! * Nothing that the protector says of itself is believed, but for false alarms: faces it reports where none is
//!   marked.

pub mod attacker;
pub mod bench;
pub mod canvas;
pub mod cases;
pub mod codecs;
pub mod derived;
pub mod examine;
pub mod input;
pub mod labelled;
mod markdown;
pub mod others;
pub mod people;
pub mod pose;
pub mod product;
pub mod results;
mod rounded;
pub mod runs;
pub mod scene;
mod tally;
pub mod through;
pub mod touch;
pub mod truth;
pub mod variants;

use std::path::{Path, PathBuf};

use advjnd::net::Network;
use advjnd::{Error, Pool, Result};
use clap::Args;

use bench::Bench;
use cases::{Kind, kinds};
use derived::{Case, Cast};
use labelled::Source;
use product::Search;
use results::{Experiment, Results};
use runs::Watch;
use truth::Truth;

use crate::document::splice;
use crate::folder::{make, write_whole};
use crate::machine;
use crate::networks::Networks;
use crate::progress::progress_bar;

/// Names of the files of results.
const JSON: &str = "recall.json";
const TABLES: &str = "recall.md";
/// Lines of a document that the tables are put between.
const MARK: &str = "recall";

/// Measures what protection misses: faces that go out untouched, and faces that are still recognised.
#[derive(Args)]
pub struct Recall {
    /// Folder with the marked files, and photographs: faces/london/*/*.jpg, two per person
    #[arg(long, value_name = "DIR", required_unless_present = "splice")]
    material: Option<PathBuf>,
    /// Marked frames, as JSON [default: those in the program]
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Number of scenes of each kind (0 = only marked frames)
    #[arg(long, value_name = "N", default_value_t = 6)]
    cases: usize,
    /// Judge every K-th marked frame of a clip (0 = only scenes)
    #[arg(long, value_name = "K", default_value_t = 1)]
    every: usize,
    /// Only files and kinds of scenes whose names contain this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
    /// How thoroughly to search for faces [default: the element's default]
    #[arg(long)]
    search: Option<Search>,
    /// Also follow clips with one marked person to the end, and measure how long the face is untouched
    #[arg(long)]
    runs: bool,
    /// Python that has `deface`, to compare with
    #[arg(long, value_name = "PYTHON")]
    deface: Option<PathBuf>,
    /// Folder with the networks and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// Folder for recall.json and recall.md
    #[arg(long, value_name = "DIR", default_value = "results/recall")]
    out: PathBuf,
    /// Only write the tables of --out between the marks `recall` of this Markdown file
    #[arg(long, value_name = "FILE", conflicts_with = "material")]
    splice: Option<PathBuf>,
}

impl Recall {
    /// Measures, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where an argument, a file or GStreamer is not as it should be, [`Error::Io`] where something
    /// cannot be read, [`Error::Model`] where a network is not what its manifest says.
    pub fn run(self) -> Result<String> {
        if let Some(path) = &self.splice {
            let results = Results::read(&self.out.join(JSON))?;
            splice(path, MARK, &markdown::summary(&results))?;
            return Ok(format!("{}: {} faces\n", path.display(), results.faces.len()));
        }
        let material = self.material.as_deref().unwrap_or_else(|| Path::new("."));
        gst::init().map_err(|error| Error::input(format!("GStreamer does not start: {error}")))?;
        let mut bench = Bench::open(&self.models, self.search, self.deface.as_deref(), &Pool::new(0)?)?;
        let truth = Truth::read(self.truth.as_deref())?;
        let (mut sources, kinds) = (self.sources(&truth), self.kinds());
        let cast = if kinds.is_empty() { None } else { Some(Cast::of(material)?) };
        let experiment = self.experiment(&bench)?;
        let mut results = Results { experiment, faces: Vec::new(), alarms: Vec::new(), runs: Vec::new() };
        let progress = progress_bar(sources.len() + kinds.len() * self.cases, "")?;
        for source in &mut sources {
            progress.set_message(source.name.to_owned());
            let (rows, alarms) = labelled::run(&mut bench, material, source)?;
            results.faces.extend(rows);
            results.alarms.push(alarms);
            results.runs.extend(source.watch.take());
            write(&self.out, &results)?;
            progress.inc(1);
        }
        for ((number, kind), cast) in kinds.iter().zip(cast.iter().cycle()) {
            progress.set_message(format!("{} {}", kind.name, kind.value));
            for index in 0..self.cases {
                results.faces.extend(derived::run(&mut bench, &Case { kind, number: *number, index }, cast)?);
                progress.inc(1);
            }
            write(&self.out, &results)?;
        }
        progress.finish_and_clear();
        write(&self.out, &results)?;
        Ok(format!("{}: {} faces\n", self.out.join(TABLES).display(), results.faces.len()))
    }

    fn experiment(&self, bench: &Bench) -> Result<Experiment> {
        let spec = bench.attacker.spec();
        Ok(Experiment {
            search: self.search,
            cases: self.cases,
            every: self.every,
            recognizer: spec.name.clone(),
            threshold: spec.verification_threshold,
            false_accept_rate: spec.false_accept_rate,
            models: Networks::open(&self.models)?.checksums(&[Network::DlibResnet29])?,
            commit: machine::commit(),
        })
    }

    /// The files asked for.
    fn sources<'a>(&self, truth: &'a Truth) -> Vec<Source<'a>> {
        let names = truth.sources().into_iter().filter(|name| self.every > 0 && name.contains(&self.only));
        let source = |name: &'a str| {
            let marked = truth.of(name);
            let watch = if self.runs { Watch::of(name, &marked) } else { None };
            Source { name, marked: marked.into_iter().step_by(self.every).collect(), watch }
        };
        names.map(source).collect()
    }

    /// The kinds asked for, each with its number among all: it is of the same people whatever is asked for.
    fn kinds(&self) -> Vec<(usize, Kind)> {
        let named = |kind: &Kind| format!("{} {}", kind.name, kind.value).contains(&self.only);
        let kinds = kinds().into_iter().enumerate().filter(|(_, kind)| named(kind));
        if self.cases == 0 { Vec::new() } else { kinds.collect() }
    }
}

/// Writes `recall.json` and `recall.md`.
fn write(folder: &Path, results: &Results) -> Result<()> {
    make(folder)?;
    write_whole(folder, JSON, &results.json()?)?;
    write_whole(folder, TABLES, &format!("# What the face protection misses\n\n{}", markdown::tables(results)))
}
