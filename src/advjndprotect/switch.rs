// SPDX-License-Identifier: MIT OR Apache-2.0
//! The switch `enabled`, which acts between two frames, and the warnings that frames or faces pass unchanged.

use glib::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{AdvJndProtect, lock};
use super::people;

impl AdvJndProtect {
    /// Switches protection on or off between two frames. The base class checks passthrough several times per frame, so
    /// a switch within a frame could change a buffer that is not writable. Both sides negotiate their buffers anew.
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

    /// Records a frame that passes unchanged because the user switched the element off.
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

    /// Warns of the first face that passes unchanged by the user's choice. The details mark the warning as not a fault.
    pub(super) fn tell_kept(&self) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Failed,
            ("Kept by choice: faces pass recognisable"),
            details: gst::Structure::new_empty(people::KEPT)
        );
    }
}
