// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames made of photographs: whose face is where is known.

use std::time::Duration;

use advjnd::face::{BBox, SimilarityTransform};
use advjnd_media::Picture;

use super::attacker::Portrait;
use super::canvas::Canvas;
use super::pose::{Pose, turned};
use crate::dice::{Dice, clouds};

/// How far a face moves between frames, pixels.
const JITTER: f32 = 0.8;
/// Radii of what is shown of a photograph around the box of its face, in half sides of the box, and the width of its
/// edge.
const SURROUNDINGS: f32 = 1.9;
const HEAD: f32 = 1.25;
const FEATHER: f32 = 0.12;
/// Share of the frame's height from the eyes to the mouth where a face fills it.
const FILLING: f32 = 0.62;
/// Width of the frame around a picture within the picture, as a share of its width.
const BORDER: f32 = 0.04;
/// Squeezed frames have so many times their proper width.
const SQUEEZE: f32 = 0.75;

/// What a scene is.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Width, pixels; before it is squeezed.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    /// Whether there is something to see behind the faces.
    pub textured: bool,
    /// Back to front.
    pub faces: Vec<Placement>,
    /// What becomes of the whole.
    pub effect: Effect,
}

/// A face in a scene.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Middle of its box, pixels.
    pub center: [f32; 2],
    /// How large it is.
    pub extent: Extent,
    /// How far it is turned clockwise, degrees.
    pub roll: f32,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
    /// What is shown of the photograph.
    pub cut: Cut,
}

/// How large a face is.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// Height of its box, pixels.
    Height(f32),
    /// The frame shows little more than what is between eyes and mouth.
    Filling,
}

/// What is shown of a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The head and what is around it.
    Surroundings,
    /// The head.
    Head,
    /// All of it, in a dark border: a poster or a screen.
    Poster,
}

/// What becomes of a whole frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Nothing.
    None,
    /// So many times as bright.
    Bright(f32),
    /// Little contrast, around a bright grey.
    WashedOut,
    /// Normal noise of this deviation.
    Noise(f32),
    /// No colour.
    Grey,
    /// Pixels that are too narrow.
    Squeezed,
}

/// Where a face lies in a frame.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// The box around it.
    pub bbox: BBox,
    /// As the attacker is told.
    pub pose: Pose,
    /// By how much a pixel is wider than it should be: what undoes a squeeze.
    pub aspect: f32,
}

/// A frame and the faces in it, in the order of the layout.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The frame.
    pub picture: Picture,
    /// Its faces.
    pub faces: Vec<Placed>,
}

/// The first `count` frames of a layout; `portraits` are those of its faces. The same seed gives the same frames.
pub fn render(layout: &Layout, portraits: &[&Portrait], count: usize, seed: u64) -> Vec<Scene> {
    let background = background(layout, seed);
    let stickers: Vec<Sticker> = layout
        .faces
        .iter()
        .zip(portraits)
        .map(|(placement, portrait)| Sticker::new(layout, placement, portrait))
        .collect();
    let frame = |index: usize| {
        let (turn, mut canvas) = (index as f32, background.clone());
        let shift = [JITTER * (2.4 * turn).sin(), JITTER * (3.1 * turn).cos()];
        let mut faces = Vec::new();
        for sticker in &stickers {
            let to_frame = SimilarityTransform::translation(shift[0], shift[1]).after(&sticker.to_frame);
            canvas.lay(&sticker.canvas.seen(&to_frame.inverse(), layout.width, layout.height));
            let pose = Pose { center: to_frame.apply(sticker.face.center()), ..sticker.pose };
            faces.push(Placed { bbox: turned(&sticker.face, &to_frame), pose, aspect: 1.0 });
        }
        layout.effect.apply(&mut canvas, &mut faces, seed.wrapping_mul(97).wrapping_add(index as u64));
        Scene { picture: canvas.picture(Duration::from_nanos(index as u64 * 1_000_000_000 / 30)), faces }
    };
    (0..count).map(frame).collect()
}

/// Never black: the darkest and the brightest are those of a room.
fn background(layout: &Layout, seed: u64) -> Canvas {
    let Layout { width, height, .. } = *layout;
    let tints: Vec<f32> = if layout.textured {
        clouds(seed, width, height, 90.0, 4).iter().map(|value| 115.0 + 75.0 * value).collect()
    } else {
        (0..width * height).map(|index| 105.0 + 30.0 * (index / width) as f32 / height as f32).collect()
    };
    let pixels = tints.iter().map(|v| [v * 1.02, *v, v * 0.94, 1.0]).collect();
    Canvas { pixels, width, height }
}

