// SPDX-License-Identifier: MIT OR Apache-2.0
//! What drawings share: colours, and where values lie.

/// Colour-blind safe: Okabe & Ito 2008.
pub const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#767676"];

/// An SVG drawing with two axes.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Width and height.
    pub size: [f64; 2],
    /// Left, top, right and bottom.
    pub margins: [f64; 4],
    /// The values at the left and at the right edge.
    pub across: [f64; 2],
    /// The values at the lower and at the upper edge.
    pub up: [f64; 2],
}

impl Axes {
    /// Where a value lies across; beyond the edges, at the edge.
    pub fn x(&self, value: f64) -> f64 {
        let [left, _, right, _] = self.margins;
        left + share(value, self.across) * (self.size[0] - left - right)
    }

    /// Where a value lies up.
    pub fn y(&self, value: f64) -> f64 {
        let [_, top, _, bottom] = self.margins;
        top + (1.0 - share(value, self.up)) * (self.size[1] - top - bottom)
    }

    /// The head of the drawing; `label` says what it shows.
    pub fn head(&self, label: &str) -> String {
        let [width, height] = self.size;
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">")
    }

    /// A text across the foot of the drawing, `below` the lower edge; `anchor` is the SVG attribute.
    pub fn foot(&self, value: f64, below: f64, anchor: &str, text: &str) -> String {
        let base = self.size[1] - self.margins[3] + below;
        format!("<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"{anchor}\">{text}</text>", self.x(value))
    }

    /// A text at the left of the drawing.
    pub fn side(&self, value: f64, text: &str) -> String {
        let left = self.margins[0] - 6.0;
        format!("<text x=\"{left:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>", self.y(value) + 4.0)
    }
}

/// Where a value lies between two, 0..=1.
fn share(value: f64, [low, high]: [f64; 2]) -> f64 {
    if high > low { (value.clamp(low, high) - low) / (high - low) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_the_margins() {
        let axes = Axes { size: [100.0, 50.0], margins: [10.0, 5.0, 20.0, 15.0], across: [0.0, 7.0], up: [-1.0, 1.0] };
        assert_eq!([axes.x(0.0), axes.x(7.0), axes.x(3.5), axes.x(9.0)], [10.0, 80.0, 45.0, 80.0]);
        assert_eq!([axes.y(-1.0), axes.y(1.0), axes.y(0.0)], [35.0, 5.0, 20.0]);
        assert_eq!(Axes { across: [2.0, 2.0], ..axes }.x(2.0), 10.0, "nothing is divided by nothing");
    }
}
