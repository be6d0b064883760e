// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a file is, by its content.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use advjnd::{Error, Result};
use image::ImageFormat;

/// Bytes from the start of a file that are looked at.
const LOOKED_AT: u64 = 256 << 10;
/// Types of files with video whose name does not begin with `video/`.
const FILMS: [&str; 5] =
    ["application/ogg", "application/mxf", "application/vnd.rn-realmedia", "application/x-dv", "application/x-3gp"];
/// The beginning of types that only libav takes apart, which GStreamer cannot wait for.
const LIBAV: &str = "application/x-gst-av-";
/// Types that name other files, which may lie anywhere.
const LISTS: [&str; 8] = [
    "application/x-hls",
    "application/dash+xml",
    "application/vnd.ms-sstr+xml",
    "application/sdp",
    "application/smil",
    "application/x-mss",
    "text/uri-list",
    "audio/x-scpls",
];
/// The marks by which files of HEIF are told, behind the word `ftyp`.
const HEIF: [&[u8]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif"];

/// A file that can be protected.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Video, with what demuxers take it for.
    Film(gst::Caps),
    /// A picture.
    Still(ImageFormat),
}

/// A file that cannot.
#[derive(Debug)]
pub enum Refusal {
    /// It is something else altogether: text, sound.
    Other(String),
    /// It is, or may be, something to be protected: what is wrong, and what to do.
    Unfit(String),
}

/// What the file `path` is.
///
/// # Errors
/// [`Error::Io`] where it cannot be read.
pub fn kind(path: &Path) -> Result<std::result::Result<Kind, Refusal>> {
    let mut head = Vec::new();
    let io = |source| Error::Io { path: path.to_owned(), source };
    File::open(path).map_err(io)?.take(LOOKED_AT).read_to_end(&mut head).map_err(io)?;
    Ok(of_content(&head))
}

fn of_content(head: &[u8]) -> std::result::Result<Kind, Refusal> {
    let unfit = |text: &str| Err(Refusal::Unfit(text.to_owned()));
    if head.is_empty() {
        return unfit("it is empty; copy it anew from where it came from");
    }
    if head.get(4..8) == Some(b"ftyp") && head.get(8..12).is_some_and(|brand| HEIF.contains(&brand)) {
        return unfit("pictures in HEIF (HEIC, AVIF) cannot be read; save it as JPEG or PNG first");
    }
    match image::guess_format(head) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => return Ok(Kind::Still(format)),
        Ok(ImageFormat::Gif) => {
            return unfit("GIF cannot be read; convert it first: ffmpeg -i FILE.gif -pix_fmt yuv420p FILE.mp4");
        }
        Ok(format) => {
            let name = format.to_mime_type();
            return unfit(&format!("pictures of the type {name} cannot be read; save it as PNG first"));
        }
        Err(_) => (),
    }
    let Ok((caps, _)) = gst_base::functions::type_find_helper_for_data(None::<&gst::Object>, head) else {
        if std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0')) {
            return Err(Refusal::Other("it is neither a video nor a picture, but text".to_owned()));
        }
        return unfit("its content is not known as video or picture; if it is one, it is damaged");
    };
    let name = caps.structure(0).map(|structure| structure.name().to_string()).unwrap_or_default();
    if LISTS.contains(&name.as_str()) {
        return unfit("it is a list of other files, and only files that are named are opened; name those");
    }
    if name.starts_with("video/") || FILMS.contains(&name.as_str()) {
        return Ok(Kind::Film(caps));
    }
    if let Some(container) = name.strip_prefix(LIBAV) {
        return unfit(&format!("{container} cannot be read; convert it first: ffmpeg -i FILE -c copy NEW.mkv"));
    }
    if name.starts_with("image/") {
        return unfit(&format!("pictures of the type {name} cannot be read; save it as PNG first"));
    }
    Err(Refusal::Other(format!("it is neither a video nor a picture, but {name}")))
}
