// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's viewing test of pairs: the folder it reads, the page it writes, a test taken on that page, and the
//! tables. All scores are synthetic: random ones, or those of a program that takes the test.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod viewing_test_common;

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use viewing_test_common::{
    HOSTILE, advjnd, agrees, folder, golden, pairs, picture, results, synthetic, take, test_of, write_page,
};

#[test]
fn the_page_holds_all_it_needs() {
    let folder = pairs("page");
    let page = std::fs::read_to_string(write_page(&folder, &["--identical", "3"]).unwrap()).unwrap();
    let test = test_of(&page);
    assert_eq!(test["methods"], serde_json::json!([HOSTILE, "proposed"]));
    assert_eq!(test["identical"], 3);
    let names: Vec<_> = test["pictures"].as_array().unwrap().iter().map(|picture| &picture["name"]).collect();
    assert_eq!(names, ["1", "2", "group/1", "group/<2>"]);
    assert_eq!((&test["pictures"][3]["width"], &test["pictures"][3]["height"]), (&22.into(), &12.into()));
    let embedded = |uri: &Value, media: &str| {
        STANDARD.decode(uri.as_str().unwrap().strip_prefix(&format!("data:image/{media};base64,")).unwrap()).unwrap()
    };
    assert_eq!(
        embedded(&test["pictures"][2]["reference"], "jpeg"),
        std::fs::read(folder.join("clean/group/1.jpg")).unwrap()
    );
    assert_eq!(
        embedded(&test["pictures"][2]["methods"][1], "png"),
        std::fs::read(folder.join("proposed/group/1.png")).unwrap()
    );

    for outside in ["http:", "https:", "src=\"", "href=\"", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("@STYLE@") && !page.contains("@SCRIPT@"));
    assert!(!page.contains(HOSTILE), "the name is not escaped");
    assert!(page.contains("default-src 'none'") && page.contains("#808080"));
    for element in ["html", "head", "body", "main", "script", "style", "button", "form", "p", "div", "b"] {
        let opened = page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "<{element}>");
    }
}

#[test]
fn identical_pairs_by_default_and_at_most_one_a_picture() {
    let folder = pairs("identical");
    let page = std::fs::read_to_string(write_page(&folder, &[]).unwrap()).unwrap();
    assert_eq!(test_of(&page)["identical"], 2);
    let error = write_page(&folder, &["--identical", "5"]).unwrap_err();
    assert!(error.contains("5 identical pairs of 4 pictures"), "{error}");
}

#[test]
fn any_folder_can_be_the_reference() {
    let folder = pairs("reference");
    let page = std::fs::read_to_string(write_page(&folder, &["--reference", "proposed"]).unwrap()).unwrap();
    assert_eq!(test_of(&page)["methods"], serde_json::json!([HOSTILE, "clean"]));
}

#[test]
fn folders_that_make_no_pairs_are_refused() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &[&str]); 10] = [
        ("no_clean", |f| std::fs::rename(f.join("clean"), f.join("original")).unwrap(), &["no folder `clean`"]),
        (
            "no_method",
            |f| ["proposed", HOSTILE].iter().for_each(|m| std::fs::remove_dir_all(f.join(m)).unwrap()),
            &["no folder but `clean`"],
        ),
        (
            "missing_protected",
            |f| std::fs::remove_file(f.join("proposed/2.png")).unwrap(),
            &["clean/2.jpg", "no partner in `proposed`"],
        ),
        (
            "missing_clean",
            |f| picture(&f.join("proposed/group/9.png"), 9, 9, 9),
            &["proposed/group/9.png", "no partner in `clean`"],
        ),
        (
            "size",
            |f| picture(&f.join("proposed/1.png"), 15, 12, 9),
            &["proposed/1.png is 15x12", "clean/1.jpg is 16x12"],
        ),
        ("twice", |f| picture(&f.join("clean/1.png"), 16, 12, 9), &["clean/1.jpg", "clean/1.png", "same name"]),
        ("reserved", |f| std::fs::rename(f.join("proposed"), f.join("identical")).unwrap(), &["hidden check"]),
        ("deep", |f| picture(&f.join("clean/group/more/1.png"), 9, 9, 9), &["group/more", "one level"]),
        ("text", |f| std::fs::write(f.join("clean/1.jpg"), "text").unwrap(), &["clean/1.jpg", "neither PNG nor JPEG"]),
        (
            "damaged",
            |f| {
                let bytes = std::fs::read(f.join("proposed/1.png")).unwrap();
                std::fs::write(f.join("proposed/1.png"), &bytes[..bytes.len() / 2]).unwrap();
            },
            &["proposed/1.png", "cannot be decoded"],
        ),
    ];
    for (name, spoil, expected) in cases {
        let folder = pairs(&format!("refused_{name}"));
        spoil(&folder);
        let error = write_page(&folder, &[]).unwrap_err();
        assert!(error.starts_with("error: ") && expected.iter().all(|part| error.contains(part)), "{name}: {error}");
        assert!(!folder.join("page.html").exists());
    }
    let error = write_page(Path::new("/nowhere"), &[]).unwrap_err();
    assert!(error.contains("/nowhere"), "{error}");
}

