// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables for people: one per recogniser, task and setting, with the paper's printed figures beside ours.

use super::results::{Results, Row};
use crate::document::{head, line, number};

/// Table 1 of Xue et al. 2023: PSNR in decibels and SSIM, left and right columns. Both are headed "Non-Targeted" there,
/// and the caption says "Targeted/Non-targeted": which is which is not known.
const PRINTED: [(&str, [&str; 2]); 12] = [
    ("mi-fgsm", ["31.78 / 0.8421", "31.96 / 0.8451"]),
    ("pgd", ["32.63 / 0.8613", "32.94 / 0.8671"]),
    ("di2-fgsm", ["32.58 / 0.8709", "32.94 / 0.8764"]),
    ("bim", ["33.38 / 0.8872", "34.31 / 0.9054"]),
    ("jndmga", ["34.91 / 0.9124", "35.69 / 0.9422"]),
    ("mnd", ["36.84 / 0.9176", "38.39 / 0.9651"]),
    ("l2-without-jnd", ["34.34 / 0.9025", "32.27 / 0.8521"]),
    ("l2", ["33.98 / 0.9294", "31.57 / 0.8743"]),
    ("l1-without-jnd", ["36.72 / 0.9324", "35.03 / 0.9323"]),
    ("l1", ["36.32 / 0.9496", "34.33 / 0.9545"]),
    ("l1+l2", ["36.08 / 0.9524", "35.38 / 0.9589"]),
    ("l1+l2+g", ["38.02 / 0.9628", "38.12 / 0.9782"]),
];

const HEAD: [&str; 19] = [
    "method",
    "strength",
    "success",
    "at FAR 1 % / 0.1 %",
    "PSNR / SSIM",
    "paper, left",
    "paper, right",
    "SSIMULACRA2",
    "PSNR / SSIM, luma",
    "MS-SSIM",
    "GMSD",
    "PSPNR",
    "CIEDE2000",
    "PSNR / SSIM / SSIMULACRA2, face box",
    "PSNR / SSIM, picture",
    "iterations",
    "attempts",
    "at the floor",
    "s",
];

const NOTES: &str = "White-box attacks. A change of the aligned chip is laid into the picture, which is rounded to 8 bits and aligned \
    again with the clean landmarks; the attacks see it so, and success is the goal reached so, against another photograph of the \
    person. Verification: dodges go for the threshold at a false accept rate of 1 %, impersonations for that at 0.1 %. Means are over \
    all faces attacked. Quality is that of the crop of the picture that the chip shows, 8 bits: PSNR and SSIM of R', G' and B' (SSIM \
    their mean), of luma; MS-SSIM and GMSD of luma; PSPNR by the learned thresholds. At the floor: faces for which the weight of the \
    quality terms came down to its least. Paper: Xue et al. 2023, Table 1, PSNR / SSIM of the left and right columns; both are headed \
    \"Non-Targeted\" there, so it is not known which of them is the targeted one. Its recogniser, pictures and picture size are others.";

/// What the tables are of, and how they are to be read.
pub fn notes(results: &Results) -> String {
    let experiment = &results.experiment;
    let mut text = format!(
        "{} people, {} left out without a face; seed {}. {NOTES}",
        experiment.people.len(),
        experiment.without_face,
        experiment.seed
    );
    for (name, thresholds) in &experiment.thresholds {
        text += &format!(
            " {name}: thresholds {:.3} and {:.3} at false accept rates of 1 % and 0.1 % over {} impostor pairs, which miss {:.1} % and \
             {:.1} % of the clean pairs.",
            thresholds.far_1_percent,
            thresholds.far_01_percent,
            thresholds.impostor_pairs,
            100.0 * thresholds.clean_miss_far_1_percent,
            100.0 * thresholds.clean_miss_far_01_percent
        );
    }
    text
}

/// All tables of the results.
pub fn tables(results: &Results) -> String {
    let mut text = format!("# Attacks on still pictures\n\n{}\n", notes(results));
    text.extend(results.groups().map(section));
    text
}

fn section(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let (recognizer, task, setting) = (&first.key.recognizer, first.key.task.name(), first.key.setting.name());
    let attacked = |count: &dyn Fn(&Row) -> usize| {
        let (least, most) = rows.iter().map(count).fold((usize::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
        if least == most { most.to_string() } else { format!("{least}–{most}") }
    };
    let mut text = format!(
        "\n## {recognizer}, {task}, {setting}\n\n{} faces attacked; left out when clean: {} not recognised, {} taken for \
         the person to impersonate.\n\n",
        attacked(&|row| row.faces),
        attacked(&|row| row.clean_misses),
        attacked(&|row| row.clean_false_accepts),
    );
    text += &head(&HEAD, 1);
    text.extend(rows.iter().map(|row| line(cells(row))));
    text
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    let quality = &row.quality;
    let pair = |psnr, ssim| format!("{} / {}", number(psnr, 2), number(ssim, 4));
    let printed =
        PRINTED.iter().find(|(method, _)| *method == row.key.method && row.key.strength.unwrap_or(1.0) == 1.0);
    let [left, right] = printed.map_or(["–"; 2], |(_, columns)| *columns).map(str::to_owned);
    [
        row.key.method.clone(),
        row.key.strength.map_or("–".to_owned(), |strength| strength.to_string()),
        number(row.success, 3),
        format!("{} / {}", number(row.success_far_1_percent, 3), number(row.success_far_01_percent, 3)),
        pair(quality.psnr, quality.ssim),
        left,
        right,
        number(quality.ssimulacra2, 2),
        pair(quality.psnr_luma, quality.ssim_luma),
        number(quality.ms_ssim, 4),
        number(quality.gmsd, 4),
        number(quality.pspnr, 2),
        number(quality.ciede2000, 3),
        format!("{} / {}", pair(quality.box_psnr, quality.box_ssim), number(quality.box_ssimulacra2, 2)),
        pair(quality.picture_psnr, quality.picture_ssim),
        number(row.iterations, 1),
        number(row.attempts, 1),
        row.floor.to_string(),
        number(Some(row.seconds), 1),
    ]
}
