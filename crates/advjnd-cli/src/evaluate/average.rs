// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames averaged over time, as somebody might do who wants the noise gone.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use advjnd::{Error, Result};
use gst::prelude::*;

/// Has the element `name` of `pipeline` put out, in place of each frame, its mean with those before it: of `count`
/// frames, at the start of fewer.
///
/// # Errors
/// [`Error::Input`] where there is no such element.
pub fn average(pipeline: &gst::Pipeline, name: &str, count: usize) -> Result<()> {
    let pad = pipeline.by_name(name).and_then(|element| element.static_pad("src"));
    let pad = pad.ok_or_else(|| Error::input(format!("the pipeline lost `{name}`")))?;
    let last = Mutex::new(VecDeque::with_capacity(count));
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = info.buffer_mut()
            && let Ok(mut bytes) = buffer.make_mut().map_writable()
        {
            if last.len() == count {
                last.pop_front();
            }
            last.push_back(bytes.to_vec());
            bytes.copy_from_slice(&mean(last.make_contiguous()));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// The mean of each byte over `frames`, which have the same length.
fn mean(frames: &[Vec<u8>]) -> Vec<u8> {
    let count = frames.len().max(1) as u32;
    let mut sums = vec![count / 2; frames.first().map_or(0, Vec::len)];
    for frame in frames {
        sums.iter_mut().zip(frame).for_each(|(sum, value)| *sum += u32::from(*value));
    }
    sums.into_iter().map(|sum| (sum / count) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_averaged_and_rounded() {
        assert_eq!(mean(&[vec![0, 10, 255], vec![1, 20, 255], vec![1, 31, 254]]), [1, 20, 255]);
        assert_eq!(mean(&[vec![7]]), [7]);
        assert!(mean(&[]).is_empty());
    }
}
