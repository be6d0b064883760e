//! People who left: what is remembered of them, so that who returns is protected in the first frame.
//!
//! Whose track ends is kept with the perturbation that protected it. A track that begins is compared with those who are
//! kept: whom every recogniser takes it for is that person, and it goes on from there. A mistake costs nothing but time:
//! the self-check also looks at the face as it is in this very frame.

use super::subject::Subject;
use crate::net::RecognizerSpec;

/// People who are remembered at most; who left first is forgotten first.
const MOST: usize = 32;

/// The people of a stream who are not in view.
#[derive(Debug, Default)]
pub struct Memory {
    people: Vec<Subject>,
}

impl Memory {
    /// Keeps who left, in place of what was kept of the same person; who was never protected is not worth it.
    pub fn keep(&mut self, subject: Subject, specs: &[RecognizerSpec]) {
        if !subject.has_been_shown() {
            return;
        }
        self.people.retain(|known| subject.likeness(known, specs) <= 0.0);
        if self.people.len() == MOST {
            self.people.remove(0);
        }
        self.people.push(subject);
    }

    /// The person whom all recognisers take `subject` for, whose clean face was looked at; of several, the likest.
    pub fn recall(&self, subject: &Subject, specs: &[RecognizerSpec]) -> Option<&Subject> {
        let known = self.people.iter().map(|known| (subject.likeness(known, specs), known));
        known.filter(|(likeness, _)| *likeness > 0.0).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.people.clear();
    }
}
