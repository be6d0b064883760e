// SPDX-License-Identifier: MIT OR Apache-2.0
//! BlazeFace, full range: a face detector of another family than YuNet, 0.5 M parameters, one score, one box and six
//! points per anchor at stride 4.
//!
//! Source: MediaPipe's `face_detection_full_range.tflite` (Apache-2.0), after Bazarevsky, Kartynnik, Vakunov,
//! Raveendran, Grundmann 2019. A block is depthwise 3×3, 1×1 with ReLU, depthwise 3×3, 1×1, plus its input, then a
//! ReLU. At stride 2 the input goes through a 2×2 max-pool, and missing channels count as zero. The neck adds the
//! coarser level, enlarged bilinearly, to the finer one. TensorFlow's SAME padding: at stride 2 the zero row is below
//! and the zero column to the right.

use bytes::Bytes;

use super::executor::{Backend, Executor, Pass};
use super::graph::{Activation, Graph, INPUT, Op, Padding, Shape, ValueId};
use super::upsample::Upsampling;
use super::weights::Weights;
use crate::error::{Error, Result};

/// Input sides are multiples of this.
const SIZE_MULTIPLE: usize = 32;
/// Pixels between anchors.
const STRIDE: usize = 4;
/// Blocks at strides 2, 4, 8, 16 and 32; from stride 4 on, the first block halves the plane.
const STAGES: [usize; 5] = [2, 3, 3, 3, 4];
/// Blocks of each level of the neck, the coarsest first.
const NECK: [usize; 3] = [2, 2, 1];
/// Numbers per anchor besides the score: box and points.
const REGRESSORS: usize = 4 + 2 * POINTS;
/// Points of a face.
const POINTS: usize = 6;
/// The logarithm of the odds is clipped here, as in MediaPipe.
const MAX_LOGIT: f32 = 100.0;

/// A face that the network proposes, in pixels of its input. 0 is the left or upper edge of the picture, so the first
/// pixel's centre is at 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Left, top, width, height: from about the brows to below the mouth.
    pub bbox: [f32; 4],
    /// `[x, y]` of image-left eye, image-right eye, nose tip, middle of the mouth, image-left and image-right ear (the
    /// tragion), of an upright face that looks at the camera.
    pub points: [[f32; 2]; POINTS],
    /// Score, 0..=1.
    pub score: f32,
}

/// BlazeFace full range, ready for inputs of one size at a time.
pub struct BlazeFaceNet {
    graph: Graph,
    backend: Backend,
    executor: Option<Box<dyn Executor>>,
}

impl BlazeFaceNet {
    /// Its name in the manifest.
    pub const NAME: &str = "blazeface_full_range";
    /// Side in pixels of the square that it was trained on.
    pub const SIDE: usize = 192;
    /// The score from which MediaPipe accepts a candidate.
    pub const USUAL_SCORE: f32 = 0.6;

    /// The network from its safetensors file, sharing the file's numbers in place; [`Error::Model`] if the file is
    /// invalid.
    pub fn graph(file: &Bytes) -> Result<Graph> {
        checked(described(file)?.of_bounded_size()?)
    }

    /// The network from its safetensors file, run by `backend`; [`Error::Model`] if the file is invalid.
    pub fn load(file: &Bytes, backend: Backend) -> Result<Self> {
        Ok(Self::new(Self::graph(file)?, backend))
    }

    /// A detector on a graph from [`graph`](Self::graph), run by `backend`.
    pub fn new(graph: Graph, backend: Backend) -> Self {
        Self { graph, backend, executor: None }
    }

    /// Runs the network on `input`, planar BGR 0..=255 `[3][height][width]`, 0 outside the picture.
    ///
    /// It was trained on squares of [`SIDE`](Self::SIDE), and finds faces of about 15 to 120 pixels of its input. A
    /// change of size rebuilds the plan, which allocates. [`Error::Input`] if a side is 0 or not a multiple of 32, or
    /// the length does not fit; [`Error::NotFinite`] if an output is not finite.
    pub fn forward(&mut self, input: &[f32], height: usize, width: usize) -> Result<()> {
        let multiple = |size: usize| size > 0 && size.is_multiple_of(SIZE_MULTIPLE);
        if !multiple(height) || !multiple(width) {
            return Err(Error::input(format!(
                "the detector takes sides that are multiples of {SIZE_MULTIPLE}, not {width}x{height}; pad the picture"
            )));
        }
        let shape = self.graph.input_shape();
        let executor = match &mut self.executor {
            Some(executor) if shape.height == height && shape.width == width => executor,
            slot => {
                *slot = None;
                self.graph = checked(self.graph.resized(height, width)?)?;
                slot.insert(self.backend.executor_for_outputs(&self.graph)?)
            }
        };
        executor.forward(input, Pass::Infer)?;
        if [0, 1].into_iter().flat_map(|output| executor.output(output)).all(|value| value.is_finite()) {
            return Ok(());
        }
        Err(Error::NotFinite { stage: "the second face detector" })
    }

    /// Logarithm of the odds of a face per anchor, `[height / 4][width / 4]`; empty before the first pass.
    pub fn logits(&self) -> &[f32] {
        self.output(0)
    }

    /// Box and points per anchor, planar `[16][height / 4][width / 4]`, in pixels from the anchor's centre: x and y of
    /// the box's centre, its width and height, x and y of each point.
    pub fn regressors(&self) -> &[f32] {
        self.output(1)
    }

