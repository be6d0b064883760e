// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Linux tells of the processor and of this process. It uses the standard library alone, for tests, benches and
//! tools of the workspace include it.

#![allow(dead_code, reason = "every program uses a part of it")]

/// A field of the first processor, `model name` say; `None` where Linux does not tell it.
pub fn processor(field: &str) -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    text.lines().find_map(|line| value(line, field).map(str::to_owned))
}

/// A number of this process, `Threads` say; `None` where Linux does not tell it.
pub fn status(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let found = text.lines().find_map(|line| value(line, field))?;
    found.split_whitespace().next()?.parse().ok()
}

/// Resident memory of this process, MiB.
pub fn resident() -> Option<f64> {
    status("VmRSS").map(|kib| kib as f64 / 1024.0)
}

/// What stands behind the colon of a line that begins with `field`.
fn value<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    let (name, value) = line.split_once(':')?;
    (name.trim() == field).then_some(value.trim())
}
