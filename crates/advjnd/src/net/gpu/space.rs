// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places in the buffer of values, freed after their last use.

/// Alignment of places in numbers: 256 bytes, so that copies and bindings may begin at each.
const ALIGNMENT: usize = 64;

/// A place: an offset and a length, in numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: usize,
    length: usize,
}

/// The buffer of values while a plan is made.
#[derive(Debug, Default)]
pub(super) struct Space {
    length: usize,
    /// Free spans by offset; adjacent ones are merged.
    free: Vec<Span>,
}

impl Space {
    /// A place for `length` numbers: the smallest free span that is large enough.
    pub(super) fn take(&mut self, length: usize) -> Span {
        let length = length.max(1).next_multiple_of(ALIGNMENT);
        let fits = self.free.iter().enumerate().filter(|(_, span)| span.length >= length);
        if let Some((index, _)) = fits.min_by_key(|(_, span)| span.length) {
            let span = &mut self.free[index];
            let taken = Span { offset: span.offset, length };
            span.offset += length;
            span.length -= length;
            self.free.retain(|span| span.length > 0);
            return taken;
        }
        let offset = self.length;
        self.length += length;
        Span { offset, length }
    }

    /// Frees a place.
    pub(super) fn give(&mut self, span: Span) {
        let index = self.free.partition_point(|other| other.offset < span.offset);
        self.free.insert(index, span);
        let mut joined: Vec<Span> = Vec::with_capacity(self.free.len());
        for span in self.free.drain(..) {
            match joined.last_mut() {
                Some(last) if last.offset + last.length == span.offset => last.length += span.length,
                _ => joined.push(span),
            }
        }
        self.free = joined;
    }

    /// Length of the whole buffer, in numbers.
    pub(super) fn length(&self) -> usize {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_do_not_overlap() {
        let mut space = Space::default();
        let spans: Vec<Span> = [100, 64, 1].into_iter().map(|length| space.take(length)).collect();
        assert_eq!(spans.iter().map(|span| span.offset).collect::<Vec<_>>(), [0, 128, 192]);
        let mut spans = spans.into_iter();
        space.give(spans.next().expect("a place"));
        space.give(spans.next().expect("a place"));
        assert_eq!(space.take(190).offset, 0, "neighbours are one place");
        assert_eq!(space.take(1).offset, 256);
        assert_eq!(space.length(), 320);
    }
}
