// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a test says that it does not run, and where material lies that is not part of the repository.

#![allow(dead_code, reason = "every test program uses a part of it")]

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Says that `test` does not run, or runs in part, and why; `scripts/test.sh` counts these lines.
pub fn skip(test: &str, why: impl Display) {
    // Straight to the stream: the test harness swallows what `eprintln!` writes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {why}");
}

/// A file or folder of the test material: in `$ADVJND_MATERIAL`, or in `shared/` beside the repository. Where there is
/// none, says that `test` is skipped.
pub fn material(test: &str, path: &str) -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(manifest);
    let folder = std::env::var_os("ADVJND_MATERIAL").map_or_else(|| root.join("../shared"), PathBuf::from);
    let found = folder.join(path);
    if !found.exists() {
        skip(test, format_args!("no test material at {}", found.display()));
        return None;
    }
    Some(found)
}
