// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lies in a JPEG file behind its picture: ITU-T T.81, annex B.

/// How the file of another picture begins.
const BEGIN: [u8; 3] = [0xff, 0xd8, 0xff];

/// Whether another picture follows in the file, as in those of cameras (gain maps, depth) and in raw Motion JPEG.
pub fn has_further_pictures(file: &[u8]) -> bool {
    let rest = end(file).and_then(|end| file.get(end..)).unwrap_or_default();
    rest.windows(BEGIN.len()).any(|bytes| bytes == BEGIN)
}

/// Where the first picture ends.
fn end(file: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // Coded data, in which 0xff stands before 0, and fill bytes.
        let (first, marker) = (*file.get(at)?, *file.get(at + 1)?);
        if first != 0xff || matches!(marker, 0x00 | 0x01 | 0xd0..=0xd7 | 0xff) {
            at += 1;
            continue;
        }
        if marker == 0xd9 {
            return Some(at + 2);
        }
        let length = u16::from_be_bytes([*file.get(at + 2)?, *file.get(at + 3)?]);
        at += 2 + usize::from(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_within_headers_are_none_behind_it() {
        // A thumbnail in an APP1, a table, a scan with a stuffed 0xff and a restart marker, the end.
        let mut file = vec![0xff, 0xd8, 0xff, 0xe1, 0, 9, 0xff, 0xd8, 0xff, 0xd9, 1, 2, 3, 0xff, 0xdb, 0, 4, 5, 6];
        file.extend([0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 8, 0xff, 0xd1, 9, 0xff, 0xd9]);
        assert_eq!(end(&file), Some(file.len()));
        assert!(!has_further_pictures(&file));
        assert!(has_further_pictures(&[file.clone(), file].concat()));
        assert!(!has_further_pictures(&[0xff, 0xd8, 0xff]));
    }
}
