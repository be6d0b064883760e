// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings of the application.

use advjnd::Device;
use advjnd::frame::Rect;

use super::Detector;

/// The element's settings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// Whether faces are protected at all.
    pub(super) enabled: bool,
    /// Who finds the faces.
    pub(super) detector: Detector,
    /// Where faces are protected; empty: everywhere.
    pub(super) regions: Vec<Rect>,
    /// Where faces are not protected.
    pub(super) exclude_regions: Vec<Rect>,
    /// Folder of photographs, or file, of the people who pass unchanged.
    pub(super) exclude_people: Option<String>,
    /// Folder of photographs, or file, of the only people who are protected.
    pub(super) protect_only: Option<String>,
    /// Rectangles that are covered in every frame.
    pub(super) privacy_masks: Vec<Rect>,
    /// Types of regions of interest to cover, as the application wrote them.
    pub(super) roi_types: Option<String>,
    /// Time for a frame of a live stream, nanoseconds; 0: a share of its interval.
    pub(super) frame_deadline: u64,
    /// Frames for which a frame is held while later frames are searched for faces; negative: 15, in live streams none.
    pub(super) look_ahead: i32,
    /// Folder of the models; `None`: the embedded ones.
    pub(super) models: Option<String>,
    /// Names of the recognisers, as the application wrote them; `None`: those that the manifest marks as embedded.
    pub(super) recognizers: Option<String>,
    /// The core's settings, read at every frame.
    pub(super) core: advjnd::Settings,
    /// Largest number of iterations per face and frame; negative: the default.
    pub(super) max_iterations: i32,
    /// Seed of the random numbers.
    pub(super) seed: u64,
    /// The device that runs the recognisers, as the application wrote it; `None`: the processor.
    pub(super) device: Option<String>,
    /// Worker threads; 0 = one per core.
    pub(super) threads: u32,
    /// Whether to post messages about changed verdicts.
    pub(super) messages: bool,
    /// Whether to attach metas about faces to the buffers.
    pub(super) attach_meta: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            detector: Detector::default(),
            regions: Vec::new(),
            exclude_regions: Vec::new(),
            exclude_people: None,
            protect_only: None,
            privacy_masks: Vec::new(),
            roi_types: None,
            frame_deadline: 0,
            look_ahead: -1,
            models: None,
            recognizers: None,
            max_iterations: -1,
            core: advjnd::Settings::default(),
            seed: 0,
            device: Some("cpu".to_owned()),
            threads: 0,
            messages: true,
            attach_meta: true,
        }
    }
}

impl Settings {
    /// The device to run the recognisers.
    pub(super) fn device(&self) -> advjnd::Result<Device> {
        self.device.as_deref().map_or(Ok(Device::Cpu), str::parse)
    }

    /// The recognisers asked for, by name; none: the default ones.
    pub(super) fn recognizer_names(&self) -> Vec<String> {
        let names = self.recognizers.iter().flat_map(|names| names.split(','));
        names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}
