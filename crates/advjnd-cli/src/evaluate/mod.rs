// SPDX-License-Identifier: MIT OR Apache-2.0
//! An evaluation of video: what recognisers make of clips that the element has protected, after codecs and changes of
//! size.
//!
//! ```text
//! clip ─► decoded, lossless ─► faces, tracks, enrolment ───────────────────────────────┐
//!                     └─► the element ─► lossless ─► encoded, decoded, rescaled ─► faces anew ─► embedded: stopped?
//!                                             └─► face boxes against the clean ones: covered? quality, flicker
//! ```
//!
//! * *Surrogates* are attacked, and the element's self-check looks with them. *Judges* are all other recognisers: of
//!   the models folder, and of folders of judges, which are never attacked.
//! * A person is enrolled with the mean clean embedding of their track, which is stricter than another photograph, or
//!   with a photograph.
//! * Thresholds are those of the manifest, at a false accept rate of 1 %.
//! * No tracker helps: faces are found in every frame of every variant by itself.
//!
//! A run that ends early is continued: rows in `evaluate.json` stay as long as clip, recognisers and options are the
//! same.

mod average;
mod clips;
mod counts;
mod faces;
mod figures;
mod file;
mod looks;
mod markdown;
mod onnx;
mod panel;
mod plan;
mod quality;
mod results;
mod variants;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use advjnd::face::Detector;
use advjnd::models::sha256;
use advjnd::net::{Backend, RecognizerSpec};
use advjnd::{Error, Pool, Result};
use advjnd_media::Picture;
use clap::Args;
use indicatif::ProgressBar;

use clips::Lossless;
pub(crate) use clips::start;
pub(crate) use counts::{Mean, Share};
use faces::enrolment;
pub(crate) use faces::{Clean, Embeddings, Eyes, MIN_FACE, Sampling, Sighting, Treated};
pub(crate) use figures::{Figures, Judge};
use file::File;
pub(crate) use looks::{Look, Looked, look};
pub(crate) use panel::Panel;
use quality::compare;
pub(crate) use quality::{Quality, Treatment, inspect, is_flat, of_box};
use results::{Experiment, Key, Results, Row, Seen};
pub(crate) use variants::Variant;

use crate::document::splice;
use crate::machine;
use crate::networks::{Networks, read};
use crate::progress::progress_bar;

/// Protects clips, encodes them, and asks attacked and unseen recognisers whom they still know.
#[derive(Args)]
pub struct Evaluate {
    /// Clips in any format that GStreamer decodes
    #[arg(required_unless_present = "splice", value_name = "CLIP")]
    clips: Vec<PathBuf>,
    /// Folder for evaluate.json, evaluate.md and frames/*.csv; existing rows are kept
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Recognisers to attack together, comma-separated; each use of this option adds a row
    #[arg(long, value_name = "NAME,...", default_value = "dlib_resnet29")]
    surrogates: Vec<String>,
    /// Make each recogniser of --models the judge in turn, and attack all others
    #[arg(long, conflicts_with = "surrogates")]
    leave_one_out: bool,
    /// Folders with more judges: safetensors files with a manifest.toml, or NAME.onnx with NAME.toml
    #[arg(long, value_name = "DIR")]
    judges: Vec<PathBuf>,
    /// Folder with the networks and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// What happens to the output: `output` (nothing), or steps joined by +: crf0..51 (x264), vp9-0..63, jpeg1..100,
    /// scale0.1..1, blur0.1..20 (pixels), average2..30 (frames)
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        default_value = "output,crf18,crf23,crf28,crf34,vp9-32,jpeg95,jpeg75,jpeg50,scale0.75,scale0.5"
    )]
    variants: Vec<String>,
    /// Photograph to enrol the one person of the clips from, instead of the clip's own clean frames
    #[arg(long, value_name = "FILE")]
    enrolment: Option<PathBuf>,
    /// Measure every N-th frame (all are protected)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Read at most N frames of a clip
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    frames: Option<u32>,
    /// Property of the element (see gst-inspect-1.0 advjndprotect)
    #[arg(long, value_name = "NAME=VALUE")]
    property: Vec<String>,
    /// Property and several values; each value adds a row
    #[arg(long, value_name = "NAME=VALUE,...")]
    vary: Vec<String>,
    /// Only write the short table of --out between the marks `video-table` of this Markdown file
    #[arg(long, value_name = "FILE", conflicts_with = "clips")]
    splice: Option<PathBuf>,
}

