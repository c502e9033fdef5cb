//! Grants: the topics that a connection may hear, and until when.

use serde::{Deserialize, Serialize};

use super::topic::{Subject, Topic};
use crate::{id::ApplicationId, key::KeyScope, portal::PortalMark, time::Timestamp};

/// The right to hear topics, judged when a connection opens and kept with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The id of the API key on whose word the connection hears. The right ends when that key is
    /// revoked.
    pub key: String,
    /// The scope of that key; of a token, `read`. To hear is to read, and to listen for deliveries is to
    /// publish.
    #[serde(default = "read")]
    pub scope: KeyScope,
    /// The one application that the connection hears; `None` for all of them.
    pub application: Option<ApplicationId>,
    /// The one topic that the connection hears; `None` for every topic of its applications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Topic>,
    /// The mark by which a portal's session is ended before its time; `None` for other callers. A portal hears
    /// of its application's events and letters, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<PortalMark>,
    /// The time at which the right ends.
    pub expires_at: Timestamp,
}

const fn read() -> KeyScope {
    KeyScope::Read
}

/// Whether portals hear of this. Logs, progress and what listeners receive belong to the owner.
const fn is_open_to_portals(subject: &Subject) -> bool {
    matches!(subject, Subject::Events | Subject::Letters)
}

impl Grant {
    /// Whether the connection may take the deliveries of listeners.
    pub fn may_listen(&self) -> bool {
        KeyScope::Publish <= self.scope && self.only.is_none() && self.portal.is_none()
    }

    /// Whether the connection hears of refused requests, which are for the owner of a source.
    pub const fn hears_refusals(&self) -> bool {
        self.only.is_none() && self.portal.is_none()
    }

    /// Whether the connection may hear a topic at `now`.
    pub fn admits(&self, topic: &Topic, now: Timestamp) -> bool {
        now < self.expires_at
            && self.application.as_ref().is_none_or(|own| *own == topic.application)
            && self.only.as_ref().is_none_or(|only| only == topic)
            && (self.portal.is_none() || is_open_to_portals(&topic.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{BatchId, EndpointId, JobId};

    #[test]
    fn a_connection_hears_the_topics_of_its_own_application_until_its_right_ends() {
        let now = Timestamp::from_secs(1_700_000_000);
        let (acme, globex) = (ApplicationId::named("acme"), ApplicationId::named("globex"));
        let kinds: [fn(ApplicationId) -> Topic; 6] = [
            Topic::events,
            Topic::letters,
            Topic::tasks,
            |app| Topic::job(app, JobId::derive(&["j"])),
            |app| Topic::batch(app, BatchId::derive(&["b"])),
            |app| Topic::project(app, "p".to_owned()),
        ];
        let grant = |application: Option<&ApplicationId>, only: Option<&Topic>| Grant {
            key: "k".to_owned(),
            scope: KeyScope::Read,
            application: application.cloned(),
            only: only.cloned(),
            portal: None,
            expires_at: Timestamp(now.0 + 1),
        };
        for (index, of) in kinds.iter().enumerate() {
            let (own, other) = (of(acme.clone()), of(globex.clone()));
            assert!(grant(Some(&acme), None).admits(&own, now));
            assert!(!grant(Some(&acme), None).admits(&other, now));
            assert!(grant(None, None).admits(&own, now) && grant(None, None).admits(&other, now));
            assert!(!grant(None, None).admits(&own, Timestamp(now.0 + 1)), "expired");
            for (which, only) in kinds.iter().enumerate() {
                let only = only(acme.clone());
                assert_eq!(grant(Some(&acme), Some(&only)).admits(&own, now), which == index);
                assert!(!grant(Some(&globex), Some(&only)).admits(&own, now));
            }
            let portal = Some(PortalMark::default());
            let portal = Grant { portal, ..grant(Some(&acme), None) };
            assert_eq!(portal.admits(&own, now), index < 2, "events and letters");
            assert!(!portal.admits(&other, now));
        }
        let listener = Topic::listener(acme.clone(), EndpointId::derive(&["e"]));
        let portal = Grant { portal: Some(PortalMark::default()), ..grant(Some(&acme), None) };
        assert!(grant(Some(&acme), None).admits(&listener, now) && !portal.admits(&listener, now));
    }

    #[test]
    fn a_key_that_may_publish_may_listen_and_a_token_may_not() {
        let grant = |scope, only| Grant {
            key: "k".to_owned(),
            scope,
            application: None,
            only,
            portal: None,
            expires_at: Timestamp(1),
        };
        assert!(!grant(KeyScope::Read, None).may_listen());
        assert!(grant(KeyScope::Publish, None).may_listen());
        assert!(grant(KeyScope::Admin, None).may_listen());
        let topic = Topic::events(ApplicationId::named("acme"));
        assert!(!grant(KeyScope::Admin, Some(topic)).may_listen());
        let portal = Grant { portal: Some(PortalMark::default()), ..grant(KeyScope::Admin, None) };
        assert!(!portal.may_listen());
        // One that was kept before there were scopes.
        let kept = r#"{"key":"k","application":null,"expires_at":1}"#;
        let kept: Grant = serde_json::from_str(kept).expect("still read");
        assert_eq!(kept.scope, KeyScope::Read);
    }
}
