//! The data directory, which one process uses at a time.
//!
//! The directory holds `dynamodb.sqlite` and `sqs.sqlite` (each with SQLite's `-wal` file),
//! `s3/<bucket>/…`, and `lock`. The operating system releases the lock on that empty file when the
//! process ends, even after `kill -9`.
//!
//! Everything in it is for its owner alone: directories have the mode 0700 and files 0600.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
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
        private_directory(path).map_err(|e| failed(path, &e))?;
        create(&path.join("s3"))?;
        let file = private_file(&path.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirectory::Kept { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(LocalAwsError::InUse(path.to_owned())),
            Err(TryLockError::Error(e)) => Err(failed(&path.join(LOCK), &e)),
        }
    }

    /// The path of the database file `name`, which exists then; `None` if databases are kept in
    /// memory. SQLite gives the files beside it the same mode.
    ///
    /// # Errors
    /// [`LocalAwsError::Data`] if the file cannot be created.
    pub(crate) fn file(&self, name: &str) -> Result<Option<PathBuf>, LocalAwsError> {
        let DataDirectory::Kept { path, .. } = self else { return Ok(None) };
        for beside in ["-wal", "-shm"] {
            // Left by a version that gave them another mode, or not there.
            let _ = fs::set_permissions(
                path.join(format!("{name}{beside}")),
                Permissions::from_mode(FILE),
            );
        }
        private_file(&path.join(name))?;
        Ok(Some(path.join(name)))
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
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::debug!(%error, path = %path.display(), "the temporary directory could not be removed");
        }
    }
}

const LOCK: &str = "lock";
const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;

/// Creates a data directory if it is missing, and closes it to other users. An existing directory
/// that is not empty and holds no relay's data keeps its mode: it may be one that others use.
///
/// # Errors
/// Fails as the operating system does.
pub fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY).create(path)?;
    if path.join(LOCK).exists() || fs::read_dir(path)?.next().is_none() {
        fs::set_permissions(path, Permissions::from_mode(DIRECTORY))?;
    }
    Ok(())
}

/// Creates a directory of the relay's own if it is missing, and closes it to other users.
///
/// # Errors
/// [`LocalAwsError::Data`] if that fails.
pub(crate) fn create(path: &Path) -> Result<(), LocalAwsError> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(DIRECTORY).create(path);
    let closed = || fs::set_permissions(path, Permissions::from_mode(DIRECTORY));
    made.and_then(|()| closed()).map_err(|e| failed(path, &e))
}

/// Opens a file for writing, which is created if it is missing, and closes it to other users.
fn private_file(path: &Path) -> Result<File, LocalAwsError> {
    let open = || {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(FILE).open(path)?;
        file.set_permissions(Permissions::from_mode(FILE))?;
        Ok(file)
    };
    open().map_err(|e: io::Error| failed(path, &e))
}

/// Makes the error for a file or directory that cannot be used.
pub(crate) fn failed(path: &Path, reason: &impl ToString) -> LocalAwsError {
    LocalAwsError::Data { path: path.to_owned(), reason: reason.to_string() }
}
