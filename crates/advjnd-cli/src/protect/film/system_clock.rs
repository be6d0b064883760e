// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system clock of MPEG program streams, made steady.
//!
//! GStreamer's demuxer takes a step of more than a second from one clock reference (SCR, ISO/IEC 13818-1, 2.5.3.3) to
//! the next for a cut, and moves all that follows; files with few references have such steps. Nothing but that depends
//! on the references here: when frames are shown is told apart from them.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

/// How a pack begins, and how long it is until its clock reference has been told.
const PACK: [u8; 4] = [0, 0, 1, 0xba];
const HEAD: usize = 10;
/// Steps up to this are as they are, ticks of 90 kHz; others become this one.
const LONGEST: u64 = 45_000;
const STEP: u64 = 900;

/// Whether a file of the type `caps` is a program stream.
pub fn is_program_stream(caps: &gst::CapsRef) -> bool {
    let structure = caps.structure(0).filter(|structure| structure.name() == "video/mpeg");
    structure.is_some_and(|structure| structure.get("systemstream") == Ok(true))
}

/// Makes the clock references steady in the bytes that leave by `pad`.
pub fn steady(pad: &gst::Pad) {
    let clock = Mutex::new(Clock::default());
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let pass = |bytes: &[u8]| clock.lock().unwrap_or_else(PoisonError::into_inner).pass(bytes);
        let passed = info.buffer().and_then(|buffer| buffer.map_readable().ok()).map(|bytes| pass(&bytes));
        if let Some(passed) = passed {
            info.data = Some(gst::PadProbeData::Buffer(gst::Buffer::from_mut_slice(passed)));
        }
        gst::PadProbeReturn::Ok
    });
}

#[derive(Debug, Default)]
struct Clock {
    /// The last reference as it came, and as it went.
    last: Option<[u64; 2]>,
    /// The beginning of a pack that may go on in the next bytes.
    rest: Vec<u8>,
}

impl Clock {
    /// The bytes that go on, where `bytes` come.
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = [&std::mem::take(&mut self.rest), bytes].concat();
        let mut at = 0;
        while at < bytes.len() {
            let Some(zero) = bytes[at..].iter().position(|byte| *byte == 0) else { break };
            at += zero;
            let head = &mut bytes[at..];
            let seen = head.len().min(PACK.len());
            if head[..seen] != PACK[..seen] {
                at += 1;
            } else if head.len() < HEAD {
                self.rest = bytes.split_off(at);
            } else {
                self.adjust(&mut head[PACK.len()..HEAD]);
                at += HEAD;
            }
        }
        bytes
    }

    fn adjust(&mut self, bytes: &mut [u8]) {
        let Some(layout) = Layout::of(bytes) else { return };
        let came = layout.read(bytes);
        let goes = match self.last {
            Some([last, gone]) => {
                let step = came.checked_sub(last).filter(|step| *step <= LONGEST).unwrap_or(STEP);
                gone + step
            }
            None => came,
        };
        layout.write(bytes, goes);
        self.last = Some([came, goes]);
    }
}

/// Where the 33 bits of a reference lie: their first bit in a byte, how many, and by how much they are shifted.
struct Layout(&'static [(usize, u32, u32, u32)]);

impl Layout {
    const MPEG_1: Self = Self(&[(0, 1, 3, 30), (1, 0, 8, 22), (2, 1, 7, 15), (3, 0, 8, 7), (4, 1, 7, 0)]);
    const MPEG_2: Self =
        Self(&[(0, 3, 3, 30), (0, 0, 2, 28), (1, 0, 8, 20), (2, 3, 5, 15), (2, 0, 2, 13), (3, 0, 8, 5), (4, 3, 5, 0)]);

    fn of(bytes: &[u8]) -> Option<Self> {
        let is = |byte: usize, mask: u8, value: u8| bytes.get(byte).is_some_and(|byte| byte & mask == value);
        if is(0, 0xc4, 0x44) && is(2, 0x04, 0x04) && is(4, 0x04, 0x04) {
            Some(Self::MPEG_2)
        } else if is(0, 0xf1, 0x21) && is(2, 0x01, 0x01) && is(4, 0x01, 0x01) {
            Some(Self::MPEG_1)
        } else {
            None
        }
    }

    fn read(&self, bytes: &[u8]) -> u64 {
        let part = |(byte, first, count, shift): &(usize, u32, u32, u32)| {
            (u64::from(bytes[*byte]) >> first & ((1 << count) - 1)) << shift
        };
        self.0.iter().map(part).sum()
    }

    fn write(&self, bytes: &mut [u8], value: u64) {
        for (byte, first, count, shift) in self.0 {
            let mask = (1 << count) - 1;
            let part = (value >> shift & mask) << first;
            bytes[*byte] = (u64::from(bytes[*byte]) & !(mask << first) | part) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = 0x1_2345_6789;

    fn head(layout: &Layout, value: u64) -> Vec<u8> {
        let marks = if layout.0.len() == 5 { [0x21, 0, 1, 0, 1, 0x80] } else { [0x44, 0, 4, 0, 4, 1] };
        let mut head = [&PACK[..], &marks].concat();
        layout.write(&mut head[PACK.len()..], value);
        head
    }

    /// The references in `bytes`, and what is beside them.
    fn references(bytes: &[u8]) -> (Vec<u64>, Vec<u8>) {
        let (mut found, mut others, mut at) = (Vec::new(), Vec::new(), 0);
        while at < bytes.len() {
            let reference = bytes[at..].strip_prefix(&PACK);
            match reference.and_then(|bytes| Layout::of(bytes).map(|layout| layout.read(bytes))) {
                Some(value) => {
                    found.push(value);
                    at += HEAD;
                }
                None => {
                    others.push(bytes[at]);
                    at += 1;
                }
            }
        }
        (found, others)
    }

    #[test]
    fn a_leap_becomes_a_step_however_the_bytes_are_cut() {
        for layout in [Layout::MPEG_1, Layout::MPEG_2] {
            let values = [FIRST, FIRST + 45_000, FIRST + 200_000, FIRST + 201_000, FIRST + 100];
            let payload = [0, 0, 1, 0xe0, 0, 0, 0, 1, 7, 0, 0];
            let stream: Vec<u8> =
                values.iter().flat_map(|value| [head(&layout, *value), payload.to_vec()].concat()).collect();
            for size in [1, 2, 3, 7, 16, 1000] {
                let mut clock = Clock::default();
                let passed: Vec<u8> = stream.chunks(size).flat_map(|bytes| clock.pass(bytes)).collect();
                let (found, others) = references(&passed);
                let steps: Vec<u64> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert_eq!((found[0], steps.as_slice()), (FIRST, &[45_000, 900, 1000, 900][..]), "{size}");
                assert!(payload.repeat(values.len()).starts_with(&others), "{size}");
                assert!(passed.len() + HEAD > stream.len(), "{size}");
            }
        }
    }
}
