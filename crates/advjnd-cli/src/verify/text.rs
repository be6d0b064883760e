// SPDX-License-Identifier: MIT OR Apache-2.0
//! A judgement for people.

use std::fmt::Write as _;

use super::judgement::{AtRate, Judgement, Recognition};
use super::ranks::{Identification, Missed};
use super::reference::{Kind, Second};
use crate::document::{number, percent};
use crate::evaluate::Share;

/// The text of `judgement`: coverage first, then who is still known.
pub fn text(judgement: &Judgement) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(judgement, &mut text);
    text
}

fn write(judgement: &Judgement, text: &mut String) -> std::fmt::Result {
    let Judgement { verdict, protected, .. } = judgement;
    writeln!(text, "{verdict}: {protected}, {}", against(judgement))?;
    judgement.reasons.iter().try_for_each(|reason| writeln!(text, "  because {reason}"))?;
    writeln!(text, "policy: {}", policy(judgement))?;
    coverage(judgement).iter().try_for_each(|line| writeln!(text, "{line}"))?;
    for through in &judgement.through {
        writeln!(text, "\n{}", through.heading())?;
        through.recognizers.iter().try_for_each(|(name, recognition)| paragraph(name, recognition, text))?;
    }
    Ok(())
}

/// What the file is held against.
pub fn against(judgement: &Judgement) -> String {
    match (judgement.reference, &judgement.original) {
        (Kind::Original, Some(original)) => format!("made of {original}"),
        (Kind::Photographs, _) => "compared with photographs only".to_owned(),
        _ => "compared with an analysis only".to_owned(),
    }
}

/// The policy in words.
pub fn policy(judgement: &Judgement) -> String {
    let policy = &judgement.policy;
    format!(
        "at most {} faces untouched, and {} % of the known ones still known to a recogniser that was attacked",
        policy.untouched,
        100.0 * policy.known
    )
}

/// What is covered and what was left out, a sentence each.
pub fn coverage(judgement: &Judgement) -> Vec<String> {
    let Judgement { frames, covered, left_out, quality, .. } = judgement;
    let mut lines = vec![match judgement.reference {
        Kind::Photographs => format!(
            "{frames} frames; face-frames of 32 pixels and more found in the protected file: {}; without the original \
             nobody can tell how many are covered or untouched",
            covered.of
        ),
        _ => format!("{frames} frames; face-frames of 32 pixels and more: {}; {} covered", covered.of, covered.count),
    }];
    if let Some(Second { faces, untouched, doubtful }) = judgement.second_detector {
        lines.push(format!(
            "a second detector found {faces} more faces in the frames that recognisers see, {untouched} of them untouched; \
             {doubtful} more places are doubtful"
        ));
    }
    if *left_out > 0 {
        lines.push(format!("left out, because these people are kept: {left_out} faces"));
    }
    if quality.psnr.of > 0 {
        let (psnr, ssim) = (number(quality.psnr.value(), 1), number(quality.ssim.value(), 3));
        lines.push(format!("quality of the shown faces: PSNR {psnr} dB, SSIM {ssim}"));
    }
    lines
}

impl super::judgement::Through {
    /// What becomes of the file, and how many faces are untouched then.
    pub fn heading(&self) -> String {
        let Some(untouched) = self.untouched else {
            return format!("{}: without the original untouched faces cannot be counted", self.variant);
        };
        let first = untouched.first.map_or(String::new(), |frame| format!(", the first in frame {frame}"));
        format!("{}: {} untouched{first}", self.variant, untouched.faces)
    }
}

fn paragraph(name: &str, recognition: &Recognition, text: &mut String) -> std::fmt::Result {
    let kind = if recognition.attacked { "" } else { " (judge)" };
    let similarity = &recognition.similarity;
    writeln!(
        text,
        "  {name}{kind}: mean {} to the person: {} in the original, {} as shown",
        similarity.measure,
        number(similarity.before.value(), 3),
        number(similarity.after.value(), 3)
    )?;
    for rate in &recognition.rates {
        writeln!(
            text,
            "    false match rate {}: still known {} ({}); tracks pooled {}, in their best frame {}",
            rate.false_match_rate,
            share(&rate.known),
            rate.interval(),
            share(&rate.known_pooled),
            share(&rate.known_best_frame)
        )?;
    }
    if let Some(search) = &recognition.identification {
        writeln!(text, "    {}", search.sentence())?;
    }
    match recognition.worst {
        Some(worst) => writeln!(
            text,
            "    surest at {:.2} s (frame {}), {:.2} of the threshold beyond it",
            worst.seconds, worst.frame, worst.margin
        ),
        None => Ok(()),
    }
}

impl AtRate {
    /// What the share may be in truth, at 95 %.
    pub fn interval(&self) -> String {
        let [low, high] = self.known_interval;
        match self.known.count {
            // The rule of three.
            0 if self.known.of > 3 => format!("below {:.1} %", 300.0 / self.known.of as f64),
            _ => format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high),
        }
    }
}

impl Identification {
    /// The searches in a sentence.
    pub fn sentence(&self) -> String {
        let kind = if self.generated { " who do not exist" } else { "" };
        let rates = |missed: &[Missed]| -> String {
            let each =
                missed.iter().map(|missed| format!("{} at rank {}", percent(missed.searches.value(), 1), missed.rank));
            each.collect::<Vec<_>>().join(", ")
        };
        let median = self.median_rank.map_or(String::new(), |rank| format!("; median rank {rank} where shown"));
        format!(
            "search among {} others{kind}: missed (FNIR) {} in the original, {} as protected{median}",
            self.others,
            rates(&self.missed_before),
            rates(&self.missed_after)
        )
    }
}

/// So many of so many, and in per cent.
pub fn share(share: &Share) -> String {
    format!("{} of {} = {}", share.count, share.of, percent(share.value(), 1))
}
