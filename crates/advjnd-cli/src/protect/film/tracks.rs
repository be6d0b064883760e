// SPDX-License-Identifier: MIT OR Apache-2.0
//! The container that is written, as its tracks see it.

use advjnd::{Error, Result};
use gst::prelude::*;

use super::super::settings::Settings;
use super::{end::End, headers, made, tags};

/// The kind of the tracks of sound.
pub const SOUND: &str = "audio_%u";

/// Where the tracks of a file go.
#[derive(Debug)]
pub struct Tracks<'a> {
    /// The pipeline.
    pub pipeline: &'a gst::Pipeline,
    /// What writes the container.
    pub muxer: &'a gst::Element,
    /// Where the main video ends.
    pub end: &'a End,
    /// What is asked for.
    pub settings: &'a Settings,
}

impl Tracks<'_> {
    /// Whether the container takes streams of the kind `template` with these caps.
    pub fn takes(&self, template: &str, caps: &gst::CapsRef) -> bool {
        self.muxer.pad_template(template).is_some_and(|template| template.caps().can_intersect(caps))
    }

    /// The pad for a video. Where the `main` one ends, all else does.
    ///
    /// # Errors
    /// [`Error::Input`] if the container takes no more.
    pub fn video(&self, is_main: bool) -> Result<gst::Pad> {
        let into = self.pad("video_%u")?;
        if is_main {
            self.end.follow(&into);
        } else {
            self.end.cut(&into);
        }
        Ok(into)
    }

    /// Takes what comes out of `from`, through the elements that `description` names, into a track of the kind
    /// `template`. Returns the bin of these elements. One named `decode` comes first: its output is linked later, so
    /// that the element behind it has a free pad as well.
    ///
    /// # Errors
    /// [`Error::Input`] if the container takes no more, or what is needed is not installed.
    pub fn link(&self, from: &gst::Pad, description: &str, template: &str) -> Result<gst::Bin> {
        let bin = gst::parse::bin_from_description(description, false).map_err(made)?;
        let lost = || Error::input("a track lost its pads");
        let decoded = bin.by_name("decode").and_then(|decode| decode.static_pad("sink"));
        let inner_sink = decoded.or_else(|| bin.find_unlinked_pad(gst::PadDirection::Sink)).ok_or_else(lost)?;
        let inner_source = bin.find_unlinked_pad(gst::PadDirection::Src).ok_or_else(lost)?;
        let sink = gst::GhostPad::with_target(&inner_sink).map_err(made)?;
        let source = gst::GhostPad::with_target(&inner_source).map_err(made)?;
        bin.add_pad(&sink).and_then(|()| bin.add_pad(&source)).map_err(made)?;
        self.pipeline.add(&bin).map_err(made)?;
        let into = self.pad(template)?;
        self.end.cut(&into);
        if template == SOUND {
            self.end.expect(&into);
        }
        source.link(&into).map_err(made)?;
        bin.sync_state_with_parent().map_err(made)?;
        from.link(&sink).map_err(made)?;
        Ok(bin)
    }

    fn pad(&self, template: &str) -> Result<gst::Pad> {
        let full = || Error::input("the container takes no more tracks of this kind; use another one, .mkv say");
        let into = self.muxer.request_pad_simple(template).ok_or_else(full)?;
        tags::filter(&into, self.settings);
        headers::drop_comments(&into);
        Ok(into)
    }
}
