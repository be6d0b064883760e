// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file, taken apart into its streams, which wait in queues for what is linked to them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use advjnd::{Error, Result};
use gst::prelude::*;

use super::byte_order;
use super::flow::Flow;
use super::stream::{Found, Kind};
use super::{made, said, system_clock};

/// Buffers that wait in each queue. Where streams lie far from each other in the file, more wait in one as long as
/// another is empty.
const WAITING: u32 = 100;
/// Bytes that wait in each queue, at most.
const WAITING_BYTES: u32 = 256 << 20;
/// How long a message is waited for before a look at whether anything is still read.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// The name of the message that a stream has come, has begun or has ended.
const NEWS: &str = "news";
/// The name of the message that nothing more is read, for the queues are full.
const FULL: &str = "full";

/// A pipeline that has read as much of a file as it takes to know its streams.
#[derive(Debug)]
pub struct Source {
    /// The pipeline, paused.
    pub pipeline: gst::Pipeline,
    /// The streams, in the order of the file. Their encoded data is parsed and not decoded.
    pub streams: Vec<Found>,
}

/// The streams that have come so far.
#[derive(Debug, Clone, Default)]
struct Coming {
    streams: Arc<Mutex<Vec<Found>>>,
    /// Demuxers that may still find streams.
    searching: Arc<AtomicUsize>,
    is_complete: Arc<AtomicBool>,
}

impl Source {
    /// Opens the file `input`, which is of the type `caps`. Nothing in it is taken for another type: a file that is
    /// a list of others is not followed.
    ///
    /// # Errors
    /// [`Error::Input`] with what an element reports.
    pub fn open(input: &Path, caps: &gst::Caps) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let source = gst::ElementFactory::make("filesrc").property("location", input);
        let source = source.build().map_err(made)?;
        let parser = gst::ElementFactory::make("parsebin").property("sink-caps", caps).build().map_err(made)?;
        let queues = gst::ElementFactory::make("multiqueue")
            .property("max-size-buffers", WAITING)
            .property("max-size-bytes", WAITING_BYTES)
            .property("max-size-time", 0_u64)
            .build()
            .map_err(made)?;
        pipeline.add_many([&source, &parser, &queues]).map_err(made)?;
        if system_clock::is_program_stream(caps) {
            // Behind a queue, bytes come one after the other, and each once.
            let queue = gst::ElementFactory::make("queue").build().map_err(made)?;
            pipeline.add(&queue).map_err(made)?;
            gst::Element::link_many([&source, &queue, &parser]).map_err(made)?;
            queue.static_pad("src").iter().for_each(system_clock::steady);
        } else {
            source.link(&parser).map_err(made)?;
        }
        let coming = Coming::default();
        let (into, waiting) = (coming.clone(), queues.clone());
        let searching = coming.searching.clone();
        parser
            .downcast_ref::<gst::Bin>()
            .ok_or_else(|| Error::input("parsebin is no bin"))?
            .connect_deep_element_added(move |_, _, element| follow(element, &searching));
        parser.connect_pad_added(move |parser, pad| {
            if into.is_complete.load(Ordering::Relaxed) {
                gst::element_error!(
                    parser,
                    gst::StreamError::Demux,
                    ("a stream begins or changes within the file; convert it first: ffmpeg -i FILE -c copy FILE.mkv")
                );
            } else if let Err(error) = into.add(&waiting, pad) {
                gst::element_error!(parser, gst::CoreError::Pad, ("{error}"));
            }
        });
        queues.connect("overrun", false, |values| {
            // Who waits for more streams waits in vain: nothing more is read.
            if let Some(Ok(queues)) = values.first().map(glib::Value::get::<gst::Element>) {
                post(&queues, FULL);
            }
            None
        });
        let opened = coming.wait(&pipeline);
        coming.is_complete.store(true, Ordering::Relaxed);
        let mut streams = std::mem::take(&mut *coming.lock());
        streams.iter_mut().for_each(Found::look_again);
        let is_quicktime = caps.structure(0).is_some_and(|structure| structure.name() == "video/quicktime");
        if is_quicktime && byte_order::is_little_endian(input) {
            streams.iter_mut().for_each(Found::set_little_endian);
        }
        let source = Self { pipeline, streams };
        opened.map(|()| source)
    }

    /// How long the file says it is.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.streams.iter().find_map(|stream| stream.parsed.query_duration())
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // What holds a stream back would keep the pipeline from stopping.
        self.streams.iter_mut().for_each(Found::release);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Coming {
    fn lock(&self) -> MutexGuard<'_, Vec<Found>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stream that comes out of `parsed` into a queue, where it waits.
    fn add(&self, queues: &gst::Element, parsed: &gst::Pad) -> Result<()> {
        let lost = || Error::input("the queues take no more streams");
        let sink = queues.request_pad_simple("sink_%u").ok_or_else(lost)?;
        let queued = sink.iterate_internal_links().into_iter().find_map(std::result::Result::ok).ok_or_else(lost)?;
        let kind = gst::PadProbeType::BLOCK | gst::PadProbeType::DATA_DOWNSTREAM;
        let hold = queued.add_probe(kind, |_, info| match info.event().map(|event| event.type_()) {
            // What describes a stream is kept by its pad; its end would be lost where nothing is linked.
            Some(event) if event != gst::EventType::Eos => gst::PadProbeReturn::Pass,
            _ => gst::PadProbeReturn::Ok,
        });
        let flow = Flow::of(parsed, |pad| {
            if let Some(parser) = pad.parent_element() {
                post(&parser, NEWS);
            }
        });
        parsed.link(&sink).map_err(made)?;
        self.lock().push(Found::new(parsed.clone(), queued, hold, flow));
        if let Some(parser) = parsed.parent_element() {
            post(&parser, NEWS);
        }
        Ok(())
    }

    /// Whether all streams have come, `expected` ones or as many as there are, and each sound has begun or ended: a
    /// container that is given an empty one may be unreadable.
    fn have_come(&self, expected: usize) -> bool {
        let streams = self.lock();
        let is_searching = self.searching.load(Ordering::Relaxed) > 0;
        let has_ended = !streams.is_empty() && streams.iter().all(|stream| stream.flow.has_ended());
        let mut sounds = streams.iter().filter(|stream| stream.kind == Kind::Sound);
        (has_ended || !is_searching && streams.len() >= expected) && sounds.all(|sound| sound.flow.is_known())
    }

    /// Starts `pipeline` and waits until all streams have come.
    fn wait(&self, pipeline: &gst::Pipeline) -> Result<()> {
        let bus = pipeline.bus().ok_or_else(|| Error::input("the pipeline has no bus"))?;
        // Why it does not start is on the bus.
        let _ = pipeline.set_state(gst::State::Paused);
        let kinds = [
            gst::MessageType::StreamCollection,
            gst::MessageType::Application,
            gst::MessageType::Eos,
            gst::MessageType::Error,
        ];
        let mut expected = usize::MAX;
        let mut was_reading = true;
        while !self.have_come(expected) {
            match bus.timed_pop_filtered(LOOK, &kinds).as_ref().map(|message| message.view()) {
                Some(gst::MessageView::StreamCollection(message)) => expected = message.stream_collection().len(),
                Some(gst::MessageView::Application(message)) if message.has_name(FULL) => break,
                Some(gst::MessageView::Application(_)) => (),
                Some(gst::MessageView::Error(error)) => return Err(said(error)),
                Some(_) => break,
                // A demuxer may stop without a word where a file is cut within its head. Between two elements that
                // read one after the other nobody reads for a moment.
                None if is_reading(pipeline) => was_reading = true,
                None if was_reading => was_reading = false,
                None => break,
            }
        }
        if self.lock().is_empty() {
            return Err(Error::input("it ends before its first frame; it is damaged"));
        }
        Ok(())
    }
}

