// SPDX-License-Identifier: MIT OR Apache-2.0
//! A part of the work, for runs that share it.

use std::str::FromStr;

/// The `index`-th of `count` parts, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Its part of `all`, which must be in the same order for every part.
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.index - 1).step_by(self.count).collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("it takes I/N, 1/4 to 4/4 say".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_all_of_it_and_do_not_overlap() {
        for (count, of) in [(1, 5), (4, 10), (3, 2)] {
            let parts = (1..=count).map(|index| format!("{index}/{count}").parse::<Shard>().unwrap());
            let mut all: Vec<_> = parts.flat_map(|shard| shard.of((0..of).collect())).collect();
            all.sort_unstable();
            assert_eq!(all, (0..of).collect::<Vec<_>>());
        }
        for text in ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
