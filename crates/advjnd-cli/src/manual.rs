// SPDX-License-Identifier: MIT OR Apache-2.0
//! What shells and `man` read about the program.

use advjnd::{Error, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Cli;

/// Prints the completion script for a shell.
#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the manual page of a subcommand, or of the whole program.
#[derive(Args)]
pub struct Man {
    /// The subcommand
    subcommand: Option<String>,
}

impl Completions {
    /// The completions.
    pub fn run(self) -> String {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "advjnd", &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Man {
    /// The page, in roff.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no such subcommand.
    pub fn run(self) -> Result<String> {
        let mut program = Cli::command();
        program.build();
        let command = match &self.subcommand {
            None => program,
            Some(name) => program
                .get_subcommands()
                .find(|command| command.get_name() == name && !command.is_hide_set())
                .cloned()
                .map(|command| command.display_name(format!("advjnd-{name}")))
                .ok_or_else(|| Error::input(format!("there is no subcommand {name}; see advjnd --help")))?,
        };
        let mut text = Vec::new();
        let failed = |error| Error::input(format!("the page cannot be written: {error}"));
        clap_mangen::Man::new(command).render(&mut text).map_err(failed)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
