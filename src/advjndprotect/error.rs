// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of the core as GStreamer messages: the one place where they are mapped.

use std::io::ErrorKind;

use advjnd::Error;

/// The message for a wrong setting.
pub(super) fn setting(error: &Error) -> gst::ErrorMessage {
    match error {
        Error::Input(_) => gst::error_msg!(gst::LibraryError::Settings, ("{error}")),
        _ => message(error),
    }
}

/// The message for `error`, by whose fault it is.
pub(super) fn message(error: &Error) -> gst::ErrorMessage {
    match error {
        Error::Model { .. } => gst::error_msg!(gst::LibraryError::Settings, ("{error}")),
        Error::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
            gst::error_msg!(gst::ResourceError::NotFound, ("{error}"))
        }
        Error::Io { .. } => gst::error_msg!(gst::ResourceError::OpenRead, ("{error}")),
        Error::Device { .. } => gst::error_msg!(gst::ResourceError::OpenReadWrite, ("{error}")),
        Error::Input(_) => gst::error_msg!(gst::StreamError::Format, ("{error}")),
        _ => gst::error_msg!(gst::StreamError::Failed, ("{error}")),
    }
}
