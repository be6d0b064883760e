// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a file must hold to pass.

use serde::Serialize;

use super::judgement::Judgement;

/// What may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Policy {
    /// Faces, one a frame, that may be untouched.
    pub untouched: u64,
    /// Share of the known faces that a recogniser that may have been attacked may still know.
    pub known: f64,
}

impl Policy {
    /// Why `judgement` does not pass; nothing if it does.
    pub fn reasons(&self, judgement: &Judgement) -> Vec<String> {
        let mut reasons = Vec::new();
        if judgement.covered.of == 0 {
            reasons.push("no face was found, so nothing was checked".to_owned());
        }
        for through in &judgement.through {
            let untouched = through.untouched.unwrap_or_default();
            if untouched.faces > self.untouched {
                let (faces, first) = (untouched.faces, untouched.first.unwrap_or_default());
                reasons.push(format!("{}: {faces} faces untouched, the first in frame {first}", through.variant));
            }
            for (name, recognition) in through.recognizers.iter().filter(|(_, recognition)| recognition.attacked) {
                let known = recognition.own().and_then(|own| own.known.value()).unwrap_or(0.0);
                if known > self.known {
                    let (variant, allowed) = (&through.variant, 100.0 * self.known);
                    reasons
                        .push(format!("{variant}: {name} still knows {:.1} %, allowed are {allowed} %", 100.0 * known));
                }
            }
        }
        reasons
    }
}
