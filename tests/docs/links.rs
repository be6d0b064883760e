// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links between documents, without network: the file is there, and so is the heading.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common;

/// Folders that are not the project's text.
const LEFT_OUT: [&str; 6] = [".git", ".venv", "target", "build", "out", "node_modules"];

/// Every Markdown file of the repository.
fn pages() -> Vec<PathBuf> {
    let root = common::file("");
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !path.is_symlink() && !LEFT_OUT.contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The text without blocks of code and without what stands between backticks.
fn prose(text: &str) -> String {
    let mut within = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            within = !within;
        } else if !within {
            kept += line;
            kept.push('\n');
        }
    }
    kept.split('`').step_by(2).collect()
}

/// What the links of a text lead to: `[text](this)`.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

/// The anchors of the headings of a text, as forges and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut within = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        within ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        if !within && line.starts_with('#') && title.starts_with(' ') {
            let kept = title.trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

/// What is wrong with a link of a page.
fn fault(page: &Path, link: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    if !file.exists() {
        return Some(format!("{}: {link}: there is no such file", page.display()));
    }
    let missing = !anchor.is_empty() && !anchors(&fs::read_to_string(&file).unwrap()).contains(anchor);
    missing.then(|| format!("{}: {link}: there is no such heading", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 20, "{pages:?}");
    let mut faults = Vec::new();
    for page in &pages {
        let text = prose(&fs::read_to_string(page).unwrap());
        faults.extend(links(&text).iter().filter_map(|link| fault(page, link)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let page = common::file("README.md");
    assert!(fault(&page, "docs/faq.md").is_none() && fault(&page, "#install").is_none());
    assert!(fault(&page, "docs/nothing.md").is_some());
    assert!(fault(&page, "docs/faq.md#nothing").is_some() && fault(&page, "#nothing").is_some());
    assert_eq!(links("a [b](c.md#d) and ![e](f.png \"g\")"), ["c.md#d", "f.png"]);
    assert_eq!(prose("a `[b](c)` d\n```sh\n[e](f)\n```\n"), "a  d\n");
    assert!(anchors("# A, b\n```\n# no\n```\n## It's `c-d`").iter().eq(["a-b", "its-c-d"]));
}

/// A page that the book's table of contents leaves out is not read.
#[test]
fn every_page_is_in_the_book() {
    let summary = fs::read_to_string(common::file("docs/SUMMARY.md")).unwrap();
    let named: BTreeSet<_> = links(&summary).into_iter().collect();
    for page in pages().iter().filter(|page| page.parent() == Some(&common::file("docs"))) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "SUMMARY.md" || named.contains(name), "docs/SUMMARY.md does not name {name}");
    }
}
