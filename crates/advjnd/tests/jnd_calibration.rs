// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constants of calibration are those that were measured.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use advjnd::jnd::Model;
use serde_json::Value;

#[test]
fn calibrations_are_the_measured_ones() {
    let table: Value = serde_json::from_str(include_str!("../../../results/jnd.json")).unwrap();
    for model in Model::ALL {
        let name = model.new_model().name();
        let row = table["models"].as_array().unwrap().iter().find(|row| row["model"] == name).unwrap();
        let measured = row["kappa"].as_f64().unwrap() as f32;
        let constant = model.calibration();
        let rounded = (1000.0 * measured).round() / 1000.0;
        assert!((constant - rounded).abs() < 1e-6, "{name}: {constant} in the program, {measured} measured");
    }
}
