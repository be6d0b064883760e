/**
 * SECTION:element-advjndprotect
 * @title: advjndprotect
 * @short_description: protects the faces of a video from face recognition
 *
 * Finds and follows the faces of raw video and changes each of them by less than the eye notices, so that face
 * recognition no longer matches it. What the self-check on the changed frame does not confirm as protected is covered
 * (property `fail-policy`); nothing passes because something failed. Pixels outside the face regions stay as they were.
 *
 * ## Example pipeline
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! advjndprotect ! x264enc ! mp4mux ! filesink location=protected.mp4
 * ]| Protects the faces of a file; no property has to be set.
 *
 * ## Messages
 * With property `messages`, an element message named `advjndprotect` is posted when a face appears or its verdict
 * changes: `face` (guint64, its number), `verdict` (string: `protected`, `covered-not-yet-protected`, `covered-lost`,
 * `covered-unusable`, `covered-fault`), `timestamp`, `stream-time`, `running-time` (guint64, nanoseconds), `x`, `y`,
 * `width`, `height` (guint, pixels), `similarity-before`, `similarity-after` (gdouble, cosine to the clean face).
 *
 * ## Metas
 * With property `attach-meta`, every face of a buffer gets a `GstVideoRegionOfInterestMeta` of type `face` with its
 * number as id and a parameter structure `advjndprotect`: `verdict`, `score`, the two similarities, `iterations`,
 * `landmarks` (ten coordinates) and the rectangle `region-x`, `region-y`, `region-width`, `region-height`, outside of
 * which no pixel was touched for this face.
 *
 * ## Interlaced video
 * Interleaved fields are processed as if they were one picture, with a warning: faces that move are combed, and may be
 * missed. Put `deinterlace` in front.
 *
 * Since: plugin-advjndprotect-0.1.0
 */
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use advjnd::{FrameReport, Models, Protector};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::BaseTransformMode;
use gst_video::subclass::prelude::*;
use gst_video::{VideoCapsBuilder, VideoInfo, VideoInterlaceMode};

use super::report::{Stats, Times};
use super::settings::{PROPERTIES, Settings};
use super::{error, frame, report};

const PROP_STATS: &str = "stats";

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "advjndprotect",
        gst::DebugColorFlags::empty(),
        Some("Protection of faces from recognition"),
    )
});

/// What exists from `start` to `stop`.
struct State {
    protector: Protector,
    /// The negotiated format, from `set_info` on.
    info: Option<VideoInfo>,
    /// Time stamp of the last frame.
    last_timestamp: Option<gst::ClockTime>,
    /// Fault of the last frame: a warning is posted when it changes.
    last_fault: Option<String>,
}

impl State {
    fn reset(&mut self) {
        self.protector.reset();
        self.last_timestamp = None;
    }
}

/* Lock order:
    - state, held while a frame is processed; poisoned by a panic there, and then no frame passes any more
    - settings
    - stats
   Property getters take settings and stats only: nothing slow happens under these.
*/
#[derive(Default)]
pub struct AdvJndProtect {
    state: Mutex<Option<State>>,
    settings: Mutex<Settings>,
    stats: Mutex<Stats>,
}

/// Settings and sums are valid at every instant, so a poisoned lock on them means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AdvJndProtect {
    fn times(&self, buffer: &gst::BufferRef) -> Times {
        let segment = self.obj().segment();
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let timestamp = buffer.pts();
        Times {
            timestamp,
            stream_time: segment.and_then(|segment| segment.to_stream_time(timestamp)),
            running_time: segment.and_then(|segment| segment.to_running_time(timestamp)),
        }
    }

    /// Forgets every face: what comes next does not continue what came.
    fn reset(&self, why: &str) {
        if let Ok(mut state) = self.state.lock()
            && let Some(state) = state.as_mut()
        {
            gst::debug!(CAT, imp = self, "Forgetting all faces: {why}");
            state.reset();
        }
    }

    /// Forgets every face unless `timestamp` follows the last one within the hold time: after frames lost on the way
    /// (a leaky queue, a slow source) the faces are still the same ones.
    fn reset_unless_continuous(&self, timestamp: Option<gst::ClockTime>) {
        let hold_time = lock(&self.settings).core.hold_time;
        let last = self.state.lock().ok().and_then(|state| state.as_ref()?.last_timestamp);
        let gap = timestamp.zip(last).and_then(|(now, last)| now.checked_sub(last));
        if gap.is_none_or(|gap| Duration::from(gap) > hold_time) {
            self.reset("discontinuity");
        }
    }

    /// Processes `buffer` and says what was done, or the error after which it must not go out.
    fn protect(
        &self,
        buffer: &mut gst::BufferRef,
        settings: &Settings,
        times: Times,
    ) -> Result<FrameReport, gst::ErrorMessage> {
        let mut state = self.state.lock().map_err(|_| {
            gst::error_msg!(gst::LibraryError::Failed, ("An earlier frame ended in a panic; use a new element"))
        })?;
        let Some(State { protector, info: Some(info), last_timestamp, last_fault }) = state.as_mut() else {
            return Err(gst::error_msg!(gst::CoreError::Negotiation, ("A buffer came before its caps")));
        };
        let time = times.running_time.map(Duration::from);
        let report = frame::with_frame(buffer, info, |frame| protector.process(frame, time, &settings.core))
            .map_err(|error| error::message(&error))?;

        *last_timestamp = times.timestamp;
        let new_fault = report.fault.as_ref().filter(|fault| last_fault.as_ref() != Some(fault)).cloned();
        last_fault.clone_from(&report.fault);
        if settings.attach_meta {
            report::attach(buffer, &report, info);
        }
        let changed = report.faces.iter().filter(|face| settings.messages && face.changed);
        let messages: Vec<_> = changed.map(|face| report::message(face, times, info)).collect();
        drop(state);

        for message in messages {
            let obj = self.obj();
            let _ = obj.post_message(gst::message::Element::builder(message).src(&*obj).build());
        }
        if let Some(fault) = new_fault {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("Covered what could not be processed: {fault}"));
        }
        Ok(report)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AdvJndProtect {
    const NAME: &'static str = "GstAdvJndProtect";
    type Type = super::AdvJndProtect;
    type ParentType = gst_video::VideoFilter;
}

