//! The program `advjnd`: one file, or one folder, per subcommand.
//!
//! | subcommand | does |
//! |---|---|
//! | [`viewing-test`](viewing_test) | makes the page of a viewing test, and tables of its results |

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
    ViewingTest(viewing_test::ViewingTest),
}

impl Cli {
    /// Does what the arguments ask for, and returns what is to be printed.
    ///
    /// # Errors
    /// Those of the subcommand: what was wrong with the arguments or a file, and what to do.
    pub fn run(self) -> Result<String> {
        match self.command {
            Command::ViewingTest(arguments) => arguments.run(),
        }
    }
}
