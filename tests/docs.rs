// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents say what is so. Tables about the element and figures of `results/` are made here, and compared with what
//! stands in README.md and docs/; `make pages` (`ADVJND_WRITE=1 cargo test --workspace --test docs`) writes them. Links
//! lead somewhere, and each page is in the book.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;
#[path = "docs/front_page.rs"]
mod front_page;
#[path = "docs/links.rs"]
mod links;
#[path = "../crates/advjnd-cli/src/marks.rs"]
mod marks;
#[path = "../tools/element_bench/table.rs"]
mod table;

use std::fs;

use advjnd::Verdict;
use advjnd::report::CoverReason;
use gst::glib;
use gst::prelude::*;

/// Holds what stands between the markers `name` of a page to `text`, or writes it.
fn section(page: &str, name: &str, text: &str) {
    let path = common::file(page);
    let written = fs::read_to_string(&path).unwrap();
    let made = marks::spliced(&written, name, text).expect("an opening and a closing marker");
    if std::env::var_os("ADVJND_WRITE").is_some() {
        fs::write(&path, made).unwrap();
    } else {
        assert!(written == made, "{page}: `{name}` is out of date: run `make pages`\n{text}");
    }
}

/// One test for all, for each may write the file.
#[test]
fn the_pages_are_up_to_date() {
    section("docs/advjndprotect.md", "properties", &properties());
    section("docs/advjndprotect.md", "verdicts", &verdicts());
    let speed = fs::read_to_string(common::file("results/element.json")).unwrap();
    section("docs/performance.md", "element-table", &table::markdown(&speed).unwrap());
    section("README.md", "limits", &front_page::limits());
    section("README.md", "results", &front_page::results());
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(common::file("README.md")).unwrap().lines().count();
    assert!(lines <= 120, "the README has {lines} lines: what is beyond 120 belongs to docs/");
}

fn properties() -> String {
    let element = common::element(&[]);
    let own = |spec: &&glib::ParamSpec| spec.owner_type() == element.type_();
    let mut text = String::from("| property | type | values | may be set | what |\n|---|---|---|---|---|\n");
    for spec in element.list_properties().iter().filter(own) {
        let flags = spec.flags();
        let when = match () {
            () if !flags.contains(glib::ParamFlags::WRITABLE) => "never: read only",
            () if flags.contains(gst::PARAM_FLAG_CONTROLLABLE) => "always; controllable",
            () if flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING) => "always",
            () if flags.contains(gst::PARAM_FLAG_MUTABLE_PAUSED) => "up to PAUSED",
            () => "up to READY",
        };
        let blurb = spec.blurb().unwrap_or_default().replace('|', "\\|");
        text += &format!("| `{}` | {} | {} | {when} | {blurb} |\n", spec.name(), kind(spec), values(spec));
    }
    text
}

fn verdicts() -> String {
    let mut text = String::from("| verdict | the face |\n|---|---|\n");
    for verdict in Verdict::ALL {
        let what = match verdict {
            Verdict::Protected => "is changed, and no recogniser in use takes it for the person any more",
            Verdict::Covered(reason) => match reason {
                CoverReason::NotYetProtected => "is covered: its change does not stop every recogniser in use",
                CoverReason::Lost => "is covered where it is expected: it was not found for more than three frames",
                CoverReason::Unusable => {
                    "is covered: it is too small or too far outside the frame, or its landmarks are not certain"
                }
                CoverReason::Fault => "is covered: a computation failed",
                CoverReason::OutOfTime => "is covered: the time of its frame was over before it was checked",
                CoverReason::TooMany => "is covered: the frame has more than `max-faces` faces",
                CoverReason::OnRequest => "is covered: `mode` is `cover`",
                CoverReason::Overlapped => {
                    "is covered: the cover of another face, or a mask, hides something between its brows and mouth"
                }
                _ => panic!("say here what {reason:?} means"),
            },
            Verdict::Kept => "goes out as it came, RECOGNISABLE: `exclude-people` or `protect-only` says so",
            _ => panic!("say here what {verdict:?} means"),
        };
        text += &format!("| `{}` | {what} |\n", verdict.name());
    }
    text
}

/// The element's documentation names every verdict.
#[test]
fn every_verdict_is_documented() {
    let source = fs::read_to_string(common::file("src/advjndprotect/imp.rs")).unwrap();
    let (documentation, _) = source.split_once("*/").unwrap();
    for verdict in Verdict::ALL {
        assert!(documentation.contains(&format!("`{}`", verdict.name())), "{} is not documented", verdict.name());
    }
}

fn kind(spec: &glib::ParamSpec) -> &'static str {
    match spec.value_type() {
        glib::Type::BOOL => "gboolean",
        glib::Type::F32 => "gfloat",
        glib::Type::F64 => "gdouble",
        glib::Type::I32 => "gint",
        glib::Type::U32 => "guint",
        glib::Type::I64 => "gint64",
        glib::Type::U64 => "guint64",
        glib::Type::STRING => "string",
        kind => kind.name(),
    }
}

/// The range of a number, the nicks of an enumeration; in both the default.
fn values(spec: &glib::ParamSpec) -> String {
    macro_rules! range {
        ($($kind:ty),*) => {
            $(if let Some(spec) = spec.downcast_ref::<$kind>() {
                return format!("{}…{}, {}", spec.minimum(), spec.maximum(), spec.default_value());
            })*
        };
    }
    range!(
        glib::ParamSpecFloat,
        glib::ParamSpecDouble,
        glib::ParamSpecInt,
        glib::ParamSpecUInt,
        glib::ParamSpecInt64,
        glib::ParamSpecUInt64
    );
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecEnum>() {
        let default = spec.default_value_as_i32();
        let class = spec.enum_class();
        let nick = |value: &glib::EnumValue| {
            let nick = format!("`{}`", value.nick());
            if value.value() == default { format!("**{nick}**") } else { nick }
        };
        return class.values().iter().map(nick).collect::<Vec<_>>().join(", ");
    }
    let default = spec.default_value();
    match default.get::<bool>() {
        Ok(default) => format!("{default}"),
        Err(_) => default.get::<Option<String>>().ok().flatten().map_or("–".into(), |text| format!("`{text}`")),
    }
}

/// `gst-inspect-1.0` reads as documentation: every property has a nick, and a blurb of one line that says more than its
/// name.
#[test]
fn every_property_is_explained() {
    let element = common::element(&[]);
    for spec in element.list_properties().iter().filter(|spec| spec.owner_type() == element.type_()) {
        let blurb = spec.blurb().unwrap_or_default();
        assert!(spec.nick() != spec.name() || !spec.name().contains('-'), "{} has no nick", spec.name());
        assert!(blurb.split_whitespace().count() > 4, "{}: {blurb}", spec.name());
        assert!(blurb.chars().count() <= 80, "{}: say it in 80 characters, the rest in docs/: {blurb}", spec.name());
    }
}
