// SPDX-License-Identifier: MIT OR Apache-2.0
//! A judgement for people.

use std::fmt::Write as _;

use super::judgement::{Judgement, Recognition};
use crate::evaluate::Share;

/// The text of `judgement`: coverage first, then who is still known.
pub fn text(judgement: &Judgement) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(judgement, &mut text);
    text
}

fn write(judgement: &Judgement, text: &mut String) -> std::fmt::Result {
    let Judgement { verdict, protected, original, frames, covered, left_out, .. } = judgement;
    writeln!(text, "{verdict}: {protected}, made of {original}")?;
    judgement.reasons.iter().try_for_each(|reason| writeln!(text, "  because {reason}"))?;
    let policy = &judgement.policy;
    writeln!(
        text,
        "policy: at most {} faces untouched, and {} % of the known ones still known to a recogniser that was attacked",
        policy.untouched,
        100.0 * policy.known
    )?;
    writeln!(
        text,
        "{frames} frames; faces of 32 pixels and more, one a frame: {}; {} covered",
        covered.of, covered.count
    )?;
    if *left_out > 0 {
        writeln!(text, "left out, for people who are kept: {left_out} faces")?;
    }
    for through in &judgement.through {
        let first = through.untouched.first.map_or(String::new(), |frame| format!(", the first in frame {frame}"));
        writeln!(text, "\n{}: {} untouched{first}", through.variant, through.untouched.faces)?;
        through.recognizers.iter().try_for_each(|(name, recognition)| row(name, recognition, text))?;
    }
    Ok(())
}

fn row(name: &str, recognition: &Recognition, text: &mut String) -> std::fmt::Result {
    let Recognition { attacked, false_match_rate, known, known_interval: [low, high], .. } = recognition;
    let kind = if *attacked { "" } else { " (judge)" };
    writeln!(
        text,
        "  {name}{kind}, false match rate {false_match_rate}: still known {} ({}); tracks pooled {}, \
         in their best frame {}",
        share(known),
        match known.count {
            // The rule of three.
            0 if known.of > 3 => format!("below {:.1} %", 300.0 / known.of as f64),
            _ => format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high),
        },
        share(&recognition.known_pooled),
        share(&recognition.known_best_frame)
    )?;
    match recognition.worst {
        Some(worst) => writeln!(
            text,
            "    surest at {:.2} s (frame {}), {:.2} of the threshold beyond it",
            worst.seconds, worst.frame, worst.margin
        ),
        None => Ok(()),
    }
}

fn share(share: &Share) -> String {
    let value = share.value().map_or("–".to_owned(), |value| format!("{:.1} %", 100.0 * value));
    format!("{} of {} = {value}", share.count, share.of)
}
