// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's table of attacks: what it writes, that it goes on where it ended, and what it refuses. The people are
//! the project's own pictures, each in two versions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use image::imageops::{FilterType, crop_imm, overlay, resize};
use image::{Rgb, RgbImage};
use serde_json::Value;

const METHODS: [&str; 2] = ["fgsm", "protector"];
/// Metrics of every row, and where their values lie.
const METRICS: [(&str, f64, f64); 3] = [("psnr", 15.0, 70.0), ("ssim", 0.3, 1.0), ("ssimulacra2", -100.0, 100.0)];
/// Metrics of the rows of the paper's table.
const MORE_METRICS: [(&str, f64, f64); 10] = [
    ("psnr_luma", 15.0, 70.0),
    ("ssim_luma", 0.3, 1.0),
    ("gmsd", 0.0, 0.35),
    ("pspnr", 15.0, 100.0),
    ("ciede2000", 0.0, 20.0),
    ("box_psnr", 15.0, 70.0),
    ("box_ssim", 0.3, 1.0),
    ("box_ssimulacra2", -100.0, 100.0),
    ("picture_psnr", 15.0, 80.0),
    ("picture_ssim", 0.5, 1.0),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn table(faces: &Path, out: &Path, more: &[&str]) -> Result<String, String> {
    let done = Command::new(env!("CARGO_BIN_EXE_advjnd"))
        .current_dir(root())
        .args(["table", "--faces", faces.to_str().unwrap(), "--out", out.to_str().unwrap()])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

/// An empty folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("table_{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn save(picture: &RgbImage, path: PathBuf) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// Two people, each as they are and enlarged, one without a face, and one with a single picture.
fn people(name: &str) -> PathBuf {
    let folder = folder(name);
    let data = root().join("crates/advjnd/tests/data");
    let open = |file: &str| image::open(data.join(file)).unwrap().into_rgb8();
    let photograph = open("astronaut.png");
    let first = crop_imm(&photograph, 80, 0, 300, 300).to_image();
    let chip = open("chips/impostor_1.png");
    let mut second = RgbImage::from_pixel(320, 320, Rgb([128; 3]));
    let face = resize(&chip, 180, 180, FilterType::Triangle);
    overlay(&mut second, &face, 70, 70);
    for (person, picture) in [("a", &first), ("b", &second)] {
        save(picture, folder.join(person).join("1.png"));
        save(&resize(picture, 390, 390, FilterType::Triangle), folder.join(person).join("2.png"));
    }
    for name in ["1.png", "2.png"] {
        save(&RgbImage::from_pixel(200, 200, Rgb([128; 3])), folder.join("c").join(name));
    }
    save(&first, folder.join("d").join("1.png"));
    folder
}

fn read(out: &Path) -> (Vec<u8>, Value, String) {
    let json = std::fs::read(out.join("table.json")).unwrap();
    let value = serde_json::from_slice(&json).unwrap();
    (json, value, std::fs::read_to_string(out.join("table.md")).unwrap())
}

const CHEAP: [&str; 8] =
    ["--methods", "fgsm,protector", "--task", "identification", "--setting", "both", "--strengths", "1"];

#[test]
fn rows_say_what_was_done_and_what_it_cost() {
    let (faces, out) = (people("rows"), folder("rows_out"));
    let printed = table(&faces, &out, &[&CHEAP[..6], &["--strengths", "1,4"]].concat()).unwrap();
    assert!(printed.contains("8 rows made, 0 kept; 2 people, 1 left out without a face"), "{printed}");
    let (_, json, markdown) = read(&out);
    assert_eq!((&json["seed"], &json["people"], &json["without_face"]), (&1.into(), &vec!["a", "b"].into(), &1.into()));
    let thresholds = &json["thresholds"]["mobilefacenet"];
    assert_eq!(thresholds["impostor_pairs"], 2);
    assert!(thresholds["far_1_percent"].as_f64().unwrap() < 0.9 && thresholds["clean_miss_far_1_percent"] == 0.0);
    assert_eq!(json["faces_sha256"].as_str().unwrap().len(), 64);
    let manifest = std::fs::read_to_string(root().join("models/manifest.toml")).unwrap();
    assert_eq!(json["models"].as_object().unwrap().len(), 2);
    for checksum in json["models"].as_object().unwrap().values() {
        assert!(manifest.contains(checksum.as_str().unwrap()));
    }
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let mut place = rows.iter();
    for setting in ["dodge", "impersonate"] {
        for method in METHODS {
            let [weak, strong] = [1.0, 4.0].map(|strength| {
                let row = place.next().unwrap();
                assert_eq!((&row["recognizer"], &row["task"]), (&"mobilefacenet".into(), &"identification".into()));
                assert_eq!((&row["setting"], &row["method"]), (&setting.into(), &method.into()));
                assert_eq!(row["strength"], strength);
                check(row);
                row
            });
            assert!(weak["psnr"].as_f64() > strong["psnr"].as_f64(), "{method}: {weak} {strong}");
            if method == "protector" {
                assert_eq!(strong["success"], 1.0, "{strong}");
            }
        }
    }
    check_markdown(rows, &markdown);
    check_page(&std::fs::read_to_string(out.join("table.html")).unwrap());
}

/// One page, with two drawings and a table for each setting, and four pictures for each method.
fn check_page(page: &str) {
    assert!(!page.contains("http") && !page.contains("<script"), "it needs no network");
    assert_eq!(page.matches("<svg").count(), 4);
    assert_eq!(page.matches("<table>").count(), 2);
    for (kind, count) in [("data:image/jpeg", 3), ("data:image/png", 1)] {
        assert_eq!(page.matches(kind).count(), 2 * METHODS.len() * count);
    }
    for method in METHODS {
        assert_eq!(page.matches(&format!("<b>{method}</b>")).count(), 2, "{method}");
        assert_eq!(page.matches(&format!("<title>{method}</title>")).count(), 4, "{method}");
    }
    assert!(page.contains("Person a, mobilefacenet, dodge"));
}

fn check(row: &Value) {
    assert_eq!((&row["faces"], &row["clean_misses"], &row["clean_false_accepts"]), (&2.into(), &0.into(), &0.into()));
    let main = row["strength"] == 1.0;
    for (metric, ..) in MORE_METRICS {
        assert_eq!(row[metric].is_null(), !main, "{metric} in {row}");
    }
    for (metric, least, most) in METRICS.into_iter().chain(MORE_METRICS.into_iter().filter(|_| main)) {
        let value = row[metric].as_f64().unwrap_or_else(|| panic!("no {metric} in {row}"));
        assert!((least..=most).contains(&value), "{metric} {value} in {row}");
    }
    let scores = row["per_face"].as_array().unwrap();
    let reached = scores.iter().filter(|score| score[0] == true).count() as f64 / scores.len() as f64;
    assert_eq!((scores.len(), row["success"].as_f64()), (2, Some(reached)), "{row}");
    let mean = scores.iter().map(|score| score[1].as_f64().unwrap()).sum::<f64>() / 2.0;
    assert!((mean - row["psnr"].as_f64().unwrap()).abs() < 1e-5, "{row}");
    assert!(row["success_far_1_percent"].is_null(), "{row}");
    let iterations = row["iterations"].as_f64().unwrap();
    assert!(if row["method"] == "fgsm" { iterations == 1.0 } else { (1.0..=30.0).contains(&iterations) }, "{row}");
    assert_eq!((&row["attempts"], &row["floor"]), (&1.0.into(), &0.into()));
    assert!(row["seconds"].as_f64().unwrap() > 0.0 && row["machine"].as_str().unwrap().contains("thread"), "{row}");
}

/// Every row of the JSON is one of the Markdown, in the same order and with the same figures.
fn check_markdown(rows: &[Value], markdown: &str) {
    let lines: Vec<Vec<&str>> = markdown
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("---") && !line.starts_with("| method"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(rows) {
        let number = |name: &str, decimals: usize| {
            row[name].as_f64().map_or("–".into(), |value| format!("{value:.decimals$}"))
        };
        assert_eq!(line[0], row["method"]);
        assert_eq!(line[2], number("success", 3));
        assert_eq!(line[4], format!("{} / {}", number("psnr", 2), number("ssim", 4)));
        assert_eq!([line[7], line[12]], [number("ssimulacra2", 2), number("ciede2000", 3)]);
    }
    for setting in ["dodge", "impersonate"] {
        assert!(markdown.contains(&format!("## mobilefacenet, identification, {setting}\n")));
    }
    assert!(markdown.contains("over 2 impostor pairs"), "{markdown}");
}

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let (faces, out) = (people("resume"), folder("resume_out"));
    let part = ["--methods", "fgsm", "--task", "identification", "--setting", "dodge", "--strengths", "1"];
    table(&faces, &out, &part).unwrap();
    let (_, first, _) = read(&out);
    let printed = table(&faces, &out, &CHEAP).unwrap();
    assert!(printed.contains("3 rows made, 1 kept"), "{printed}");
    let (bytes, json, markdown) = read(&out);
    // Its seconds too: it was not made again.
    assert_eq!(first["rows"][0], json["rows"][0]);
    let printed = table(&faces, &out, &CHEAP).unwrap();
    assert!(printed.contains("0 rows made, 4 kept"), "{printed}");
    assert_eq!((bytes, json.clone(), markdown), read(&out));

    let again = folder("resume_again");
    table(&faces, &again, &CHEAP).unwrap();
    let (_, mut again, _) = read(&again);
    for (one, other) in json["rows"].as_array().unwrap().iter().zip(again["rows"].as_array_mut().unwrap()) {
        other["seconds"] = one["seconds"].clone();
        assert_eq!(one, other, "the same seed gives the same figures");
    }

    let refused = table(&faces, &out, &[&CHEAP[..], &["--seed", "2"]].concat()).unwrap_err();
    assert!(refused.contains("seed 1 and not 2") && refused.contains("choose another --out"), "{refused}");
    let refused = table(&faces, &out, &[&CHEAP[..], &["--count", "2"]].concat());
    assert!(refused.unwrap_err().contains("other pictures"));
    std::fs::write(out.join("table.json"), "{}").unwrap();
    assert!(table(&faces, &out, &CHEAP).unwrap_err().contains("holds no results"));
}

#[test]
fn all_recognisers_and_both_tasks_make_rows() {
    let (faces, out) = (people("networks"), folder("networks_out"));
    let arguments = ["--methods", "fgsm,l2", "--strengths", "1,2", "--recognizer", "dlib,sface", "--setting", "dodge"];
    table(&faces, &out, &arguments).unwrap();
    let (_, json, markdown) = read(&out);
    let rows = json["rows"].as_array().unwrap();
    for recognizer in ["dlib_resnet29", "sface_2021dec"] {
        // Two strengths of FGSM; L2 has no bound to multiply, and verification is made at one strength.
        for (task, expected) in
            [("identification", &[Some(1.0), Some(2.0), None][..]), ("verification", &[Some(1.0), None])]
        {
            let own = || rows.iter().filter(|row| row["recognizer"] == recognizer && row["task"] == task);
            let strengths: Vec<Option<f64>> = own().map(|row| row["strength"].as_f64()).collect();
            assert_eq!(strengths, expected, "{recognizer} {task}");
            assert!(markdown.contains(&format!("## {recognizer}, {task}, dodge")));
            for row in own() {
                let rates = ["success_far_1_percent", "success_far_01_percent"].map(|rate| row[rate].as_f64());
                if task == "identification" {
                    assert_eq!(rates, [None; 2]);
                } else {
                    // A dodge goes for the lower threshold, and lies beyond the higher one all the more.
                    assert!(rates[0] == row["success"].as_f64() && rates[0] <= rates[1], "{row}");
                }
            }
        }
        assert!(json["thresholds"][recognizer]["far_01_percent"].is_number(), "{json}");
    }
    assert_eq!(rows.len(), 2 * 5);
}

#[test]
fn people_can_be_named_and_the_tables_put_into_a_document() {
    let (faces, out) = (people("named"), folder("named_out"));
    let list = faces.join("list.txt");
    std::fs::write(&list, "# who takes part\na\nb\n").unwrap();
    let list = ["--people", list.to_str().unwrap(), "--example", "b"];
    let printed = table(&faces, &out, &[&CHEAP[..], &list].concat()).unwrap();
    assert!(printed.contains("2 people, 0 left out"), "{printed}");
    assert!(std::fs::read_to_string(out.join("table.html")).unwrap().contains("Person b,"));

    let document = out.join("document.md");
    std::fs::write(&document, "before\n<!-- attack-table -->\nold\n<!-- /attack-table -->\nafter\n").unwrap();
    let splice = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advjnd"));
        command.current_dir(root()).args(["table", "--out", out.to_str().unwrap(), "--splice"]).arg(&document);
        command.output().unwrap()
    };
    assert!(splice().status.success());
    let text = std::fs::read_to_string(&document).unwrap();
    assert!(text.starts_with("before\n<!-- attack-table -->\n") && text.ends_with("<!-- /attack-table -->\nafter\n"));
    assert!(
        !text.contains("old") && text.contains("\n| protector | ") && text.contains("| reached at ≥ 90 |"),
        "{text}"
    );
    std::fs::write(&document, "no marks").unwrap();
    assert!(String::from_utf8(splice().stderr).unwrap().contains("there are no lines `<!-- attack-table -->`"));

    std::fs::write(faces.join("list.txt"), "a\nnobody\n").unwrap();
    let refused = table(&faces, &out, &[&CHEAP[..], &list].concat()).unwrap_err();
    assert!(refused.contains("no folder `nobody`"), "{refused}");
}

/// The page has the figures of the file.
#[test]
fn the_page_shows_the_results() {
    let copy = folder("page").join("attacks.md");
    std::fs::copy(root().join("docs/attacks.md"), &copy).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_advjnd"))
        .current_dir(root())
        .args(["table", "--out", "results", "--splice"])
        .arg(&copy)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let [written, expected] = [root().join("docs/attacks.md"), copy].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(written == expected, "out of date: run `advjnd table --out results --splice docs/attacks.md`");
}

#[test]
fn faults_are_named() {
    let (faces, out) = (people("faults"), folder("faults_out"));
    let fails = |faces: &Path, more: &[&str], expected: &str| {
        let error = table(faces, &out, more).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    fails(&faces.join("nowhere"), &[], "cannot read");
    fails(&folder("faults_empty"), &[], "holds 0 people");
    fails(&faces, &["--count", "1"], "--count at least 2");
    fails(&faces, &["--methods", "fgsm,nothing"], "no attack is called `nothing`; take fgsm, fgv");
    fails(&faces, &["--strengths", "0"], "--strengths: 0");
    fails(&faces, &["--models", "nowhere"], "manifest.toml");
    fails(&faces, &["--example", "nobody"], "nobody is called `nobody`");
    std::fs::write(faces.join("a/1.png"), "no picture").unwrap();
    fails(&faces, &[], "cannot be decoded");
    assert!(!out.join("table.json").exists());
}
