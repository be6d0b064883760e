// SPDX-License-Identifier: MIT OR Apache-2.0
//! Metas that came with a buffer, and which parts of them go on with the changed picture.
//!
//! An upstream detector may have attached what it saw: an embedding by which the face can be recognised, or a picture.

use advjnd::{Error, Result};
use gst::MetaFlags;
use gst::buffer::BufferMetaForeachAction;
use gst_video::VideoRegionOfInterestMeta;

use super::roi::{self, LANDMARKS};

/// The longest text in a parameter that goes on, bytes.
const LONGEST: usize = 64;

/// A region of interest with only the parameters that go on.
struct Region {
    kind: &'static str,
    rect: (u32, u32, u32, u32),
    id: i32,
    parent: i32,
    params: Vec<gst::Structure>,
}

/// Removes from the regions of interest on `buffer` every parameter that could reveal the clean face: all but numbers,
/// truth values, short texts and landmarks.
///
/// # Errors
/// [`Error::Input`] if a region is locked, so that nothing can be removed from it.
pub(super) fn strip(buffer: &mut gst::BufferRef) -> Result<()> {
    let metas = || buffer.iter_meta::<VideoRegionOfInterestMeta>();
    if metas().flat_map(|meta| meta.params().map(is_plain).collect::<Vec<_>>()).all(|plain| plain) {
        return Ok(());
    }
    if metas().any(|meta| meta.flags().contains(MetaFlags::LOCKED)) {
        return Err(Error::input(
            "a region of interest is locked and holds what tells of a face as it was; put an element in front that \
             drops it",
        ));
    }
    let regions: Vec<Region> = metas()
        .map(|meta| Region {
            kind: meta.roi_type(),
            rect: meta.rect(),
            id: meta.id(),
            parent: meta.parent_id(),
            params: meta.params().map(plain).collect(),
        })
        .collect();
    buffer.foreach_meta_mut(|mut meta| {
        let is_region = meta.downcast_ref::<VideoRegionOfInterestMeta>().is_some();
        let action = if is_region { BufferMetaForeachAction::Remove } else { BufferMetaForeachAction::Keep };
        std::ops::ControlFlow::Continue(action)
    });
    for Region { kind, rect, id, parent, params } in regions {
        let mut meta = VideoRegionOfInterestMeta::add(buffer, kind, rect);
        meta.set_id(id);
        meta.set_parent_id(parent);
        params.into_iter().for_each(|param| meta.add_param(param));
    }
    Ok(())
}

fn is_plain(param: &gst::StructureRef) -> bool {
    param.iter().all(|(name, value)| goes_on(name, value))
}

/// `param` without the fields that do not go on.
fn plain(param: &gst::StructureRef) -> gst::Structure {
    let mut kept = param.to_owned();
    for (name, _) in param.iter().filter(|(name, value)| !goes_on(name, value)) {
        kept.remove_field(name);
    }
    kept
}

fn goes_on(name: &str, value: &glib::SendValue) -> bool {
    use glib::Type;
    match value.type_() {
        Type::BOOL | Type::I8 | Type::U8 | Type::I32 | Type::U32 | Type::I_LONG | Type::U_LONG => true,
        Type::I64 | Type::U64 | Type::F32 | Type::F64 => true,
        Type::STRING => value.get::<Option<&str>>().is_ok_and(|text| text.is_none_or(|text| text.len() <= LONGEST)),
        _ => name == LANDMARKS && roi::landmarks_of(value).is_some(),
    }
}
