// SPDX-License-Identifier: MIT OR Apache-2.0
//! Light of high dynamic range, as numbers of a file, and mapped to a display of standard range.
//!
//! Lights are in cd/m². Numbers (E') go from 0 to 1.

/// The brightest light that is told apart; brighter light counts as this.
pub const PEAK: f32 = 1000.0;
/// The light of a white sheet, which becomes the brightest of the standard range: Report ITU-R BT.2408, 2.2.
const WHITE: f32 = 203.0;

const M1: f32 = 2610.0 / 16384.0;
const M2: f32 = 2523.0 / 4096.0 * 128.0;
const C1: f32 = 3424.0 / 4096.0;
const C2: f32 = 2413.0 / 4096.0 * 32.0;
const C3: f32 = 2392.0 / 4096.0 * 32.0;

/// The light that a number of PQ means: Recommendation ITU-R BT.2100, table 4, EOTF.
pub fn of_pq(number: f32) -> f32 {
    let root = number.max(0.0).powf(1.0 / M2);
    10_000.0 * ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

/// The number of PQ for a light: the same, inverse EOTF.
pub fn to_pq(light: f32) -> f32 {
    let power = (light.max(0.0) / 10_000.0).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

/// The light of the scene, from 0 to 1, that a number of HLG means: Recommendation ITU-R BT.2100, table 5, inverse
/// OETF.
pub fn of_hlg(number: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 1.0 - 4.0 * A;
    let c = 0.5 - A * (4.0 * A).ln();
    if number <= 0.5 { number * number / 3.0 } else { (((number - c) / A).exp() + B) / 12.0 }
}

/// What light of a scene of HLG, red, green and blue of BT.2020, is to be multiplied with for a display of [`PEAK`]:
/// Recommendation ITU-R BT.2100, table 5, OOTF, with γ = 1.2.
pub fn hlg_gain([red, green, blue]: [f32; 3]) -> f32 {
    let luminance = 0.2627 * red + 0.6780 * green + 0.0593 * blue;
    PEAK * luminance.max(0.0).powf(0.2)
}

/// The light by which light up to [`PEAK`] is shown where the brightest is [`WHITE`]: Report ITU-R BT.2390, 5.4.1.
pub fn compressed(light: f32) -> f32 {
    let peak = to_pq(PEAK);
    let brightest = to_pq(WHITE) / peak;
    let knee = 1.5 * brightest - 0.5;
    let number = to_pq(light.min(PEAK)) / peak;
    if number < knee {
        return light;
    }
    let t = (number - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let bent =
        (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * brightest;
    of_pq(bent * peak)
}

/// Light of BT.2020 primaries as light of BT.709 primaries: Recommendation ITU-R BT.2087, annex 2, the inverse. What
/// lies outside of them may be negative.
pub fn to_bt709([red, green, blue]: [f32; 3]) -> [f32; 3] {
    [
        1.6605 * red - 0.5876 * green - 0.0728 * blue,
        -0.1246 * red + 1.1329 * green - 0.0083 * blue,
        -0.0182 * red - 0.1006 * green + 1.1187 * blue,
    ]
}

/// The number, from 0 to 1, of the standard range for a light: the inverse of Recommendation ITU-R BT.1886, with black
/// of no light and white of [`WHITE`].
pub fn to_standard(light: f32) -> f32 {
    (light / WHITE).clamp(0.0, 1.0).powf(1.0 / 2.4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BT.2100 and BT.2408 print these numbers for these lights.
    #[test]
    fn printed_values() {
        for (number, light) in [(0.0, 0.0), (0.508, 100.0), (0.58, 203.0), (0.752, 1000.0), (1.0, 10_000.0)] {
            assert!((to_pq(light) - number).abs() < 1e-3, "{light}: {}", to_pq(light));
            assert!((of_pq(to_pq(light)) - light).abs() <= 1e-2 * light, "{light}");
        }
        assert!((of_hlg(0.5) - 1.0 / 12.0).abs() < 1e-6 && (of_hlg(1.0) - 1.0).abs() < 1e-4);
        // 75 % of HLG is the white sheet.
        let white = of_hlg(0.75);
        assert!((white * hlg_gain([white; 3]) - WHITE).abs() < 2.0, "{}", white * hlg_gain([white; 3]));
    }

    #[test]
    fn brighter_light_stays_brighter_and_dark_light_the_same() {
        let lights: Vec<f32> = (0..=1000).map(|light| light as f32).collect();
        let shown: Vec<f32> = lights.iter().map(|light| compressed(*light)).collect();
        assert!(shown.windows(2).all(|pair| pair[1] >= pair[0] - 1e-2));
        assert!((shown[50] - 50.0).abs() < 1e-3 && (shown[1000] - WHITE).abs() < 1.0, "{}", shown[1000]);
        assert!((to_standard(WHITE) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn white_stays_white() {
        let white = to_bt709([1.0; 3]);
        assert!(white.iter().all(|channel| (channel - 1.0).abs() < 1e-3), "{white:?}");
    }
}
