// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers of sound formats that hold comments and pictures of their own: these are emptied, for muxers copy them.

use gst::prelude::*;

/// The second header of Vorbis without a comment: vendor and list of no length, and the framing bit.
const VORBIS: &[u8] = b"\x03vorbis\0\0\0\0\0\0\0\0\x01";
/// A metadata block of FLAC of the kind VORBIS_COMMENT (4), eight bytes long: vendor and list of no length. The first
/// bit says whether it is the last block.
const FLAC: [u8; 12] = [4, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
const LAST: u8 = 0x80;

/// Empties the comments in the headers of the stream that comes to `pad`.
pub fn drop_comments(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Some(caps) = without_comments(event.caps())
        {
            info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
}

/// The caps with headers of the same number, without comments; `None` where there are none.
fn without_comments(caps: &gst::CapsRef) -> Option<gst::Caps> {
    let structure = caps.structure(0)?;
    let headers = structure.get::<gst::Array>("streamheader").ok()?;
    let last = headers.len().checked_sub(1)?;
    let emptied = headers.iter().enumerate().map(|(index, header)| {
        let empty = match (structure.name().as_str(), index) {
            ("audio/x-vorbis", 1) => VORBIS.to_vec(),
            // A number of comments in four bytes, behind a vendor of no length.
            ("audio/x-speex", 1) => vec![0; 8],
            ("audio/x-flac", 1..) => {
                let [kind, rest @ ..] = FLAC;
                let kind = if index == last { kind | LAST } else { kind };
                [&[kind][..], &rest].concat()
            }
            _ => return header.clone(),
        };
        gst::Buffer::from_mut_slice(empty).to_send_value()
    });
    let headers = gst::Array::from_values(emptied.collect::<Vec<_>>());
    let mut caps = caps.to_owned();
    caps.make_mut().set("streamheader", headers);
    Some(caps)
}
