// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects, for the record: checksums of the program and of the networks.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use sha2::{Digest, Sha256};

/// Bytes that are read at once for a checksum.
const PIECE: usize = 1 << 20;

/// SHA-256 of a file, as hexadecimal digits.
///
/// # Errors
/// [`Error::Io`] where it cannot be read.
pub fn checksum(path: &Path) -> Result<String> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let (mut sum, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece).map_err(io)? {
            0 => return Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => sum.update(&piece[..read]),
        }
    }
}

/// The file of this program. On Linux it is that which runs, even if another one has its name now.
///
/// # Errors
/// That of the system, where it does not tell.
pub fn this_program() -> std::io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}

/// SHA-256 of this program, in which the networks lie. `None` where the system does not show it.
pub fn program() -> Option<String> {
    this_program().ok().and_then(|program| checksum(&program).ok())
}
