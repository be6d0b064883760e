// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of one case of each fuzz target. Two drivers run these: cargo-fuzz (`fuzz_targets/`), which looks for
//! new cases, and an ordinary test (`tests/fuzz.rs`), which takes the corpus and mutations of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what must not fail ends the case")]

use std::sync::{Once, OnceLock};

use advjnd::Pool;
use advjnd::models::Manifest;
use advjnd::net::graph::Graph;
use advjnd::net::{Backend, BlazeFaceNet, DetectorNet, Network, Pass, STRIDES};
use bytes::Bytes;
use gst::glib;
use gst::prelude::*;

/// Networks that cost more than this are loaded and not run, so that a case takes milliseconds.
const MOST_MACS: u64 = 1 << 28;
/// Iterations with which a frame takes no seconds.
const MOST_ITERATIONS: i32 = 3;
/// Outputs of a detector per anchor: score, objectness, box, landmarks.
const PER_ANCHOR: [usize; 4] = [1, 1, 4, 10];

fn backend() -> Backend {
    static POOL: OnceLock<std::sync::Arc<Pool>> = OnceLock::new();
    Backend::Cpu(POOL.get_or_init(|| Pool::new(2).unwrap()).clone())
}

/// A model file: the first byte chooses the network, the rest is the file. What loads must also run.
pub fn model(data: &[u8]) {
    let Some((&which, file)) = data.split_first() else { return };
    let file = Bytes::copy_from_slice(file);
    let which = usize::from(which) % (Network::ALL.len() + 2);
    match Network::ALL.get(which) {
        Some(network) => network.graph(&file).iter().for_each(run),
        None if which == Network::ALL.len() => detect(&file),
        None => detect_otherwise(&file),
    }
}

fn run(graph: &Graph) {
    if graph.macs() > MOST_MACS {
        return;
    }
    let Ok(mut executor) = backend().executor(graph, 1) else { return };
    let input: Vec<f32> = (0..graph.input_shape().len()).map(|i| (i * 37 % 256) as f32).collect();
    executor.forward(&input, Pass::Differentiable).unwrap();
    let cotangent = vec![1.0; executor.output(0).len()];
    let mut gradient = vec![0.0; input.len()];
    executor.input_gradient(&cotangent, &mut gradient).unwrap();
}

fn detect(file: &Bytes) {
    let Ok(mut detector) = DetectorNet::load(file, backend()) else { return };
    for (height, width) in [(32, 32), (64, 96)] {
        let input: Vec<f32> = (0..3 * height * width).map(|i| (i * 37 % 256) as f32).collect();
        if detector.forward(&input, height, width).is_err() {
            return;
        }
        for (level, stride) in STRIDES.into_iter().enumerate() {
            let anchors = (height / stride) * (width / stride);
            let outputs = [detector.cls(level), detector.obj(level), detector.bbox(level), detector.kps(level)];
            assert_eq!(outputs.map(<[f32]>::len), PER_ANCHOR.map(|values| values * anchors));
        }
    }
}

fn detect_otherwise(file: &Bytes) {
    let Ok(graph) = BlazeFaceNet::graph(file) else { return };
    if graph.macs() > MOST_MACS {
        return;
    }
    let mut detector = BlazeFaceNet::new(graph, backend());
    for (height, width) in [(32, 32), (64, 96)] {
        let input: Vec<f32> = (0..3 * height * width).map(|i| (i * 37 % 256) as f32).collect();
        if detector.forward(&input, height, width).is_err() {
            return;
        }
        let anchors = height * width / 16;
        assert_eq!([detector.logits().len(), detector.regressors().len()], [anchors, 16 * anchors]);
        assert!(detector.candidates(0.0).count() <= anchors);
    }
}

/// A manifest. What is accepted names files beside itself only.
pub fn manifest(data: &[u8]) {
    let Ok(manifest) = Manifest::parse(data) else { return };
    let folder = std::path::Path::new("/folder");
    for entry in manifest.entries {
        let path = folder.join(&entry.file);
        assert_eq!(path.parent(), Some(folder), "{:?}", entry.file);
        assert!(path.file_name().is_some_and(|name| name == entry.file.as_str()), "{:?}", entry.file);
    }
}