    /// The candidates of the last pass with at least `least_score`, in the order of their anchors. One face usually has
    /// several. Boxes without area are left out.
    pub fn candidates(&self, least_score: f32) -> impl Iterator<Item = Candidate> + '_ {
        let (logits, regressors) = (self.logits(), self.regressors());
        let columns = self.graph.input_shape().width / STRIDE;
        logits.iter().enumerate().filter_map(move |(anchor, logit)| {
            let score = sigmoid(logit.clamp(-MAX_LOGIT, MAX_LOGIT));
            if score < least_score {
                return None;
            }
            let center = [anchor % columns, anchor / columns].map(|cell| (cell as f32 + 0.5) * STRIDE as f32);
            let value = |index: usize| regressors[index * logits.len() + anchor];
            let at = |index: usize| [center[0] + value(index), center[1] + value(index + 1)];
            let ([x, y], [width, height]) = (at(0), [value(2), value(3)]);
            let bbox = [x - width / 2.0, y - height / 2.0, width, height];
            let points = std::array::from_fn(|point| at(4 + 2 * point));
            (width > 0.0 && height > 0.0).then_some(Candidate { bbox, points, score })
        })
    }

    fn output(&self, index: usize) -> &[f32] {
        self.executor.as_ref().map_or(&[], |executor| executor.output(index))
    }
}

/// The network, for planar BGR 0..=255: output 0 the logits, output 1 the regressors.
fn described(file: &Bytes) -> Result<Graph> {
    let weights = Weights::parse(BlazeFaceNet::NAME, file)?;
    let input = Shape::new(3, BlazeFaceNet::SIDE, BlazeFaceNet::SIDE);
    let mut net = Layers { weights, graph: Graph::new(BlazeFaceNet::NAME, input) };
    let normalize = Op::Normalize { input: INPUT, order: [2, 1, 0], mean: [127.5; 3], scale: [1.0 / 127.5; 3] };
    let mut x = net.graph.push(normalize)?;
    x = net.conv("stem", x, Kind::Full { stride: 2 }, Activation::Relu)?;
    let (mut next, mut levels) = (0, Vec::with_capacity(STAGES.len()));
    for (stage, count) in STAGES.into_iter().enumerate() {
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            x = net.block(&format!("block{next:02}"), x, stride)?;
            next += 1;
        }
        levels.push(x);
    }
    let finer = levels.into_iter().rev().skip(1);
    for (level, (count, fine)) in NECK.into_iter().zip(finer).enumerate() {
        let small = net.conv(&format!("neck{level}.down"), x, Kind::Full { stride: 1 }, Activation::Relu)?;
        let large = net.conv(&format!("neck{level}.lateral"), fine, Kind::Full { stride: 1 }, Activation::Relu)?;
        x = net.graph.push(Op::UpsampleAdd { small, large, upsampling: Upsampling::Bilinear })?;
        for block in 0..count {
            x = net.block(&format!("neck{level}.block{block}"), x, 1)?;
        }
    }
    for head in ["score", "regressors"] {
        let output = net.conv(head, x, Kind::Full { stride: 1 }, Activation::None)?;
        net.graph.push_output(output);
    }
    Ok(net.graph)
}

/// The graph, if it has one score and all regressors per anchor; else [`Error::Model`].
fn checked(graph: Graph) -> Result<Graph> {
    let input = graph.input_shape();
    let expected = [1, REGRESSORS].map(|channels| Shape::new(channels, input.height / STRIDE, input.width / STRIDE));
    let outputs: Vec<Shape> = graph.outputs().iter().map(|&value| graph.shape(value)).collect();
    if outputs == expected {
        return Ok(graph);
    }
    let reason = format!("gives {outputs:?} of {input:?}, not {expected:?}; use the file this version ships with");
    Err(Error::model(graph.name(), reason))
}

enum Kind {
    Full { stride: usize },
    Depthwise { stride: usize },
}

struct Layers<'a> {
    weights: Weights<'a>,
    graph: Graph,
}

impl Layers<'_> {
    fn conv(&mut self, name: &str, input: ValueId, kind: Kind, activation: Activation) -> Result<ValueId> {
        let (stride, depthwise) = match kind {
            Kind::Full { stride } => (stride, false),
            Kind::Depthwise { stride } => (stride, true),
        };
        let mut conv = self.weights.conv(name, stride, Padding::default(), depthwise)?;
        let Shape { height, width, .. } = self.graph.shape(input);
        // Sides are even wherever the stride is 2, so the padding does not depend on the size.
        conv.padding = Padding::same(conv.kernel, stride, height, width);
        self.graph.push(Op::Conv { input, conv, activation })
    }

    fn block(&mut self, name: &str, input: ValueId, stride: usize) -> Result<ValueId> {
        let depthwise = |stride: usize| Kind::Depthwise { stride };
        let mut x = self.conv(&format!("{name}.depthwise1"), input, depthwise(stride), Activation::None)?;
        x = self.conv(&format!("{name}.pointwise1"), x, Kind::Full { stride: 1 }, Activation::Relu)?;
        x = self.conv(&format!("{name}.depthwise2"), x, depthwise(1), Activation::None)?;
        x = self.conv(&format!("{name}.pointwise2"), x, Kind::Full { stride: 1 }, Activation::None)?;
        let skip = match stride {
            1 => input,
            _ => self.graph.push(Op::MaxPool { input, kernel: 2, stride })?,
        };
        self.graph.push(Op::Add { a: x, b: skip, activation: Activation::Relu })
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
