// SPDX-License-Identifier: MIT OR Apache-2.0
//! The experiment of Xue, Jin, Sun & Lin, "HVS-inspired adversarial image generation with high perceptual quality", J.
//! Cloud Computing 2023, rebuilt: its method, its ablations and the attacks it is compared with, on still pictures.
//!
//! `advjnd table --faces DIR --out results/` attacks the first picture of every person, the second one being enrolled,
//! with every recipe of [`advjnd_lab::attack::recipes::rows`], and writes what came of it as `table.json`, `table.md`
//! and `table.html`.
//!
//! ```text
//! picture ─► face, landmarks ─► chip X, 8 bits ─► J ─► attack ─► change of the chip
//!                                                       ▲  │  laid into the picture
//!                          embedded ◄─ aligned again ───┘  ▼
//!                                                     picture, 8 bits ─► aligned again ─► embedded: success
//! ```
//!
//! * Attacks change the chip, and see what of the change arrives through the picture (`ThroughPicture`): attacked
//!   alone, a chip's change is half lost on the way, most of all that of attacks that stop at success.
//! * J is the learned map `hvs-sd` of X in three channels, times its calibration, so that a bound of 1·J is not noticed
//!   in place. The paper's J is the HVS-SD map of Jin, Xue et al., whose weights cannot be had; ours is trained anew.
//! * Identification: softmax over the cosines to all enrolled people. Verification: thresholds at false accept rates of
//!   1 % and 0.1 % over the set's own impostor pairs; dodges go for the former, impersonations for the latter, the
//!   harder one for each.
//! * Dodging: not to be recognised as oneself; impersonation: to be taken for a person drawn from the seed.
//! * People who are not recognised when clean, or taken for their target, are left out and counted. All means are over
//!   the faces attacked, successes and failures alike.
//! * LPIPS is not among the metrics: its linear layers come with PyPI's `lpips`, but the networks below them, trained
//!   on ImageNet, were not found in a package registry.
//!
//! Deviations from the paper: recognisers that compare embeddings instead of a classifier of 8631 people; other
//! pictures, of another size; and where it says nothing, what the recipes say.
//!
//! A run that ends early is continued: rows that are in `table.json` stay, as long as seed, pictures, models and the
//! recipe are the same. A seed gives the same figures, whatever the number of threads.

mod bench;
mod curves;
mod file;
mod key;
mod markdown;
mod page;
mod people;
mod plan;
mod plot;
mod quality;
mod results;
mod summary;
mod thresholds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use advjnd::face::Detector;
use advjnd::net::{Backend, Network};
use advjnd::{Error, Pool, Result};
use advjnd_lab::attack::recipes::{Recipe, rows};
use clap::{Args, ValueEnum};

use bench::Bench;
use file::File;
use key::{Key, Task};
use page::Example;
use people::People;
use plan::{Plan, Settings, Tasks, plans};
use quality::Extent;
use results::{Experiment, Results, Row};

use crate::document::splice;
use crate::machine;
use crate::networks::{Networks, read};
use crate::progress::progress_bar;

/// Attacks faces in still pictures with every published attack, and tables success and quality.
#[derive(Args)]
pub struct Table {
    /// Folder with one folder per person; of its two pictures (JPEG, PNG) the first is attacked, the second enrolled
    #[arg(long, value_name = "DIR", required_unless_present = "splice")]
    faces: Option<PathBuf>,
    /// Folder for table.json, table.md and table.html; existing rows are kept
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Maximum number of people, in the order of their names
    #[arg(long, value_name = "N", default_value_t = 100)]
    count: usize,
    /// File with the names of the folders to use, one per line, instead of --count
    #[arg(long, value_name = "FILE", conflicts_with = "count")]
    people: Option<PathBuf>,
    /// Recognisers to attack
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "mobilefacenet")]
    recognizer: Vec<Recognizer>,
    /// Attacks, by name [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    methods: Vec<String>,
    /// Goal of the attack
    #[arg(long, default_value = "both")]
    setting: Settings,
    /// Task of the recogniser
    #[arg(long, default_value = "both")]
    task: Tasks,
    /// Seed of random starts, views and the people to impersonate
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Factors on the bound of attacks that have one; each adds a row (verification uses only factor 1)
    #[arg(long, value_name = "FACTOR", value_delimiter = ',', default_value = "0.1875,0.25,0.375,1,4")]
    strengths: Vec<f32>,
    /// Person whose pictures the page shows [default: the first]
    #[arg(long, value_name = "NAME")]
    example: Option<String>,
    /// Only write the short tables of --out between the marks `attack-table` of this Markdown file
    #[arg(long, value_name = "FILE", conflicts_with = "faces")]
    splice: Option<PathBuf>,
    /// Folder with the networks and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Recognizer {
    Dlib,
    Sface,
    Mobilefacenet,
}

impl Recognizer {
    fn network(self) -> Network {
        match self {
            Self::Dlib => Network::DlibResnet29,
            Self::Sface => Network::SFace,
            Self::Mobilefacenet => Network::MobileFaceNet,
        }
    }
}

