//! The keys of `relay dev`: files in the data directory that only their owner can read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use adapters::random;
use domain::secret::Secret;

use super::BundleError;

/// The keys of a local relay.
#[derive(Clone, Debug)]
pub struct RelayKeys {
    /// The master key, which encrypts secrets at rest.
    pub master: Secret,
    /// The admin key as clients send it in `Authorization: Bearer`, with its prefix `rk_admin_`.
    pub admin: Secret,
}

impl RelayKeys {
    /// Makes random keys that are not stored.
    pub fn fresh() -> Self {
        Self { master: made(""), admin: made("rk_admin_") }
    }

    /// Reads the keys in `directory`, which is created if missing; makes and stores the keys that are
    /// missing. An `admin` key in the argument is used and not stored.
    ///
    /// # Errors
    /// [`BundleError::Io`] if a file cannot be read or written, [`BundleError::Key`] if a file holds
    /// fewer than 32 characters.
    pub fn load(directory: &Path, admin: Option<String>) -> Result<Self, BundleError> {
        let kept = |name: &str, prefix: &str| -> Result<Secret, BundleError> {
            let path = directory.join(name);
            match fs::read_to_string(&path) {
                Ok(text) if 32 <= text.trim().len() => Ok(Secret::new(text.trim())),
                Ok(_) => Err(BundleError::Key(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = made(prefix);
                    write_private(&path, key.as_str().unwrap_or_default())?;
                    Ok(key)
                }
                Err(error) => Err(BundleError::Io(path, error)),
            }
        };
        fs::create_dir_all(directory)
            .map_err(|error| BundleError::Io(directory.to_owned(), error))?;
        let admin = match admin.filter(|key| !key.is_empty()) {
            Some(key) => Secret::new(key),
            None => kept("admin.key", "rk_admin_")?,
        };
        Ok(Self { master: kept("master.key", "")?, admin })
    }
}

/// Makes a key of 32 random bytes in hex behind `prefix`.
fn made(prefix: &str) -> Secret {
    Secret::new(format!("{prefix}{}", hex::encode(random::bytes::<32>())))
}

/// Writes a file that only its owner can read. The file is replaced atomically.
///
/// # Errors
/// [`BundleError::Io`] if the file cannot be written.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), BundleError> {
    let write = || -> io::Result<()> {
        let partial = path.with_extension("partial");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error| BundleError::Io(path.to_owned(), error))
}