#[test]
fn a_viewer_takes_the_test() {
    let folder = pairs("taken");
    let page = write_page(&folder, &["--identical", "2"]).unwrap();
    let Some(taken) = take("a_viewer_takes_the_test", &page, 77, 0, 0) else { return };
    assert!(taken["drawn"].as_str().unwrap().parse::<u32>().is_ok());
    assert!(taken["refused"].as_str().unwrap().contains("viewer id"));
    assert_eq!(taken["training"]["hidden"], false);
    assert_eq!(taken["training"]["distance"], "1.6 times");
    assert!(taken["training"]["fit"].as_str().unwrap().contains("100 × 100"));
    assert_eq!(taken["labels"].as_array().unwrap().len(), 7);
    assert_eq!(taken["labels"][0], "Much worse");

    let test = test_of(&std::fs::read_to_string(&page).unwrap());
    let saved = &taken["saved"][0];
    assert_eq!(
        (&saved["name"], &saved["type"]),
        (&"viewing-test-synthetic__viewer___1-77.csv".into(), &"text/csv".into())
    );
    let csv = folder.join("taken.csv");
    std::fs::write(&csv, saved["text"].as_str().unwrap()).unwrap();
    let rows: Vec<csv::StringRecord> = csv::Reader::from_path(&csv).unwrap().records().map(Result::unwrap).collect();
    let shown = taken["shown"].as_array().unwrap();
    assert_eq!((rows.len(), shown.len()), (10, 10));

    let mut seen = BTreeSet::new();
    for (number, (row, shown)) in rows.iter().zip(shown).enumerate() {
        let [viewer, pair, method, side, score, milliseconds, seed] = std::array::from_fn(|i| &row[i]);
        assert_eq!((viewer, milliseconds, seed), ("synthetic \"viewer\", 1", "1234", "77"));
        assert_eq!(shown["progress"], format!("Pair {} of 10", number + 1));
        assert!(seen.insert((pair.to_owned(), method.to_owned())), "{pair} by {method} twice");
        let picture = test["pictures"].as_array().unwrap().iter().find(|picture| picture["name"] == pair).unwrap();
        let own = match test["methods"].as_array().unwrap().iter().position(|name| name == method) {
            Some(place) => &picture["methods"][place],
            None => {
                assert_eq!(method, "identical");
                &picture["reference"]
            }
        };
        let (expected, sign) = match side {
            "left" => ((own, &picture["reference"]), -1),
            _ => ((&picture["reference"], own), 1),
        };
        assert_eq!((&shown["left"], &shown["right"]), expected, "{pair} by {method}");
        assert_eq!(score.parse::<i64>().unwrap(), sign * shown["said"].as_i64().unwrap());
    }
    assert!(rows.windows(2).all(|two| two[0][1] != two[1][1]), "a picture twice in a row");
    for side in ["left", "right"] {
        assert!(rows.iter().any(|row| &row[3] == side));
    }

    let results = advjnd(&["viewing-test", "results", csv.to_str().unwrap(), "--json"]).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    assert_eq!(results["methods"][0]["method"], HOSTILE);
    assert_eq!(results["methods"][1]["scores"], 4);
    assert_eq!(results["viewers"][0]["identical_pairs"], 2);
    assert_eq!(results["methods"][0]["half_width"], Value::Null);
    let markdown = advjnd(&["viewing-test", "results", csv.to_str().unwrap()]).unwrap();
    assert!(markdown.contains("\\<script\\>\\&") && !markdown.contains("<script>"), "{markdown}");
}

