// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arrows of ARCHITECTURE.md: what each room imports from the crate, and what the crates and the files of the
//! program and of the element know of each other.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room, and the rooms it may use besides itself and `error`.
const ROOMS: [(&str, &[&str]); 12] = [
    ("attack", &["net"]),
    ("device", &["models", "net", "pool"]),
    ("face", &["frame", "net"]),
    ("frame", &[]),
    ("jnd", &["net", "pool"]),
    ("models", &["net"]),
    ("net", &["pool"]),
    ("pacing", &[]),
    ("people", &["attack", "face", "frame", "models", "net", "pool"]),
    ("pool", &[]),
    ("protector", &["attack", "face", "frame", "jnd", "models", "net", "pacing", "people", "pool", "report"]),
    ("report", &["face", "frame"]),
];

/// Files of the Python module, but for its `lib`, and the siblings that each may use.
const PYTHON_ROOMS: [(&str, &[&str]); 10] = [
    ("arrays", &["errors"]),
    ("attack", &["arrays", "batch", "errors", "recognizers"]),
    ("batch", &["arrays", "errors", "portrait"]),
    ("errors", &[]),
    ("jnd", &["arrays", "errors"]),
    ("names", &[]),
    ("portrait", &["arrays"]),
    ("protector", &["arrays", "errors", "recognizers", "report"]),
    ("recognizers", &["arrays", "errors"]),
    ("report", &[]),
];

/// What a media plugin must not link: the laboratory and what it stands on. The core may have candle by a feature.
const LABORATORY: [&str; 4] = ["advjnd-lab", "ssimulacra2", "candle-core", "candle-nn"];

/// Folders whose files import their siblings without a circle: data below, what shows it above.
const WITHOUT_CIRCLES: [&str; 4] = [
    "crates/advjnd-cli/src/evaluate",
    "crates/advjnd-cli/src/recall",
    "crates/advjnd-cli/src/table",
    "crates/advjnd-lab/src/attack",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("folder") {
            sources(&entry.expect("entry").path(), files);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
}

/// The code of a file up to its unit tests, without lines that are comments.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("source");
    let own = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    own.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| line.to_owned() + "\n").collect()
}

/// The modules that follow `prefix` in `code`.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let names = code.split(prefix).skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(|item| name(item.trim())).collect(),
        None => vec![name(rest)],
    });
    names.filter(|name: &String| name.starts_with(char::is_lowercase)).collect()
}

#[test]
fn rooms_use_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, allowed) in ROOMS {
        let mut files = Vec::new();
        let (folder, file) = (src.join(room), src.join(format!("{room}.rs")));
        sources(if folder.is_dir() { &folder } else { &file }, &mut files);
        assert!(!files.is_empty(), "no room `{room}`");
        for file in files {
            for used in names_after(&code(&file), "crate::") {
                let may = used == room || used == "error" || allowed.contains(&used.as_str());
                assert!(may, "{}: `{room}` may not use `{used}`", file.display());
            }
        }
    }
}

#[test]
fn the_fast_path_is_known_to_the_choice_of_executors_alone() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let outside = files.iter().filter(|file| !file.starts_with(src.join("net/cpu")));
    let knows = |code: &str| ["crate::net::", "super::"].iter().any(|path| names_after(code, path).contains("cpu"));
    let knowing: Vec<_> = outside.filter(|file| knows(&code(file))).collect();
    assert_eq!(knowing, [&src.join("net/executor.rs")]);
}

#[test]
fn the_plugin_links_no_laboratory() {
    for manifest in ["Cargo.toml", "crates/advjnd/Cargo.toml", "crates/advjnd-media/Cargo.toml"] {
        let text = std::fs::read_to_string(root().join(manifest)).expect("a manifest");
        let manifest_of: toml::Table = text.parse().expect("TOML");
        for section in ["dependencies", "build-dependencies"] {
            let Some(names) = manifest_of.get(section).and_then(toml::Value::as_table) else { continue };
            for name in LABORATORY {
                let Some(entry) = names.get(name) else { continue };
                let optional = entry.get("optional").and_then(toml::Value::as_bool) == Some(true);
                let may = manifest == "crates/advjnd/Cargo.toml" && name.starts_with("candle") && optional;
                assert!(may, "{manifest}: [{section}] names `{name}`");
            }
        }
        let features = manifest_of.get("features").and_then(|features| features.get("default"));
        // With everything that the plugin has by default, no laboratory comes in.
        let expected = (manifest == "Cargo.toml").then(|| toml::Value::from(vec!["gpu"]));
        assert_eq!(features, expected.as_ref(), "{manifest}: features by default");
    }
}

#[test]
fn candle_is_known_to_its_executor_alone() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let knowing = files.iter().filter(|file| code(file).contains("candle_core"));
    let outside: Vec<_> = knowing.filter(|file| !file.starts_with(src.join("net/candle"))).collect();
    assert_eq!(outside, [] as [&PathBuf; 0]);
}

#[test]
fn the_python_module_knows_the_core_and_the_laboratory_alone() {
    let text = std::fs::read_to_string(root().join("crates/advjnd-python/Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("TOML");
    let dependencies = manifest["dependencies"].as_table().expect("a table");
    assert_eq!(dependencies.keys().collect::<Vec<_>>(), ["advjnd", "advjnd-lab", "numpy", "pyo3"]);
    for (room, allowed) in PYTHON_ROOMS {
        let own = code(&root().join("crates/advjnd-python/src").join(room).with_extension("rs"));
        let used: BTreeSet<String> = names_after(&own, "crate::");
        assert!(used.iter().all(|name| allowed.contains(&name.as_str())), "`{room}` uses {used:?}, it may {allowed:?}");
    }
    let mut files = Vec::new();
    sources(&root().join("crates/advjnd-python/src"), &mut files);
    assert_eq!(files.len(), PYTHON_ROOMS.len() + 1, "a file of the Python module is not in the table");
}

#[test]
fn data_does_not_know_what_shows_it() {
    for folder in WITHOUT_CIRCLES.map(|folder| root().join(folder)) {
        let mut uses = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let file = if path.is_dir() { path.join("mod.rs") } else { path };
            if name != "mod" {
                uses.insert(name, names_after(&code(&file), "super::"));
            }
        }
        // Files that import none of those left are taken away, until none are left.
        while !uses.is_empty() {
            let left: BTreeSet<String> = uses.keys().cloned().collect();
            uses.retain(|_, used| !used.is_disjoint(&left));
            assert!(uses.len() < left.len(), "{}: {left:?} import each other in a circle", folder.display());
        }
    }
}

#[test]
fn the_elements_reports_and_marks_do_not_know_each_other() {
    let element = root().join("src/advjndprotect");
    for (file, other) in [("report.rs", "roi"), ("roi.rs", "report")] {
        assert!(!names_after(&code(&element.join(file)), "super::").contains(other), "{file} knows `{other}`");
    }
}

#[test]
fn every_source_says_its_licence() {
    let mut files = Vec::new();
    for folder in ["src", "crates", "tests", "benches", "examples", "tools", "fuzz"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 200, "only {} files", files.len());
    let line = "// SPDX-License-Identifier: MIT OR Apache-2.0\n";
    let without = |file: &&PathBuf| !std::fs::read_to_string(file).expect("source").starts_with(line);
    assert_eq!(files.iter().filter(without).collect::<Vec<_>>(), [] as [&PathBuf; 0]);
}
