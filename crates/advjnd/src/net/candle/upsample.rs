// SPDX-License-Identifier: MIT OR Apache-2.0
//! Enlarging planes twice each way, and reducing them by half, with the adjoints of both.

use candle_core::Device;

use super::CandleResult;
use super::table::Stencil;
use crate::net::graph::Shape;
use crate::net::upsample::{NEAR, Upsampling};

/// Entries along one axis that are summed for each entry of a result, and their weights.
struct Axis {
    entries: Vec<Vec<usize>>,
    weights: Vec<f32>,
}

impl Axis {
    fn new(size: usize, weights: &[f32], entries: impl Fn(usize) -> Vec<usize>) -> Self {
        Self { entries: (0..size).map(entries).collect(), weights: weights.to_vec() }
    }

    /// Along an axis of `size` entries that is enlarged.
    fn enlarged(upsampling: Upsampling, size: usize) -> Self {
        match upsampling {
            Upsampling::Repeat => Self::new(2 * size, &[1.0], |entry| vec![entry / 2]),
            Upsampling::Bilinear => Self::new(2 * size, &[NEAR, 1.0 - NEAR], |entry| {
                let beside = if entry % 2 == 0 { (entry / 2).saturating_sub(1) } else { entry / 2 + 1 };
                vec![entry / 2, beside.min(size - 1)]
            }),
        }
    }

    /// The adjoint of [`enlarged`](Self::enlarged).
    fn pulled_back(upsampling: Upsampling, size: usize) -> Self {
        match upsampling {
            Upsampling::Repeat => Self::new(size, &[1.0; 2], |entry| vec![2 * entry, 2 * entry + 1]),
            Upsampling::Bilinear => Self::new(size, &[NEAR, NEAR, 1.0 - NEAR, 1.0 - NEAR], |entry| {
                let (before, behind) = ((2 * entry).saturating_sub(1), (2 * entry + 2).min(2 * size - 1));
                vec![2 * entry, 2 * entry + 1, before, behind]
            }),
        }
    }
}

/// The sums over both axes of a plane of `height × width`.
fn both([rows, columns]: [Axis; 2], [height, width]: [usize; 2], device: &Device) -> CandleResult<Stencil> {
    let places = rows.entries.iter().flat_map(|row| {
        columns.entries.iter().flat_map(move |column| {
            row.iter().flat_map(move |row| column.iter().map(move |column| Some(row * width + column)))
        })
    });
    let weights: Vec<f32> =
        rows.weights.iter().flat_map(|row| columns.weights.iter().map(move |column| row * column)).collect();
    Stencil::new(places, height * width, &weights, device)
}

/// Planes of shape `small` enlarged, and the adjoint.
pub(super) fn enlarging(upsampling: Upsampling, small: Shape, device: &Device) -> CandleResult<[Stencil; 2]> {
    let sizes = [small.height, small.width];
    Ok([
        both(sizes.map(|size| Axis::enlarged(upsampling, size)), sizes, device)?,
        both(sizes.map(|size| Axis::pulled_back(upsampling, size)), sizes.map(|size| 2 * size), device)?,
    ])
}

/// Means of 2 × 2 pixels of planes of shape `large`, and the adjoint.
pub(super) fn halving(large: Shape, device: &Device) -> CandleResult<[Stencil; 2]> {
    let (sizes, small) = ([large.height, large.width], [large.height / 2, large.width / 2]);
    let means = small.map(|size| Axis::new(size, &[0.5; 2], |entry| vec![2 * entry, 2 * entry + 1]));
    let spread = (0..large.plane()).map(|pixel| {
        let (row, column) = (pixel / large.width / 2, pixel % large.width / 2);
        (row < small[0] && column < small[1]).then_some(row * small[1] + column)
    });
    Ok([both(means, sizes, device)?, Stencil::new(spread, small[0] * small[1], &[0.25], device)?])
}
