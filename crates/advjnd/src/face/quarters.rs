// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pictures turned by quarters of a circle: values are moved, not resampled.

/// Rows and columns of a turned picture that are moved together.
const TILE: usize = 32;

/// Calls `put` with the target and the source index of each value, to turn a picture of `size`, width and height,
/// clockwise by `quarters` of a circle into rows of `stride` values.
#[inline]
pub(super) fn turn_quarters(quarters: u8, size: [usize; 2], stride: usize, mut put: impl FnMut(usize, usize)) {
    let [width, height] = size;
    let source = |row: usize, column: usize| match quarters % 4 {
        0 => (row, column),
        1 => (column, width - 1 - row),
        2 => (height - 1 - row, width - 1 - column),
        _ => (height - 1 - column, row),
    };
    let (wide, high) = if quarters.is_multiple_of(2) { (width, height) } else { (height, width) };
    for top in (0..high).step_by(TILE) {
        for left in (0..wide).step_by(TILE) {
            for row in top..(top + TILE).min(high) {
                for column in left..(left + TILE).min(wide) {
                    let (y, x) = source(row, column);
                    put(row * stride + column, y * width + x);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::super::Warp;
    use super::super::passes::about_middles;
    use super::*;

    #[test]
    fn turned_by_quarters_a_plane_is_what_the_warp_makes_of_it() {
        let size = [70, 45];
        let plane: Vec<f32> = (0..size[0] * size[1]).map(|at| (at * 7919 % 251) as f32).collect();
        for quarters in 0..4 {
            let turned = if quarters % 2 == 0 { size } else { [size[1], size[0]] };
            let stride = turned[0] + 3;
            let (mut fast, mut warped) = (vec![0.0; stride * turned[1]], vec![0.0; turned[0] * turned[1]]);
            turn_quarters(quarters, size, stride, |to, from| fast[to] = plane[from]);
            let mut warp = Warp::default();
            let to_upright = about_middles(turned, size, f32::from(quarters) * TAU / 4.0);
            warp.plan(&to_upright, size.into(), turned.into());
            warp.forward(&plane, &mut warped);
            for (fast, warped) in fast.chunks_exact(stride).zip(warped.chunks_exact(turned[0])) {
                assert!(fast.iter().zip(warped).all(|(a, b)| (a - b).abs() < 0.05), "{quarters} quarters");
            }
        }
    }
}
