// SPDX-License-Identifier: MIT OR Apache-2.0
//! Four decimals: results are read by people, too.

use serde::Serializer;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub fn number<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((1e4 * f64::from(*value)).round() / 1e4)
}

pub fn maybe<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, serializer),
        None => serializer.serialize_none(),
    }
}