impl Table {
    /// Makes the rows that are missing, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where an argument, the folder of faces, a picture or the results in `--out` are not as they
    /// should be, [`Error::Io`] where something cannot be read, [`Error::Model`] where a network is not what its
    /// manifest says, and what the attacks report.
    pub fn run(self) -> Result<String> {
        let Some(faces) = &self.faces else { return self.splice() };
        let recipes = self.recipes()?;
        let networks = Networks::open(&self.models)?;
        let mut used: Vec<Network> = Vec::new();
        for network in self.recognizer.iter().map(|recognizer| recognizer.network()) {
            if !used.contains(&network) {
                used.push(network);
            }
        }
        let models = networks.checksums(&used)?;
        let pool = Pool::new(0)?;
        let mut detector = Detector::new(&networks.detector()?, &Backend::Cpu(pool.clone()));
        let names = self.people.as_deref().map(names).transpose()?;
        let count = names.as_ref().map_or(self.count, Vec::len);
        let people = People::read(faces, names.as_deref(), count, &mut detector)?;
        let experiment = Experiment {
            seed: self.seed,
            people: people.people.iter().map(|person| person.name.clone()).collect(),
            without_face: people.without_face,
            faces_sha256: people.checksum.clone(),
            models,
            thresholds: BTreeMap::new(),
        };
        let mut table = File::open(&self.out, experiment)?;
        let wanted: Vec<(Network, Vec<Plan>)> =
            used.into_iter().map(|n| (n, plans(n, self.task, self.setting, &recipes, &self.strengths))).collect();
        let all: usize = wanted.iter().map(|(_, plans)| plans.len()).sum();
        let missing = |plan: &&Plan| !table.has(&plan.key, &plan.checksum);
        let made: usize = wanted.iter().map(|(_, plans)| plans.iter().filter(missing).count()).sum();
        if made == 0 {
            table.write()?;
        }
        let example = people.place(self.example.as_deref())?;

        let (commit, machine) = (machine::commit(), machine::machine(pool.threads()));
        let progress = progress_bar(made * people.people.len(), " faces")?;
        let mut examples = Vec::new();
        for (network, plans) in &wanted {
            let missing: Vec<&Plan> = plans.iter().filter(|plan| !table.has(&plan.key, &plan.checksum)).collect();
            if missing.is_empty() && table.has_page() {
                continue;
            }
            let graph = networks.recognizer(*network)?;
            let mut bench = Bench::new(networks.spec(*network)?, &graph, &people.people, self.seed, &pool)?;
            table.results.experiment.thresholds.insert(network.name().to_owned(), bench.thresholds);
            for Plan { key, recipe, checksum } in missing {
                let Key { recognizer, task, setting, method, .. } = key;
                progress.set_message(format!("{recognizer} {} {} {method}", task.name(), setting.name()));
                let start = Instant::now();
                let extent = if is_main(key) { Extent::All } else { Extent::Crop };
                let faces = bench.run(recipe, *task, *setting, extent, || progress.inc(1))?;
                let seconds = start.elapsed().as_secs_f64();
                table.add(Row::new(key.clone(), checksum.clone(), &faces, seconds, commit.clone(), machine.clone()));
                table.write()?;
            }
            let shown: Vec<&Plan> = plans.iter().filter(|plan| is_main(&plan.key)).collect();
            progress.set_message(format!("{}, pictures of the page", network.name()));
            examples.push(Example::new(&mut bench, &shown, &people.people[example].name, example)?);
        }
        if !examples.is_empty() {
            table.write_page(&examples)?;
        }
        progress.finish_and_clear();
        Ok(format!(
            "{}: {made} rows made, {} kept; {} people, {} left out without a face\n",
            self.out.join(file::NAME).display(),
            all - made,
            people.people.len(),
            people.without_face
        ))
    }

    fn splice(&self) -> Result<String> {
        let results = Results::read(&self.out.join(file::NAME))?;
        let Some(path) = &self.splice else { return Ok(String::new()) };
        splice(path, summary::MARK, &format!("{}\n", summary::markdown(&results).trim_start()))?;
        Ok(format!("{}: {} rows in short\n", path.display(), results.rows.len()))
    }

    /// The recipes asked for, in the table's order.
    fn recipes(&self) -> Result<Vec<&'static Recipe>> {
        if let Some(unknown) = self.methods.iter().find(|name| rows::by_name(name).is_none()) {
            let names: Vec<&str> = rows::ALL.iter().map(|recipe| recipe.name).collect();
            return Err(Error::input(format!("--methods: no attack is called `{unknown}`; take {}", names.join(", "))));
        }
        if let Some(wrong) = self.strengths.iter().find(|factor| !(factor.is_finite() && **factor > 0.0)) {
            return Err(Error::input(format!("--strengths: {wrong}; give finite factors above zero, such as 0.5,1,2")));
        }
        let asked = |recipe: &&Recipe| self.methods.is_empty() || self.methods.iter().any(|name| name == recipe.name);
        Ok(rows::ALL.into_iter().filter(asked).collect())
    }
}

/// Whether a row is one of the paper's table: an identification at the strength that is published.
fn is_main(key: &Key) -> bool {
    key.task == Task::Identification && key.strength.unwrap_or(1.0) == 1.0
}

/// The names in a file, a line each; lines that begin with # say something else.
fn names(path: &Path) -> Result<Vec<String>> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| Error::input(format!("{} is no text; give a file with a name in each line", path.display())))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}
