// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells the build script of `advjnd` where the parts lie.

fn main() -> Result<(), std::env::VarError> {
    println!("cargo::metadata=folder={}/parts", std::env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
