// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frame as means of cells: what the change gate compares.

use pulp::{Simd, WithSimd};

use super::FrameMut;

/// Side of a cell, pixels.
pub const CELL: usize = 16;
/// Step between the rows read in packed formats: reading one byte in two, three or four costs as much as reading all.
const PACKED_ROWS: usize = 2;

impl FrameMut<'_> {
    /// Mean luma (G' in formats of R'G'B') of each cell of [`CELL`]² pixels, in code values, row by row; of every
    /// second row in packed formats. Cells at the right and lower edges may be smaller.
    pub fn cell_means(&self, means: &mut Vec<f32>) {
        means.clear();
        means.resize(self.width.div_ceil(CELL) * self.height.div_ceil(CELL), 0.0);
        pulp::Arch::new().dispatch(Glancing { frame: self, means });
    }

    #[inline(always)]
    fn sum_cells(&self, means: &mut [f32]) {
        let columns = self.width.div_ceil(CELL);
        let channel = self.format.layout().brightness();
        let mut sums = vec![0u32; columns];
        for (band, means) in means.chunks_exact_mut(columns).enumerate() {
            let rows = band * CELL..((band + 1) * CELL).min(self.height);
            sums.fill(0);
            let mut looked_at = 0;
            if channel.step == 1 {
                for y in rows {
                    let (whole, rest) = self.row(channel.plane, y).as_chunks::<CELL>();
                    let cells = whole.iter().map(|cell| cell.iter().map(|value| u32::from(*value)).sum());
                    let rest: u32 = rest.iter().map(|value| u32::from(*value)).sum();
                    sums.iter_mut().zip(cells.chain([rest])).for_each(|(sum, cell): (_, u32)| *sum += cell);
                    looked_at += 1;
                }
            } else {
                for y in rows.step_by(PACKED_ROWS) {
                    // Rows of pixel pairs end with a whole pair.
                    let row = &self.row(channel.plane, y)[..self.width * channel.step];
                    for (sum, cell) in sums.iter_mut().zip(row.chunks(CELL * channel.step)) {
                        let values = cell.iter().skip(channel.offset).step_by(channel.step);
                        *sum += values.map(|value| u32::from(*value)).sum::<u32>();
                    }
                    looked_at += 1;
                }
            }
            for (column, (mean, sum)) in means.iter_mut().zip(&sums).enumerate() {
                let width = CELL.min(self.width - column * CELL);
                *mean = *sum as f32 / (width * looked_at) as f32;
            }
        }
    }
}

/// [`FrameMut::cell_means`], vectorised.
struct Glancing<'a, 'f> {
    frame: &'a FrameMut<'f>,
    means: &'a mut [f32],
}

impl WithSimd for Glancing<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        self.frame.sum_cells(self.means);
    }
}