/// Counts `element` among those `searching` until it has found all streams, if it is a demuxer.
fn follow(element: &gst::Element, searching: &Arc<AtomicUsize>) {
    let klass = element.metadata(gst::ELEMENT_METADATA_KLASS).unwrap_or_default();
    if !klass.split('/').any(|kind| kind == "Demuxer") {
        return;
    }
    searching.fetch_add(1, Ordering::Relaxed);
    let (searching, is_over) = (searching.clone(), AtomicBool::new(false));
    element.connect_no_more_pads(move |demuxer| {
        if !is_over.swap(true, Ordering::Relaxed) {
            searching.fetch_sub(1, Ordering::Relaxed);
            post(demuxer, NEWS);
        }
    });
}

/// Whether an element of `pipeline` works on what it reads.
fn is_reading(pipeline: &gst::Pipeline) -> bool {
    let elements = pipeline.iterate_recurse().into_iter().flatten();
    let mut pads = elements.filter(|element| !is_queue(element)).flat_map(|element| element.pads());
    pads.any(|pad| pad.task_state() == gst::TaskState::Started)
}

/// Whether `element` holds back what has been read; its tasks wait for what is linked to it.
fn is_queue(element: &gst::Element) -> bool {
    element.factory().is_some_and(|factory| factory.name() == "multiqueue")
}

/// Tells who reads the bus that a stream has come, or that no more will.
fn post(element: &gst::Element, what: &str) {
    // Nobody reads the bus any more when the pipeline stops.
    let _ = element.post_message(gst::message::Application::new(gst::Structure::new_empty(what)));
}
