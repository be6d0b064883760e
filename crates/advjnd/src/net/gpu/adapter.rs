// SPDX-License-Identifier: MIT OR Apache-2.0
//! The GPUs of this machine.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

/// A GPU, or software that emulates one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// Its index in [`adapters`].
    pub index: usize,
    /// Its name, as the driver reports it.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// Whether it is software that runs on the processor.
    pub is_software: bool,
}

/// The adapters of this machine, in an order that stays the same as long as its drivers do. It opens drivers, so it
/// must not be called when plugins are only listed.
pub fn adapters() -> Vec<Adapter> {
    found().iter().enumerate().map(|(index, adapter)| described(index, adapter)).collect()
}

/// The adapters as `wgpu` has them.
pub(super) fn found() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    finished(wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::all()))
}

pub(super) fn described(index: usize, adapter: &wgpu::Adapter) -> Adapter {
    let info = adapter.get_info();
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    Adapter {
        index,
        name: info.name,
        driver: driver.trim().to_owned(),
        is_software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

/// The result of `future`. Outside browsers, `wgpu`'s futures are ready when they are made.
pub(super) fn finished<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
        thread::yield_now();
    }
}
