// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which file becomes which.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use advjnd::models::sha256;
use advjnd::{Error, Result};
use image::ImageFormat;

use super::container::Container;
use super::inputs::Input;
use super::kind::{Kind, Refusal, kind};
use super::unfinished::refuse_existing;

/// Where outputs go.
#[derive(Debug, Clone)]
pub enum Target {
    /// Into this file.
    File(PathBuf),
    /// Into this folder, by the names of the inputs.
    Folder(PathBuf),
}

/// How outputs are named, and what may happen to files that have their names.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether files that are there already may be overwritten.
    pub overwrite: bool,
    /// Whether a file whose output is there already is passed over.
    pub skip_existing: bool,
    /// Whether a picture of a frame before and after is written.
    pub picture: bool,
    /// Whether video is written without loss.
    pub lossless: bool,
    /// What stands behind the name of an output.
    pub ending: &'static str,
}

/// A file and what becomes of it.
#[derive(Debug)]
pub struct Task {
    /// What is read.
    pub input: PathBuf,
    /// Where it lies in the folder that was named.
    pub place: PathBuf,
    /// What is to be done.
    pub step: Step,
}

/// What becomes of a file.
#[derive(Debug)]
pub enum Step {
    /// It is protected.
    Protect(Order),
    /// It is passed over, for this reason.
    Skip(String),
    /// It cannot be protected: what is wrong, and what to do.
    Refuse(String),
}

/// A file to be written.
#[derive(Debug)]
pub struct Order {
    /// What is written.
    pub output: PathBuf,
    /// The picture of a frame before and after, if one is written.
    pub picture: Option<PathBuf>,
    /// What video is written into.
    pub container: Container,
    /// Whether another input wants the usual name, so that this output has a longer one.
    pub renamed: bool,
}

impl Target {
    /// What the argument `out` means for `inputs`: a file, where one file is named, and `out` is no folder and has a
    /// suffix.
    pub fn of(out: &Path, inputs: &[PathBuf]) -> Self {
        let is_folder = out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/") || out.extension().is_none();
        match inputs {
            [input] if !is_folder && !input.is_dir() && input.symlink_metadata().is_ok() => Self::File(out.to_owned()),
            _ => Self::Folder(out.to_owned()),
        }
    }

    /// The folder that is written into.
    pub fn folder(&self) -> &Path {
        match self {
            Self::File(file) => file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")),
            Self::Folder(folder) => folder,
        }
    }
}

/// What becomes of every one of `inputs`.
pub fn plan(inputs: &[Input], target: &Target, rules: Rules) -> Vec<Task> {
    let originals: HashSet<_> = inputs.iter().filter_map(|input| identity(&input.path)).collect();
    let steps = inputs.iter().map(|input| step(input, target, rules).unwrap_or_else(refused)).collect::<Vec<_>>();
    let mut wanted = HashMap::new();
    for path in steps.iter().filter_map(Step::order).flat_map(Order::paths) {
        *wanted.entry(folded(path)).or_insert(0) += 1;
    }
    let task = |(input, mut step): (&Input, Step)| {
        if let Step::Protect(order) = &mut step {
            order.make_unique(input, &wanted);
            match check(order, &originals, rules) {
                Ok(None) => (),
                Ok(Some(other)) => step = other,
                Err(error) => step = refused(error),
            }
        }
        Task { input: input.path.clone(), place: input.place.clone(), step }
    };
    inputs.iter().zip(steps).map(task).collect()
}

fn refused(error: Error) -> Step {
    Step::Refuse(error.to_string())
}

impl Step {
    fn order(&self) -> Option<&Order> {
        if let Self::Protect(order) = self { Some(order) } else { None }
    }
}

impl Order {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.picture.iter().chain([&self.output])
    }

    /// Gives its files names of their own where other inputs want the same: with a part of the checksum of the input's
    /// path, so that a name belongs to one input whatever others come.
    fn make_unique(&mut self, input: &Input, wanted: &HashMap<OsString, u32>) {
        let is_shared = |path: &Path| wanted.get(&folded(path)).is_some_and(|count| *count > 1);
        let unique = |path: &Path| {
            let sum = sha256(input.path.as_os_str().as_encoded_bytes());
            let mark = sum.get(..8).unwrap_or_default();
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push(format!("-{mark}."));
            name.push(path.extension().unwrap_or_default());
            path.with_file_name(name)
        };
        if is_shared(&self.output) {
            (self.output, self.renamed) = (unique(&self.output), true);
        }
        self.picture = self.picture.take().map(|path| if is_shared(&path) { unique(&path) } else { path });
    }
}

/// Names that differ by case alone are one name on some disks.
fn folded(path: &Path) -> OsString {
    path.as_os_str().to_ascii_lowercase()
}

