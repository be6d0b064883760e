// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers of a network: in place in the bytes of its file, or in their own memory.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::sync::Arc;

use bytes::Bytes;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Numbers that never change; a clone shares them.
#[derive(Clone)]
pub struct Values(Place);

#[derive(Clone)]
enum Place {
    /// Aligned bytes of whole numbers in single precision, on a little-endian machine.
    InFile(Bytes),
    /// Little-endian numbers in half precision.
    Halves(Bytes),
    Own(Arc<[f32]>),
}

impl Values {
    /// The little-endian numbers in `bytes`: in place, or copied if their alignment or the machine does not allow it.
    pub(super) fn little_endian(bytes: Bytes) -> Self {
        if cfg!(target_endian = "little") && bytemuck::try_cast_slice::<_, f32>(&bytes).is_ok() {
            return Self(Place::InFile(bytes));
        }
        let (numbers, _) = bytes.as_chunks::<4>();
        numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
    }

    /// The little-endian numbers in half precision in `bytes`, in place.
    pub(super) fn halves(bytes: Bytes) -> Self {
        Self(Place::Halves(bytes))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Place::InFile(bytes) => bytes.len() / size_of::<f32>(),
            Place::Halves(bytes) => bytes.len() / size_of::<f16>(),
            Place::Own(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every one is finite.
    pub fn are_finite(&self) -> bool {
        match &self.0 {
            Place::Halves(bytes) => bytes.as_chunks::<2>().0.iter().all(|half| f16::from_le_bytes(*half).is_finite()),
            Place::InFile(_) | Place::Own(_) => self.numbers().iter().all(|number| number.is_finite()),
        }
    }

    /// The numbers in single precision. Those in half precision are widened at each call.
    pub fn numbers(&self) -> Cow<'_, [f32]> {
        match &self.0 {
            Place::InFile(bytes) => Cow::Borrowed(bytemuck::cast_slice(bytes)),
            Place::Own(numbers) => Cow::Borrowed(numbers),
            Place::Halves(bytes) => Cow::Owned(widened(bytes)),
        }
    }

    /// As [`numbers`](Self::numbers), read when first used.
    pub(super) fn lazy<'a>(&'a self) -> LazyCell<Cow<'a, [f32]>, impl FnOnce() -> Cow<'a, [f32]>> {
        LazyCell::new(|| self.numbers())
    }

    /// Whether they lie in a file's bytes.
    #[cfg(test)]
    pub(crate) fn are_in_file(&self) -> bool {
        matches!(self.0, Place::InFile(_) | Place::Halves(_))
    }
}

/// The little-endian numbers in half precision in `bytes`, in single precision.
fn widened(bytes: &[u8]) -> Vec<f32> {
    if cfg!(target_endian = "little")
        && let Ok(halves) = bytemuck::try_cast_slice::<_, u16>(bytes)
    {
        let halves: &[f16] = half::slice::HalfBitsSliceExt::reinterpret_cast(halves);
        return halves.to_f32_vec();
    }
    let (numbers, _) = bytes.as_chunks::<2>();
    numbers.iter().map(|number| f16::from_le_bytes(*number).to_f32()).collect()
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
        f.debug_list().entries(self.numbers().iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_widened_wherever_they_lie() {
        let bytes: Vec<u8> = [1.5f32, -0.25, 65504.0].iter().flat_map(|n| f16::from_f32(*n).to_le_bytes()).collect();
        for shift in 0..2 {
            // One of two neighbouring starts is aligned.
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(&bytes);
            let values = Values::halves(Bytes::from(shifted).slice(shift..));
            assert_eq!((&*values.numbers(), values.len()), (&[1.5, -0.25, 65504.0][..], 3), "{shift}");
            assert!(values.are_in_file());
        }
    }

    #[test]
    fn numbers_are_those_of_the_bytes_wherever_they_lie() {
        let numbers = [1.5f32, -0.25, 3e8];
        let mut bytes = vec![0; 4];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        for shift in 0..4 {
            // One of four neighbouring starts is aligned.
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(&bytes[4..]);
            let values = Values::little_endian(Bytes::from(shifted).slice(shift..));
            assert_eq!(*values.numbers(), numbers, "{shift}");
        }
        let aligned = Bytes::from_static(bytemuck::cast_slice(&[1.5f32, -0.25]));
        assert!(cfg!(target_endian = "big") || Values::little_endian(aligned).are_in_file());
    }
}
