// SPDX-License-Identifier: MIT OR Apache-2.0
//! A protected file beside its original: is every face covered, or shown and no longer known?
//!
//! ```text
//! original ──► faces, by two detectors ─► tracks, enrolment ────────────────────────────┐
//! protected ─► as it is, encoded, made smaller ─► covered? ─► recognisers ─► untouched? known? ─► PASS or FAIL
//! ```
//!
//! Faces are found anew in every frame of both files, by no tracker of the filter. In place of the original, an
//! analysis may say where faces are (`given`), or photographs whose they are (`alone`). Words are those of
//! ISO/IEC 19795-1, without a claim to conform to it.

mod alone;
mod arguments;
mod chart;
mod chosen;
mod given;
mod judgement;
mod page;
mod pair;
mod people;
mod policy;
mod ranks;
mod record;
mod reference;
mod second;
mod sheet;
mod text;
mod video;
mod wilson;

use std::io::Write;
use std::process::ExitCode;

use advjnd::face::Detector;
use advjnd::net::{Backend, RecognizerSpec};
use advjnd::{Error, Models, Pool, Result};
use indicatif::ProgressBar;

use arguments::Alignment;
pub use arguments::Verify;

use crate::evaluate::{Embeddings, Eyes, Judge, Look, Panel, Treated, Variant, enrol, look, start};
use crate::folder::write_private;
use crate::networks::Networks;
use crate::population::Population;
use crate::progress::progress_bar;
use crate::protect::{Unfinished, checksum, refuse_existing, refuse_input};
use judgement::{Judgement, Recognition, Through, Untouched};
use ranks::Gallery;
use reference::Reference;
use second::SecondLook;
use sheet::Sheet;
use video::protected_through;

/// The exit code of FAIL.
const FAILED: u8 = 4;

/// What looks, and how far it has come.
struct Bench {
    eyes: Eyes,
    second: SecondLook,
    specs: Vec<RecognizerSpec>,
    photographs: Vec<Embeddings>,
    progress: ProgressBar,
}

impl Verify {
    /// Prints what was found; the exit code is the verdict.
    ///
    /// # Errors
    /// [`Error::Input`] where a file cannot be read, or the two do not belong together, [`Error::Model`] where a
    /// recogniser is not what is said of it.
    pub fn run(self) -> Result<ExitCode> {
        let judgement = self.judge()?;
        let text = if self.json {
            let line = serde_json::to_string(&judgement);
            line.map_err(|error| Error::input(format!("the report cannot be written: {error}")))? + "\n"
        } else {
            text::text(&judgement)
        };
        // Whoever does not listen any more (`| head`) has what they want.
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(if judgement.reasons.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
    }

    fn judge(&self) -> Result<Judgement> {
        self.refuse_missing()?;
        if let Some(report) = &self.report {
            refuse_existing(report, self.overwrite)?;
            refuse_input(report, &self.inputs())?;
        }
        let variants = self.through.iter().map(|text| Variant::parse(text)).collect::<Result<Vec<_>>>()?;
        let population = Population::open(self.population.as_deref())?;
        start()?;
        let pool = Pool::new(0)?;
        let mut panel = Panel::load(&self.models, &self.judges, pool.threads())?;
        self.judge.iter().try_for_each(|path| panel.add_judge(path))?;
        let attackable = panel.attackable();
        let mut bench = self.bench(panel, pool, variants.len())?;

        let reference = Reference::of(self, &mut bench)?;
        let covered: Vec<bool> = reference.treatments.iter().map(|treatment| treatment.flat).collect();
        let treated = Treated { clean: &reference.clean, covered: &covered };
        let galleries: Vec<Option<Gallery>> =
            bench.specs.iter().map(|spec| Gallery::of(&population, spec, self.gallery as usize)).collect();
        let mut judgement = Judgement::new(&reference, self.policy());
        judgement.protected = self.protected.display().to_string();
        judgement.protected_sha256 = checksum(&self.protected)?;
        let mut sheet = None;
        for variant in &variants {
            bench.progress.set_message(variant.to_string());
            let seen: Option<Vec<Look>> = if variant.is_nothing() {
                None
            } else {
                let mut frames = protected_through(&self.protected, variant, reference.clean.size)?;
                Some(look(&mut frames, treated, &mut bench.eyes, || bench.progress.tick())?)
            };
            let looks = seen.as_deref().unwrap_or(&reference.looks);
            let recognizers = bench.specs.iter().zip(&galleries).enumerate().map(|(index, (spec, gallery))| {
                let rates = population.rates(spec);
                let judges: Vec<Judge<'_>> = rates.iter().map(|spec| Judge { index, spec }).collect();
                let mut recognition = Recognition::new(&judges, treated, looks);
                recognition.attacked = attackable.contains(&spec.name);
                recognition.identification = gallery.as_ref().map(|gallery| gallery.search(judges[0], treated, looks));
                (spec.name.clone(), recognition)
            });
            let recognizers = recognizers.collect();
            let untouched = reference.untouched.as_ref().map(|others| Untouched::of(&reference.clean, looks, others));
            judgement.through.push(Through { variant: variant.to_string(), untouched, recognizers });
            if sheet.is_none() && self.report.is_some() {
                sheet = Some(Sheet::of(self, &reference, looks, &bench.specs)?);
            }
            bench.progress.inc(1);
        }
        bench.progress.finish_and_clear();
        judgement.decide();
        if let Some((report, sheet)) = self.report.as_ref().zip(sheet) {
            let unfinished = Unfinished::beside(report)?;
            write_private(unfinished.path(), page::html(&judgement, &sheet).as_bytes())?;
            unfinished.finish(self.overwrite)?;
        }
        Ok(judgement)
    }

    /// What looks, with the photographs embedded.
    fn bench(&self, panel: Panel, pool: std::sync::Arc<Pool>, variants: usize) -> Result<Bench> {
        let backend = Backend::Cpu(pool);
        let graph = Networks::open(&self.models)?.detector()?;
        let second = SecondLook::new(&graph, Models::embedded()?.second_detector(), &backend);
        let specs = panel.specs().cloned().collect();
        let keeps_landmarks = self.landmarks == Alignment::Original;
        let detector = Detector::new(&graph, &backend);
        let mut eyes = Eyes { detector, panel, enlarges: true, keeps_landmarks };
        let photographs = self.enrol.iter().map(|path| enrol(path, &mut eyes).map(|(embeddings, _)| embeddings));
        let photographs = photographs.collect::<Result<Vec<_>>>()?;
        Ok(Bench { eyes, second, specs, photographs, progress: progress_bar(1 + variants, " steps")? })
    }
}
