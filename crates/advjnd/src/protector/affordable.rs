// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recognisers that a deadline leaves time for.

use std::time::Duration;

/// Looks of each recogniser at a face in a frame, on average: at the output, in full or in random views, and at the
/// clean face.
const LOOKS: u32 = 2;
/// Share of a frame's time that looks may take. The rest is for the search, the bounds and iterations.
const SHARE: f64 = 1.0 / 3.0;

/// The recognisers to leave out so that looks at one face fit into a frame of `budget`, by index, the dearest first.
/// The first recogniser, the guard, always stays; if it alone does not fit, so do all. `looks` has the time of a look
/// by each.
pub fn unaffordable(looks: &[Duration], budget: Duration) -> Vec<usize> {
    let mut others: Vec<usize> = (1..looks.len()).collect();
    others.sort_by_key(|index| looks[*index]);
    let (most, mut sum) = (budget.mul_f64(SHARE), looks.iter().sum::<Duration>());
    if looks.first().is_none_or(|guard| LOOKS * *guard > most) {
        return Vec::new();
    }
    let mut left_out = Vec::new();
    while LOOKS * sum > most
        && let Some(dearest) = others.pop()
    {
        sum -= looks[dearest];
        left_out.push(dearest);
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_are_left_out_until_the_looks_fit_and_the_guard_stays() {
        let left_out = |looks: &[u64], budget| {
            let looks: Vec<Duration> = looks.iter().map(|look| Duration::from_millis(*look)).collect();
            unaffordable(&looks, Duration::from_millis(budget))
        };
        assert_eq!(left_out(&[1, 3, 1], 30), [0; 0], "twice 5 ms of 10");
        assert_eq!(left_out(&[1, 4, 1], 30), [1]);
        assert_eq!(left_out(&[3, 4, 2], 30), [1]);
        assert_eq!(left_out(&[4, 3, 2], 30), [1, 2], "the guard alone is as dear as both others");
        assert_eq!(left_out(&[90, 1, 1], 30), [0; 0], "without the others it would not fit either");
        assert_eq!(left_out(&[90], 30), [0; 0]);
        assert_eq!(left_out(&[], 30), [0; 0]);
    }
}