/// What looks, and how.
struct Bench {
    eyes: Eyes,
    specs: Vec<RecognizerSpec>,
    photograph: Option<Embeddings>,
    variants: Vec<Variant>,
    every: usize,
    progress: ProgressBar,
}

/// A clip, read.
struct Clip {
    name: String,
    sha256: String,
    lossless: Lossless,
    clean: Clean,
    /// Bytes of the clean clip by variant.
    bytes: Vec<Option<u64>>,
}

impl Evaluate {
    /// Makes the rows that are missing, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where an argument, a clip, a property, GStreamer or the results in `--out` are not as they
    /// should be, [`Error::Io`] where something cannot be read, [`Error::Model`] where a recogniser is not what is
    /// said of it.
    pub fn run(self) -> Result<String> {
        if let Some(document) = &self.splice {
            let results = Results::read(&self.out.join(file::NAME))?;
            splice(document, "video-table", &markdown::in_short(&results))?;
            return Ok(format!("{}: {} rows in short\n", document.display(), results.rows.len()));
        }
        let variants = self.variants.iter().map(|text| Variant::parse(text)).collect::<Result<Vec<_>>>()?;
        let properties = plan::properties(&self.property, &self.vary)?;
        let clips = named(&self.clips)?;
        start()?;
        let pool = Pool::new(0)?;
        let panel = Panel::load(&self.models, &self.judges, pool.threads())?;
        let surrogates = plan::surrogates(&self.surrogates, self.leave_one_out, &panel.attackable())?;
        let networks = Networks::open(&self.models)?;
        let detector = Detector::new(&networks.detector()?, &Backend::Cpu(pool.clone()));
        let mut eyes = Eyes { detector, panel, enlarges: false, keeps_landmarks: false };
        let (photograph, checksum) = match &self.enrolment {
            Some(path) => {
                let (embeddings, checksum) = enrol(path, &mut eyes)?;
                (Some(embeddings), Some(checksum))
            }
            None => (None, None),
        };
        let specs: Vec<RecognizerSpec> = eyes.panel.specs().cloned().collect();
        let mut models = networks.checksums(&[])?;
        models.extend(eyes.panel.checksums());
        let rates = specs.iter().map(|spec| (spec.name.clone(), spec.false_accept_rate.to_string()));
        let mut file = File::open(
            &self.out,
            Experiment {
                every: self.every as usize,
                most_frames: self.frames,
                photograph: checksum,
                models,
                false_accept_rates: rates.collect(),
            },
        )?;

        let keys = |clip: &str| -> Vec<Key> {
            let sets = surrogates.iter().flat_map(|set| properties.iter().map(move |properties| (set, properties)));
            sets.map(|(set, properties)| Key {
                properties: properties.clone(),
                surrogates: set.clone(),
                clip: clip.to_owned(),
            })
            .collect()
        };
        let all = clips.len() * surrogates.len() * properties.len();
        let steps = clips.len() + all * (2 + variants.len());
        let every = self.every as usize;
        let mut bench = Bench { eyes, specs, photograph, variants, every, progress: progress_bar(steps, "")? };
        let scratch = Scratch::new(&self.out)?;
        let (commit, machine, mut made) = (machine::commit(), machine::machine(pool.threads()), 0);
        for (name, path) in clips {
            let sha256 = sha256(&read(path)?);
            let names = bench.variants.iter().map(ToString::to_string).collect::<Vec<_>>();
            let missing: Vec<Key> = keys(&name).into_iter().filter(|key| !file.has(key, &sha256, &names)).collect();
            bench.progress.inc(((all / self.clips.len() - missing.len()) * (2 + names.len())) as u64);
            if missing.is_empty() {
                bench.progress.inc(1);
                continue;
            }
            let clip = bench.read(path, name, sha256, self.frames, &scratch)?;
            for key in missing {
                let (mut row, frames) = bench.row(&clip, key, &self.models, &scratch)?;
                (row.commit, row.machine) = (commit.clone(), machine.clone());
                frames.write(&self.out.join("frames"), &row.key)?;
                file.add(row)?;
                made += 1;
            }
        }
        bench.progress.finish_and_clear();
        file.write()?;
        Ok(format!("{}: {made} rows made, {} kept\n", file.path().display(), all - made))
    }
}

