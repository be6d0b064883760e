// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recognisers that look: those of the models folder, any of which may be attacked, and those of folders of
//! judges, which never are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use advjnd::face::{ChipCutter, Landmarks};
use advjnd::models::{Kind, MANIFEST, Manifest, sha256};
use advjnd::net::{Backend, Embedder, Recognizer, RecognizerSpec, cosine_similarity};
use advjnd::{Error, FrameMut, Pool, Result};

use crate::folder::entries;

/// A recogniser that looks.
struct Member {
    embedder: Box<dyn Embedder>,
    cutter: ChipCutter,
    sha256: String,
    /// Whether it lies in the models folder, so that the element can be given it.
    attackable: bool,
}

/// All recognisers that look, each once. Each runs on one thread, and several at the same time: networks as small as
/// these do not gain from more threads what these cost.
pub struct Panel {
    members: Vec<Member>,
    threads: usize,
}

impl Panel {
    /// The recognisers of the folder `models`, then those of each folder of `judges`: what its manifest names, if it
    /// has one, and every ONNX file with a description beside it. Run on `pool`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Model`] where something cannot be read or is not what is said of it,
    /// [`Error::Input`] where a folder of judges holds no recogniser or one of a name that another has.
    pub fn load(models: &Path, judges: &[PathBuf], threads: usize) -> Result<Self> {
        let mut panel = Self { members: Vec::new(), threads };
        let backend = Backend::Cpu(Pool::new(1)?);
        panel.add_manifest(models, &backend, true)?;
        for folder in judges {
            let mut found = 0;
            if folder.join(MANIFEST).is_file() {
                found += panel.add_manifest(folder, &backend, false)?;
            }
            for (name, path) in entries(folder)? {
                if let Some(name) = name.strip_suffix(".onnx") {
                    panel.add_onnx(name, &path)?;
                    found += 1;
                }
            }
            if found == 0 {
                return Err(Error::input(format!(
                    "--judges: {} holds no recogniser; put a {MANIFEST} with its safetensors files there, or NAME.onnx with \
                     NAME.toml",
                    folder.display()
                )));
            }
        }
        Ok(panel)
    }

    /// Adds a judge: an ONNX file with its description, of the same name, beside it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn add_judge(&mut self, path: &Path) -> Result<()> {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".onnx"));
        let named = name.ok_or_else(|| Error::input(format!("--judge takes NAME.onnx, not {}", path.display())));
        self.add_onnx(named?, path)
    }

    /// The recognisers that a folder's manifest names; how many.
    fn add_manifest(&mut self, folder: &Path, backend: &Backend, attackable: bool) -> Result<usize> {
        let manifest = Manifest::from_dir(folder)?;
        let mut found = 0;
        for entry in manifest.entries.iter().filter(|entry| entry.kind == Kind::Recognizer) {
            found += 1;
            let graph = entry.network()?.graph(&entry.read(folder)?)?;
            let embedder = Box::new(Recognizer::new(entry.spec()?, backend.executor(&graph, 1)?)?);
            let sha256 = entry.sha256.clone();
            self.add(Member { embedder, cutter: ChipCutter::default(), sha256, attackable })?;
        }
        Ok(found)
    }

    fn add_onnx(&mut self, name: &str, path: &Path) -> Result<()> {
        let bytes = crate::networks::read(path)?;
        let sha256 = sha256(&bytes);
        let embedder = super::onnx::load(name, path, &bytes)?;
        self.add(Member { embedder, cutter: ChipCutter::default(), sha256, attackable: false })
    }

    /// Adds a member unless it is there already: the same file under the same name is the same network.
    fn add(&mut self, member: Member) -> Result<()> {
        let name = &member.embedder.spec().name;
        match self.members.iter().find(|other| other.embedder.spec().name == *name) {
            Some(other) if other.sha256 == member.sha256 => Ok(()),
            Some(_) => Err(Error::input(format!("two different recognisers are called `{name}`; rename one"))),
            None => {
                self.members.push(member);
                Ok(())
            }
        }
    }

    /// What a caller must know of each.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &RecognizerSpec> {
        self.members.iter().map(|member| member.embedder.spec())
    }

    /// Checksum by name.
    pub fn checksums(&self) -> BTreeMap<String, String> {
        self.members.iter().map(|member| (member.embedder.spec().name.clone(), member.sha256.clone())).collect()
    }

    /// Names of those that may be attacked.
    pub fn attackable(&self) -> Vec<String> {
        let attackable = self.members.iter().filter(|member| member.attackable);
        attackable.map(|member| member.embedder.spec().name.clone()).collect()
    }

    /// Whether the mean cosine, over recognisers, of the face with `landmarks` in two frames is at least `least`. Once
    /// those that looked rule that out, the others do not look.
    ///
    /// # Errors
    /// Those of [`ChipCutter::embed`].
    pub fn agree(&mut self, frames: [&FrameMut<'_>; 2], landmarks: &Landmarks, least: f32) -> Result<bool> {
        let mut missing = self.members.len() as f32 * (1.0 - least);
        for Member { embedder, cutter, .. } in &mut self.members {
            let [one, other] = frames.map(|frame| cutter.embed(frame, landmarks, embedder.as_mut()));
            missing -= 1.0 - cosine_similarity(&one?, &other?);
            if missing < 0.0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The embeddings of the face that has `landmarks`, by recogniser.
    ///
    /// # Errors
    /// Those of [`ChipCutter::embed`].
    pub fn embed(&mut self, frame: &FrameMut<'_>, landmarks: &Landmarks) -> Result<Vec<Vec<f32>>> {
        let threads = self.threads.min(self.members.len());
        let mut embeddings: Vec<Result<Vec<f32>>> = self.members.iter().map(|_| Ok(Vec::new())).collect();
        let tasks = Mutex::new(self.members.iter_mut().zip(&mut embeddings));
        let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some((Member { embedder, cutter, .. }, embedding)) = next() {
                *embedding = cutter.embed(frame, landmarks, embedder.as_mut());
            }
        };
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        embeddings.into_iter().collect()
    }
}
