// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/cli.md` has the help of every subcommand as the program prints it. `make pages` (`ADVJND_WRITE=1 cargo test
//! --workspace --test docs`) writes it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

#[path = "../src/marks.rs"]
mod marks;

use std::path::Path;
use std::process::Command;

use advjnd_cli::Cli;
use clap::CommandFactory;

/// The subcommands that people call, each with what leads to it: `["viewing-test", "results"]`.
fn subcommands(command: &clap::Command, before: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        let words: Vec<String> = before.iter().cloned().chain([inner.get_name().to_owned()]).collect();
        found.push(words.clone());
        found.extend(subcommands(inner, &words));
    }
    found
}

/// What `advjnd WORDS --help` prints, 100 columns wide.
fn help(words: &[String]) -> String {
    let done =
        Command::new(env!("CARGO_BIN_EXE_advjnd")).env("COLUMNS", "100").args(words).arg("--help").output().unwrap();
    assert!(done.status.success(), "{words:?}");
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn the_reference_is_what_the_program_says() {
    let mut text = format!("```text\n{}\n```\n", help(&[]));
    for words in subcommands(&Cli::command(), &[]) {
        text += &format!("\n## advjnd {}\n```text\n{}\n```\n", words.join(" "), help(&words));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let made = marks::spliced(&page, "help", &text).expect("an opening and a closing marker");
    if std::env::var_os("ADVJND_WRITE").is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        assert!(page == made, "docs/cli.md is out of date: run `make pages`");
    }
}
