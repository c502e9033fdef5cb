//! The data directory: one process at a time, found again by the next.
//!
//! `dynamodb.sqlite`, `sqs.sqlite` (each with SQLite's `-wal` and `-shm`), `s3/<bucket>/…`, and `lock`,
//! an empty file whose lock the operating system releases however the process ends.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use crate::LocalAwsError;

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub(crate) enum DataDirectory {
    /// On disk, locked.
    Kept { path: PathBuf, _lock: File },
    /// For objects only; removed when dropped.
    Scratch(PathBuf),
}

impl DataDirectory {
    /// Creates the directory if it is missing and takes its lock; `None` is a temporary directory.
    pub(crate) fn open(path: Option<&Path>) -> Result<DataDirectory, LocalAwsError> {
        let Some(path) = path else {
            let path = std::env::temp_dir().join(format!("relay-local-{}", uuid::Uuid::new_v4()));
            create(&path.join("s3"))?;
            return Ok(DataDirectory::Scratch(path));
        };
        create(&path.join("s3"))?;
        let lock = path.join("lock");
        let file = File::create(&lock).map_err(|e| failed(&lock, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirectory::Kept { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(LocalAwsError::InUse(path.to_owned())),
            Err(TryLockError::Error(e)) => Err(failed(&lock, &e)),
        }
    }

    /// Where a database of this name lies; `None` is in memory.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            DataDirectory::Kept { path, .. } => Some(path.join(name)),
            DataDirectory::Scratch(_) => None,
        }
    }

    /// The directory of buckets; it exists.
    pub(crate) fn objects(&self) -> PathBuf {
        match self {
            DataDirectory::Kept { path, .. } | DataDirectory::Scratch(path) => path.join("s3"),
        }
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if let DataDirectory::Scratch(path) = self
            && let Err(error) = std::fs::remove_dir_all(&path)
        {
            tracing::debug!(%error, path = %path.display(), "the temporary directory stays");
        }
    }
}

fn create(path: &Path) -> Result<(), LocalAwsError> {
    std::fs::create_dir_all(path).map_err(|e| failed(path, &e))
}

/// The error of a file that cannot be used.
pub(crate) fn failed(path: &Path, reason: &impl ToString) -> LocalAwsError {
    LocalAwsError::Data { path: path.to_owned(), reason: reason.to_string() }
}
