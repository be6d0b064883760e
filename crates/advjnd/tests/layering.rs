//! The arrows of ARCHITECTURE.md: what each room imports from the crate.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may use besides itself and `error`.
const ROOMS: [(&str, &[&str]); 10] = [
    ("attack", &["net"]),
    ("face", &["frame", "net"]),
    ("frame", &[]),
    ("jnd", &["net", "pool"]),
    ("models", &["net"]),
    ("net", &["pool"]),
    ("pacing", &[]),
    ("pool", &[]),
    ("protector", &["attack", "face", "frame", "jnd", "models", "net", "pacing", "pool", "report"]),
    ("report", &["face", "frame"]),
];

fn sources(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("folder") {
            sources(&entry.expect("entry").path(), files);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
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
            let text = std::fs::read_to_string(&file).expect("source");
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let used: BTreeSet<String> = code
                .flat_map(|line| line.split("crate::").skip(1))
                .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
                .filter(|name: &String| name.starts_with(char::is_lowercase))
                .collect();
            for used in used {
                let may = used == room || used == "error" || allowed.contains(&used.as_str());
                assert!(may, "{}: `{room}` may not use `{used}`", file.display());
            }
        }
    }
}
