// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manifest is the one source of what recognisers expect and of their thresholds.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use advjnd::models::{Kind, Manifest};
use advjnd::net::graph::{Op, Shape};
use advjnd::net::{Metric, Network};
use bytes::Bytes;

fn models() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models"))
}

fn text() -> String {
    fs::read_to_string(models().join("manifest.toml")).unwrap()
}

/// The manifest with one text of the entry of `name` replaced.
fn changed(name: &str, from: &str, to: &str) -> String {
    let text = text();
    let (before, entry) = text.split_once(&format!("name = \"{name}\"")).unwrap();
    assert!(entry.contains(from), "{name}: {from}");
    format!("{before}name = \"{name}\"{}", entry.replacen(from, to, 1))
}

#[test]
fn recognisers_are_what_the_manifest_says() {
    let text: toml::Table = text().parse().unwrap();
    for network in Network::ALL {
        let mut rows = text["model"].as_array().unwrap().iter();
        let row = rows.find(|model| model["name"].as_str() == Some(network.name())).unwrap();
        let number = |value: &toml::Value| value.as_float().unwrap().to_string().parse::<f32>().unwrap();
        let spec = network.spec().unwrap();
        assert_eq!(spec.verification_threshold, number(&row["verification_threshold"]));
        assert_eq!(spec.false_accept_rate, number(&row["false_accept_rate"]));
        assert_eq!(spec.embedding_len as i64, row["embedding_len"].as_integer().unwrap());
        let metric = if spec.metric == Metric::Cosine { "cosine" } else { "euclidean" };
        assert_eq!(Some(metric), row["metric"].as_str());
        let input = &row["input"];
        let template = input["template"].as_array().unwrap().iter().flat_map(|point| point.as_array().unwrap());
        assert_eq!(spec.template.as_flattened(), template.map(number).collect::<Vec<_>>());

        let file = Bytes::from(fs::read(models().join(row["file"].as_str().unwrap())).unwrap());
        let graph = network.graph(&file).unwrap();
        assert_eq!(graph.input_shape(), Shape::new(3, spec.chip_size, spec.chip_size));
        assert_eq!(graph.shape(graph.outputs()[0]).len(), spec.embedding_len);
        let normalize = graph.ops().iter().find_map(|op| match op {
            Op::Normalize { mean, scale, .. } => Some((*mean, *scale)),
            _ => None,
        });
        let mean: Vec<f32> = input["mean"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(normalize.unwrap(), ([mean[0], mean[1], mean[2]], [number(&input["scale"]); 3]));
    }
}

#[test]
fn a_threshold_of_a_folder_is_taken_over() {
    let manifest = changed("sface_2021dec", "verification_threshold = 0.283", "verification_threshold = 0.5");
    let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
    let entry = manifest.entries.iter().find(|entry| entry.name == "sface_2021dec").unwrap();
    let (own, shipped) = (entry.spec().unwrap(), Network::SFace.spec().unwrap());
    assert_eq!((own.verification_threshold, shipped.verification_threshold), (0.5, 0.283));
}

#[test]
fn what_belongs_to_the_weights_cannot_be_changed() {
    for (from, to, field) in [
        ("embedding_len = 128", "embedding_len = 127", "embedding_len"),
        ("metric = \"cosine\"", "metric = \"euclidean\"", "metric"),
        ("size = [112, 112]", "size = [150, 150]", "input"),
        ("mean = [127.5,", "mean = [127.0,", "input"),
        ("scale = 0.0078125", "scale = 0.0078", "input"),
        ("template = [[38.2946,", "template = [[38.2,", "input"),
        ("architecture = \"sface\"", "architecture = \"dlib_resnet29\"", "architecture"),
    ] {
        let manifest = Manifest::parse(changed("sface_2021dec", from, to).as_bytes()).unwrap();
        let entry = manifest.entries.iter().find(|entry| entry.name == "sface_2021dec").unwrap();
        let error = entry.spec().unwrap_err().to_string();
        assert!(error.contains("sface_2021dec") && error.contains(&format!("`{field}`")), "{to}: {error}");
    }
}

#[test]
fn fields_that_are_unknown_and_values_that_cannot_be_are_refused() {
    for (from, to, told) in [
        ("metric = \"cosine\"", "metric = \"cosine\"\ntreshold = 0.3", "treshold"),
        ("channels = \"RGB\"", "channels = \"RGB\"\nmeans = [0.0, 0.0, 0.0]", "means"),
        ("metric = \"cosine\"", "metric = \"manhattan\"", "manhattan"),
        ("metric = \"cosine\"", "", "metric"),
        ("verification_threshold = 0.283", "", "verification_threshold"),
        ("verification_threshold = 0.283", "verification_threshold = 1.0", "verification_threshold"),
        ("verification_threshold = 0.283", "verification_threshold = nan", "verification_threshold"),
        ("false_accept_rate = 0.01", "false_accept_rate = 1.5", "false_accept_rate"),
        ("embedding_len = 128", "embedding_len = 0", "embedding_len"),
        ("embedding_len = 128", "embedding_len = -1", "embedding_len"),
        ("size = [112, 112]", "size = [112, 96]", "input.size"),
        ("size = [112, 112]\n", "", "input.size"),
        ("channels = \"RGB\"", "channels = \"BGR\"", "input.channels"),
        ("mean = [127.5,", "mean = [256.0,", "input.mean"),
        ("scale = 0.0078125", "scale = 0.0", "input.scale"),
        ("scale = 0.0078125", "scale = inf", "input.scale"),
        ("template = [[38.2946,", "template = [[-38.2946,", "input.template"),
    ] {
        let error = Manifest::parse(changed("sface_2021dec", from, to).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(told), "{to}: {error}");
    }
    let distance = changed("dlib_resnet29", "verification_threshold = 0.606", "verification_threshold = -0.6");
    let error = Manifest::parse(distance.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("dlib_resnet29") && error.contains("distance"), "{error}");
}

#[test]
fn detectors_need_no_more_than_a_file() {
    let entries = Manifest::embedded().unwrap().entries.iter();
    assert_eq!(entries.filter(|entry| entry.kind == Kind::Detector).count(), 2);
    let least = "[[model]]\nname = \"a\"\nkind = \"detector\"\nfile = \"b\"\nsha256 = \"c\"\nembedded = true\n";
    assert!(Manifest::parse(least.as_bytes()).is_ok());
}
