// SPDX-License-Identifier: MIT OR Apache-2.0
//! A part of the work, for runs that share it.

use std::path::Path;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The `index`-th of `count` parts, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Whether the file at `place` belongs to this part. That depends on nothing else: files may come and go while
    /// parts are at work.
    pub fn has(self, place: &Path) -> bool {
        let sum = Sha256::digest(place.as_os_str().as_encoded_bytes());
        let number = sum.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        number % self.count == self.index - 1
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
    fn every_file_belongs_to_one_shard() {
        for count in [1, 3, 4] {
            let shards: Vec<_> =
                (1..=count).map(|index| format!("{index}/{count}").parse::<Shard>().unwrap()).collect();
            for name in 0..100 {
                let name = format!("sub/{name}.mp4");
                assert_eq!(shards.iter().filter(|shard| shard.has(Path::new(&name))).count(), 1, "{name}");
            }
        }
        for text in ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
