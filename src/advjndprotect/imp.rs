// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * SECTION:element-advjndprotect
 * @title: advjndprotect
 * @short_description: protects the faces of a video from face recognition
 *
 * Finds and follows the faces in raw video, and changes each within a budget of just-noticeable differences until face
 * recognition no longer matches it. A self-check reads the changed frame; a face that fails it is covered (property
 * `fail-policy`). If anything fails with an error, no face goes through; a face that is not found does. Pixels outside
 * the face regions stay as they were.
 *
 * ## Example pipeline
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! videoflip video-direction=auto \
 *     ! advjndprotect ! x264enc ! mp4mux ! filesink location=protected.mp4
 * ]| Protects the faces in a file; you need not set any property.
 *
 * ## Messages
 * With property `messages`, the element posts a message named `advjndprotect` when a face appears or its verdict
 * changes: `face` (guint64, its number), `verdict` (string: `protected`, `covered-not-yet-protected`, `covered-lost`,
 * `covered-unusable`, `covered-fault`, `covered-out-of-time`, `covered-too-many`, `covered-on-request`,
 * `covered-overlapped`, `kept`),
 * `timestamp`, `stream-time`, `running-time` (guint64, nanoseconds), `x`, `y`, `width`, `height` (guint, pixels),
 * `similarity-before`, `similarity-after` (gdouble, cosine to the clean face).
 *
 * ## Metas
 * With property `attach-meta`, every face of a buffer gets a `GstVideoRegionOfInterestMeta` of type `face` with its
 * number as id and a parameter structure `advjndprotect`: `verdict`, `score`, the two similarities, `iterations`,
 * `spent` (just-noticeable differences) and `psnr` (decibels) of what was added, `displacement` (per cent of the eyes'
 * distance) and `light` (per cent of luma) of how the face was moved and lit, `landmarks` (ten coordinates), `aligned`
 * (whether anybody saw them; if not, they are a guess) and the rectangle `region-x`, `region-y`, `region-width`,
 * `region-height`, outside of which no pixel was touched for it.
 *
 * Metas of type `face` that came with the buffer stay. Property `detector` says whether they add to the search or
 * replace it. The element takes five landmarks from a field `landmarks` of any of their parameter structures (ten
 * numbers, x and y in pixels: the eye to the left in the picture, the other, the tip of the nose, the corners of the
 * mouth), or looks for them in the region. It believes landmarks that its own close looks confirm.
 *
 * ## Look-ahead
 * In a stream that is not live the element holds back 15 frames (property `look-ahead`). It looks for a new face in
 * these frames, too, and protects or covers it from the first frame in which it is seen.
 *
 * ## Live streams
 * A stream is live if upstream says so in its answer to the LATENCY query. Then each frame has a deadline (property
 * `frame-deadline`), which the element reports as latency. The deadline is shorter for a frame that waited, and when
 * downstream says that frames come too late. Gradient iterations end in time, and the whole frame may not be searched
 * for faces every time. A face for which there is no time for the self-check is covered. Put a `queue` before the
 * element and one behind it. In other streams timing has no effect, except that frames are dropped that downstream says
 * will be late (property `qos`).
 *
 * ## Covering every face
 * With property `mode` set to `cover`, the element covers every face that it finds and changes none. Use it for people
 * at risk.
 *
 * ## Not everybody
 * Property `exclude-people` names photographs of people who pass unchanged, RECOGNISABLE, if the element is sure who
 * they are. Property `protect-only` names photographs of the only people to protect; others pass if the element is sure
 * that they are none of these. Photographs lie in a folder: each subfolder, and each file beside the subfolders, is one
 * person. `advjnd enrol` makes a file of them. Where the element is not sure, it protects or covers the face. It posts
 * a warning when the first face passes.
 *
 * ## Presets
 * Property `preset`, and #GstPreset where `GstAdvJndProtect.prs` is installed: `invisible`, `balanced` and `strong`
 * trade visibility of the change for protection. `natural` adds less noise than `balanced`, and moves and lights faces
 * a little instead: it alters the likeness. The others do not.
 *
 * ## What is refused
 * The element refuses video in which it would miss faces. If it is interlaced, put `deinterlace` in front. If it is to
 * be shown turned (tag `image-orientation`), put `videoflip video-direction=auto` in front. If its pixel-aspect-ratio
 * is beyond 3/2 or 2/3, put `videoscale ! video/x-raw,pixel-aspect-ratio=1/1` in front.
 *
 * ## After a panic
 * A panic is an error, and no frame goes out until the element is set to READY and started again.
 *
 * ## What does not go on
 * The element removes pictures among the tags (`image`, `preview-image`, `attachment`, and what demuxers pass on
 * unread). From regions of interest that came with a buffer, it removes all parameters but numbers, truth values, texts
 * of at most 64 bytes, and `landmarks`.
 *
 * Since: plugin-advjndprotect-0.1.0
 */
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use advjnd::{Models, Protector};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::BaseTransformMode;
use gst_base::subclass::base_transform::GenerateOutputSuccess;
use gst_video::VideoInfo;
use gst_video::subclass::prelude::*;

