// SPDX-License-Identifier: MIT OR Apache-2.0
//! A protected file beside its original: is every face covered, or shown and no longer known?
//!
//! ```text
//! original ─► faces, tracks, enrolment ─────────────────────────────┐
//! protected ─► as it is, encoded, made smaller ─► covered? ─► recognisers ─► untouched? known? ─► PASS or FAIL
//! ```
//!
//! Faces are found anew in every frame of both files, by no tracker of the filter. Words are those of ISO/IEC 19795-1,
//! without a claim to conform to it.

mod chart;
mod chosen;
mod judgement;
mod page;
mod pair;
mod policy;
mod text;
mod wilson;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use advjnd::face::Detector;
use advjnd::net::{Backend, RecognizerSpec};
use advjnd::{Error, Pool, Result};
use clap::Args;

use crate::analysis::Choice;
use crate::evaluate::{Clean, Eyes, Figures, Judge, Panel, Sampling, Treated, Variant, enrol, look, start};
use crate::folder::write_private;
use crate::networks::Networks;
use crate::progress::progress_bar;
use crate::protect::{Unfinished, checksum, refuse_existing, refuse_input};
use judgement::{Judgement, Recognition, Through, Untouched};
use pair::Pair;
use policy::Policy;

const AFTER_HELP: &str = "\
Exit codes:
  0    PASS
  1    something could not be read or is not what it should be; the message says what
  2    the command line is wrong
  4    FAIL: the report says why";

/// The exit code of FAIL.
const FAILED: u8 = 4;

