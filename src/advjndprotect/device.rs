// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device that runs the recognisers: its report during the stream.

use gst::subclass::prelude::*;

use super::imp::{AdvJndProtect, lock};

impl AdvJndProtect {
    /// Updates the report of the device, and posts a warning once if it failed.
    pub(super) fn follow_device(&self) -> Result<(), gst::ErrorMessage> {
        let news = self.with_state(|state| {
            let report = state.device.is_gpu().then(|| state.device.report());
            let failed = report.as_ref().and_then(|report| report.fault.clone()).filter(|_| !state.device_mourned);
            state.device_mourned |= failed.is_some();
            Ok(report.zip(Some(failed)))
        })?;
        let Some((report, failed)) = news else { return Ok(()) };
        lock(&self.stats).device = report;
        if let Some(fault) = failed {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Failed,
                ("The GPU failed, the processor goes on without it until the next start: {fault}")
            );
        }
        Ok(())
    }
}