impl Bench {
    /// Decodes a clip, finds and embeds its faces.
    fn read(
        &mut self,
        path: &Path,
        name: String,
        sha256: String,
        most: Option<u32>,
        scratch: &Scratch,
    ) -> Result<Clip> {
        let Self { eyes, photograph, progress, .. } = self;
        progress.set_message(format!("{name}: clean"));
        let lossless = Lossless::decode(path, most, scratch.file("clean.mkv"))?;
        let sampling = Sampling { every: self.every, first: false, least_looks: 3, skip: &|_, _| false };
        let mut clean = Clean::read(&mut lossless.frames()?, sampling, eyes, |_, _, _| {
            progress.tick();
            Ok(ControlFlow::Continue(()))
        })?;
        let specs: Vec<RecognizerSpec> = eyes.panel.specs().cloned().collect();
        clean.enrol(photograph.as_slice(), &specs);
        let bytes =
            self.variants.iter().map(|variant| lossless.bytes_after(variant, clean.size)).collect::<Result<_>>()?;
        progress.inc(1);
        Ok(Clip { name, sha256, lossless, clean, bytes })
    }

    /// Protects a clip in one way and looks at what comes of it.
    fn row(&mut self, clip: &Clip, key: Key, models: &Path, scratch: &Scratch) -> Result<(Row, PerFrame)> {
        let Clip { clean, lossless, .. } = clip;
        let (progress, size) = (self.progress.clone(), clean.size);
        let about = format!("{} {} {:?}", clip.name, key.surrogates.join("+"), key.properties.values());
        progress.set_message(format!("{about}: protecting"));
        let start = Instant::now();
        let (output, element) = lossless.protect(&properties(&key, models), scratch.file("protected.mkv"))?;
        let seconds = start.elapsed().as_secs_f64();
        progress.inc(1);
        progress.set_message(format!("{about}: comparing"));
        let (covered, quality) = compare(&mut lossless.frames()?, &mut output.frames()?, clean, || progress.tick())?;
        progress.inc(1);

        let treated = Treated { clean, covered: &covered };
        let (mut seen, mut notes) = (Vec::new(), PerFrame::default());
        for (variant, clean_bytes) in self.variants.iter().zip(&clip.bytes) {
            progress.set_message(format!("{about}: {variant}"));
            let (mut frames, bytes) = output.frames_after(variant, size)?;
            let looks = look(&mut frames, treated, &mut self.eyes, || progress.tick())?;
            let mut found = Share::default();
            looks.iter().for_each(|look| found.take(look.found));
            let mut recognizers = BTreeMap::new();
            for (index, spec) in self.specs.iter().enumerate() {
                let note = |look: &Look, margin: f32| notes.add(variant, spec, clean, look, margin);
                let figures = Figures::count(Judge { index, spec }, treated, &looks, note);
                recognizers.insert(spec.name.clone(), figures);
            }
            let bytes = variant.is_coded().then(|| bytes.load(std::sync::atomic::Ordering::Relaxed));
            seen.push(Seen { variant: variant.to_string(), bytes, clean_bytes: *clean_bytes, found, recognizers });
            progress.inc(1);
        }
        let mut hidden = Share::default();
        let looked = clean.sightings.iter().zip(&covered).filter(|(sighting, _)| !sighting.embeddings.is_empty());
        looked.for_each(|(_, covered)| hidden.take(*covered));
        let row = Row {
            key,
            clip_sha256: clip.sha256.clone(),
            frames: clean.frames,
            tracks: clean.tracks,
            covered: hidden,
            quality,
            element,
            variants: seen,
            seconds: (1e3 * seconds).round() / 1e3,
            commit: None,
            machine: String::new(),
        };
        Ok((row, notes))
    }
}

