// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presets: as a property, and as GStreamer keeps them.

use crate::common;
use crate::common::file;
use gst::prelude::*;

const NAMES: [&str; 3] = ["invisible", "balanced", "strong"];

/// The nick of the element's property `preset`.
fn preset(element: &gst::Element) -> String {
    let value = element.property_value("preset");
    gst::glib::EnumValue::from_value(&value).unwrap().1.nick().to_owned()
}

fn rms(element: &gst::Element) -> f32 {
    element.property("jnd-rms")
}

#[test]
fn a_preset_sets_properties_and_is_read_from_them() {
    let element = common::element(&[]);
    assert_eq!(preset(&element), "balanced", "unless something is set");
    let mut last = 0.0;
    for name in NAMES {
        element.set_property_from_str("preset", name);
        assert_eq!(preset(&element), name);
        assert!(rms(&element) > last, "{name} is stronger than the one before");
        last = rms(&element);
    }
    element.set_property("jnd-rms", 1.0f32);
    assert_eq!(preset(&element), "custom");
    element.set_property("jnd-rms", last);
    assert_eq!(preset(&element), "strong");
    element.set_property_from_str("preset", "custom");
    assert_eq!(preset(&element), "strong", "custom changes nothing");
    let likeness = || ["reshape", "relight"].map(|name| element.property::<f32>(name));
    assert_eq!(likeness(), [0.0; 2]);
    element.set_property_from_str("preset", "natural");
    assert_eq!(preset(&element), "natural");
    assert!(likeness().iter().all(|value| *value > 0.0) && element.property::<f32>("min-psnr") >= 38.0);
    element.set_property_from_str("preset", "balanced");
    assert_eq!((preset(&element).as_str(), likeness()), ("balanced", [0.0; 2]), "no other alters the likeness");
    assert!(element.property::<bool>("enabled"));
}

#[test]
fn who_watches_properties_hears_of_those_that_change() {
    let element = common::element(&[("preset", "balanced")]);
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let notes = std::sync::Arc::clone(&heard);
    element.connect_notify(None, move |_, spec| notes.lock().unwrap().push(spec.name().to_owned()));
    let hears = |change: &dyn Fn()| {
        change();
        let mut names = std::mem::take(&mut *heard.lock().unwrap());
        names.sort();
        names
    };
    assert_eq!(hears(&|| element.set_property_from_str("preset", "balanced")), ["preset"]);
    assert_eq!(hears(&|| element.set_property("jnd-rms", 1.0f32)), ["jnd-rms", "preset"]);
    assert_eq!(hears(&|| element.set_property("jnd-rms", 2.0f32)), ["jnd-rms"]);
    let names = hears(&|| element.set_property_from_str("preset", "strong"));
    assert!(["jnd-rms", "preset"].iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert!(!names.contains(&"seed".to_owned()), "{names:?}");
}

#[test]
fn the_installed_file_holds_the_presets() {
    common::init();
    gst::Preset::set_app_dir(file("presets")).unwrap();
    let element = common::element(&[]);
    let presets = element.dynamic_cast_ref::<gst::Preset>().expect("an element with presets");
    let mut names: Vec<String> = presets.preset_names().iter().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(names, ["balanced", "invisible", "natural", "strong"]);
    for name in NAMES.into_iter().chain(["natural"]) {
        presets.load_preset(name).unwrap();
        assert_eq!(preset(&element), name);
        assert!(presets.meta(name, "comment").is_some_and(|comment| !comment.is_empty()));
    }
}
