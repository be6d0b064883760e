// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers of a network: in place in the bytes of its file, or in their own memory.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use half::f16;

/// Numbers that never change; a clone shares them.
#[derive(Clone)]
pub struct Values(Place);

#[derive(Clone)]
enum Place {
    /// Aligned bytes of whole numbers, on a little-endian machine.
    InFile(Bytes),
    Own(Arc<[f32]>),
}

impl Values {
    /// The little-endian numbers in `bytes`: in place, or copied if their alignment or byte order does not suit the
    /// machine.
    pub(super) fn little_endian(bytes: Bytes) -> Self {
        if cfg!(target_endian = "little") && bytemuck::try_cast_slice::<_, f32>(&bytes).is_ok() {
            return Self(Place::InFile(bytes));
        }
        Self::copied(&bytes)
    }

    /// A copy of the little-endian numbers in `bytes`.
    pub(super) fn copied(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<4>();
        numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
    }

    /// The little-endian half-precision numbers in `bytes`, in single precision.
    pub(super) fn widened(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<2>();
        numbers.iter().map(|number| f16::from_le_bytes(*number).to_f32()).collect()
    }

    /// Whether they are in place in a file's bytes.
    #[cfg(test)]
    pub(crate) fn are_in_file(&self) -> bool {
        matches!(self.0, Place::InFile(_))
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &self.0 {
            Place::InFile(bytes) => bytemuck::cast_slice(bytes),
            Place::Own(numbers) => numbers,
        }
    }
}

impl From<Vec<f32>> for Values {
    fn from(numbers: Vec<f32>) -> Self {
        Self(Place::Own(numbers.into()))
    }
}

impl FromIterator<f32> for Values {
    fn from_iter<I: IntoIterator<Item = f32>>(numbers: I) -> Self {
        Self(Place::Own(numbers.into_iter().collect()))
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_widened() {
        let bytes: Vec<u8> = [1.5f32, -0.25, 65504.0].iter().flat_map(|n| f16::from_f32(*n).to_le_bytes()).collect();
        assert_eq!(*Values::widened(&bytes), [1.5, -0.25, 65504.0]);
    }

    #[test]
    fn numbers_are_those_of_the_bytes_wherever_they_lie() {
        let numbers = [1.5f32, -0.25, 3e8];
        let mut bytes = vec![0; 4];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        for shift in 0..4 {
            // One of four consecutive starts is aligned.
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(&bytes[4..]);
            let values = Values::little_endian(Bytes::from(shifted).slice(shift..));
            assert_eq!(*values, numbers, "{shift}");
        }
        let aligned = Bytes::from_static(bytemuck::cast_slice(&[1.5f32, -0.25]));
        assert!(cfg!(target_endian = "big") || Values::little_endian(aligned).are_in_file());
    }
}
