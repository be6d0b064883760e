// SPDX-License-Identifier: MIT OR Apache-2.0
//! A judgement as one page without network. It shows clean faces.

use std::fmt::Write as _;

use super::judgement::{Judgement, Recognition};
use super::people::Row;
use super::sheet::{Sheet, Shown};
use super::text::{against, coverage, policy, share};
use crate::document::percent;

const STYLE: &str = include_str!("../../assets/verify.css");

/// The page.
pub fn html(judgement: &Judgement, sheet: &Sheet) -> String {
    let Judgement { verdict, protected, .. } = judgement;
    let (protected, class) = (escaped(protected), verdict.to_lowercase());
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{verdict}: {protected}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src \
         'unsafe-inline'\">\n<style>\n{STYLE}</style></head>\n<body><h1><span class=\"{class}\">{verdict}</span>: \
         {protected}</h1>\n<p><strong>This page shows faces that are not protected. Do not pass it on.</strong></p>\n"
    );
    let reasons: Vec<String> = judgement.reasons.iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect();
    let sentences = [against(judgement), format!("policy: {}", policy(judgement))].into_iter();
    let sentences = sentences.chain(coverage(judgement)).chain(sheet.record.as_ref().map(|record| record.sentence()));
    let sentences: Vec<String> = sentences.map(|sentence| escaped(&sentence)).collect();
    // Writing to a string does not fail.
    let _ = writeln!(text, "<ul class=\"reasons\">{}</ul>\n<p>{}</p>", reasons.concat(), sentences.join("<br>\n"));
    judgement.through.iter().for_each(|through| {
        let _ = write!(
            text,
            "<h2>{}</h2>\n<div class=\"wide\"><table><tr><th>recogniser</th><th>false match rate</th><th>known in the \
             original</th><th>still known</th><th>95 % interval</th><th>tracks pooled</th><th>best frame</th></tr>\n",
            escaped(&through.heading())
        );
        through.recognizers.iter().for_each(|(name, recognition)| rates(name, recognition, &mut text));
        text += "</table></div>\n<ul>\n";
        through.recognizers.iter().for_each(|(name, recognition)| search(name, recognition, &mut text));
        text += "</ul>\n";
    });
    text += "<h2>Over time</h2>\n<p>How far each shown face lies beyond the threshold, as a share of it; below 0 it is \
             known. Grey, below: a face is covered. A colour for each track.</p>\n";
    for (name, chart) in &sheet.charts {
        let _ = write!(text, "<h3>{}</h3>\n{}\n", escaped(name), chart.svg());
    }
    people(sheet, &mut text);
    if !sheet.worst.is_empty() {
        text += "<h2>Worst frames</h2>\n<p>As it was, as it is, the change ten times.</p>\n<div class=\"sheet\">\n";
        sheet.worst.iter().for_each(|shown| text += &figure(shown));
        text += "</div>";
    }
    text + "</body></html>\n"
}

fn rates(name: &str, recognition: &Recognition, text: &mut String) {
    let kind = if recognition.attacked { "" } else { " (judge)" };
    for (index, rate) in recognition.rates.iter().enumerate() {
        let name = if index == 0 { format!("{}{kind}", escaped(name)) } else { String::new() };
        let _ = writeln!(
            text,
            "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            rate.false_match_rate,
            rate.known.of,
            percent(rate.known.value(), 1),
            rate.interval(),
            percent(rate.known_pooled.value(), 1),
            percent(rate.known_best_frame.value(), 1)
        );
    }
}

fn search(name: &str, recognition: &Recognition, text: &mut String) {
    let similarity = &recognition.similarity;
    let number = |value: Option<f64>| crate::document::number(value, 3);
    let (before, after) = (number(similarity.before.value()), number(similarity.after.value()));
    let found = recognition.identification.as_ref().map_or(String::new(), |search| format!("; {}", search.sentence()));
    let surest = recognition.worst.map_or(String::new(), |worst| format!("; surest at {:.2} s", worst.seconds));
    let (name, measure) = (escaped(name), similarity.measure);
    let _ = writeln!(text, "<li>{name}: mean {measure} {before} in the original, {after} as shown{found}{surest}</li>");
}

/// The table of tracks.
fn people(sheet: &Sheet, text: &mut String) {
    *text += "<h2>People</h2>\n<p>Each track with its clearest face, as it was and as it is. Still known: of the faces \
              that are shown and looked at, by recogniser.</p>\n<div class=\"wide\"><table><tr><th>track</th>\
              <th>seconds</th><th>faces</th><th>covered</th>";
    sheet.recognizers.iter().for_each(|name| *text += &format!("<th>{}</th>", escaped(name)));
    *text += "</tr>\n";
    for (row, shown) in &sheet.people {
        let Row { number, seconds: [from, until], covered, known, .. } = row;
        let pictures = shown.as_ref().map_or(String::new(), |Shown { pictures: [before, after, _], .. }| {
            format!("<img alt=\"original\" src=\"{before}\"><img alt=\"protected\" src=\"{after}\"> ")
        });
        let _ = write!(
            text,
            "<tr><td class=\"person\">{pictures}{number}</td><td>{from:.1} to {until:.1}</td><td>{}</td><td>{}</td>",
            covered.of,
            percent(covered.value(), 1)
        );
        known.iter().for_each(|known| *text += &format!("<td>{}</td>", share(known)));
        *text += "</tr>\n";
    }
    *text += "</table></div>\n";
}

fn figure(Shown { caption, pictures: [before, after, change] }: &Shown) -> String {
    format!(
        "<figure><img alt=\"original\" src=\"{before}\"><img alt=\"protected\" src=\"{after}\"><img alt=\"difference\" \
         src=\"{change}\"><figcaption>{}</figcaption></figure>\n",
        escaped(caption)
    )
}

/// Text as it may stand in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_part_of_the_page() {
        let judgement = Judgement {
            verdict: "PASS".to_owned(),
            protected: "<script>alert(1)</script>.mp4".to_owned(),
            ..Judgement::default()
        };
        let page = html(&judgement, &Sheet::default());
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    }
}
