// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked for, alike for every file of a run.

use advjnd::{Error, Result};
use advjnd_media::set_properties;
use serde::{Deserialize, Serialize};

/// The element that protects.
pub const ELEMENT: &str = "advjndprotect";

/// What every file is protected with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Properties of the element, as `gst-launch-1.0` takes them, in the order in which they are set.
    pub properties: Vec<(String, String)>,
    /// Whether video is written without loss.
    pub lossless: bool,
    /// Whether tags that hold no picture go on.
    pub keep_metadata: bool,
    /// Whether further videos, subtitles and chapters are left out.
    pub strip: bool,
    /// Whether interlaced video becomes a frame for each field, and not for two.
    pub both_fields: bool,
    /// Whether video of high dynamic range is mapped to standard range, and not refused.
    pub tone_map: bool,
    /// The seconds of a video that are written, from its start; all where there are none.
    pub preview: Option<f64>,
}

impl Settings {
    /// An element with the properties.
    ///
    /// # Errors
    /// [`Error::Input`] if the element has none of a name, or one cannot have a value.
    pub fn element(&self) -> Result<gst::Element> {
        let element = gst::ElementFactory::make(ELEMENT)
            .build()
            .map_err(|error| Error::input(format!("the element cannot be made: {error}")))?;
        self.apply(&element)?;
        Ok(element)
    }

    /// Sets the properties of `element`.
    ///
    /// # Errors
    /// Those of [`element`](Self::element).
    pub fn apply(&self, element: &gst::Element) -> Result<()> {
        set_properties(element, &self.properties)
    }
}
