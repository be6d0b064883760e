// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables between two marks of a document. It uses the standard library alone, for tests of other crates include it.

/// The document `page` with `tables` between the lines `<!-- mark -->` and `<!-- /mark -->`, in place of what is there.
/// `None` where it has no such lines.
pub fn spliced(page: &str, mark: &str, tables: &str) -> Option<String> {
    let [open, close] = lines(mark);
    let (before, rest) = page.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some([before, &open, tables, &close, after].concat())
}

/// The two lines of a mark.
pub fn lines(mark: &str) -> [String; 2] {
    [format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->\n")]
}
