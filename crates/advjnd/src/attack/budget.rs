//! The box a perturbation must stay in, element by element.

/// `lower ≤ δ ≤ upper`, with `lower ≤ 0 ≤ upper`.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    lower: Vec<f32>,
    upper: Vec<f32>,
}

impl Budget {
    /// The box `−bound ≤ δ ≤ bound`; a bound that is negative or not a number counts as zero.
    pub fn symmetric(bounds: &[f32]) -> Self {
        let upper: Vec<f32> = bounds.iter().map(|bound| bound.max(0.0)).collect();
        Self { lower: upper.iter().map(|bound| -bound).collect(), upper }
    }

    /// The box `−epsilon ≤ δ ≤ epsilon`, cut to where `clean + δ` stays in `low..=high`.
    pub fn around(clean: &[f32], epsilon: f32, low: f32, high: f32) -> Self {
        Self {
            lower: clean.iter().map(|x| (low - x).max(-epsilon).min(0.0)).collect(),
            upper: clean.iter().map(|x| (high - x).min(epsilon).max(0.0)).collect(),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.upper.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.upper.is_empty()
    }

    /// The nearest point of the box; what is not a number becomes zero.
    pub fn project(&self, delta: &mut [f32]) {
        for ((delta, lower), upper) in delta.iter_mut().zip(&self.lower).zip(&self.upper) {
            *delta = if delta.is_nan() { 0.0 } else { delta.clamp(*lower, *upper) };
        }
    }

    /// Half the width of the box per element.
    pub fn half_widths(&self) -> impl Iterator<Item = f32> + '_ {
        self.lower.iter().zip(&self.upper).map(|(lower, upper)| 0.5 * (upper - lower))
    }
}
