// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recognisers that look: those of the models folder, any of which may be attacked, and those of folders of
//! judges, which never are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use advjnd::face::{ChipCutter, Landmarks};
use advjnd::models::{Kind, MANIFEST, Manifest, sha256};
use advjnd::net::{Backend, Embedder, Recognizer, RecognizerSpec};
use advjnd::{Error, FrameMut, Pool, Result};

use crate::folder::entries;

/// A recogniser that looks.
struct Member {
    embedder: Box<dyn Embedder>,
    sha256: String,
    /// Whether it lies in the models folder, so that the element can be given it.
    attackable: bool,
}

/// All recognisers that look, each once.
pub struct Panel {
    members: Vec<Member>,
}

impl Panel {
    /// The recognisers of the folder `models`, then those of each folder of `judges`: what its manifest names, if it
    /// has one, and every ONNX file with a description beside it. Run on `pool`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Model`] where something cannot be read or is not what is said of it,
    /// [`Error::Input`] where a folder of judges holds no recogniser or one of a name that another has.
    pub fn load(models: &Path, judges: &[PathBuf], pool: &Arc<Pool>) -> Result<Self> {
        let mut panel = Self { members: Vec::new() };
        let backend = Backend::Cpu(Arc::clone(pool));
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

    /// The recognisers that a folder's manifest names; how many.
    fn add_manifest(&mut self, folder: &Path, backend: &Backend, attackable: bool) -> Result<usize> {
        let manifest = Manifest::from_dir(folder)?;
        let mut found = 0;
        for entry in manifest.entries.iter().filter(|entry| entry.kind == Kind::Recognizer) {
            found += 1;
            let graph = entry.network()?.graph(&entry.read(folder)?)?;
            let embedder = Box::new(Recognizer::new(entry.spec()?, backend.executor(&graph, 1)?)?);
            self.add(Member { embedder, sha256: entry.sha256.clone(), attackable })?;
        }
        Ok(found)
    }

    fn add_onnx(&mut self, name: &str, path: &Path) -> Result<()> {
        let bytes = crate::networks::read(path)?;
        let sha256 = sha256(&bytes);
        let embedder = super::onnx::load(name, path, &bytes)?;
        self.add(Member { embedder, sha256, attackable: false })
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

    /// The embeddings of the face that has `landmarks`, by recogniser.
    ///
    /// # Errors
    /// Those of [`ChipCutter::embed`].
    pub fn embed(
        &mut self,
        cutter: &mut ChipCutter,
        frame: &FrameMut<'_>,
        landmarks: &Landmarks,
    ) -> Result<Vec<Vec<f32>>> {
        self.members.iter_mut().map(|member| cutter.embed(frame, landmarks, member.embedder.as_mut())).collect()
    }
}