use super::live::Live;
use super::properties::PROPERTIES;
use super::property::{Access, Property};
use super::report::{Stats, Times};
use super::settings::Settings;
use super::state::State;
use super::tags::Orientation;
use super::{error, frame, people};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "advjndprotect",
        gst::DebugColorFlags::empty(),
        Some("Protection of faces from recognition"),
    )
});

/* Lock order:
    - state, held while a frame is processed; poisoned by a panic there, and then no frame passes until `start`
    - settings
    - live
    - orientation
    - stats
   Property getters take settings and stats only: nothing slow happens under these, nor under live. Messages are posted
   under none of them.
*/
#[derive(Default)]
pub struct AdvJndProtect {
    pub(super) state: Mutex<Option<State>>,
    pub(super) settings: Mutex<Settings>,
    pub(super) live: Mutex<Live>,
    pub(super) orientation: Mutex<Orientation>,
    pub(super) stats: Mutex<Stats>,
}

/// The access of the property with this id; GObject counts from 1.
fn access(id: usize) -> Option<&'static Access> {
    PROPERTIES.get(id.checked_sub(1)?).map(|property| &property.access)
}

/// Locks `mutex`, poisoned or not: settings and sums are valid at every instant.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AdvJndProtect {
    pub(super) fn times(&self, buffer: &gst::BufferRef) -> Times {
        let segment = self.obj().segment();
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let timestamp = buffer.pts();
        Times {
            timestamp,
            stream_time: segment.and_then(|segment| segment.to_stream_time(timestamp)),
            running_time: segment.and_then(|segment| segment.to_running_time(timestamp)),
        }
    }

    /// Forgets every face unless `timestamp` follows the last one within the hold time: after a few lost frames (a
    /// leaky queue, a slow source) the faces are still the same.
    fn reset_unless_continuous(&self, timestamp: Option<gst::ClockTime>) -> Result<(), gst::FlowError> {
        let hold_time = lock(&self.settings).core.hold_time;
        let last = self.with_state(|state| Ok(state.last_timestamp)).ok().flatten();
        let gap = timestamp.zip(last).and_then(|(now, last)| now.checked_sub(last));
        if gap.is_none_or(|gap| Duration::from(gap) > hold_time) {
            self.drain()?;
            self.reset("discontinuity");
        }
        Ok(())
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AdvJndProtect {
    const NAME: &'static str = "GstAdvJndProtect";
    type Type = super::AdvJndProtect;
    type ParentType = gst_video::VideoFilter;
    type Interfaces = (gst::Preset,);
}

impl PresetImpl for AdvJndProtect {}

impl ObjectImpl for AdvJndProtect {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> =
            LazyLock::new(|| PROPERTIES.iter().map(|property| property.spec.clone()).collect());
        &SPECS
    }

    fn set_property(&self, id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let Some(Access::Setting { get, set, .. }) = access(id) else { return };
        let mut settings = lock(&self.settings);
        let old = settings.clone();
        match set(&mut settings, value) {
            Ok(()) => gst::info!(CAT, imp = self, "Changed {} from {:?} to {value:?}", spec.name(), get(&old)),
            Err(error) => gst::error!(CAT, imp = self, "Cannot set {}: {error}", spec.name()),
        }
        let new = settings.clone();
        drop(settings);
        if matches!(spec.name(), "frame-deadline" | "look-ahead") {
            lock(&self.live).set_delay(new.frame_deadline, new.look_ahead);
            self.refresh_latency();
        }
        // A preset sets other properties, and these together determine the preset. GObject itself notifies the one that
        // was set.
        let is_preset = |spec: &glib::ParamSpec| spec.name() == "preset";
        let linked = PROPERTIES.iter().filter(|other| is_preset(spec) != is_preset(&other.spec));
        for Property { spec: other, access } in linked {
            if let Access::Setting { same, .. } = access
                && !same(&old, &new)
            {
                self.obj().notify_by_pspec(other);
            }
        }
    }

    fn property(&self, id: usize, spec: &glib::ParamSpec) -> glib::Value {
        match access(id) {
            Some(Access::Setting { get, .. }) => get(&lock(&self.settings)),
            Some(Access::Reading(read)) => read(&lock(&self.stats)),
            None => spec.default_value().clone(),
        }
    }
}

impl GstObjectImpl for AdvJndProtect {}