/// A photograph, ready to be laid into frames.
struct Sticker {
    canvas: Canvas,
    face: BBox,
    to_frame: SimilarityTransform,
    pose: Pose,
}

impl Sticker {
    fn new(layout: &Layout, placement: &Placement, portrait: &Portrait) -> Self {
        let (mut canvas, mut face) = (portrait.canvas.clone(), portrait.face.bbox);
        let mut points = portrait.face.landmarks.0;
        if placement.mirrored {
            let last = canvas.width as f32 - 1.0;
            canvas = canvas.mirrored();
            face.x = last - face.x - face.width;
            points.iter_mut().for_each(|point| point[0] = last - point[0]);
        }
        let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let (eyes, mouth) = (middle(points[0], points[1]), middle(points[3], points[4]));
        let (mut scale, mut anchor) = match placement.extent {
            Extent::Height(height) => (height / face.height, face.center()),
            Extent::Filling => {
                let span = (eyes[0] - mouth[0]).hypot(eyes[1] - mouth[1]).max(1.0);
                (FILLING * layout.height as f32 / span, middle(eyes, mouth))
            }
        };
        cut(&mut canvas, &face, placement.cut);
        // Means of four pixels, as long as more than that becomes one.
        while scale < 0.25 {
            canvas = canvas.halved();
            let half = |at: f32| (at - 0.5) / 2.0;
            face = BBox { x: half(face.x), y: half(face.y), width: face.width / 2.0, height: face.height / 2.0 };
            (scale, anchor) = (2.0 * scale, anchor.map(half));
        }
        let roll = placement.roll.to_radians();
        let (a, b) = (scale * roll.cos(), scale * roll.sin());
        let turn = SimilarityTransform { a, b, tx: 0.0, ty: 0.0 };
        let ([x, y], [from_x, from_y]) = (placement.center, turn.apply(anchor));
        let to_frame = SimilarityTransform { a, b, tx: x - from_x, ty: y - from_y };
        let pose = Pose { center: placement.center, size: scale * face.size(), roll };
        Self { canvas, face, to_frame, pose }
    }
}

/// Leaves of a photograph what is to be shown.
fn cut(canvas: &mut Canvas, face: &BBox, cut: Cut) {
    let ([x, y], [half_width, half_height]) = (face.center(), [face.width / 2.0, face.height / 2.0]);
    let radius = match cut {
        Cut::Surroundings => SURROUNDINGS,
        Cut::Head => HEAD,
        Cut::Poster => {
            let [right, bottom] = [canvas.width as f32 - 1.0, canvas.height as f32 - 1.0];
            let border = BORDER * canvas.width as f32;
            for (index, pixel) in canvas.pixels.iter_mut().enumerate() {
                let (x, y) = ((index % canvas.width) as f32, (index / canvas.width) as f32);
                if x.min(y).min(right - x).min(bottom - y) < border {
                    *pixel = [28.0, 28.0, 30.0, 1.0];
                }
            }
            return;
        }
    };
    canvas.weigh(|u, v| {
        let distance = ((u - x) / half_width).hypot((v - y) / half_height) / radius;
        ((1.0 + FEATHER - distance) / (2.0 * FEATHER)).clamp(0.0, 1.0)
    });
}

impl Effect {
    fn apply(self, canvas: &mut Canvas, faces: &mut [Placed], seed: u64) {
        match self {
            Self::None => {}
            Self::Bright(factor) => canvas.change(|value| factor * value),
            Self::WashedOut => canvas.change(|value| 200.0 + 0.3 * (value - 128.0)),
            Self::Noise(deviation) => {
                let mut dice = Dice::new(seed);
                canvas.change(|value| value + deviation * dice.normal());
            }
            Self::Grey => {
                let luma: Vec<f32> = canvas.luma().collect();
                canvas.pixels.iter_mut().zip(luma).for_each(|(pixel, luma)| pixel[..3].fill(luma));
            }
            Self::Squeezed => {
                *canvas = canvas.widened(SQUEEZE);
                for face in faces {
                    face.bbox.x = (face.bbox.x + 0.5) * SQUEEZE - 0.5;
                    face.bbox.width *= SQUEEZE;
                    face.pose = face.pose.widened(SQUEEZE);
                    face.aspect = 1.0 / SQUEEZE;
                }
            }
        }
    }
}
