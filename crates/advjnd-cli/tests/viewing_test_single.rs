// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's viewing test of single pictures: the page, a test taken on it, how versions are dealt, and the tables.
//! All scores are synthetic: random ones, or those of a program that takes the test.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod viewing_test_common;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use viewing_test_common::{
    HOSTILE, advjnd, agrees, folder, golden, pairs, results, synthetic, take, test_of, write_page,
};

const HEAD: &str = "viewer,pair,method,side,score,milliseconds,seed\n";
const CLEAN: &str = "synthetic,1,clean,alone,0,900,7\n";

#[test]
fn the_page_counts_the_reference_as_a_method() {
    let folder = pairs("single_page");
    let (pairs, out) = (folder.to_str().unwrap(), folder.join("page.html"));
    let said = advjnd(&["viewing-test", "--single", "--pairs", pairs, "--out", out.to_str().unwrap()]).unwrap();
    assert!(said.contains("4 pictures, 3 versions of each"), "{said}");
    let page = std::fs::read_to_string(out).unwrap();
    let test = test_of(&page);
    assert_eq!((&test["kind"], &test["reference"]), (&"single".into(), &"clean".into()));
    assert!(page.contains("<body class=\"single\">"));
    assert!(page.contains("Does anything look wrong with this picture?"));
}

#[test]
fn single_pictures_have_no_identical_pairs() {
    let folder = pairs("single_identical");
    let error = write_page(&folder, &["--single", "--identical", "2"]).unwrap_err();
    assert!(error.contains("'--single' cannot be used with '--identical"), "{error}");
    std::fs::rename(folder.join("clean"), folder.join("identical")).unwrap();
    let error = write_page(&folder, &["--single", "--reference", "identical"]).unwrap_err();
    assert!(error.contains("hidden check"), "{error}");
    let error = results(&synthetic("single_"), &["--leave-out-failed"]).unwrap_err();
    assert!(error.contains("--leave-out-failed") && error.contains("no identical pairs"), "{error}");
}

#[test]
fn a_viewer_takes_the_test() {
    let folder = pairs("single_taken");
    let page = write_page(&folder, &["--single"]).unwrap();
    let Some(taken) = take("single: a_viewer_takes_the_test", &page, 77, 0, 0) else { return };
    assert_eq!(taken["count"], "4");
    assert_eq!(taken["labels"], serde_json::json!(["No", "Perhaps", "Yes, a little", "Yes, plainly"]));
    assert!(taken["training"]["fit"].as_str().unwrap().contains("largest picture needs a window of 35 × 256"));
    assert_eq!(taken["judged"], "You have judged 4 of 4 pictures.");

    let test = test_of(&std::fs::read_to_string(&page).unwrap());
    let csv = folder.join("taken.csv");
    std::fs::write(&csv, taken["saved"][0]["text"].as_str().unwrap()).unwrap();
    let rows: Vec<csv::StringRecord> = csv::Reader::from_path(&csv).unwrap().records().map(Result::unwrap).collect();
    let shown = taken["shown"].as_array().unwrap();
    assert_eq!((rows.len(), shown.len()), (4, 4));
    let mut seen = BTreeSet::new();
    for (number, (row, shown)) in rows.iter().zip(shown).enumerate() {
        let [viewer, pair, method, side, score, milliseconds, seed] = std::array::from_fn(|i| &row[i]);
        assert_eq!((viewer, side, milliseconds, seed), ("synthetic \"viewer\", 1", "alone", "1234", "77"));
        assert_eq!(shown["progress"], format!("Picture {} of 4", number + 1));
        assert!(seen.insert(pair.to_owned()), "{pair} twice");
        let picture = test["pictures"].as_array().unwrap().iter().find(|picture| picture["name"] == pair).unwrap();
        let source = match test["methods"].as_array().unwrap().iter().position(|name| name == method) {
            Some(place) => &picture["methods"][place],
            None => {
                assert_eq!(method, "clean");
                &picture["reference"]
            }
        };
        assert_eq!(&shown["alone"], source, "{pair} by {method}");
        assert_eq!((&shown["left"], &shown["right"]), (&"".into(), &"".into()));
        assert_eq!(score.parse::<i64>().unwrap(), shown["said"].as_i64().unwrap());
        assert_eq!(score.parse::<i64>().unwrap(), -(number as i64));
    }

    let results = advjnd(&["viewing-test", "results", csv.to_str().unwrap(), "--json"]).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    assert_eq!(results["kind"], "single");
    assert_eq!(results["methods"].as_array().unwrap().len(), 3);
    assert_eq!(results["methods"][0]["seen"]["half_width"], Value::Null);
}

