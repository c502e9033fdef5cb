//! A profile says how one kind of sender signs and where it puts things in its body. Profiles are
//! data (`known/<name>.json`): adding a sender is adding an entry and a vector.

mod facts;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

pub use self::facts::{Said, Unreadable, fingerprint};
use crate::{job::Status, signature::Scheme};

/// One kind of sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The document or code this entry follows.
    pub source: String,
    /// How its requests are signed.
    pub scheme: Scheme,
    /// Where its bodies keep what we need.
    #[serde(default)]
    pub mapping: Mapping,
    /// What an accepted request is answered with.
    #[serde(default)]
    pub reply: Reply,
}

/// Where a body keeps what we need, as dotted paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The id inside the signed body that the idempotency key is made of, and that must be there.
    pub key: Option<String>,
    /// The sender's id of the job: the first path that holds text.
    pub job_id: Vec<String>,
    /// The platform's id of the call that ran the job.
    pub call_id: Option<String>,
    /// The batch the job belongs to.
    pub batch_id: Option<String>,
    /// The run the job belongs to.
    pub run_id: Option<String>,
    /// The project the job belongs to.
    pub project_id: Option<String>,
    /// The word for the job's state.
    pub status: Vec<String>,
    /// What those words mean, where they differ from the usual ones.
    pub statuses: BTreeMap<String, Status>,
    /// The job's result.
    pub result: Vec<String>,
    /// Why the job failed.
    pub error: Vec<String>,
    /// The type of an event that is not about a job.
    pub event_type: Vec<String>,
    /// The header that holds that type.
    pub event_type_header: Option<String>,
    /// What to put in front of that type.
    pub event_type_prefix: String,
}

/// What an accepted request is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The value of `status` in the body.
    pub word: String,
    /// The field of the request that is echoed.
    #[serde(default)]
    pub echo: Option<String>,
}

impl Default for Reply {
    fn default() -> Self {
        Self { status: 202, word: "accepted".to_owned(), echo: None }
    }
}

macro_rules! known {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("known/", $name, ".json")))),*]
    };
}

/// Every profile there is, by name.
const KNOWN: &[(&str, &str)] = &known!["github", "hmac", "modal-mesh", "modal-omtx", "standard"];

static PROFILES: LazyLock<BTreeMap<&str, Profile>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).expect("profiles are part of the build");
    KNOWN.iter().map(|(name, text)| (*name, read(text))).collect()
});

/// The name of the profile whose every part a source may set.
pub const CONFIGURABLE: &str = "hmac";

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.get(name)
    }

    /// Every name there is.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROFILES.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_names_its_source_and_reads_back() {
        assert!(5 <= Profile::names().count());
        for name in Profile::names() {
            let profile = Profile::named(name).expect("listed");
            assert!(!profile.source.is_empty(), "{name}");
            let text = serde_json::to_string(profile).expect("serialises");
            assert_eq!(&serde_json::from_str::<Profile>(&text).expect("reads"), profile);
        }
    }
}
