// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `advjnd`, which protects faces in files and measures how well that works. One file, or one folder, per
//! subcommand.
//!
//! The feature `measure` is on by default. Without it the subcommands that measure are left out, and the build takes
//! half the time.
//!
//! | subcommand | does |
//! |---|---|
//! | [`analyze`] | finds the people in a video, so that you can choose who is protected |
//! | [`completions`, `man`](manual) | print completion scripts and manual pages |
//! | [`doctor`] | checks what is installed, and how fast this machine protects faces |
//! | [`enrol`] | makes a file of people from their photographs, for `exclude-people` and `protect-only` |
//! | [`evaluate`] | protects clips, encodes them, and asks attacked and unseen recognisers whom they still know |
//! | [`faces`] | converts an analysis to CSV, COCO or KITTI, and back |
//! | [`population`] | makes the statistics of other people that `verify` uses, from pictures |
//! | [`protect`] | protects videos and pictures, in single files or whole folders |
//! | [`recall`] | measures what protection misses, on marked frames and on scenes made of photographs |
//! | [`table`](mod@table) | runs the source paper's experiment: every attack on still pictures, its success and its cost |
//! | [`verify`] | checks a protected file: is every face covered, or shown and no longer recognised? |
//! | [`viewing-test`](viewing_test) | makes the page of a viewing test, and tables of its results |
//!
//! Arguments are read by [`clap`], so a program can run a subcommand, too:
//!
//! ```
//! use advjnd_cli::Cli;
//! use clap::Parser;
//!
//! assert!(Cli::try_parse_from(["advjnd", "protect", "clip.mp4", "-o", "protected.mp4"]).is_ok());
//! let nowhere = Cli::try_parse_from(["advjnd", "protect", "clip.mp4"]);
//! assert!(nowhere.is_err_and(|error| error.to_string().contains("--output")));
//! ```

mod analysis;
pub mod analyze;
#[cfg(feature = "measure")]
mod axes;
#[cfg(feature = "measure")]
mod dice;
pub mod doctor;
#[cfg(feature = "measure")]
mod document;
pub mod enrol;
#[cfg(feature = "measure")]
pub mod evaluate;
pub mod faces;
mod folder;
mod machine;
pub mod manual;
#[cfg(feature = "measure")]
mod marks;
#[cfg(feature = "measure")]
mod networks;
mod pooling;
#[cfg(feature = "measure")]
pub mod population;
mod proc;
mod progress;
pub mod protect;
#[cfg(feature = "measure")]
pub mod recall;
#[cfg(feature = "measure")]
mod resumable;
#[cfg(feature = "measure")]
mod rounded;
#[cfg(feature = "measure")]
pub mod table;
#[cfg(feature = "measure")]
pub mod verify;
#[cfg(feature = "measure")]
pub mod viewing_test;

use std::io::Write;
use std::process::ExitCode;

use advjnd::Result;
use clap::{Parser, Subcommand};

/// Protects faces in files from face recognition, and measures how well it works.
#[derive(Parser)]
#[command(name = "advjnd", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Analyze(analyze::Analyze),
    Completions(manual::Completions),
    Doctor(doctor::Doctor),
    Enrol(enrol::Enrol),
    #[cfg(feature = "measure")]
    Evaluate(evaluate::Evaluate),
    Faces(faces::Faces),
    Man(manual::Man),
    Protect(Box<protect::Protect>),
    #[command(name = protect::worker::NAME, hide = true)]
    ProtectOne(protect::worker::Work),
    #[cfg(feature = "measure")]
    Population(population::MakePopulation),
    #[cfg(feature = "measure")]
    Recall(recall::Recall),
    #[cfg(feature = "measure")]
    Table(table::Table),
    #[cfg(feature = "measure")]
    Verify(Box<verify::Verify>),
    #[cfg(feature = "measure")]
    ViewingTest(viewing_test::ViewingTest),
}

impl Cli {
    /// Does what the arguments ask for, prints what there is to say, and returns the exit code.
    ///
    /// # Errors
    /// Those of the subcommand: what was wrong with the arguments or a file, and what to do.
    pub fn run(self) -> Result<ExitCode> {
        let text = match self.command {
            Command::Protect(arguments) => return arguments.run(),
            Command::ProtectOne(arguments) => return arguments.run(),
            Command::Analyze(arguments) => arguments.run(),
            Command::Completions(arguments) => Ok(arguments.run()),
            Command::Doctor(arguments) => arguments.run(),
            Command::Enrol(arguments) => arguments.run(),
            #[cfg(feature = "measure")]
            Command::Evaluate(arguments) => arguments.run(),
            Command::Faces(arguments) => arguments.run(),
            Command::Man(arguments) => arguments.run(),
            #[cfg(feature = "measure")]
            Command::Population(arguments) => arguments.run(),
            #[cfg(feature = "measure")]
            Command::Recall(arguments) => arguments.run(),
            #[cfg(feature = "measure")]
            Command::Table(arguments) => arguments.run(),
            #[cfg(feature = "measure")]
            Command::Verify(arguments) => return arguments.run(),
            #[cfg(feature = "measure")]
            Command::ViewingTest(arguments) => arguments.run(),
        }?;
        // Whoever does not listen any more (`| head`) has what they want.
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(ExitCode::SUCCESS)
    }
}