impl ElementImpl for AdvJndProtect {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Adversarial face protection",
                "Filter/Effect/Video",
                "Protects faces from face recognition by changes below the just-noticeable difference; covers those \
                 that are not protected",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let template = |(name, direction)| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &frame::caps()).ok()
            };
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(template)
                .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for AdvJndProtect {
    const MODE: BaseTransformMode = BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let folder = settings.models.as_deref().map(Path::new);
        let opened = settings.device().and_then(|device| {
            let models = Models::open(folder, &settings.recognizer_names())?;
            let device = device.open(&models, settings.threads as usize)?;
            Ok((Protector::with_backend(Arc::clone(&models), device.backend(), settings.seed)?, device, models))
        });
        let (mut protector, device, models) = opened.map_err(|error| error::message(&error))?;
        let selected = people::selection(&settings, &models).and_then(|selection| protector.set_selection(selection));
        selected.map_err(|error| error::setting(&error))?;
        if let Some(reason) = device.reason() {
            gst::info!(CAT, imp = self, "The processor runs the recognisers: {reason}");
        }
        let recognizers = protector.recognizers().map(str::to_owned).collect();
        *lock(&self.stats) = Stats { device: device.report(), recognizers, ..Stats::default() };
        {
            let mut live = lock(&self.live);
            live.forget();
            live.set_delay(settings.frame_deadline, settings.look_ahead);
        }
        self.obj().set_passthrough(!settings.enabled);
        *lock(&self.state) = Some(State::new(protector, device));
        self.state.clear_poison();
        gst::debug!(CAT, imp = self, "Started with {settings:?}");
        self.prepare_early().inspect_err(|_| *lock(&self.state) = None)
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        lock(&self.orientation).forget();
        Ok(())
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        // The peer wants its buffers back.
        if direction == gst::PadDirection::Sink
            && matches!(query.type_(), gst::QueryType::Drain)
            && let Err(error) = self.drain()
        {
            gst::debug!(CAT, imp = self, "Frames that were held could not go on: {error}");
        }
        match (direction, query.view_mut()) {
            (gst::PadDirection::Src, gst::QueryViewMut::Latency(latency)) => self.answer_latency(latency),
            _ => BaseTransformImplExt::parent_query(self, direction, query),
        }
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Qos(qos) = event.view()
            && qos.qos_type() != gst::QOSType::Throttle
        {
            lock(&self.live).set_proportion(qos.proportion());
        }
        self.parent_src_event(event)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if event.is_serialized()
            && event.type_() != gst::EventType::FlushStop
            && let Err(error) = self.drain()
        {
            gst::debug!(CAT, imp = self, "Frames that were held could not go on before {:?}: {error}", event.type_());
        }
        let Some(event) = self.filter_tags(event) else { return true };
        match event.type_() {
            gst::EventType::StreamStart => lock(&self.orientation).forget(),
            gst::EventType::FlushStop => {
                self.reset("flush");
                lock(&self.live).forget();
            }
            gst::EventType::Segment => self.reset("new segment"),
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn submit_input_buffer(&self, is_discont: bool, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.follow_switch()?;
        if is_discont {
            self.reset_unless_continuous(buffer.pts())?;
        }
        let flow = self.parent_submit_input_buffer(is_discont, buffer)?;
        if flow == gst_base::BASE_TRANSFORM_FLOW_DROPPED {
            lock(&self.stats).frames_late += 1;
        } else if self.obj().is_passthrough() {
            self.pass();
        }
        Ok(flow)
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        if self.obj().is_passthrough() { self.parent_generate_output() } else { self.advance() }
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        if lock(&self.live).is_unknown() {
            self.ask_upstream();
        }
        // Held buffers do not return to their pool.
        let held = u32::try_from(self.depth()).unwrap_or(u32::MAX);
        let pools: Vec<_> = query.allocation_pools().collect();
        for (index, (pool, size, min, max)) in (0..).zip(&pools) {
            let max = if *max == 0 { 0 } else { max.saturating_add(held) };
            query.set_nth_allocation_pool(index, pool.as_ref(), *size, min.saturating_add(held), max);
        }
        let size = self.with_state(|state| Ok(state.info.as_ref().map(VideoInfo::size))).ok().flatten();
        if let Some(size) = size.filter(|_| pools.is_empty() && held > 0) {
            query.add_allocation_pool(None::<&gst::BufferPool>, u32::try_from(size).unwrap_or(u32::MAX), held + 2, 0);
        }
        Ok(())
    }
}

impl VideoFilterImpl for AdvJndProtect {
    fn set_info(
        &self,
        incaps: &gst::Caps,
        in_info: &VideoInfo,
        outcaps: &gst::Caps,
        out_info: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        gst::debug!(CAT, imp = self, "Caps {incaps}");
        if let Some(refusal) = frame::refusal(in_info) {
            self.post_error_message(refusal);
            return Err(gst::loggable_error!(CAT, "Video of these caps is refused"));
        }
        self.parent_set_info(incaps, in_info, outcaps, out_info)?;
        if lock(&self.live).is_unknown() {
            self.ask_upstream();
        }
        lock(&self.live).set_rate(in_info);
        let taken = self.take_info(in_info);
        self.refresh_latency();
        taken.map_err(|message| {
            self.post_error_message(message);
            gst::loggable_error!(CAT, "Video of these caps cannot be taken")
        })
    }
}
