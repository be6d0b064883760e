// SPDX-License-Identifier: MIT OR Apache-2.0
//! The switch `enabled`: between two frames, and with a warning while frames pass; and the warning that faces do.

use glib::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{AdvJndProtect, lock};
use super::people;

impl AdvJndProtect {
    /// Switches protection on or off, between two frames: the base class looks several times whether a frame passes,
    /// and would have one changed that it did not make writable. What buffers are to be like is asked anew on both
    /// sides.
    pub(super) fn follow_switch(&self) -> Result<(), gst::FlowError> {
        let (obj, enabled) = (self.obj(), lock(&self.settings).enabled);
        if obj.is_passthrough() == enabled {
            self.drain()?;
            obj.set_passthrough(!enabled);
            obj.reconfigure_sink();
            obj.reconfigure_src();
        }
        Ok(())
    }

    /// A frame passes as it came, because the user switched the element off.
    pub(super) fn pass(&self) {
        lock(&self.stats).frames_passed += 1;
        let first = self.with_state(|state| {
            state.reset();
            Ok(!std::mem::replace(&mut state.passing, true))
        });
        if first == Ok(true) {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("Not enabled: faces pass recognisable"));
        }
    }

    /// The first face passes as it came, because the user chose so of this person. The details say that it is no fault.
    pub(super) fn tell_kept(&self) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Failed,
            ("Kept by choice: faces pass recognisable"),
            details: gst::Structure::new_empty(people::KEPT)
        );
    }
}
