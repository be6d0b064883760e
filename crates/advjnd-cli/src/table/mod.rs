//! The experiment of Xue, Jin, Sun & Lin, "HVS-inspired adversarial image generation with high perceptual quality", J. Cloud
//! Computing 2023, rebuilt: its method, its ablations and the attacks it is compared with, on still pictures.
//!
//! `advjnd table --faces DIR --out results/` attacks the first picture of every person, the second one being enrolled, with
//! every recipe of [`advjnd::attack::recipes::rows`], and writes what came of it as `table.json` and `table.md`.
//!
//! ```text
//! picture ─► face, landmarks ─► chip X, 8 bits ─► J ─► attack ─► Z ─► 8 bits ─────────────► embedded: success, chip
//!                                                              └─► change warped back into the picture, 8 bits
//!                                                                  ─► chip by the same landmarks ─► embedded: success, picture
//! ```
//!
//! * J is the learned map `hvs-sd` of X in three channels, times its calibration, so that a bound of 1·J is not noticed in
//!   place. The paper's J is the HVS-SD map of Jin, Xue et al., whose weights cannot be had; ours is trained anew.
//! * Identification: softmax over the cosines to all enrolled people. Verification: the recogniser's own threshold, the
//!   person's enrolled picture.
//! * Dodging: not to be recognised as oneself; impersonation: to be taken for a person drawn from the seed.
//! * People who are not recognised when clean, or taken for their target, are left out and counted. All means are over the
//!   faces attacked, successes and failures alike.
//!
//! Deviations from the paper: recognisers that compare embeddings instead of a classifier of 8631 people; other pictures, of
//! another size; and where it says nothing, what the recipes say.
//!
//! A run that ends early is continued: rows that are in `table.json` stay, as long as seed, pictures, models and the recipe
//! are the same. A seed gives the same figures, whatever the number of threads.

mod alignment;
mod bench;
mod markdown;
mod people;
mod plan;
mod quality;
mod results;

use std::path::PathBuf;
use std::time::Instant;

use advjnd::attack::recipes::{Recipe, rows};
use advjnd::face::Detector;
use advjnd::net::{Backend, Network};
use advjnd::{Error, Pool, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use bench::Bench;
use people::People;
use plan::{Plan, Settings, Tasks, plans};
use results::{Experiment, Key, Row, Table as File};

use crate::machine;
use crate::networks::Networks;

/// Attacks the faces of still pictures with every published attack, and tables success and quality.
#[derive(Args)]
pub struct Table {
    /// Folder with one folder per person, of two pictures (JPEG, PNG) each: the first is attacked, the second enrolled
    #[arg(long, value_name = "DIR")]
    faces: PathBuf,
    /// Folder for table.json and table.md; rows already there are kept
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// At most so many people, by name
    #[arg(long, value_name = "N", default_value_t = 100)]
    count: usize,
    /// Recognisers that are attacked
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "mobilefacenet")]
    recognizer: Vec<Recognizer>,
    /// Attacks, by name [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    methods: Vec<String>,
    /// What the attack is for
    #[arg(long, default_value = "both")]
    setting: Settings,
    /// What the recogniser is asked
    #[arg(long, default_value = "both")]
    task: Tasks,
    /// What random starts, views and the people to impersonate are drawn from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Factors on the bounds of attacks that have one, a row each
    #[arg(long, value_name = "FACTOR", value_delimiter = ',', default_value = "1")]
    strengths: Vec<f32>,
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
    /// [`Error::Input`] where an argument, the folder of faces, a picture or the results in `--out` are not as they should
    /// be, [`Error::Io`] where something cannot be read, [`Error::Model`] where a network is not what its manifest says, and
    /// what the attacks report.
    pub fn run(self) -> Result<String> {
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
        let people = People::read(&self.faces, self.count, &mut detector)?;
        let experiment = Experiment {
            seed: self.seed,
            people: people.people.len(),
            without_face: people.without_face,
            faces_sha256: people.checksum,
            models,
        };
        let mut table = File::open(&self.out, experiment)?;
        let wanted: Vec<(Network, Vec<Plan>)> =
            used.into_iter().map(|n| (n, plans(n, self.task, self.setting, &recipes, &self.strengths))).collect();
        let all: usize = wanted.iter().map(|(_, plans)| plans.len()).sum();
        let missing = |plan: &Plan| !table.has(&plan.key, &plan.checksum);
        let wanted: Vec<(Network, Vec<Plan>)> =
            wanted.into_iter().map(|(n, plans)| (n, plans.into_iter().filter(missing).collect())).collect();
        let made: usize = wanted.iter().map(|(_, plans)| plans.len()).sum();

        let (commit, machine) = (machine::commit(), machine::machine(pool.threads()));
        let progress = progress_bar(made * people.people.len())?;
        for (network, plans) in wanted.iter().filter(|(_, plans)| !plans.is_empty()) {
            let graph = networks.recognizer(*network)?;
            let mut bench = Bench::new(*network, &graph, &people.people, self.seed, &pool)?;
            for Plan { key, recipe, checksum } in plans {
                let Key { recognizer, task, setting, method, .. } = key;
                progress.set_message(format!("{recognizer} {} {} {method}", task.name(), setting.name()));
                let start = Instant::now();
                let faces = bench.run(recipe, *task, *setting, || progress.inc(1))?;
                let seconds = start.elapsed().as_secs_f64();
                table.add(Row::new(key.clone(), checksum.clone(), &faces, seconds, commit.clone(), machine.clone()));
                table.write()?;
            }
        }
        progress.finish_and_clear();
        if made == 0 {
            table.write()?;
        }
        Ok(format!(
            "{}: {made} rows made, {} kept; {} people, {} left out without a face\n",
            self.out.join("table.json").display(),
            all - made,
            people.people.len(),
            people.without_face
        ))
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

fn progress_bar(steps: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} faces, {eta} left, {msg}")
        .map_err(|error| Error::input(format!("the progress bar cannot be drawn: {error}")))?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}
