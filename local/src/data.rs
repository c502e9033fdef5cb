//! The data directory, which one process uses at a time.
//!
//! The directory holds `dynamodb.sqlite` and `sqs.sqlite` (each with SQLite's `-wal` and `-shm` files),
//! `s3/<bucket>/…`, and `lock`. The operating system releases the lock on that empty file when the
//! process ends, even after `kill -9`.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use crate::LocalAwsError;

/// A directory that belongs to this process until the value is dropped.
#[derive(Debug)]
pub(crate) enum DataDirectory {
    /// A directory on disk, held by a lock on its file `lock`.
    Kept { path: PathBuf, _lock: File },
    /// A temporary directory for the objects of S3, removed on drop. The databases are in memory.
    Scratch(PathBuf),
}

impl DataDirectory {
    /// Creates the directory if it is missing and takes its lock; `None` makes a temporary directory.
    ///
    /// # Errors
    /// [`LocalAwsError::InUse`] if another process holds the lock, [`LocalAwsError::Data`] if the
    /// directory or the lock file cannot be created.
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

    /// The path of the database file `name`; `None` if databases are kept in memory.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            DataDirectory::Kept { path, .. } => Some(path.join(name)),
            DataDirectory::Scratch(_) => None,
        }
    }

    /// The existing directory that holds one subdirectory per bucket.
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
            tracing::debug!(%error, path = %path.display(), "the temporary directory could not be removed");
        }
    }
}

fn create(path: &Path) -> Result<(), LocalAwsError> {
    std::fs::create_dir_all(path).map_err(|e| failed(path, &e))
}

/// Makes the error for a file or directory that cannot be used.
pub(crate) fn failed(path: &Path, reason: &impl ToString) -> LocalAwsError {
    LocalAwsError::Data { path: path.to_owned(), reason: reason.to_string() }
}
