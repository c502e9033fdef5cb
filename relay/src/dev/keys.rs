//! The keys of `relay dev`: files in the data directory that only their owner can read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use adapters::random;
use domain::{id::digest, key::AdminKey, secret::Secret};
use local::AccessKey;

use super::BundleError;

/// The keys of a local relay.
#[derive(Clone, Debug)]
pub struct RelayKeys {
    /// The master key, which encrypts secrets at rest.
    pub master: Secret,
    /// The admin key as clients send it in `Authorization: Bearer`.
    pub admin: AdminKey,
    /// Whether the admin key was given by its owner, who knows it: it is not printed.
    pub given: bool,
}

impl RelayKeys {
    /// Makes random keys that are not stored.
    pub fn fresh() -> Self {
        let admin = AdminKey::parse(&made("rk_admin_")).expect("long enough");
        Self { master: Secret::new(made("")), admin, given: false }
    }

    /// Reads the keys in `directory`, which is created if missing; makes and stores the keys that are
    /// missing. An `admin` key in the argument is used and not stored.
    ///
    /// # Errors
    /// [`BundleError::Io`] if a file cannot be read or written, [`BundleError::Key`] if a file holds
    /// fewer than 32 characters, [`BundleError::AdminKey`] if the argument is no admin key.
    pub fn load(directory: &Path, admin: Option<String>) -> Result<Self, BundleError> {
        let kept = |name: &str, prefix: &str| -> Result<String, BundleError> {
            let path = directory.join(name);
            match fs::read_to_string(&path) {
                Ok(text) if 32 <= text.trim().len() => Ok(text.trim().to_owned()),
                Ok(_) => Err(BundleError::Key(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = made(prefix);
                    write_private(&path, &key)?;
                    Ok(key)
                }
                Err(error) => Err(BundleError::Io(path, error)),
            }
        };
        local::private_directory(directory)
            .map_err(|error| BundleError::Io(directory.to_owned(), error))?;
        // An empty variable is one that is not set.
        let admin = admin.filter(|key| !key.is_empty());
        let given = admin.is_some();
        let admin = match admin {
            Some(key) => key,
            None => kept("admin.key", "rk_admin_")?,
        };
        let admin = AdminKey::parse(&admin)?;
        Ok(Self { master: Secret::new(kept("master.key", "")?), admin, given })
    }

    /// The access key of the local AWS services. It is derived from the master key, so that the
    /// variables of a former start stay valid.
    pub(super) fn access_key(&self) -> AccessKey {
        let master = self.master.as_str().unwrap_or_default();
        let part = |name| digest(&["access key of the local services", name, master]);
        AccessKey { id: "relay-dev".to_owned(), secret: format!("{}{}", part("1"), part("2")) }
    }
}

/// Makes a key of 32 random bytes in hex behind `prefix`.
fn made(prefix: &str) -> String {
    format!("{prefix}{}", hex::encode(random::bytes::<32>()))
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
