// SPDX-License-Identifier: MIT OR Apache-2.0
//! Says where the weights lie that are built in: in the folder `models` of the repository; or, in a package from a
//! registry, in the crates `advjnd-weights-*`, whose parts are joined here (`scripts/crates.sh` makes both).

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Is there where the weights are. When a network is loaded, its checksum is compared with what this says.
const MANIFEST: &str = "manifest.toml";

fn main() -> Result<(), Box<dyn Error>> {
    let crate_folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let repository = crate_folder.join("../../models");
    let folder = if repository.join(MANIFEST).is_file() { repository } else { joined(&parts()?)? };
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", folder.join(MANIFEST).display());
    println!("cargo::rustc-env=ADVJND_MODELS={}", folder.display());
    Ok(())
}

/// For each file its parts in order. A crate `advjnd-weights-NAME` puts its folder into
/// `DEP_ADVJND_WEIGHTS_NAME_FOLDER`; what lies there is called `FILE.NUMBER`.
fn parts() -> Result<BTreeMap<String, BTreeMap<u32, PathBuf>>, Box<dyn Error>> {
    let mut files: BTreeMap<String, BTreeMap<u32, PathBuf>> = BTreeMap::new();
    for (name, folder) in std::env::vars() {
        if !(name.starts_with("DEP_ADVJND_WEIGHTS_") && name.ends_with("_FOLDER")) {
            continue;
        }
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let part = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('.'));
            let (file, number) = part.ok_or_else(|| format!("`{}` is no part of a file", path.display()))?;
            files.entry(file.to_owned()).or_default().insert(number.parse()?, path.clone());
        }
    }
    if files.contains_key(MANIFEST) { Ok(files) } else { Err("the crates `advjnd-weights-*` are missing".into()) }
}

/// The folder of the files, each made of its parts.
fn joined(files: &BTreeMap<String, BTreeMap<u32, PathBuf>>) -> Result<PathBuf, Box<dyn Error>> {
    let folder = Path::new(&std::env::var("OUT_DIR")?).join("models");
    std::fs::create_dir_all(&folder)?;
    for (file, parts) in files {
        let bytes: Vec<Vec<u8>> = parts.values().map(std::fs::read).collect::<Result<_, _>>()?;
        std::fs::write(folder.join(file), bytes.concat())?;
    }
    Ok(folder)
}
