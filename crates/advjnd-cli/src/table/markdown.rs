//! The tables for people: one per recogniser, task and setting, with the paper's printed figures beside ours.

use advjnd::net::{Metric, Network};

use super::results::{Key, Results, Row};

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

const NOTES: &str = "White-box attacks on aligned chips. Success: the goal is reached by the chip, rounded to 8 bits; and by \
    the picture into which the change was warped back, rounded to 8 bits and aligned again with the clean landmarks. Means \
    are over all faces attacked. PSNR and SSIM of the chip: R', G' and B' (SSIM their mean), and luma; GMSD luma; PSPNR by \
    the thresholds of the attack. MS-SSIM, CIEDE2000 and SSIMULACRA2: the detector's box in the picture. At the floor: faces \
    for which the weight of the quality terms came down to its least. Paper: Xue et al. 2023, Table 1, PSNR / SSIM of the \
    left and right columns; both are headed \"Non-Targeted\" there, so it is not known which of them is the targeted one. \
    Its recogniser, pictures and picture size are others.\n";

/// All tables of the results.
pub fn tables(results: &Results) -> String {
    let experiment = &results.experiment;
    let mut text = format!(
        "# Attacks on still pictures\n\n{} people, {} left out without a face; seed {}. {NOTES}",
        experiment.people.len(), experiment.without_face, experiment.seed
    );
    for group in results.rows.chunk_by(|a, b| place(&a.key) == place(&b.key)) {
        text += &section(group);
    }
    text
}

fn place(key: &Key) -> (&str, &str, &str) {
    (&key.recognizer, key.task.name(), key.setting.name())
}

fn section(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let (recognizer, task, setting) = place(&first.key);
    let attacked = |count: &dyn Fn(&Row) -> usize| {
        let (least, most) = rows.iter().map(count).fold((usize::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
        if least == most { most.to_string() } else { format!("{least}–{most}") }
    };
    let mut text = format!(
        "\n## {recognizer}, {task}, {setting}\n\n{}{} faces attacked; left out when clean: {} not recognised, {} taken for \
         the person to impersonate.\n\n",
        threshold(recognizer),
        attacked(&|row| row.faces),
        attacked(&|row| row.clean_misses),
        attacked(&|row| row.clean_false_accepts),
    );
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text += &line(&HEAD.map(str::to_owned));
    text +=
        &line(&std::array::from_fn::<_, { HEAD.len() }, _>(|column| if column == 0 { "---" } else { "---:" }.into()));
    text.extend(rows.iter().map(|row| line(&cells(row))));
    text
}

/// What the recogniser's threshold of verification is.
fn threshold(recognizer: &str) -> String {
    Network::from_name(recognizer).map_or(String::new(), |network| {
        let spec = network.spec();
        let rule = match spec.metric {
            Metric::Euclidean => "Euclidean distance at most",
            Metric::Cosine => "cosine at least",
        };
        format!(
            "Verification threshold: {rule} {}, at a false accept rate of {}. ",
            spec.verification_threshold, spec.false_accept_rate
        )
    })
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

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"))
}