fn step(input: &Input, target: &Target, rules: Rules) -> Result<Step> {
    let io = |source| Error::Io { path: input.path.clone(), source };
    let file = fs::metadata(&input.path).map_err(io)?;
    if file.is_dir() {
        return Ok(Step::Refuse(
            "the folder cannot be read; check its permissions, and links that lead back".to_owned(),
        ));
    }
    if !file.is_file() {
        return Ok(Step::Refuse("it is not a regular file; copy its content into one".to_owned()));
    }
    let kind = match kind(&input.path)? {
        Ok(kind) => kind,
        Err(Refusal::Other(reason)) if !input.named => return Ok(Step::Skip(reason)),
        Err(Refusal::Other(reason) | Refusal::Unfit(reason)) => return Ok(Step::Refuse(reason)),
    };
    let container = match &kind {
        _ if rules.lossless => Container::Matroska,
        Kind::Film(caps) => Container::like(caps),
        Kind::Still(_) => Container::Mp4,
    };
    let (output, container) = match target {
        Target::File(file) => (file.clone(), container_for(file, &kind, rules)?.unwrap_or(container)),
        Target::Folder(folder) => {
            (folder.join(place(&input.place, &suffix(&input.path, &kind, container), rules)), container)
        }
    };
    let picture = rules.picture.then(|| picture(&output));
    Ok(Step::Protect(Order { output, picture, container, renamed: false }))
}

/// The container that the name of an output asks for; `None` for pictures.
fn container_for(output: &Path, kind: &Kind, rules: Rules) -> Result<Option<Container>> {
    let suffix = output.extension().unwrap_or_default();
    let wrong = |are: &str| {
        let name = output.display();
        Err(Error::input(format!("{name} cannot be written: {are}")))
    };
    match (kind, Container::of_suffix(suffix)) {
        (Kind::Still(format), _) if ImageFormat::from_extension(suffix) == Some(*format) => Ok(None),
        (Kind::Still(format), _) => {
            wrong(&format!("pictures keep their format; give it the suffix .{}", plain_suffix(*format)))
        }
        (Kind::Film(_), Some(container)) if rules.lossless && container != Container::Matroska => {
            wrong("video without loss is Matroska; give it the suffix .mkv")
        }
        (Kind::Film(_), Some(container)) => Ok(Some(container)),
        (Kind::Film(_), None) => wrong("video is written as .mp4, .mov or .mkv; give it one of these suffixes"),
    }
}

/// The suffix of the output of `input`.
fn suffix(input: &Path, kind: &Kind, container: Container) -> OsString {
    match (kind, input.extension()) {
        (Kind::Still(format), Some(own)) if ImageFormat::from_extension(own) == Some(*format) => own.to_owned(),
        (Kind::Still(format), _) => plain_suffix(*format).into(),
        (Kind::Film(_), Some(own)) if Container::of_suffix(own) == Some(container) => own.to_owned(),
        (Kind::Film(_), _) => container.suffix().into(),
    }
}

fn plain_suffix(format: ImageFormat) -> &'static str {
    format.extensions_str().first().copied().unwrap_or_default()
}

/// Where the output of the input at `place` belongs. The name keeps the suffix of the input where that becomes another
/// one: `a.mp4` and `a.avi` have an output each.
fn place(place: &Path, suffix: &OsStr, rules: Rules) -> PathBuf {
    let keeps_suffix = place.extension().is_none_or(|own| own == suffix);
    let stem = if keeps_suffix { place.file_stem() } else { place.file_name() };
    let mut name = stem.unwrap_or_default().to_owned();
    name.push(rules.ending);
    name.push(".");
    name.push(suffix);
    place.with_file_name(name)
}

/// The picture of a frame before and after that belongs to `output`; its name says what is in it.
fn picture(output: &Path) -> PathBuf {
    let stem = output.file_stem().unwrap_or_default().as_encoded_bytes();
    let stem = stem.strip_suffix(b"-protected").unwrap_or(stem);
    let mut name = OsString::from_vec(stem.to_vec());
    name.push("-clean-and-protected.png");
    output.with_file_name(name)
}

/// Checks that an order harms no file: a step where there is another one to be taken.
fn check(order: &Order, originals: &HashSet<(u64, u64)>, rules: Rules) -> Result<Option<Step>> {
    if rules.skip_existing && order.output.symlink_metadata().is_ok() {
        return Ok(Some(Step::Skip(format!("{} already exists", order.output.display()))));
    }
    for path in order.paths() {
        if identity(path).is_some_and(|file| originals.contains(&file)) {
            let path = path.display();
            return Err(Error::input(format!("{path} is the input itself; give the output another name")));
        }
        if path.is_dir() {
            return Err(Error::input(format!("{} is a folder; remove it or name another output", path.display())));
        }
        refuse_existing(path, rules.overwrite)?;
    }
    Ok(None)
}

/// Checks that `output` is none of `inputs`, by whatever name.
///
/// # Errors
/// [`Error::Input`] where it is one.
pub fn refuse_input(output: &Path, inputs: &[&Path]) -> Result<()> {
    let own = identity(output);
    if own.is_some() && inputs.iter().any(|input| identity(input) == own) {
        return Err(Error::input(format!("{} is an input; give the output another name", output.display())));
    }
    Ok(())
}

/// What tells a file from all others, by whatever name, links followed.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).map(|file| (file.dev(), file.ino())).ok()
}
