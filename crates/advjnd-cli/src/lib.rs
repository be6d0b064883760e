// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `advjnd`: one file, or one folder, per subcommand.
//!
//! | subcommand | does |
//! |---|---|
//! | [`evaluate`] | protects clips with the element, encodes them, and asks recognisers that were attacked and others |
//! | [`recall`] | measures what the face protection misses, on marked frames and on scenes made of photographs |
//! | [`table`](mod@table) | the source paper's experiment: every attack on still pictures, its success and its cost |
//! | [`viewing-test`](viewing_test) | makes the page of a viewing test, and tables of its results |

mod document;
pub mod evaluate;
mod folder;
mod machine;
mod marks;
mod networks;
mod proc;
mod progress;
pub mod recall;
mod resumable;
mod rounded;
pub mod table;
pub mod viewing_test;

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
    Evaluate(evaluate::Evaluate),
    Recall(recall::Recall),
    Table(table::Table),
    ViewingTest(viewing_test::ViewingTest),
}

impl Cli {
    /// Does what the arguments ask for, and returns what is to be printed.
    ///
    /// # Errors
    /// Those of the subcommand: what was wrong with the arguments or a file, and what to do.
    pub fn run(self) -> Result<String> {
        match self.command {
            Command::Evaluate(arguments) => arguments.run(),
            Command::Recall(arguments) => arguments.run(),
            Command::Table(arguments) => arguments.run(),
            Command::ViewingTest(arguments) => arguments.run(),
        }
    }
}