/// Values of properties, set before and while the element plays: each is one byte for the property, one for the kind
/// (even: a text with its length before it; odd: the eight bytes of a number), and the value. Frames with a face go on
/// coming out, or an error says why not.
pub fn properties(data: &[u8]) {
    start();
    let element = gst::ElementFactory::make("advjndprotect").build().unwrap();
    let settings = settings(&element, data);
    let (before, while_playing) = settings.split_at(settings.len() / 2);
    let set = |settings: &[(String, glib::Value)]| {
        settings.iter().for_each(|(name, value)| element.set_property_from_value(name, value));
    };
    // More iterations take seconds and go the same way.
    let hasten =
        || element.set_property("max-iterations", element.property::<i32>("max-iterations").clamp(0, MOST_ITERATIONS));
    set(before);
    hasten();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    if element.set_state(gst::State::Playing).is_ok() {
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps(frame().1.clone());
        let mut fails = harness.push(frame().0.copy_deep().unwrap()).is_err();
        set(while_playing);
        hasten();
        fails |= harness.push(frame().0.copy_deep().unwrap()).is_err();
        let stats: gst::Structure = element.property("stats");
        let count = |name| stats.get::<u64>(name).unwrap();
        assert_eq!(count("faces"), count("protected") + count("covered") + count("kept"), "{stats}");
        assert!(!fails || bus.iter_filtered(&[gst::MessageType::Error]).count() > 0, "an error without a message");
    }
    element.set_state(gst::State::Null).unwrap();
    for message in bus.iter_filtered(&[gst::MessageType::Error]) {
        let gst::MessageView::Error(error) = message.view() else { continue };
        assert!(!error.error().to_string().contains("anic"), "{message:?}");
    }
    for spec in specs(&element).iter().filter(|spec| spec.downcast_ref::<gst::ParamSpecArray>().is_none()) {
        let value = element.property_value(spec.name());
        assert!(is_valid(spec, &value), "{} is {value:?}", spec.name());
    }
}

fn start() {
    static START: Once = Once::new();
    START.call_once(|| {
        gst::init().unwrap();
        gstadvjndprotect::plugin_register_static().unwrap();
    });
}

/// The element's own properties that can be set.
fn specs(element: &gst::Element) -> Vec<glib::ParamSpec> {
    let own = |spec: &glib::ParamSpec| {
        spec.owner_type() == element.type_() && spec.flags().contains(glib::ParamFlags::WRITABLE)
    };
    element.list_properties().iter().filter(|spec| own(spec)).cloned().collect()
}

fn settings(element: &gst::Element, mut data: &[u8]) -> Vec<(String, glib::Value)> {
    let specs = specs(element);
    let mut settings = Vec::new();
    while let [which, kind, rest @ ..] = data {
        let spec = &specs[usize::from(*which) % specs.len()];
        let (value, rest) = match (kind % 2, rest) {
            (0, [length, rest @ ..]) => {
                let (text, rest) = rest.split_at(usize::from(*length).min(rest.len()));
                let text = String::from_utf8_lossy(text).replace('\0', "");
                (glib::Value::deserialize_with_pspec(&text, spec).ok(), rest)
            }
            (1, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                let bits = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                (of_bits(spec.value_type(), bits), rest)
            }
            _ => break,
        };
        data = rest;
        // GObject itself refuses the others, with a warning.
        let valid = value.filter(|value| value.type_() == spec.value_type() && is_valid(spec, value));
        settings.extend(valid.map(|value| (spec.name().to_owned(), value)));
    }
    settings
}

/// Whether a number lies between the property's bounds; of other values only plain ones are tried.
fn is_valid(spec: &glib::ParamSpec, value: &glib::Value) -> bool {
    macro_rules! bounded {
        ($($spec:ty => $number:ty),*) => {
            $(if let Some(spec) = spec.downcast_ref::<$spec>() {
                let number = value.get::<$number>().unwrap();
                return number >= spec.minimum() && number <= spec.maximum();
            })*
        };
    }
    bounded!(
        glib::ParamSpecFloat => f32, glib::ParamSpecDouble => f64, glib::ParamSpecUInt => u32,
        glib::ParamSpecUInt64 => u64, glib::ParamSpecInt => i32, glib::ParamSpecInt64 => i64
    );
    [glib::Type::BOOL, glib::Type::STRING].contains(&spec.value_type()) || spec.value_type().is_a(glib::Type::ENUM)
}

fn of_bits(kind: glib::Type, bits: u64) -> Option<glib::Value> {
    match kind {
        glib::Type::F32 => Some(f32::from_bits(bits as u32).to_value()),
        glib::Type::F64 => Some(f64::from_bits(bits).to_value()),
        glib::Type::U32 => Some((bits as u32).to_value()),
        glib::Type::U64 => Some(bits.to_value()),
        glib::Type::I32 => Some((bits as i32).to_value()),
        glib::Type::I64 => Some((bits as i64).to_value()),
        glib::Type::BOOL => Some((bits % 2 == 1).to_value()),
        _ => None,
    }
}

/// A frame with one face on grey.
fn frame() -> &'static (gst::Buffer, gst::Caps) {
    static FRAME: OnceLock<(gst::Buffer, gst::Caps)> = OnceLock::new();
    FRAME.get_or_init(|| {
        const SIDE: u32 = 192;
        let face = image::load_from_memory(include_bytes!("../crates/advjnd/tests/data/chips/astronaut.png")).unwrap();
        let mut picture = image::RgbImage::from_pixel(SIDE, SIDE, image::Rgb([120; 3]));
        image::imageops::replace(&mut picture, &face.to_rgb8(), 20, 20);
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, SIDE, SIDE).build().unwrap();
        (gst::Buffer::from_mut_slice(picture.into_raw()), info.to_caps().unwrap())
    })
}
