// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `advjnd verify`.

use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use clap::{ArgGroup, Args, ValueEnum};

use super::policy::Policy;
use crate::analysis::Choice;
use crate::protect::Settings;

const AFTER_HELP: &str = "\
Exit codes:
  0    PASS
  1    something could not be read or is not what it should be; the message says what
  2    the command line is wrong
  4    FAIL: the report says why";

/// Looks at a protected file and its original: is every face covered, or shown and no longer known?
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
#[command(group(ArgGroup::new("reference").args(["original", "faces", "enrol"]).required(true).multiple(true)))]
pub struct Verify {
    /// The file that `advjnd protect` wrote
    #[arg(value_name = "PROTECTED")]
    pub protected: PathBuf,
    /// The file that it was made of
    #[arg(long, value_name = "FILE")]
    pub original: Option<PathBuf>,
    /// The analysis that it was made with: the people whom it keeps are left out, and counted. Without --original, it
    /// says where faces are, and its thumbnails whose
    #[arg(long, value_name = "FILE")]
    pub faces: Option<PathBuf>,
    /// The people who were kept, by their numbers, as they were named to `protect`
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces")]
    pub keep: Vec<u32>,
    /// The people who were protected, where all others were kept, as they were named to `protect`
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces", conflicts_with = "keep")]
    pub only: Vec<u32>,
    /// Photographs of people to enrol, each in place of the clean frames of the tracks that are most like it. Without
    /// --original and --faces, faces are looked for in the protected file
    #[arg(long, value_name = "PHOTO", num_args = 1..)]
    pub enrol: Vec<PathBuf>,
    /// What becomes of the file before recognisers see it: `output`, nothing; or steps joined by +: crf0..51 (x264),
    /// vp9-0..63, jpeg1..100, scale0.1..1, blur0.1..20 (pixels), average2..30 (frames)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "output")]
    pub through: Vec<String>,
    /// Ask recognisers at every so many frames; in all others, at faces that were changed less than usual
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
    /// By which landmarks recognisers align a face of the protected file: those found in it anew, or those of the
    /// original, which nobody has who knows the protected file alone
    #[arg(long, value_enum, default_value_t = Alignment::Anew)]
    pub landmarks: Alignment,
    /// Faces, one a frame, that may go out untouched
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub allow_untouched: u64,
    /// Per cent of the faces that are known in the original that a recogniser of --models may still know
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    pub allow_known: f64,
    /// Folder with the networks that may have been attacked, and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub models: PathBuf,
    /// Folders with further judges: safetensors files with a manifest.toml, or NAME.onnx with NAME.toml; they are
    /// reported, and do not decide
    #[arg(long, value_name = "DIR")]
    pub judges: Vec<PathBuf>,
    /// One further judge: NAME.onnx, with NAME.toml beside it
    #[arg(long, value_name = "NAME.onnx")]
    pub judge: Vec<PathBuf>,
    /// Other people in the gallery in which a face is searched for; they do not exist. 0: no search
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub gallery: u32,
    /// What is known of other people, as `advjnd population` writes it, in place of what is built in
    #[arg(long, value_name = "FILE.safetensors")]
    pub population: Option<PathBuf>,
    /// The file was made with --preview SECONDS
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub preview: Option<f64>,
    /// The file was made with --both-fields
    #[arg(long)]
    pub both_fields: bool,
    /// The file was made with --tone-map
    #[arg(long)]
    pub tone_map: bool,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
    /// Write a page with curves and the worst frames as well; it shows faces that are NOT protected
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// What `protect --json` said of the file: the page then says how long a frame took
    #[arg(long, value_name = "FILE", requires = "report")]
    pub record: Option<PathBuf>,
    /// Replace the page if it is there already
    #[arg(short = 'y', long, requires = "report")]
    pub overwrite: bool,
}

/// By which landmarks a face of the protected file is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Alignment {
    /// Those found in the protected file.
    Anew,
    /// Those of the same face in the original.
    Original,
}

impl Verify {
    /// What a file must hold to pass.
    pub(super) fn policy(&self) -> Policy {
        Policy { untouched: self.allow_untouched, known: self.allow_known / 100.0 }
    }

    /// What becomes of the people of the analysis.
    pub(super) fn choice(&self) -> Choice {
        Choice { keep: self.keep.clone(), only: self.only.clone() }
    }

    /// How the original is decoded.
    pub(super) fn decoding(&self) -> Settings {
        Settings { both_fields: self.both_fields, tone_map: self.tone_map, ..Settings::default() }
    }

    /// All files that are read.
    pub(super) fn inputs(&self) -> Vec<&Path> {
        let optional = [&self.original, &self.faces, &self.record, &self.population].into_iter().flatten();
        [&self.protected].into_iter().chain(optional).chain(&self.enrol).map(PathBuf::as_path).collect()
    }

    /// Refuses files that are not there, before anything long begins.
    pub(super) fn refuse_missing(&self) -> Result<()> {
        match self.inputs().into_iter().find(|path| !path.is_file()) {
            Some(path) => Err(Error::input(format!("there is no file {}; name one", path.display()))),
            None => Ok(()),
        }
    }
}

/// A share of a hundred.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is no number")?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("it takes a number from 0 to 100".to_owned()) }
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is no number")?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("it takes a number above 0".to_owned()) }
}
