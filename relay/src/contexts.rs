//! Named contexts: the relays that a person has logged in to, with the key of each, in
//! `~/.config/relay/config.toml`.
//!
//! The file is for its owner alone: it is written with mode 0600 into a directory with mode 0700, and is
//! not read while other users can read it.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use domain::secret::Secret;
use serde::{Deserialize, Serialize};

/// The contexts of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// Name of the context that is used if nothing else is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The contexts that are kept, by their names.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// A relay and the key to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// URL of the relay.
    pub url: String,
    /// API key, or the token of a session.
    #[serde(serialize_with = "write_key", deserialize_with = "read_key")]
    pub key: Secret,
    /// When the session ends, in RFC 3339. A key has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// The reason why the contexts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContextsError {
    /// Neither XDG_CONFIG_HOME nor HOME names a directory.
    #[error("no directory for settings: set HOME or XDG_CONFIG_HOME")]
    NoHome,
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// Other users can read the file, which holds keys.
    #[error("other users can read {0}, which holds keys; close it with: chmod 600 {0}")]
    Open(PathBuf),
    /// The file is not the TOML of contexts.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, String),
    /// No context has this name.
    #[error("there is no context {0}; {1}")]
    Unknown(String, String),
    /// The name cannot be that of a context.
    #[error("{0:?} cannot be the name of a context: use letters, digits, - _ and .")]
    Name(String),
}

impl Contexts {
    /// The file of the contexts: `relay/config.toml` below XDG_CONFIG_HOME, or below `.config` of HOME.
    ///
    /// # Errors
    /// [`ContextsError::NoHome`] if neither variable is set.
    pub fn path() -> Result<PathBuf, ContextsError> {
        // A relative path would be another one in each directory; the specification has it ignored.
        let absolute =
            |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .ok_or(ContextsError::NoHome)?;
        Ok(folder.join("relay").join("config.toml"))
    }

    /// Reads the contexts. A missing file holds none.
    ///
    /// # Errors
    /// [`ContextsError`] if the file cannot be read, or other users can read it.
    pub fn read(path: &Path) -> Result<Self, ContextsError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ContextsError::Io(path.to_owned(), error)),
        };
        if is_open(path) {
            return Err(ContextsError::Open(path.to_owned()));
        }
        // Of the parser's words only the first line: the others quote the file, and keys are in it.
        let first =
            |error: toml::de::Error| error.message().lines().next().unwrap_or_default().to_owned();
        toml::from_str(&text)
            .map_err(|error| ContextsError::Unreadable(path.to_owned(), first(error)))
    }

    /// Writes the contexts in the place of those in the file, whole or not at all.
    ///
    /// # Errors
    /// [`ContextsError::Io`] if the directory cannot be created or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ContextsError> {
        let text = toml::to_string(self).expect("texts and maps serialise");
        write_private(path, &text).map_err(|error| ContextsError::Io(path.to_owned(), error))
    }

    /// The context of a name.
    ///
    /// # Errors
    /// [`ContextsError::Unknown`] with the names that there are.
    pub fn named(&self, name: &str) -> Result<&Context, ContextsError> {
        self.contexts.get(name).ok_or_else(|| {
            let names: Vec<_> = self.contexts.keys().map(String::as_str).collect();
            let known = match names.is_empty() {
                true => "make one with `relay login`".to_owned(),
                false => format!("there are {}", names.join(", ")),
            };
            ContextsError::Unknown(name.to_owned(), known)
        })
    }
}

/// Refuses names that cannot stand in a table's heading or in a shell without quotes.
///
/// # Errors
/// [`ContextsError::Name`] for any other character, an empty name, or one of more than 64.
pub fn checked_name(name: &str) -> Result<&str, ContextsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-') {
        true => Ok(name),
        false => Err(ContextsError::Name(name.to_owned())),
    }
}

fn write_key<S: serde::Serializer>(key: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.as_str().unwrap_or_default())
}

fn read_key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

/// On other systems the profile of a user is closed to others.
#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        // `.config` itself belongs to all programs: it gets the user's own mode.
        folder.parent().map(fs::create_dir_all).transpose()?;
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => options.mode(0o600),
        };
    }
    #[cfg(not(unix))]
    fs::create_dir_all(folder)?;
    let written = options.open(&partial).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&partial, path))
        .inspect_err(|_| drop(fs::remove_file(&partial)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_kept_for_their_owner_alone_and_come_back() {
        use std::os::unix::fs::PermissionsExt;
        let folder = env::temp_dir().join(format!("relay-contexts-{}", adapters::random::token()));
        let path = folder.join("relay").join("config.toml");
        assert_eq!(Contexts::read(&path).expect("none"), Contexts::default());
        let prod = Context {
            url: "https://relay.example".to_owned(),
            key: Secret::new("rk_1_\"quoted\"\n"),
            expires_at: None,
        };
        let mut contexts = Contexts { current: Some("prod".to_owned()), ..Contexts::default() };
        contexts.contexts.insert("prod".to_owned(), prod);
        contexts.write(&path).expect("written");
        assert_eq!(Contexts::read(&path).expect("read"), contexts);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder.join("relay"))), (0o600, 0o700));
        // What is written over keeps its mode.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened");
        assert!(matches!(Contexts::read(&path), Err(ContextsError::Open(_))));
        contexts.write(&path).expect("written");
        assert_eq!(mode(&path), 0o600);
        // An unreadable file is not quoted: there are keys in it.
        fs::write(&path, "[contexts.prod]\nurl = \"x\"\nkey = rk_planted").expect("written");
        let why = Contexts::read(&path).expect_err("no TOML").to_string();
        assert!(!why.contains("planted"), "{why}");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_name_that_needs_quotes_is_refused() {
        for good in ["prod", "a.b-c_d", "9"] {
            assert!(checked_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "é", "-x", "a/b", "\u{1b}[2J", &"x".repeat(65)] {
            assert!(checked_name(bad).is_err(), "{bad:?}");
        }
        let why = Contexts::default().named("x").expect_err("unknown").to_string();
        assert_eq!(why, "there is no context x; make one with `relay login`");
    }
}