/// All properties of the element.
fn properties(key: &Key, models: &Path) -> Vec<(String, String)> {
    let mut properties = vec![
        ("models".to_owned(), models.to_string_lossy().into_owned()),
        ("recognizers".to_owned(), key.surrogates.join(",")),
    ];
    // A preset sets several: what is set by itself comes after it.
    let (preset, others): (Vec<_>, Vec<_>) = key.properties.iter().partition(|(name, _)| *name == "preset");
    properties.extend(preset.into_iter().chain(others).map(|(name, value)| (name.clone(), value.clone())));
    properties
}

/// The clips by their names, which must differ.
fn named(clips: &[PathBuf]) -> Result<Vec<(String, &Path)>> {
    let mut named: Vec<(String, &Path)> = Vec::new();
    for path in clips {
        let name = path.file_stem().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        if let Some((_, other)) = named.iter().find(|(taken, _)| *taken == name) {
            return Err(Error::input(format!(
                "{} and {} have the same name; name every clip once, or rename one",
                other.display(),
                path.display()
            )));
        }
        named.push((name, path));
    }
    Ok(named)
}

/// The embeddings of the largest face of a photograph, and the file's checksum.
pub(crate) fn enrol(path: &Path, eyes: &mut Eyes) -> Result<(Embeddings, String)> {
    let bytes = read(path)?;
    let wrong = |reason: &str| Error::input(format!("{} {reason}", path.display()));
    let picture = image::load_from_memory(&bytes)
        .map_err(|error| wrong(&format!("cannot be decoded: {error}; give a JPEG or PNG picture")))?
        .into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut picture = Picture { pixels: picture.into_raw(), width, height, time: Duration::ZERO };
    let embeddings = enrolment(&mut picture, eyes)?;
    let embeddings = embeddings.ok_or_else(|| wrong("shows no face; give a photograph of the person"))?;
    Ok((embeddings, sha256(&bytes)))
}

/// The margin of every known face that is shown, frame by frame: a table of comma-separated values.
#[derive(Default)]
struct PerFrame {
    lines: String,
}

impl PerFrame {
    const HEAD: &str = "variant,recognizer,frame,seconds,track,found,margin\n";

    fn add(&mut self, variant: &Variant, spec: &RecognizerSpec, clean: &Clean, look: &Look, margin: f32) {
        let face = &clean.sightings[look.sighting];
        self.lines += &format!(
            "{variant},{},{},{:.3},{},{},{margin:.4}\n",
            spec.name,
            face.frame,
            face.time.as_secs_f64(),
            face.track,
            u8::from(look.found)
        );
    }

    fn write(&self, folder: &Path, key: &Key) -> Result<()> {
        let properties = key.properties.iter().map(|(name, value)| format!("--{name}={value}")).collect::<String>();
        let name = format!("{}--{}{properties}.csv", key.clip, key.surrogates.join("+"));
        crate::folder::make(folder)?;
        crate::folder::write_whole(folder, &name.replace(['/', ' '], "_"), &format!("{}{}", Self::HEAD, self.lines))
    }
}

/// A folder for files that are needed for a while; removed with all that is in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(out: &Path) -> Result<Self> {
        let folder = out.join(format!(".evaluate-{}", std::process::id()));
        crate::folder::make(&folder)?;
        Ok(Self(folder))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
