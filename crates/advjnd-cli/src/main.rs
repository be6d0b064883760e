//! The program `advjnd`: one file, or one folder, per subcommand.
//!
//! | subcommand | does |
//! |---|---|
//! | [`viewing-test`](viewing_test) | makes the page of a viewing test, and tables of its results |

mod viewing_test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Protects files from face recognition, and measures what that costs.
#[derive(Parser)]
#[command(name = "advjnd", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    ViewingTest(viewing_test::ViewingTest),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::ViewingTest(arguments) => arguments.run(),
    };
    match done {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
