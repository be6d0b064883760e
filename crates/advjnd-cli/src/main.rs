// SPDX-License-Identifier: MIT OR Apache-2.0
//! See the library `advjnd_cli`.

use std::process::ExitCode;

use advjnd_cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
