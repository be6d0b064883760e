// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames, protected one after the other.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use advjnd::pacing::Schedule;
use advjnd::{Context, FailPolicy, Mode, Preset, Settings};
use numpy::PyArrayDyn;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::arrays::{Picture, new_array};
use crate::errors::{choose, raised};
use crate::recognizers;
use crate::report::Report;

/// A frame and what was done to it.
type Processed<'py> = (Bound<'py, PyArrayDyn<u8>>, Report);

/// Protects the faces of one stream of frames.
///
/// It follows faces from frame to frame: give the frames of one stream, in their order. Use one protector for each
/// stream. A protector may be used by several threads; frames then wait for each other. The same frames and seed give
/// the same bytes where `live` is False.
///
/// preset: how much is seen against how much is stopped, one of `presets()`.
/// recognizers: names of those that are attacked and that check the output; None: all that the models mark.
/// models: folder with a manifest.toml; None: the models that are built in.
/// live: whether a frame has a deadline, a share of 1 / frame_rate; a face that is not checked by then is covered.
/// frame_rate: frames a second, above 0. It gives the deadline, and for how many frames a lost face stays covered.
/// mode: "cover" covers every face in place of protecting it.
/// fail_policy: what happens to a face that is not protected: covered in one of three ways, or `process` raises
///     UnprotectedError. Retrained networks read faces that are pixelated or blurred.
/// max_iterations: gradient iterations for a face and frame at most; None: 60, or 4 where `live` is True.
/// threads: 0: one for each core.
/// seed: 0 to 2**64 - 1, start of the random numbers.
///
/// Raises ValueError where a name or value is none of these, RuntimeError where a recogniser is unknown or a model
/// damaged, OSError where a file cannot be read.
#[pyclass(frozen, module = "advjnd")]
pub struct Protector {
    state: Mutex<State>,
    settings: Settings,
    interval: Duration,
    live: bool,
}

struct State {
    protector: advjnd::Protector,
    /// Width and height of the last frame.
    size: Option<(usize, usize)>,
    frames: u32,
}

#[pymethods]
impl Protector {
    #[new]
    #[pyo3(signature = (
        preset="balanced", recognizers=None, models=None, *, live=false, frame_rate=30.0, mode="protect",
        fail_policy="fill", max_iterations=None, threads=0, seed=0
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        preset: &str,
        recognizers: Option<Vec<String>>,
        models: Option<PathBuf>,
        live: bool,
        frame_rate: f64,
        mode: &str,
        fail_policy: &str,
        max_iterations: Option<u32>,
        threads: usize,
        seed: u64,
    ) -> PyResult<Self> {
        let mut settings = Settings::default();
        preset.parse::<Preset>().map_err(raised)?.apply(&mut settings);
        settings.mode = choose("mode", mode, &[("protect", Mode::Protect), ("cover", Mode::Cover)])?;
        let policies = [
            ("fill", FailPolicy::Fill),
            ("pixelate", FailPolicy::Pixelate),
            ("blur", FailPolicy::Blur),
            ("error", FailPolicy::Error),
        ];
        settings.fail_policy = choose("fail policy", fail_policy, &policies)?;
        let usual = if live { settings.max_iterations } else { Settings::UNHURRIED_ITERATIONS };
        settings.max_iterations = max_iterations.unwrap_or(usual);
        let interval = Duration::try_from_secs_f64(1.0 / frame_rate).ok().filter(|interval| !interval.is_zero());
        let interval = interval.ok_or_else(|| {
            PyValueError::new_err(format!("frame_rate is {frame_rate}; give frames a second, above zero"))
        })?;
        let names = recognizers.unwrap_or_default();
        let protector = py.detach(|| {
            let models = recognizers::open(models.as_deref(), &names)?;
            advjnd::Protector::new(models, threads, seed).map_err(raised)
        })?;
        let state = Mutex::new(State { protector, size: None, frames: 0 });
        Ok(Self { state, settings, interval, live })
    }

    /// Protects or covers every face that is found in a frame; one that is not found passes.
    ///
    /// frame: uint8 (height, width, 3), RGB. It stays as it is. A frame of another size than the last ends every track.
    ///
    /// Returns a new frame of the same shape, and what became of the faces.
    ///
    /// Raises TypeError or ValueError for another array, UnprotectedError by the fail policy, RuntimeError where a
    /// computation fails for good. Where it raises, it returns no frame: do not send the one you gave in its place.
    fn process<'py>(&self, py: Python<'py>, frame: &Bound<'py, PyAny>) -> PyResult<Processed<'py>> {
        let mut picture = Picture::read("frame", frame)?;
        let report = py.detach(|| self.run(&mut picture))?;
        Ok((new_array(py, &[picture.height, picture.width, 3], picture.pixels)?, report))
    }

    /// Ends every track: call it after a seek or a cut. People are remembered.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| {
            self.with_state(|state| {
                state.protector.reset();
                Ok(())
            })
        })
    }
}

impl Protector {
    fn run(&self, picture: &mut Picture) -> PyResult<Report> {
        let size = (picture.width, picture.height);
        let mut frame = picture.frame()?;
        self.with_state(|state| {
            if state.size != Some(size) {
                match self.live {
                    true => state.protector.prepare(size.0, size.1, &self.settings).map_err(raised)?,
                    false => state.protector.reset(),
                }
                state.size = Some(size);
            }
            let schedule = Schedule { interval: Some(self.interval), ..Schedule::default() };
            let context = Context {
                time: Some(self.interval * state.frames),
                budget: self.live.then(|| schedule.budget(Duration::ZERO)),
                ..Context::default()
            };
            state.frames += 1;
            let report = state.protector.process(&mut frame, &context, &self.settings).map_err(raised)?;
            Ok(Report::from(&report))
        })
    }

    /// A frame that ended in a panic leaves the lock poisoned: nothing goes out after it.
    fn with_state<T>(&self, work: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        let mut state = self
            .state
            .lock()
            .map_err(|_| PyRuntimeError::new_err("a frame before this one ended in a panic; make a new Protector"))?;
        work(&mut state)
    }
}
