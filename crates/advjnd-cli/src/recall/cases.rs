// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scenes that are made: what is done to a face, in how many steps.

use super::scene::{Cut, Effect, Extent, Layout, Placement};

/// Heights that faces have where it is not their size that is varied.
const HEIGHTS: [f32; 3] = [110.0, 64.0, 180.0];
const ROLL_STEP: usize = 15;
const SIZES: [f32; 12] = [12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 90.0, 128.0, 170.0, 256.0, 400.0, 700.0];
const LARGEST: f32 = 900.0;
/// Overlap of the boxes of two faces, from the first case to the last but one, and over again.
const OVERLAPS: [f32; 4] = [0.3, 0.4, 0.5, 0.6];
/// Width of a face's box, as a share of its height.
const SHAPE: f32 = 0.75;
/// From this height on frames are larger.
const LARGE: f32 = 300.0;

/// A kind of scene, of which there are as many as people are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// What is varied.
    pub name: &'static str,
    /// To what; empty where there is one such.
    pub value: String,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Roll(f32),
    Mirrored,
    Height(f32),
    Filling,
    /// Which way its middle lies on the border.
    Outside([f32; 2]),
    Overlapping,
    Poster,
    Effect(Effect),
    Grey,
}

/// All kinds.
pub fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    let mut add = |name, value: String, what| kinds.push(Kind { name, value, what });
    for roll in (0..360).step_by(ROLL_STEP) {
        add("roll", roll.to_string(), What::Roll(roll as f32));
    }
    add("mirrored", String::new(), What::Mirrored);
    for height in SIZES.into_iter().chain([LARGEST]) {
        add("height", height.to_string(), What::Height(height));
    }
    add("filling the frame", String::new(), What::Filling);
    let sides = [("left", [0.0, 0.5]), ("right", [1.0, 0.5]), ("top", [0.5, 0.0]), ("bottom", [0.5, 1.0])];
    for (side, place) in sides {
        add("half outside", side.to_owned(), What::Outside(place));
    }
    add("overlapping", String::new(), What::Overlapping);
    for factor in [0.3, 0.1, 0.06, 0.03] {
        add("brightness", factor.to_string(), What::Effect(Effect::Bright(factor)));
    }
    add("washed out", String::new(), What::Effect(Effect::WashedOut));
    for deviation in [10.0, 25.0] {
        add("noise", deviation.to_string(), What::Effect(Effect::Noise(deviation)));
    }
    add("grey", String::new(), What::Effect(Effect::Grey));
    add("squeezed 4:3", String::new(), What::Effect(Effect::Squeezed));
    add("poster", String::new(), What::Poster);
    add("grey photographs", String::new(), What::Grey);
    kinds
}

impl Kind {
    /// Whether it is made of the second set of people.
    pub fn is_of_grey_photographs(&self) -> bool {
        self.what == What::Grey
    }

    /// How many people are in it.
    pub fn people(&self) -> usize {
        if self.what == What::Overlapping { 2 } else { 1 }
    }

    /// The `index`th scene of the kind.
    pub fn layout(&self, index: usize) -> Layout {
        let usual = HEIGHTS[index % HEIGHTS.len()];
        let height = if let What::Height(height) = self.what { height } else { usual };
        let [width, rows] = if height > LARGE { [1280, 720] } else { [640, 480] };
        // Not always in the middle.
        let off = |step: usize| ((index * step) % 5) as f32 * 12.0 - 24.0;
        let size = [width as f32, rows as f32];
        let face = Placement {
            center: [size[0] / 2.0 + off(3), size[1] / 2.0 + off(2)],
            extent: Extent::Height(height),
            roll: 0.0,
            mirrored: false,
            cut: Cut::Surroundings,
        };
        let layout =
            |faces| Layout { width, height: rows, textured: index.is_multiple_of(2), faces, effect: Effect::None };
        match self.what {
            What::Roll(roll) => layout(vec![Placement { roll, ..face }]),
            What::Mirrored => layout(vec![Placement { mirrored: true, ..face }]),
            What::Height(_) | What::Grey => layout(vec![face]),
            What::Filling => {
                layout(vec![Placement { extent: Extent::Filling, center: size.map(|side| side / 2.0), ..face }])
            }
            What::Outside(place) => {
                layout(vec![Placement { center: [place[0] * size[0], place[1] * size[1]], ..face }])
            }
            What::Overlapping => {
                let overlap = OVERLAPS[index % OVERLAPS.len()];
                // Boxes of one size, side by side.
                let shift = SHAPE * height * (1.0 - overlap) / (1.0 + overlap);
                let front = Placement { cut: Cut::Head, ..face };
                let [x, y] = front.center;
                layout(vec![Placement { center: [x + shift, y], ..front }, front])
            }
            What::Poster => layout(vec![Placement { cut: Cut::Poster, roll: 4.0, ..face }]),
            What::Effect(Effect::Squeezed) => {
                let center = [face.center[0] * 4.0 / 3.0, face.center[1]];
                let squeezed = layout(vec![Placement { center, ..face }]);
                Layout { width: width * 4 / 3 / 2 * 2, effect: Effect::Squeezed, ..squeezed }
            }
            What::Effect(effect) => Layout { effect, ..layout(vec![face]) },
        }
    }
}
