// SPDX-License-Identifier: MIT OR Apache-2.0
//! The byte order of uncompressed sound in QuickTime files.
//!
//! The kinds `in32`, `fl32` and `fl64` have their most significant byte first unless an atom `enda` of value 1 stands
//! beside them (QuickTime File Format Specification, "Sound Sample Description Extensions"). GStreamer 1.22 looks at it
//! for `in24` alone, and takes such sound for noise.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Formats that are told with the wrong byte order, and the right ones.
const FORMATS: [(&str, &str); 3] = [("S32BE", "S32LE"), ("F32BE", "F32LE"), ("F64BE", "F64LE")];
const LITTLE: &[u8] = b"enda\0\x01";
/// A longer description of the file than this is none, in bytes.
const MOST: u64 = 256 << 20;

/// The format that uncompressed sound of a QuickTime file has in truth, where `caps` tell another one.
pub fn true_format(caps: &gst::CapsRef) -> Option<&'static str> {
    let told = caps.structure(0).filter(|structure| structure.name() == "audio/x-raw")?.get::<&str>("format").ok()?;
    FORMATS.iter().find(|(wrong, _)| *wrong == told).map(|(_, format)| *format)
}

/// Whether a QuickTime file says that its sound has its least significant byte first.
pub fn is_little_endian(path: &Path) -> bool {
    moov(path).ok().flatten().is_some_and(|moov| moov.windows(LITTLE.len()).any(|bytes| bytes == LITTLE))
}

/// The atom `moov`; `None` where there is none.
fn moov(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut head = [0; 16];
    loop {
        let start = file.stream_position()?;
        if file.read_exact(&mut head[..8]).is_err() {
            return Ok(None);
        }
        let [a, b, c, d, kind @ ..] = [head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]];
        let mut size = u64::from(u32::from_be_bytes([a, b, c, d]));
        if size == 1 {
            file.read_exact(&mut head[8..])?;
            size = head[8..].iter().fold(0, |size, byte| size << 8 | u64::from(*byte));
        }
        let end = match size {
            // To the end of the file.
            0 => u64::MAX,
            8.. => start.saturating_add(size),
            _ => return Ok(None),
        };
        if kind == *b"moov" {
            let mut moov = Vec::new();
            file.take((end - start).min(MOST)).read_to_end(&mut moov)?;
            return Ok(Some(moov));
        }
        if end == u64::MAX {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(end))?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;

    fn atom(kind: &[u8], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + content.len()).expect("a small atom");
        [&size.to_be_bytes()[..], kind, content].concat()
    }

    fn says(bytes: &[u8]) -> bool {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("it is written");
        is_little_endian(file.path())
    }

    #[test]
    fn the_order_is_read_wherever_the_description_lies() {
        let moov = |order: u8| atom(b"moov", &atom(b"wave", &atom(b"enda", &[0, order])));
        let (head, data) = (atom(b"ftyp", b"qt  "), atom(b"mdat", b"enda\0\x01"));
        let long = [&1_u32.to_be_bytes()[..], b"mdat", &20_u64.to_be_bytes(), b"abcd"].concat();
        assert!(says(&[&head[..], &moov(1), &data].concat()));
        assert!(says(&[&head[..], &data, &long, &moov(1)].concat()));
        assert!(!says(&[&head[..], &data, &moov(0)].concat()));
        assert!(!says(&[&head[..], &data].concat()));
        assert!(!says(&[0, 0, 0, 3, b'm', b'o', b'o', b'v']));
        assert!(!says(b""));
    }

    #[test]
    fn only_what_is_told_wrong_is_corrected() {
        gst::init().expect("GStreamer starts");
        let caps = |kind: &str, format: &str| gst::Caps::builder(kind).field("format", format).build();
        assert_eq!(true_format(&caps("audio/x-raw", "F32BE")), Some("F32LE"));
        assert_eq!(true_format(&caps("audio/x-raw", "S16BE")), None);
        assert_eq!(true_format(&caps("audio/x-raw", "F32LE")), None);
        assert_eq!(true_format(&caps("audio/x-other", "F32BE")), None);
    }
}
