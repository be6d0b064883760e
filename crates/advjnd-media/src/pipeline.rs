// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pipelines: made of text, run to their end, and what went wrong in them.

use advjnd::{Error, Result};
use gst::prelude::*;

/// How long a pipeline that could not be started may take to say why.
const PATIENCE: gst::ClockTime = gst::ClockTime::SECOND;

/// Checks that GStreamer has each of `elements`, given with the Debian package that brings it.
///
/// # Errors
/// [`Error::Input`] names the first that is missing and its package.
pub fn require(elements: &[(&str, &str)]) -> Result<()> {
    match elements.iter().find(|(element, _)| gst::ElementFactory::find(element).is_none()) {
        Some((element, package)) => Err(Error::input(format!("GStreamer has no {element}; install {package}"))),
        None => Ok(()),
    }
}

/// The pipeline that `description` says, as `gst-launch-1.0` reads it.
///
/// # Errors
/// [`Error::Input`] if it says none.
pub fn pipeline(description: &str) -> Result<gst::Pipeline> {
    let element = gst::parse::launch(description)
        .map_err(|error| Error::input(format!("GStreamer cannot make a pipeline: {error}")))?;
    element.downcast().map_err(|_| Error::input(format!("`{description}` is one element, not a pipeline")))
}

/// Runs `pipeline` to the end of its stream and stops it; `tell` gets its warnings.
///
/// # Errors
/// [`Error::Input`] with what an element reports.
pub fn play(pipeline: &gst::Pipeline, tell: impl Fn(&str)) -> Result<()> {
    let result = run(pipeline, tell);
    let stopped = pipeline.set_state(gst::State::Null);
    result?;
    stopped.map(|_| ()).map_err(|_| Error::input("the pipeline does not stop"))
}

fn run(pipeline: &gst::Pipeline, tell: impl Fn(&str)) -> Result<()> {
    let bus = pipeline.bus().ok_or_else(|| Error::input("the pipeline has no bus"))?;
    // Why it does not start is on the bus.
    let started = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    while let Some(message) = bus.timed_pop_filtered(started.is_err().then_some(PATIENCE), &kinds) {
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(()),
            gst::MessageView::Warning(warning) => tell(&warning.error().to_string()),
            gst::MessageView::Error(error) => return Err(said(error)),
            _ => (),
        }
    }
    Err(Error::input("the pipeline does not start"))
}

/// The error that an element of `pipeline` has reported, if one has.
pub fn fault(pipeline: &gst::Pipeline) -> Option<Error> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(said(error)),
        _ => None,
    }
}

fn said(error: &gst::message::Error) -> Error {
    Error::input(format!("{}\n{}", error.error(), error.debug().unwrap_or_default()))
}

/// Sets the `properties` of `element` from text, as `gst-launch-1.0` does.
///
/// # Errors
/// [`Error::Input`] if the element has none of a name, or one cannot have a value.
pub fn set_properties(element: &gst::Element, properties: &[(String, String)]) -> Result<()> {
    for (name, text) in properties {
        let spec = element.find_property(name).ok_or_else(|| {
            Error::input(format!(
                "the element has no property `{name}`; gst-inspect-1.0 advjndprotect lists those it has"
            ))
        })?;
        let value = glib::Value::deserialize_with_pspec(text, &spec).map_err(|_| {
            Error::input(format!("property `{name}` cannot be `{text}`: it is a {}", spec.value_type()))
        })?;
        // Numbers without a sign are read as others where they have one; what lies outside of the range is a panic.
        let is_negative = text.trim_start().starts_with('-');
        if is_negative && matches!(value.type_(), glib::Type::U32 | glib::Type::U64) || !is_in_range(&spec, &value) {
            return Err(Error::input(format!(
                "property `{name}` cannot be `{text}`, which is out of its range; gst-inspect-1.0 advjndprotect tells it"
            )));
        }
        element.set_property_from_value(name, &value);
    }
    Ok(())
}

/// Whether a number lies in the range of its property; others have none.
fn is_in_range(spec: &glib::ParamSpec, value: &glib::Value) -> bool {
    macro_rules! holds {
        ($($kind:ty: $number:ty),*) => {
            $(if let Some(spec) = spec.downcast_ref::<$kind>() {
                return value.get::<$number>().is_ok_and(|number| (spec.minimum()..=spec.maximum()).contains(&number));
            })*
        };
    }
    holds!(
        glib::ParamSpecInt: i32,
        glib::ParamSpecUInt: u32,
        glib::ParamSpecUInt64: u64,
        glib::ParamSpecFloat: f32,
        glib::ParamSpecDouble: f64
    );
    true
}