#[test]
fn the_seed_decides_order_and_sides() {
    let page = write_page(&pairs("seed"), &[]).unwrap();
    let Some(first) = take("the_seed_decides_order_and_sides", &page, 5, 0, 0) else { return };
    let (again, other) = (
        take("the_seed_decides_order_and_sides", &page, 5, 0, 0).unwrap(),
        take("the_seed_decides_order_and_sides", &page, 6, 0, 0).unwrap(),
    );
    assert_eq!(first["shown"], again["shown"]);
    assert_ne!(first["shown"], other["shown"]);
}

#[test]
fn who_stops_saves_what_was_judged() {
    let page = write_page(&pairs("stopped"), &[]).unwrap();
    let Some(taken) = take("who_stops_saves_what_was_judged", &page, 5, 3, 0) else { return };
    assert_eq!(taken["judged"], "You have judged 3 of 10 pairs.");
    assert_eq!(taken["saved"][0]["text"].as_str().unwrap().lines().count(), 4);
}

/// `data/synthetic_golden.json` is SciPy's, by `data/synthetic_scores.py`.
#[test]
fn means_and_intervals_are_scipys() {
    for (name, flags) in [("all", &["--json"][..]), ("without_failed", &["--json", "--leave-out-failed"])] {
        let own: Value = serde_json::from_str(&results(&synthetic(""), flags).unwrap()).unwrap();
        assert_eq!(own["kind"], "comparison");
        for table in ["methods", "groups"] {
            let golden = &golden()[name][table];
            assert!(agrees(&own[table], golden), "{name}: {} instead of {golden}", own[table]);
        }
    }
}

#[test]
fn who_fails_the_identical_check_is_listed() {
    let viewers = |flags: &[&str]| {
        let results: Value = serde_json::from_str(&results(&synthetic(""), flags).unwrap()).unwrap();
        results["viewers"].as_array().unwrap().iter().map(|v| (v["passed"].clone(), v["left_out"].clone())).collect()
    };
    let (yes, no, none): (Value, Value, Value) = (true.into(), false.into(), Value::Null);
    let listed: Vec<(Value, Value)> = viewers(&["--json"]);
    let passed = (yes.clone(), no.clone());
    assert_eq!(listed[0], passed);
    assert_eq!((&listed[3], &listed[4]), (&(no.clone(), no.clone()), &(none, no.clone())));
    let listed: Vec<(Value, Value)> = viewers(&["--json", "--leave-out-failed"]);
    assert_eq!((&listed[0], &listed[3]), (&passed, &(no, yes)));
    let listed: Vec<(Value, Value)> = viewers(&["--json", "--leave-out-failed", "--identical-limit", "2"]);
    assert_eq!(listed[3], passed);

    let markdown = results(&synthetic(""), &["--leave-out-failed"]).unwrap();
    assert!(markdown.contains("| synthetic-4 | 18 | 2.00 of 2 | failed, left out | 4 |"), "{markdown}");
    assert!(markdown.contains("| synthetic-5 | 18 | – | not checked | 5 |"), "{markdown}");
}

#[test]
fn the_tables_in_markdown() {
    let markdown = results(&synthetic(""), &[]).unwrap();
    for row in golden()["all"]["methods"].as_array().unwrap() {
        let (mean, half_width) = (row["mean"].as_f64().unwrap(), row["half_width"].as_f64().unwrap());
        let cell = format!("| {mean:+.2} ± {half_width:.2} ({}) | {} |\n", row["viewers"], row["scores"]);
        assert!(markdown.contains(&cell), "{cell}{markdown}");
    }
    assert!(
        markdown.contains("\n| group | alpha | beta | gamma\\, quoted |\n| --- | ---: | ---: | ---: |\n"),
        "{markdown}"
    );
    for group in ["| men |", "| women |", "| – |"] {
        assert!(markdown.contains(group), "{markdown}");
    }
}

