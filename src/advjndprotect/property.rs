// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the table of properties.
//!
//! `#[derive(glib::Properties)]` is not used: settings nest, and every frame works with a snapshot of them.

use advjnd::frame::Rect;
use glib::prelude::*;

use super::report::Stats;
use super::settings::Settings;

/// One row of the table.
pub(super) struct Property {
    /// Its GObject specification.
    pub(super) spec: glib::ParamSpec,
    /// How it is read and written.
    pub(super) access: Access,
}

/// What a property reads and writes.
pub(super) enum Access {
    /// A setting.
    Setting {
        /// Reads it.
        get: fn(&Settings) -> glib::Value,
        /// Writes it.
        set: fn(&mut Settings, &glib::Value) -> Result<(), glib::BoolError>,
        /// Whether it has the same value in both.
        same: fn(&Settings, &Settings) -> bool,
    },
    /// A statistic of the element.
    Reading(fn(&Stats) -> glib::Value),
}

/// A row for the field `$field` of the settings, which GObject sees as `$type`.
macro_rules! property {
    ($spec:expr, $type:ty, $($field:ident).+) => {
        property!($spec, |settings| settings.$($field).+.clone(), |settings, value: $type| settings.$($field).+ = value)
    };
    ($spec:expr, |$from:ident| $get:expr, |$into:ident, $value:ident: $type:ty| $set:expr) => {
        $crate::advjndprotect::property::Property {
            spec: $spec.build(),
            access: $crate::advjndprotect::property::Access::Setting {
                get: |$from| ($get).to_value(),
                set: |$into, value| {
                    let $value: $type = value.get().map_err(|error| glib::bool_error!("{error}"))?;
                    $set;
                    Ok(())
                },
                same: |one, other| {
                    let value = |$from: &$crate::advjndprotect::settings::Settings| $get;
                    value(one) == value(other)
                },
            },
        }
    };
}

/// A row of rectangles: arrays of x, y, width and height.
macro_rules! rectangles {
    ($name:literal, $nick:literal, $blurb:literal, $field:ident) => {
        $crate::advjndprotect::property::Property {
            spec: gst::ParamSpecArray::builder($name)
                .nick($nick)
                .blurb($blurb)
                .element_spec(&$crate::advjndprotect::property::rectangle_spec())
                .mutable_playing()
                .build(),
            access: $crate::advjndprotect::property::Access::Setting {
                get: |settings| {
                    gst::Array::new(settings.$field.iter().map($crate::advjndprotect::property::to_array)).to_value()
                },
                set: |settings, value| {
                    let rects: gst::Array = value.get().map_err(|error| glib::bool_error!("{error}"))?;
                    settings.$field =
                        rects.iter().map($crate::advjndprotect::property::from_array).collect::<Result<_, _>>()?;
                    Ok(())
                },
                same: |one, other| one.$field == other.$field,
            },
        }
    };
}

pub(super) fn rectangle_spec() -> glib::ParamSpec {
    let number = glib::ParamSpecInt::builder("number").nick("Number").blurb("Pixels").minimum(0).build();
    gst::ParamSpecArray::builder("rectangle")
        .nick("Rectangle")
        .blurb("x, y, width, height in pixels of the frame")
        .element_spec(&number)
        .build()
}

pub(super) fn to_array(rect: &Rect) -> gst::Array {
    let numbers = [rect.x, rect.y, rect.width, rect.height];
    gst::Array::new(numbers.map(|number| i32::try_from(number).unwrap_or(i32::MAX)))
}

pub(super) fn from_array(value: &glib::SendValue) -> Result<Rect, glib::BoolError> {
    let wrong = || glib::bool_error!("a rectangle is <x, y, width, height> in whole pixels, not {value:?}");
    let array: gst::Array = value.get().map_err(|_| wrong())?;
    let number = |value: &glib::SendValue| value.get::<i32>().ok().and_then(|number| usize::try_from(number).ok());
    let numbers: Vec<usize> = array.iter().map(number).collect::<Option<_>>().ok_or_else(wrong)?;
    let &[x, y, width, height] = numbers.as_slice() else { return Err(wrong()) };
    Ok(Rect { x, y, width, height })
}

pub(super) use {property, rectangles};
