// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels: their shaders, and their compiled pipelines.

use std::num::NonZeroU64;

use super::params::Params;
use crate::net::retreat::{AWAY_WEIGHT, TINY};
use crate::net::upsample::NEAR;

const COMMON: &str = include_str!("kernels/common.wgsl");

/// The text of a shader: a head and a file.
#[derive(Debug, Clone, Copy)]
struct Shader {
    name: &'static str,
    head: &'static str,
    file: &'static str,
}

/// Every shader.
const SHADERS: [Shader; 7] = [
    Shader { name: "product 64", head: "const TILE: u32 = 64u;\n", file: include_str!("kernels/product.wgsl") },
    Shader { name: "product 32", head: "const TILE: u32 = 32u;\n", file: include_str!("kernels/product.wgsl") },
    Shader { name: "convolution", head: "", file: include_str!("kernels/convolution.wgsl") },
    Shader { name: "window", head: "", file: include_str!("kernels/window.wgsl") },
    Shader { name: "sum", head: "", file: include_str!("kernels/sum.wgsl") },
    Shader { name: "linear", head: "", file: include_str!("kernels/linear.wgsl") },
    Shader { name: "retreat", head: "", file: include_str!("kernels/retreat.wgsl") },
];

impl Shader {
    /// The full text, in WGSL. `NEAR` is the weight of the pixel that a new pixel lies in
    /// ([`Upsampling`](crate::net::Upsampling)); `AWAY_WEIGHT` and `TINY` are [`Retreat`](crate::net::Retreat)'s.
    fn text(&self) -> String {
        let constants = [("NEAR", NEAR), ("AWAY_WEIGHT", AWAY_WEIGHT), ("TINY", TINY)];
        let constants = constants.map(|(name, value)| format!("const {name}: f32 = {value:?};\n")).concat();
        format!("{constants}{}{COMMON}{}", self.head, self.file)
    }
}

/// A kernel: one entry point of a shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    Product64,
    Product32,
    GatherSplits,
    ToImage,
    Depthwise,
    DepthwiseBackward,
    Maximum,
    MaximumBackward,
    Halve,
    HalveBackward,
    PlaneMean,
    PlaneMeanBackward,
    Sum,
    Enlarge,
    Linear,
    LinearBackward,
    Retreat,
}

impl Kernel {
    const ALL: [(Self, usize, &'static str); 17] = [
        (Self::Product64, 0, "product"),
        (Self::Product32, 1, "product"),
        (Self::GatherSplits, 1, "gather_splits"),
        (Self::ToImage, 2, "to_image"),
        (Self::Depthwise, 2, "depthwise"),
        (Self::DepthwiseBackward, 2, "depthwise_backward"),
        (Self::Maximum, 3, "maximum"),
        (Self::MaximumBackward, 3, "maximum_backward"),
        (Self::Halve, 3, "halve"),
        (Self::HalveBackward, 3, "halve_backward"),
        (Self::PlaneMean, 3, "plane_mean"),
        (Self::PlaneMeanBackward, 3, "plane_mean_backward"),
        (Self::Sum, 4, "sum"),
        (Self::Enlarge, 4, "enlarge"),
        (Self::Linear, 5, "linear"),
        (Self::LinearBackward, 5, "linear_backward"),
        (Self::Retreat, 6, "retreat"),
    ];
}

/// The compiled kernels of a device.
pub(super) struct Kernels {
    pub(super) layout: wgpu::BindGroupLayout,
    pipelines: Vec<(Kernel, wgpu::ComputePipeline)>,
}

impl Kernels {
    /// Compiles all kernels. Errors go to the device's error handler.
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("values, weights, parameters"),
            entries: &[
                entry(0, wgpu::BufferBindingType::Storage { read_only: false }, None),
                entry(1, wgpu::BufferBindingType::Storage { read_only: true }, None),
                entry(2, wgpu::BufferBindingType::Uniform, NonZeroU64::new(Params::BYTES)),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let modules = SHADERS.map(|shader| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(shader.name),
                source: wgpu::ShaderSource::Wgsl(shader.text().into()),
            })
        });
        let pipelines = Kernel::ALL.map(|(kernel, shader, entry_point)| {
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry_point),
                layout: Some(&pipeline_layout),
                module: &modules[shader],
                entry_point: Some(entry_point),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..wgpu::PipelineCompilationOptions::default()
                },
                cache: None,
            });
            (kernel, pipeline)
        });
        Self { layout, pipelines: pipelines.into() }
    }

    /// The compiled `kernel`.
    pub(super) fn pipeline(&self, kernel: Kernel) -> Option<&wgpu::ComputePipeline> {
        self.pipelines.iter().find(|(own, _)| *own == kernel).map(|(_, pipeline)| pipeline)
    }
}

fn entry(binding: u32, ty: wgpu::BufferBindingType, dynamic_size: Option<NonZeroU64>) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: dynamic_size.is_some(),
            min_binding_size: dynamic_size,
        },
        count: None,
    }
}

#[cfg(test)]
mod tests {
    use naga::back::{hlsl, msl, spv};
    use naga::front::wgsl;
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    #[test]
    fn gpu_kernels_are_text_that_every_interface_takes() {
        for shader in SHADERS {
            let (name, text) = (shader.name, shader.text());
            let module = wgsl::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            // Half-precision numbers are only unpacked, never computed with; every interface supports that.
            let capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
            let info = Validator::new(ValidationFlags::all(), capabilities).validate(&module);
            let info = info.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let spirv = spv::write_vec(&module, &info, &spv::Options::default(), None).expect(name);
            assert_eq!(spirv[0], 0x0723_0203, "{name}: SPIR-V begins with its magic number");
            let metal = msl::write_string(&module, &info, &msl::Options::default(), &msl::PipelineOptions::default());
            let (metal, told) = metal.expect(name);
            let (options, pipeline) = (hlsl::Options::default(), hlsl::PipelineOptions::default());
            let mut direct = String::new();
            let reflected = hlsl::Writer::new(&mut direct, &options, &pipeline).write(&module, &info, None);
            let metal_names: Vec<String> = told.entry_point_names.into_iter().map(|own| own.expect(name)).collect();
            let reflected = reflected.expect(name).entry_point_names;
            let direct_names: Vec<String> = reflected.into_iter().map(|own| own.expect(name)).collect();
            for (text, names) in [(&metal, metal_names), (&direct, direct_names)] {
                assert_eq!(names.len(), module.entry_points.len(), "{name}");
                names.iter().for_each(|entry| assert!(text.contains(&format!("void {entry}(")), "{name}: {entry}"));
            }
            for (kernel, _, entry) in Kernel::ALL.iter().filter(|(_, index, _)| SHADERS[*index].name == name) {
                assert!(module.entry_points.iter().any(|own| own.name == *entry), "{name}: {kernel:?}");
            }
        }
    }
}
