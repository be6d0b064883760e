// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares and means, in numbers that can be added up.

use serde::{Deserialize, Serialize, Serializer};

use crate::rounded::rounded;

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub count: u64,
    pub of: u64,
}

impl Share {
    /// One more, which counts or not.
    pub fn take(&mut self, counts: bool) {
        self.count += u64::from(counts);
        self.of += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.of += other.of;
    }

    /// 0..=1; none of nothing.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }
}

/// A mean of so many values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Zero of none.
    #[serde(serialize_with = "serialize")]
    pub mean: f64,
    pub of: u64,
}

fn serialize<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*value))
}

impl Mean {
    /// One more.
    pub fn take(&mut self, value: f64) {
        self.add(&Self { mean: value, of: 1 });
    }

    pub fn add(&mut self, other: &Self) {
        let of = self.of + other.of;
        if other.of > 0 {
            self.mean += (other.mean - self.mean) * other.of as f64 / of as f64;
        }
        self.of = of;
    }

    /// None of nothing.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then_some(self.mean)
    }
}
