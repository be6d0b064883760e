// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page: a template, its style and script, and the test as JSON with the pictures in it.

use advjnd::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::pairs::{Pair, Pairs, Picture};
use super::{IDENTICAL, Kind};

const TEMPLATE: &str = include_str!("../../assets/viewing_test.html");
const STYLE: &str = include_str!("../../assets/viewing_test.css");
const SCRIPT: &str = include_str!("../../assets/viewing_test.js");

/// What the script reads.
#[derive(Serialize)]
struct Test<'a> {
    kind: &'static str,
    reference: &'a str,
    methods: &'a [String],
    identical: usize,
    identical_method: &'static str,
    pictures: Vec<TestPicture<'a>>,
}

#[derive(Serialize)]
struct TestPicture<'a> {
    name: &'a str,
    width: u32,
    height: u32,
    reference: String,
    methods: Vec<String>,
}

impl<'a> TestPicture<'a> {
    fn new(pair: &'a Pair) -> Self {
        let Pair { name, width, height, reference, methods } = pair;
        let methods = methods.iter().map(data_uri).collect();
        Self { name, width: *width, height: *height, reference: data_uri(reference), methods }
    }
}

fn data_uri(picture: &Picture) -> String {
    format!("data:{};base64,{}", picture.media_type, STANDARD.encode(&picture.bytes))
}

/// The page, with so many hidden identical pairs.
pub fn html(pairs: &Pairs, kind: Kind, identical: usize) -> Result<String> {
    let pictures = pairs.pictures.iter().map(TestPicture::new).collect();
    let (reference, methods) = (&pairs.reference, &pairs.methods);
    let test = Test { kind: kind.name(), reference, methods, identical, identical_method: IDENTICAL, pictures };
    let test = serde_json::to_string(&test)
        .map_err(|error| Error::input(format!("cannot write the test as JSON: {error}; rename the pictures")))?;
    // A name could end the script element or begin a comment in it.
    let test = test.replace('<', "\\u003c");
    let mut page = String::with_capacity(TEMPLATE.len() + STYLE.len() + SCRIPT.len() + test.len());
    let mut parts = TEMPLATE.split('@');
    page.extend(parts.next());
    for part in parts {
        page.push_str(match part {
            "STYLE" => STYLE.trim_end(),
            "SCRIPT" => SCRIPT.trim_end(),
            "TEST" => &test,
            "KIND" => kind.name(),
            text => text,
        });
    }
    Ok(page)
}