#[test]
fn versions_are_dealt_in_equal_shares() {
    const SEEDS: usize = 1800;
    let page = write_page(&pairs("single_dealt"), &["--single"]).unwrap();
    let Some(taken) = take("versions_are_dealt_in_equal_shares", &page, 5, 1, SEEDS) else { return };
    let methods = ["clean", "proposed", HOSTILE];
    let mut versions: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut groups_that_meet = 0;
    for trials in taken["draws"].as_array().unwrap() {
        let trials: Vec<[&str; 2]> =
            trials.as_array().unwrap().iter().map(|trial| [0, 1].map(|i| trial[i].as_str().unwrap())).collect();
        assert_eq!(trials.iter().map(|trial| trial[0]).collect::<BTreeSet<_>>().len(), 4);
        for group in ["", "group/"] {
            let count = |method: &&str| {
                trials.iter().filter(|[name, own]| own == method && (group.is_empty() || name.contains('/'))).count()
            };
            let counts: Vec<usize> = methods.iter().map(count).collect();
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{group}: {trials:?}");
        }
        for [name, method] in &trials {
            *versions.entry(((*name).to_owned(), (*method).to_owned())).or_default() += 1;
        }
        groups_that_meet += trials.windows(2).filter(|two| two[0][0].contains('/') != two[1][0].contains('/')).count();
    }
    // Each version of a picture is one of three. Five standard deviations of a binomial distribution.
    let share = |count: usize, of: usize, expected: f64| {
        let deviation = (expected * (1.0 - expected) / of as f64).sqrt();
        (count as f64 / of as f64 - expected).abs() <= 5.0 * deviation
    };
    assert_eq!(versions.len(), 12);
    assert!(versions.values().all(|count| share(*count, SEEDS, 1.0 / 3.0)), "{versions:?}");
    // Of neighbours among two pictures of each group, two thirds are of different groups.
    assert!(share(groups_that_meet, 3 * SEEDS, 2.0 / 3.0), "{groups_that_meet}");
}

/// `data/synthetic_golden.json` is SciPy's, by `data/synthetic_scores.py`.
#[test]
fn means_and_shares_are_scipys() {
    let own: Value = serde_json::from_str(&results(&synthetic("single_"), &["--json"]).unwrap()).unwrap();
    for table in ["methods", "groups"] {
        let golden = &golden()["single"][table];
        assert!(agrees(&own[table], golden), "{} instead of {golden}", own[table]);
    }
    assert_eq!(
        (&own["viewers"][4]["reference_pictures"], &own["viewers"][4]["reference_seen"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn the_tables_in_markdown() {
    let markdown = results(&synthetic("single_"), &[]).unwrap();
    assert!(markdown.starts_with("Scores of single pictures, whether anything looks wrong: 0 (no)"), "{markdown}");
    for row in golden()["single"]["methods"].as_array().unwrap() {
        let number = |value: &Value| value.as_f64().unwrap();
        let cells = format!(
            "| {} | {:+.2} ± {:.2} ({}) | {:.0} % ± {:.0} % | {} |\n",
            row["method"].as_str().unwrap(),
            number(&row["mean"]),
            number(&row["half_width"]),
            row["viewers"],
            100.0 * number(&row["seen"]["mean"]),
            100.0 * number(&row["seen"]["half_width"]),
            row["scores"]
        );
        assert!(markdown.contains(&cells), "{cells}{markdown}");
    }
    assert!(markdown.contains("\n| viewer | judgements | untouched pictures | seed |\n"), "{markdown}");
    // Counted by hand in synthetic_single_2.csv.
    assert!(markdown.contains("| synthetic-2 | 14 | 2 of 5 | 2 |\n"), "{markdown}");
    assert!(markdown.contains("| synthetic-5 | 9 | – | 5 |\n"), "{markdown}");
}

#[test]
fn files_that_the_page_would_not_write_are_refused() {
    let folder = folder("single_malformed");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let clean = format!("{HEAD}{CLEAN}");
    let cases = [
        (format!("{clean}synthetic,2,proposed,alone,1,900,7\n"), &["line 3", "`1`", "-3 to 0"][..]),
        (format!("{clean}synthetic,1,proposed,alone,0,900,7\n"), &["line 3", "once more", "line 2"]),
        (format!("{clean}synthetic,2,identical,alone,0,900,7\n"), &["line 3", "beside no other"]),
        (
            format!("{clean}synthetic,2,proposed,left,1,900,7\n"),
            &["line 3 is about a pair", "line 2 is about a single"],
        ),
        (format!("{HEAD}synthetic,2,proposed,alone,0,900,7\n"), &["no score of `clean`", "--reference"]),
    ];
    for (number, (text, expected)) in cases.iter().enumerate() {
        let error = results(&[file(&format!("{number}.csv"), text)], &[]).unwrap_err();
        assert!(error.starts_with("error: ") && expected.iter().all(|part| error.contains(part)), "{text}{error}");
    }
    let (clean, pair) = (file("clean.csv", &clean), synthetic("").remove(0));
    let error = results(&[clean.clone(), pair], &[]).unwrap_err();
    assert!(error.contains("synthetic_1.csv line 2 is about a pair") && error.contains("each kind"), "{error}");
    assert!(results(&[clean], &[]).is_ok());
    let other = file("other.csv", &format!("{HEAD}{CLEAN}").replace("clean", "original"));
    assert!(results(&[other], &["--reference", "original"]).unwrap().contains("0 of 1"));
}
