// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of the viewing test share: folders of pairs, their page, a test taken on it, and its results.

#[path = "../../../../tests/common/skip.rs"]
mod skip;

use std::path::{Path, PathBuf};
use std::process::Command;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;

/// Sums and quantiles in double precision on both sides.
const MAX_ERROR_GOLDEN: f64 = 1e-9;

/// A folder name that would end the page's data, were it not escaped.
pub const HOSTILE: &str = "<script>&\"'<!--@TEST@";

pub fn advjnd(arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(env!("CARGO_BIN_EXE_advjnd")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

/// An empty folder of a test's own.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("viewing_test_{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn picture(path: &Path, width: u32, height: u32, shade: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let format = if path.extension().unwrap() == "jpg" { ImageFormat::Jpeg } else { ImageFormat::Png };
    RgbImage::from_pixel(width, height, Rgb([shade, 90, 200])).save_with_format(path, format).unwrap();
}

/// Four pictures, two of them in a group, by two methods; clean JPEG beside PNG.
pub fn pairs(name: &str) -> PathBuf {
    let folder = folder(name);
    for (i, picture_name) in ["1", "2", "group/1", "group/<2>"].into_iter().enumerate() {
        let (size, shade) = (16 + 2 * i as u32, 10 * i as u8);
        picture(&folder.join(format!("clean/{picture_name}.jpg")), size, 12, shade);
        picture(&folder.join(format!("proposed/{picture_name}.png")), size, 12, shade + 1);
        picture(&folder.join(HOSTILE).join(format!("{picture_name}.png")), size, 12, shade + 2);
    }
    std::fs::write(folder.join("README.txt"), "not looked at").unwrap();
    std::fs::write(folder.join("clean/.hidden"), "neither").unwrap();
    folder
}

pub fn write_page(pairs: &Path, more: &[&str]) -> Result<PathBuf, String> {
    let out = pairs.join("page.html");
    let mut arguments = vec!["viewing-test", "--pairs", pairs.to_str().unwrap(), "--out", out.to_str().unwrap()];
    arguments.extend(more);
    advjnd(&arguments).map(|_| out)
}

/// What the page's script reads.
pub fn test_of(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"test\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The test taken in Node.js by `data/take_viewing_test.js`; none, and `test` is skipped, where there is no Node.js.
pub fn take(test: &str, page: &Path, seed: u32, stop_after: usize, seeds: usize) -> Option<Value> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/take_viewing_test.js");
    let numbers = [seed.to_string(), stop_after.to_string(), seeds.to_string()];
    let arguments = [program, page.to_str().unwrap()].into_iter().chain(numbers.iter().map(String::as_str));
    let Ok(done) = Command::new("node").args(arguments).output() else {
        skip::skip(test, "no node to run the page's script");
        return None;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(serde_json::from_slice(&done.stdout).unwrap())
}

/// The made-up results of `data/synthetic_scores.py`, of five viewers.
pub fn synthetic(kind: &str) -> Vec<String> {
    (1..=5).map(|n| format!("{}/tests/data/synthetic_{kind}{n}.csv", env!("CARGO_MANIFEST_DIR"))).collect()
}

pub fn results(files: &[String], flags: &[&str]) -> Result<String, String> {
    let mut arguments = vec!["viewing-test", "results"];
    arguments.extend(files.iter().map(String::as_str));
    arguments.extend(flags);
    advjnd(&arguments)
}

/// What SciPy made of the made-up results.
pub fn golden() -> Value {
    serde_json::from_str(include_str!("../data/synthetic_golden.json")).unwrap()
}

/// Whether `own` has what `golden` has; numbers to within rounding.
pub fn agrees(own: &Value, golden: &Value) -> bool {
    match (own, golden) {
        (_, Value::Object(fields)) => fields.iter().all(|(name, golden)| agrees(&own[name], golden)),
        (Value::Array(own), Value::Array(golden)) => {
            own.len() == golden.len() && own.iter().zip(golden).all(|(own, golden)| agrees(own, golden))
        }
        (Value::Number(own), Value::Number(golden)) => {
            (own.as_f64().unwrap() - golden.as_f64().unwrap()).abs() <= MAX_ERROR_GOLDEN
        }
        _ => own == golden,
    }
}
