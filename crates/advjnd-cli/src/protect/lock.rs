// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run at a time for a folder of outputs.

use std::fs::{File, TryLockError};
use std::path::Path;

use advjnd::{Error, Result};

use crate::folder::unwritable;

/// A folder that no other run writes into, until this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
}

impl Lock {
    /// Of `folder`, which is made if it is missing: for this run alone where it is for a `whole` folder of outputs,
    /// else together with other runs that write single files into it. `None` where its file system knows no locks.
    ///
    /// # Errors
    /// [`Error::Input`] where another run has it.
    pub fn of(folder: &Path, whole: bool) -> Result<Option<Self>> {
        crate::folder::make(folder)?;
        let file = File::open(folder).map_err(|error| unwritable(folder, &error))?;
        let locked = if whole { file.try_lock() } else { file.try_lock_shared() };
        match locked {
            Ok(()) => Ok(Some(Self { _folder: file })),
            Err(TryLockError::WouldBlock) => {
                let folder = folder.display();
                Err(Error::input(format!("another run writes into {folder}; wait for its end, or name another folder")))
            }
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }
}
