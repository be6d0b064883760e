// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network's weights as prepared by an executor, kept for all executors of the network.

use std::any::Any;
use std::sync::{Arc, OnceLock};

/// A slot for one value of an executor's own type, opaque to the graph. Copies share it.
#[derive(Clone, Default)]
pub(super) struct Prepared(Arc<OnceLock<Arc<dyn Any + Send + Sync>>>);

impl Prepared {
    /// The value, if one of this type is kept.
    pub(super) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get().and_then(|value| Arc::clone(value).downcast().ok())
    }

    /// Keeps `value`, unless one is kept already.
    pub(super) fn keep<T: Any + Send + Sync>(&self, value: Arc<T>) {
        self.0.get_or_init(|| value);
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Prepared").field(&self.0.get().is_some()).finish()
    }
}