#[test]
fn files_that_the_page_would_not_write_are_refused() {
    const HEAD: &str = "viewer,pair,method,side,score,milliseconds,seed\n";
    const GOOD: &str = "synthetic,1,proposed,left,0,900,7\n";
    let folder = folder("malformed");
    let cases = [
        ("a,b\n", &["line 1", "viewer,pair,method"][..]),
        ("", &["line 1", "viewer,pair,method"]),
        (HEAD, &["no score of any method"]),
        (&format!("{HEAD}{GOOD}synthetic,2,proposed,left,0,900\n"), &["line 3", "6 fields instead of 7"]),
        (&format!("{HEAD}{GOOD}synthetic,2,proposed,left,4,900,7\n"), &["line 3", "`4`", "-3 to 3"]),
        (&format!("{HEAD}{GOOD}synthetic,2,proposed,left,0.5,900,7\n"), &["line 3", "`0.5`"]),
        (&format!("{HEAD}{GOOD}synthetic,2,proposed,up,0,900,7\n"), &["line 3", "`up`", "left, right or alone"]),
        (&format!("{HEAD}{GOOD}synthetic,2,proposed,left,0,-1,7\n"), &["line 3", "`-1`", "milliseconds"]),
        (&format!("{HEAD}{GOOD}synthetic,2,proposed,left,0,900,4294967296\n"), &["line 3", "`4294967296`"]),
        (&format!("{HEAD}\"two\nlines\",1,m,left,0,900,7\n,2,proposed,left,0,900,7\n"), &["line 4", "no viewer"]),
        (&format!("{HEAD}{GOOD}{GOOD}"), &["line 3", "once more", "line 2"]),
        (&format!("{HEAD}{GOOD}{GOOD}").replace('\n', "\r\n"), &["line 3", "once more", "line 2"]),
        (&format!("{HEAD}synthetic,1,identical,left,0,900,7\n"), &["no score of any method"]),
    ];
    for (number, (text, expected)) in cases.into_iter().enumerate() {
        let path = folder.join(format!("{number}.csv"));
        std::fs::write(&path, text).unwrap();
        let error = results(&[path.to_str().unwrap().to_owned()], &[]).unwrap_err();
        assert!(error.starts_with("error: ") && expected.iter().all(|part| error.contains(part)), "{text}{error}");
    }
    let path = folder.join("latin.csv");
    std::fs::write(&path, [HEAD.as_bytes(), b"\xe4,1,proposed,left,0,900,7\n"].concat()).unwrap();
    let error = results(&[path.to_str().unwrap().to_owned()], &[]).unwrap_err();
    assert!(error.contains("line 2") && error.contains("UTF-8"), "{error}");

    let good = folder.join("good.csv");
    std::fs::write(&good, format!("\u{feff}{HEAD}{GOOD}")).unwrap();
    let good = good.to_str().unwrap().to_owned();
    assert!(results(std::slice::from_ref(&good), &[]).is_ok(), "a byte order mark is none of the viewer's doing");
    let error = results(&[good.clone(), good.clone()], &[]).unwrap_err();
    assert!(error.contains("once more"), "{error}");
    assert!(
        results(std::slice::from_ref(&good), &["--identical-limit", "NaN"]).unwrap_err().contains("--identical-limit")
    );
    assert!(results(&["/nowhere.csv".to_owned()], &[]).unwrap_err().contains("/nowhere.csv"));
}

#[test]
fn the_help_says_how_the_folder_is_laid_out() {
    let help = advjnd(&["viewing-test", "--help"]).unwrap();
    assert!(help.contains("DIR/clean/NAME.png") && help.contains("results"), "{help}");
    assert!(advjnd(&["viewing-test"]).unwrap_err().contains("--pairs"));
    assert!(advjnd(&["viewing-test", "--pairs", "x"]).unwrap_err().contains("--out"));
    assert!(advjnd(&["viewing-test", "results"]).unwrap_err().contains("CSV"));
}
