// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which ways of protection are tried: who is attacked, with which properties.

use std::collections::BTreeMap;

use advjnd::{Error, Result};

/// Properties that the command sets itself.
const OWN: [&str; 2] = ["models", "recognizers"];

/// Sets of recognisers to be attacked together, each in the order given.
pub fn surrogates(asked: &[String], leave_one_out: bool, attackable: &[String]) -> Result<Vec<Vec<String>>> {
    if leave_one_out {
        if attackable.len() < 2 {
            return Err(Error::input("--leave-one-out needs at least two recognisers in the folder of --models"));
        }
        let others = |judge: &String| attackable.iter().filter(|name| *name != judge).cloned().collect();
        return Ok(attackable.iter().map(others).collect());
    }
    let mut sets: Vec<Vec<String>> = Vec::new();
    for text in asked {
        let mut set: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim) {
            if !attackable.iter().any(|known| known == name) {
                return Err(Error::input(format!(
                    "--surrogates: the folder of --models holds no recogniser `{name}`; choose among {}",
                    attackable.join(", ")
                )));
            }
            if set.iter().any(|other| other == name) {
                return Err(Error::input(format!("--surrogates: `{name}` is named twice in `{text}`; name it once")));
            }
            set.push(name.to_owned());
        }
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    Ok(sets)
}

/// Every combination of the properties' values: those of `fixed`, NAME=VALUE, with one value of each of `varied`,
/// NAME=VALUE,VALUE.
pub fn properties(fixed: &[String], varied: &[String]) -> Result<Vec<BTreeMap<String, String>>> {
    let mut combinations = vec![BTreeMap::new()];
    let fixed = fixed.iter().map(|text| split("--property", text).map(|(name, value)| (name, vec![value])));
    let varied =
        varied.iter().map(|text| split("--vary", text).map(|(name, values)| (name, values.split(',').collect())));
    for property in fixed.chain(varied) {
        let (name, values): (&str, Vec<&str>) = property?;
        if OWN.contains(&name) {
            return Err(Error::input(format!("the command sets `{name}` itself; use --models and --surrogates")));
        }
        if combinations.iter().any(|taken: &BTreeMap<String, String>| taken.contains_key(name)) {
            return Err(Error::input(format!("property `{name}` is set twice; name it once")));
        }
        let with = |combination: BTreeMap<String, String>| {
            let values = values.iter();
            values.map(move |value| {
                let mut combination = combination.clone();
                combination.insert(name.to_owned(), value.trim().to_owned());
                combination
            })
        };
        combinations = combinations.into_iter().flat_map(with).collect();
    }
    Ok(combinations)
}

fn split<'a>(option: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    text.split_once('=').ok_or_else(|| Error::input(format!("{option} takes NAME=VALUE, not `{text}`")))
}
