// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `advjnd`: one file, or one folder, per subcommand.
//!
//! What measures is left out without the feature `measure`, which is on by default; the program is built in half the
//! time then.
//!
//! | subcommand | does |
//! |---|---|
//! | [`analyze`] | finds the people of a video, to choose who is protected |
//! | [`completions`, `man`](manual) | print what shells and `man` read |
//! | [`doctor`] | says what is installed, and how fast faces are protected here |
//! | [`enrol`] | makes a file of the people in photographs, for the element to know them by |
//! | [`evaluate`] | protects clips with the element, encodes them, and asks recognisers that were attacked and others |
//! | [`faces`] | converts what `analyze` found to CSV, COCO or KITTI, and back |
//! | [`population`] | makes what `verify` knows of other people, of pictures of real ones |
//! | [`protect`] | protects videos and pictures: files and folders |
//! | [`recall`] | measures what the face protection misses, on marked frames and on scenes made of photographs |
//! | [`table`](mod@table) | the source paper's experiment: every attack on still pictures, its success and its cost |
//! | [`verify`] | looks at a protected file and its original: is every face protected or covered? |
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

/// Protects files from face recognition, and measures what that costs.
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
