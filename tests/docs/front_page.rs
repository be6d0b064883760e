// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures of the README, from the files that the commands in its table write.

use std::fs;

use serde_json::Value;

use crate::common;

fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(common::file(path)).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn percent(part: u64, of: u64) -> String {
    assert!(of > 0);
    format!("{:.1} %", 100.0 * part as f64 / of as f64)
}

/// The faces that somebody marked in frames, as `advjnd recall` judged them.
struct Marked(Vec<Value>);

impl Marked {
    fn read() -> Self {
        let all = read("results/recall/recall.json");
        Self(list(&all["faces"]).iter().filter(|face| face["part"] == "labelled").cloned().collect())
    }

    fn count(&self, is: impl Fn(&Value) -> bool) -> u64 {
        self.0.iter().filter(|face| is(face)).count() as u64
    }

    fn share(&self, is: impl Fn(&Value) -> bool) -> String {
        percent(self.count(is), self.0.len() as u64)
    }
}

/// The rows of the preset `balanced` with so many surrogates.
fn balanced(results: &Value, surrogates: usize) -> impl Iterator<Item = &Value> {
    list(&results["rows"])
        .iter()
        .filter(move |row| row["properties"]["preset"] == "balanced" && list(&row["surrogates"]).len() == surrogates)
}

/// In how many of the shown face-frames that it knew a recogniser was stopped: those attacked, or the judges; of
/// one name, or all.
fn stopped<'a>(rows: impl Iterator<Item = &'a Value>, variant: &str, attacked: bool, name: Option<&str>) -> (u64, u64) {
    let (mut count, mut of) = (0, 0);
    for row in rows {
        for seen in list(&row["variants"]).iter().filter(|seen| seen["variant"] == variant) {
            for (recognizer, figures) in seen["recognizers"].as_object().unwrap() {
                let is_attacked = list(&row["surrogates"]).iter().any(|surrogate| surrogate == recognizer.as_str());
                if is_attacked == attacked && name.is_none_or(|name| name == recognizer) {
                    count += figures["stopped"]["count"].as_u64().unwrap();
                    of += figures["stopped"]["of"].as_u64().unwrap();
                }
            }
        }
    }
    (count, of)
}

/// The two limits that have figures.
pub fn limits() -> String {
    let (marked, video) = (Marked::read(), read("results/presets/evaluate.json"));
    let judge = |name| {
        let (stopped, of) = stopped(balanced(&video, 2), "crf23", false, Some(name));
        percent(of - stopped, of)
    };
    format!(
        "- **A face that is not found goes out as it is.** Of {} marked faces {} did; small, dark, partly hidden and blurred\n  \
         ones are missed most ([table](docs/evaluation.md#what-is-missed)).\n\
         - **A recogniser that was not attacked may still match.** Each recogniser was left out in turn while the \
         filter attacked\n  the other two. After H.264, SFace still matched {} of the shown faces, MobileFaceNet {}, \
         dlib {}\n  \
         ([table](docs/evaluation.md#presets-on-video)).\n",
        marked.0.len(),
        marked.count(|face| face["state"] == "untouched"),
        judge("sface_2021dec"),
        judge("mobilefacenet"),
        judge("dlib_resnet29"),
    )
}

/// The results in six rows.
pub fn results() -> String {
    let (marked, video, speed) = (Marked::read(), read("results/presets/evaluate.json"), read("results/element.json"));
    let cell = list(&speed["cells"]).iter().find(|cell| cell["height"] == 720 && cell["faces"] == 1).unwrap();
    let fps = |value: &Value| format!("{:.0}", value.as_f64().unwrap());
    let share = |(stopped, of)| percent(stopped, of);
    let attacked = |variant| share(stopped(balanced(&video, 3), variant, true, None));
    let rows = [
        (
            format!("marked faces that went out untouched, of {}", marked.0.len()),
            marked.share(|face| face["state"] == "untouched"),
            "make recall",
        ),
        ("marked faces that were covered".into(), marked.share(|face| face["state"] == "covered"), "make recall"),
        (
            "marked faces that dlib still knows, straightened, mirrored, halved or brightened".into(),
            marked.share(|face| face["known"] == true),
            "make recall",
        ),
        (
            "shown faces no longer known to the three attacked recognisers, after H.264 / at half the size and H.264"
                .into(),
            format!("{} / {}", attacked("crf23"), attacked("scale0.5+crf23")),
            "make preset-table",
        ),
        (
            "shown faces no longer known to a recogniser that was not attacked (the other two were), after H.264"
                .into(),
            share(stopped(balanced(&video, 2), "crf23", false, None)),
            "make preset-table",
        ),
        (
            format!(
                "frames a second at 720p with one face, at most {} iterations for each face in a frame, on {} cores; *deface* for comparison",
                list(&speed["iterations"]).last().unwrap(),
                speed["cores"]
            ),
            format!("{}; {}", fps(list(&cell["ours"]).last().unwrap()), fps(&cell["deface"])),
            "make element-bench",
        ),
    ];
    let mut text = String::from("| what, with the default preset | result | measured by |\n| --- | ---: | --- |\n");
    for (what, result, command) in rows {
        text += &format!("| {what} | {result} | `{command}` |\n");
    }
    text
}
