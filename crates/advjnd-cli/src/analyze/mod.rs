// SPDX-License-Identifier: MIT OR Apache-2.0
//! The people of a video: who is where, for people who choose and for `advjnd protect --faces`.
//!
//! ```text
//! video ─► the filter's own search ─► tracks, the best sights embedded ─► people ─► clip.faces.json
//!                                                └─► pictures and a page, in a folder that only its owner reads
//! ```

mod embedder;
mod json;
mod people;
mod review;
mod trail;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use advjnd::face::Landmarks;
use advjnd::{Error, Result};
use clap::Args;

use crate::analysis::{Analysis, FORMAT, Source, VERSION};
use crate::protect::{Looks, Settings, checksum, refuse_existing, refuse_input, start, write_whole};
use embedder::PersonEmbedder;
pub(crate) use json::text;
use review::Review;
use trail::Trail;

/// Finds the people in a video, so that you can choose who is protected.
#[derive(Args)]
pub struct Analyze {
    /// The video
    #[arg(value_name = "VIDEO")]
    input: PathBuf,
    /// Analysis file to write, by convention NAME.faces.json
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Replace existing files
    #[arg(short = 'y', long)]
    overwrite: bool,
    /// Write no pictures of the people and no review page
    #[arg(long)]
    no_review: bool,
    /// How thoroughly to search for faces: fast (the default) or thorough
    #[arg(long, value_name = "HOW")]
    search: Option<String>,
    /// Make one frame of each field of interlaced video, like `protect --both-fields`
    #[arg(long)]
    both_fields: bool,
    /// Map high dynamic range to standard range, like `protect --tone-map`
    #[arg(long)]
    tone_map: bool,
    /// Give up after this many seconds without a new frame
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
}

impl Analyze {
    /// Analyses the video, writes what was found, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where something is wrong with the video, or an output is there already.
    pub fn run(self) -> Result<String> {
        start()?;
        refuse_existing(&self.output, self.overwrite)?;
        refuse_input(&self.output, &[&self.input])?;
        if !self.no_review {
            Review::refuse(&self.output, self.overwrite)?;
        }
        let sha256 = checksum(&self.input)?;
        let mut looks = Looks::open(&self.input, &self.settings(), Duration::from_secs(u64::from(self.timeout)))?;
        let progress = crate::progress::seconds_bar(looks.seconds())?;
        let mut embedder = PersonEmbedder::new()?;
        let (mut trails, mut current) = (Vec::<Trail>::new(), BTreeMap::<i32, usize>::new());
        let (mut times, mut size) = (Vec::new(), [0, 0]);
        while let Some((mut picture, faces)) = looks.next()? {
            size = [picture.width, picture.height];
            for face in faces {
                let quick = match face.aligned && face.score >= trail::SCORE {
                    true => Some(embedder.embed_quickly(&mut picture, &Landmarks(face.landmarks))?),
                    false => None,
                };
                let known = current.get(&face.track).copied();
                let is_of_another = |index: &usize| {
                    let pair = quick.as_ref().zip(embedder.specs().first());
                    pair.is_some_and(|(quick, spec)| trails[*index].is_of_another(spec, quick))
                };
                let index = known.filter(|index| !is_of_another(index)).unwrap_or(trails.len());
                if index == trails.len() {
                    trails.push(Trail::default());
                    current.insert(face.track, index);
                }
                if let Some((quick, spec)) = quick.as_ref().zip(embedder.specs().first()) {
                    trails[index].note(spec, quick);
                }
                trails[index].add(times.len(), &face, &mut picture, &mut embedder)?;
            }
            times.push((1e6 * picture.time.as_secs_f64()).round() / 1e6);
            progress.set_position(picture.time.as_millis() as u64);
        }
        progress.finish_and_clear();
        if times.is_empty() {
            return Err(Error::input("no frame of it could be decoded; it is damaged, or empty"));
        }
        let mut found = people::group(&trails, embedder.specs());
        let review = match self.no_review {
            true => None,
            false => Some(Review::new(&self.output, &mut found, &trails, self.overwrite)?),
        };
        let [width, height] = size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let name = self.input.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let analysis = Analysis {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: format!("advjnd {}", env!("CARGO_PKG_VERSION")),
            source: Source { name, sha256, width, height },
            times,
            people: found.people,
            tracks: found.tracks,
            boxes: Vec::new(),
        };
        analysis.check().map_err(|reason| {
            Error::input(format!("{reason}; convert the video first: ffmpeg -i FILE -fps_mode cfr NEW.mkv"))
        })?;
        let json = json::text(&analysis)?;
        let page = review.map(|review| review.finish(&json)).transpose()?;
        write_whole(&self.output, &json, self.overwrite)?;
        Ok(self.text(&analysis, page))
    }

    /// What the filter looks with: it covers every face, which is quicker than to protect it; nothing of it is written.
    fn settings(&self) -> Settings {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let search = self.search.as_ref().map(|how| pair("search", how));
        Settings {
            properties: [pair("mode", "cover")].into_iter().chain(search).collect(),
            both_fields: self.both_fields,
            tone_map: self.tone_map,
            ..Settings::default()
        }
    }

    fn text(&self, analysis: &Analysis, page: Option<PathBuf>) -> String {
        let (people, tracks) = (analysis.people.len(), analysis.tracks.len());
        let mut text =
            format!("{}: {} frames, {people} people in {tracks} tracks\n", self.input.display(), analysis.times.len());
        for person in &analysis.people {
            let own = analysis.tracks.iter().filter(|track| track.person == person.id);
            let (tracks, faces) = own.fold((0, 0), |(tracks, faces), track| (tracks + 1, faces + track.faces.len()));
            let (id, at) = (person.id, analysis.times[person.best.frame]);
            text += &format!("  person {id}: {faces} frames in {tracks} tracks, seen best at {at:.2} s\n");
        }
        let output = self.output.display();
        text += &format!("written: {output}\n");
        if let Some(page) = page {
            text += &format!("to review in a browser; it shows faces that are NOT protected: {}\n", page.display());
        }
        text + "next: choose who is protected, on the page or in the file, and give it to `advjnd protect --faces`\n"
    }
}