impl ObjectImpl for AdvJndProtect {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>(PROP_STATS)
                .nick("Statistics")
                .blurb(
                    "Sums since the element was started: frames, faces (one per face and frame), iterations; mean \
                     cosine similarity of the protected faces to their clean selves; times in nanoseconds",
                )
                .read_only()
                .build();
            PROPERTIES.iter().map(|property| property.spec.clone()).chain([stats]).collect()
        });
        &SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let Some(property) = PROPERTIES.iter().find(|property| property.spec.name() == spec.name()) else { return };
        let mut settings = lock(&self.settings);
        let old = (property.get)(&settings);
        match (property.set)(&mut settings, value) {
            Ok(()) => gst::info!(CAT, imp = self, "Changed {} from {old:?} to {value:?}", spec.name()),
            Err(error) => gst::error!(CAT, imp = self, "Cannot set {}: {error}", spec.name()),
        }
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        match PROPERTIES.iter().find(|property| property.spec.name() == spec.name()) {
            Some(property) => (property.get)(&lock(&self.settings)),
            None => lock(&self.stats).structure().to_value(),
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
            let caps = VideoCapsBuilder::new().format_list(frame::FORMATS.map(|(format, _)| format)).build();
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
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
        let protector = Models::open(folder, &settings.recognizer_names())
            .and_then(|models| Protector::new(models, settings.threads as usize, settings.seed))
            .map_err(|error| error::message(&error))?;
        *lock(&self.stats) = Stats::default();
        *lock(&self.state) = Some(State { protector, info: None, last_timestamp: None, last_fault: None });
        gst::debug!(CAT, imp = self, "Started with {settings:?}");
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.type_() {
            gst::EventType::FlushStop => self.reset("flush"),
            gst::EventType::Segment => self.reset("new segment"),
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn submit_input_buffer(&self, is_discont: bool, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        if is_discont {
            self.reset_unless_continuous(buffer.pts());
        }
        let flow = self.parent_submit_input_buffer(is_discont, buffer)?;
        if flow == gst_base::BASE_TRANSFORM_FLOW_DROPPED {
            lock(&self.stats).frames_late += 1;
        }
        Ok(flow)
    }

    fn before_transform(&self, buffer: &gst::BufferRef) {
        if let Some(stream_time) = self.times(buffer).stream_time
            && let Err(error) = self.obj().sync_values(stream_time)
        {
            gst::warning!(CAT, imp = self, "Cannot follow controlled properties: {error}");
        }
    }

    fn transform_ip(&self, buffer: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = lock(&self.settings).clone();
        let times = self.times(buffer);
        let report = self.protect(buffer, &settings, times).map_err(|message| {
            self.post_error_message(message);
            gst::FlowError::Error
        })?;
        lock(&self.stats).run.add(&report);
        gst::trace!(CAT, imp = self, "{}: {report:?}", times.timestamp.display());
        Ok(if report.drop { gst_base::BASE_TRANSFORM_FLOW_DROPPED } else { gst::FlowSuccess::Ok })
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
        match in_info.interlace_mode() {
            VideoInterlaceMode::Progressive => (),
            VideoInterlaceMode::Interleaved | VideoInterlaceMode::Mixed => gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ("Interlaced video is processed as progressive, moving faces may be missed; put deinterlace in front")
            ),
            mode => {
                return Err(gst::loggable_error!(CAT, "Interlace mode {mode:?} is not supported; deinterlace first"));
            }
        }
        self.parent_set_info(incaps, in_info, outcaps, out_info)?;
        let mut state =
            self.state.lock().map_err(|_| gst::loggable_error!(CAT, "An earlier frame ended in a panic"))?;
        let state = state.as_mut().ok_or_else(|| gst::loggable_error!(CAT, "Caps came before the element started"))?;
        if state.info.as_ref() != Some(in_info) {
            state.reset();
            state.info = Some(in_info.clone());
        }
        Ok(())
    }
}
