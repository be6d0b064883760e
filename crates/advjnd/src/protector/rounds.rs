// SPDX-License-Identifier: MIT OR Apache-2.0
//! Iterations in rounds: in each, every face that goes on prepares an iteration, the gradients by the same recogniser
//! are computed together, and every face finishes its iteration.
//!
//! Who is in a round depends on the faces alone, not on who is done first. So the same frames give the same bytes.

use super::Settings;
use super::face_job::{Course, FaceJob};
use super::worker::Worker;
use crate::attack::Attack;

/// A job, and the number of iterations there is time for.
pub struct Granted<'j, 't> {
    /// The job.
    pub job: &'j mut FaceJob<'t>,
    /// The number of iterations.
    pub iterations: u32,
}

/// What holds for all rounds of a stage.
pub struct Rounds<'a> {
    /// The attack's parameters.
    pub attack: &'a Attack,
    /// The settings.
    pub settings: &'a Settings,
    /// Whether there is time for a round of so many faces.
    pub allows: &'a (dyn Fn(usize) -> bool + Sync),
}

impl Rounds<'_> {
    /// Runs the iterations of `faces` on `worker`.
    pub fn run(&self, faces: &mut [Granted<'_, '_>], worker: &mut Worker) {
        faces.iter_mut().for_each(|own| own.job.begin_iterations(self.course(own)));
        loop {
            let mut going: Vec<_> = faces.iter_mut().filter(|own| own.job.is_iterating()).collect();
            if going.is_empty() {
                return;
            }
            let in_time = (self.allows)(going.len());
            going.iter_mut().for_each(|own| own.job.prepare(worker, self.course(own), in_time));
            for index in 0..worker.readers.len() {
                let wanting = going.iter_mut().map(|own| &mut *own.job).filter(|job| job.wants() == Some(index));
                finish(&mut wanting.collect::<Vec<_>>(), worker, index);
            }
        }
    }

    fn course(&self, face: &Granted<'_, '_>) -> Course<'_> {
        Course { attack: self.attack, settings: self.settings, granted: face.iterations }
    }
}

/// Computes the gradients that `jobs` want by recogniser `index`, and finishes their iterations.
fn finish(jobs: &mut [&mut FaceJob<'_>], worker: &mut Worker, index: usize) {
    let Worker { pool, readers, smoothing, .. } = worker;
    let reader = &mut readers[index];
    if jobs.is_empty() {
        return;
    }
    reader.begin();
    jobs.iter().for_each(|job| reader.keep(job.chip()));
    let dodges: Vec<_> = jobs.iter().filter_map(|job| job.dodge()).collect();
    if let Err(error) = reader.dodge_kept(&dodges) {
        return jobs.iter_mut().for_each(|job| job.fail(error.to_string()));
    }
    jobs.iter_mut().enumerate().for_each(|(number, job)| job.step(smoothing, reader.pulled(number), pool));
}
