// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of `results/element.json`.

use std::error::Error;

use serde_json::Value;

/// The Markdown between the markers of the element's page.
pub fn markdown(json: &str) -> Result<String, Box<dyn Error>> {
    let results: Value = serde_json::from_str(json)?;
    let text = |field: &str| results[field].as_str().ok_or_else(|| format!("no `{field}`"));
    let cells = results["cells"].as_array().ok_or("no `cells`")?;
    let iterations: Vec<u64> =
        results["iterations"].as_array().ok_or("no `iterations`")?.iter().filter_map(Value::as_u64).collect();
    let mut out = format!(
        "Frames a second on {} ({} cores, {}), `make element-bench`: decoding and the element, no encoder; {}. Each figure is the \
         median of {} short runs that took turns, so that a busy machine slows all alike. Load average at the time: {}. \
         *deface*: {}, {}. *faceblur*: GStreamer {}, its cascade named by hand, for without it nothing is blurred.\n\n",
        text("machine")?,
        results["cores"],
        text("isa")?,
        text("clip")?,
        results["rounds"],
        results["load"],
        text("deface")?,
        text("deface_backend")?,
        text("gstreamer")?,
    );
    let steps: Vec<String> =
        iterations.iter().map(|count| format!("{count} iteration{}", if *count == 1 { "" } else { "s" })).collect();
    out += &format!("| clip | faces | {} | deface | faceblur | times deface |\n", steps.join(" | "));
    out += &format!("|---|---:|{}---:|---:|---:|\n", "---:|".repeat(iterations.len()));
    for cell in cells {
        let number = |value: &Value| value.as_f64().map_or("–".into(), |fps| format!("{fps:.1}"));
        let ours = cell["ours"].as_array().ok_or("no `ours`")?;
        let row: Vec<String> = ours.iter().map(number).collect();
        // The defaults are nearest to the most iterations.
        let times = ours.last().and_then(Value::as_f64).zip(cell["deface"].as_f64()).map(|(own, other)| own / other);
        out += &format!(
            "| {}p | {} | {} | {} | {} | {} |\n",
            cell["height"],
            cell["faces"],
            row.join(" | "),
            number(&cell["deface"]),
            number(&cell["faceblur"]),
            times.map_or("–".into(), |times| format!("{times:.1}"))
        );
    }
    Ok(out)
}
