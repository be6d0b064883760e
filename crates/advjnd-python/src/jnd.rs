// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maps of visibility thresholds.

use advjnd::frame::Region;
use advjnd::jnd::{Model, Picture as Region8};
use advjnd::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use numpy::PyArrayDyn;
use pyo3::prelude::*;

use crate::arrays::{Samples, array, new_array, samples, wrong_shape};
use crate::errors::{choose, raised};

/// How much the luma of each pixel may change before an eye sees it.
///
/// image: uint8, RGB (height, width, 3) or luma (height, width), at least one pixel.
/// model: one of `jnd_models()`.
/// calibrated: times the factor by which thresholds of all models mean the same, as the protector uses them.
///
/// Returns float32 (height, width), code values (of 255), never negative.
///
/// Raises ValueError where the model or the shape is another, TypeError where the type is.
#[pyfunction]
#[pyo3(signature = (image, model="rgb", *, calibrated=false))]
pub fn jnd<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    model: &str,
    calibrated: bool,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let models = Model::ALL.map(|model| (model.new_model().name(), model));
    let model = choose("JND model", model, &models)?;
    let Samples { shape, mut data } = samples::<u8>("image", "uint8, 0 to 255", &array("image", image)?)?;
    let (format, width, height) = match shape[..] {
        [height, width] if width > 0 && height > 0 => (PixelFormat::Gray8, width, height),
        [height, width, 3] if width > 0 && height > 0 => (PixelFormat::Rgb, width, height),
        _ => {
            let wanted = "a picture (height, width, 3) or its luma (height, width) with at least one pixel";
            return Err(wrong_shape("image", wanted, &shape));
        }
    };
    let map = py.detach(|| -> advjnd::Result<Vec<f32>> {
        let planes = vec![PlaneMut { stride: data.len() / height, data: &mut data }];
        let colorimetry = Colorimetry { full_range: true, ..Colorimetry::default() };
        let frame = FrameMut::new(format, colorimetry, width, height, planes)?;
        let mut region = Region::default();
        region.read(&frame, frame.rect());
        let mut map = vec![0.0; width * height];
        let picture = Region8 { luma: &region.luma, rgb: &region.pixels, width, height };
        model.new_model().map_picture(&picture, &mut map)?;
        if calibrated {
            map.iter_mut().for_each(|threshold| *threshold *= model.calibration());
        }
        Ok(map)
    });
    new_array(py, &[height, width], map.map_err(raised)?)
}