/// Looks at a protected file and its original: is every face covered, or shown and no longer known?
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
pub struct Verify {
    /// The file that `advjnd protect` wrote
    #[arg(value_name = "PROTECTED")]
    protected: PathBuf,
    /// The file that it was made of
    #[arg(long, value_name = "FILE")]
    original: PathBuf,
    /// The analysis that it was made with: the people whom it keeps are left out, and counted
    #[arg(long, value_name = "FILE")]
    faces: Option<PathBuf>,
    /// The people who were kept, by their numbers, as they were named to `protect`
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces")]
    keep: Vec<u32>,
    /// The people who were protected, where all others were kept, as they were named to `protect`
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces", conflicts_with = "keep")]
    only: Vec<u32>,
    /// What becomes of the file before recognisers see it: `output`, nothing; or steps joined by +: crf0..51 (x264),
    /// vp9-0..63, jpeg1..100, x0.1..1
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "output")]
    through: Vec<String>,
    /// Ask recognisers at every so many frames; in all others, at faces that were changed less than usual
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Faces, one a frame, that may go out untouched
    #[arg(long, value_name = "N", default_value_t = 0)]
    allow_untouched: u64,
    /// Per cent of the faces that are known in the original that a recogniser of --models may still know
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    allow_known: f64,
    /// Folder with the networks that may have been attacked, and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// Folders with further judges: safetensors files with a manifest.toml, or NAME.onnx with NAME.toml; they are
    /// reported, and do not decide
    #[arg(long, value_name = "DIR")]
    judges: Vec<PathBuf>,
    /// Photograph of the one person of the video to enrol, in place of the clean frames of their tracks
    #[arg(long, value_name = "FILE")]
    enrolment: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
    /// Write a page with curves and the worst frames as well; it shows faces that are NOT protected
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Replace the page if it is there already
    #[arg(short = 'y', long, requires = "report")]
    overwrite: bool,
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
        if let Some(report) = &self.report {
            refuse_existing(report, self.overwrite)?;
            let inputs: Vec<&Path> =
                self.faces.iter().chain([&self.protected, &self.original]).map(PathBuf::as_path).collect();
            refuse_input(report, &inputs)?;
        }
        let variants = self.through.iter().map(|text| Variant::parse(text)).collect::<Result<Vec<_>>>()?;
        start()?;
        let pool = Pool::new(0)?;
        let panel = Panel::load(&self.models, &self.judges, &pool)?;
        let attackable = panel.attackable();
        let detector = Detector::new(&Networks::open(&self.models)?.detector()?, &Backend::Cpu(pool));
        let mut eyes = Eyes { detector, panel };
        let specs: Vec<RecognizerSpec> = eyes.panel.specs().cloned().collect();
        let progress = progress_bar(2 + variants.len(), " steps")?;
        let pair = Pair { original: &self.original, protected: &self.protected };

        progress.set_message("the original");
        let enrolled = self.enrolment.as_ref().map(|path| enrol(path, &mut eyes)).transpose()?;
        let photograph = enrolled.as_ref().map(|(embeddings, _)| embeddings.as_slice());
        let sampling = Sampling { every: self.every as usize, first: true, least_looks: 1 };
        let mut clean = Clean::read(&mut pair.clean()?, sampling, &mut eyes, photograph, || progress.tick())?;
        let original_sha256 = checksum(&self.original)?;
        let left_out = self.leave_out_kept(&mut clean, &original_sha256)?;
        progress.inc(1);
        progress.set_message("what is covered");
        let treatments = pair.treatments(&clean, || progress.tick())?;
        // What is merely dark, or blurred, may be known: recognisers look at it.
        let covered: Vec<bool> = treatments.iter().map(|treatment| treatment.flat).collect();
        let suspects = judgement::suspects(&clean, &treatments);
        let untouched = pair.untouched(&clean, &suspects, &mut eyes, || progress.tick())?;
        progress.inc(1);
        let treated = Treated { clean: &clean, covered: &covered };
        let mut judgement = Judgement {
            original: self.original.display().to_string(),
            original_sha256,
            protected: self.protected.display().to_string(),
            protected_sha256: checksum(&self.protected)?,
            policy: Policy { untouched: self.allow_untouched, known: self.allow_known / 100.0 },
            frames: clean.frames,
            left_out,
            ..Judgement::default()
        };
        covered.iter().for_each(|covered| judgement.covered.take(*covered));
        let (mut charts, mut sheet) = (Vec::new(), Vec::new());
        for variant in &variants {
            progress.set_message(variant.to_string());
            let mut frames = pair.protected_through(variant, clean.size)?;
            let looks = look(&mut frames, variant.scale(), treated, &mut eyes, || progress.tick())?;
            let untouched = Untouched::of(&clean, &looks, &untouched);
            let margins_of = |(index, spec)| judgement::margins(&clean, &looks, Judge { index, spec });
            let margins: Vec<Vec<f32>> = specs.iter().enumerate().map(margins_of).collect();
            let figures = specs.iter().enumerate().map(|(index, spec)| {
                let judge = Judge { index, spec };
                let attacked = attackable.contains(&spec.name);
                let figures = Figures::count(judge, treated, &looks, |_, _| ());
                let worst = judgement::worst(&clean, &looks, judge, &margins[index]);
                (spec.name.clone(), Recognition::new(spec, attacked, figures, worst))
            });
            let recognizers: BTreeMap<_, _> = figures.collect();
            judgement.through.push(Through { variant: variant.to_string(), untouched, recognizers });
            if judgement.through.len() == 1 && self.report.is_some() {
                let chart = |(spec, margins): (&RecognizerSpec, &Vec<f32>)| {
                    (spec.name.clone(), page::chart(&clean, &looks, margins, &treatments))
                };
                charts = specs.iter().zip(&margins).map(chart).collect();
                let least: Vec<f32> = (0..looks.len())
                    .map(|at| margins.iter().map(|margins| margins[at]).fold(f32::INFINITY, f32::min))
                    .collect();
                sheet = pair.shown(&clean, &page::worst(&clean, &looks, &least))?;
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        judgement.decide();
        if let Some(report) = &self.report {
            let unfinished = Unfinished::beside(report)?;
            let html = page::html(&judgement, &charts, &sheet);
            write_private(unfinished.path(), html.as_bytes())?;
            unfinished.finish(self.overwrite)?;
        }
        Ok(judgement)
    }

    /// Leaves out the faces of the people who are kept; how many.
    fn leave_out_kept(&self, clean: &mut Clean, sha256: &str) -> Result<u64> {
        let Some(path) = &self.faces else { return Ok(0) };
        let choice = Choice { keep: self.keep.clone(), only: self.only.clone() };
        Ok(chosen::leave_out_kept(&choice.read(path, &self.original, sha256)?, clean))
    }
}

/// A share of a hundred.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is no number")?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("it takes a number from 0 to 100".to_owned()) }
}
