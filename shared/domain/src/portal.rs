//! Portals: pages on which a subscriber looks after the endpoints of one application.
//!
//! A portal's session is not a key's. It reaches one application, and of that what its capabilities
//! name. The names are those of the Svix contract.

mod ending;

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::ending::{MAX_ENDINGS, PortalEnding, PortalEndings, TooManyEndings};
use crate::{event_type::EventType, time::Timestamp};

/// The time after which a portal's session ends, unless its request says otherwise.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(3600);
/// The longest life of a portal's session.
pub const MAX_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// The time within which the link to a portal opens it. A server hands the link to a browser: it may
/// stand in a page until somebody clicks on it.
pub const LINK_LIFE: Duration = Duration::from_secs(600);
/// Most feature flags of a portal.
pub const MAX_FLAGS: usize = 100;
/// Longest name that an owner gives the sessions of a portal, in bytes.
pub const MAX_SESSION_ID: usize = 256;

/// A right of a portal's session, such as to create endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Capability {
    /// Looking at everything of the application but secrets.
    ViewBase,
    /// Being shown the signing secrets of endpoints.
    ViewEndpointSecret,
    /// Replacing the signing secrets of endpoints.
    ManageEndpointSecret,
    /// Changing transformations, of which the relay has none.
    ManageTransformations,
    /// Sending messages and examples again.
    CreateAttempts,
    /// Creating, changing and deleting endpoints.
    ManageEndpoint,
}

impl Capability {
    /// Every capability that a portal can have.
    pub const ALL: [Self; 6] = [
        Self::ViewBase,
        Self::ViewEndpointSecret,
        Self::ManageEndpointSecret,
        Self::ManageTransformations,
        Self::CreateAttempts,
        Self::ManageEndpoint,
    ];

    /// Whether the capability changes something.
    const fn changes(self) -> bool {
        !matches!(self, Self::ViewBase | Self::ViewEndpointSecret)
    }
}

/// A mark by which a portal's session is known when its owner ends portals before their time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalMark {
    /// The revision of the application's endings when the portal was handed out.
    #[serde(default)]
    pub revision: u64,
    /// The owner's name for the session, by which it can be ended alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// The right of a portal's session, besides its application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portal {
    /// The rights of the session.
    pub capabilities: BTreeSet<Capability>,
    /// Flags of the event types that the session sees besides those without flags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub feature_flags: BTreeSet<String>,
    /// The mark by which its owner ends the session before its time.
    pub mark: PortalMark,
    /// The time at which the session ends by itself, however late its link was opened.
    pub ends_at: Timestamp,
}

impl Portal {
    /// Whether the session may do this.
    pub fn may(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether the session changes nothing.
    pub fn is_read_only(&self) -> bool {
        !self.capabilities.iter().any(|capability| capability.changes())
    }

    /// Whether the session sees an event type: one without flags, or one with a flag that it has.
    pub fn sees(&self, kind: &EventType) -> bool {
        let flags = &kind.feature_flags;
        flags.is_empty() || flags.iter().any(|flag| self.feature_flags.contains(flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal(capabilities: &[Capability]) -> Portal {
        Portal {
            capabilities: capabilities.iter().copied().collect(),
            feature_flags: BTreeSet::new(),
            mark: PortalMark::default(),
            ends_at: Timestamp(1),
        }
    }

    #[test]
    fn a_portal_that_only_looks_is_read_only() {
        use Capability::{CreateAttempts, ManageEndpoint, ViewBase, ViewEndpointSecret};
        assert!(portal(&[ViewBase]).is_read_only());
        assert!(portal(&[ViewBase, ViewEndpointSecret]).is_read_only());
        assert!(!portal(&[ViewBase, CreateAttempts]).is_read_only());
        assert!(!portal(&Capability::ALL).is_read_only());
        assert!(portal(&[ViewBase]).may(ViewBase) && !portal(&[ViewBase]).may(ManageEndpoint));
    }

    #[test]
    fn capabilities_have_the_names_of_the_svix_contract() {
        let names = serde_json::to_value(Capability::ALL).expect("serialises");
        assert_eq!(
            names,
            serde_json::json!([
                "ViewBase",
                "ViewEndpointSecret",
                "ManageEndpointSecret",
                "ManageTransformations",
                "CreateAttempts",
                "ManageEndpoint"
            ])
        );
    }

    #[test]
    fn a_portal_is_read_as_it_was_written_and_an_older_one_is_too() {
        let portal = portal(&Capability::ALL);
        let text = serde_json::to_string(&portal).expect("serialises");
        assert_eq!(serde_json::from_str::<Portal>(&text).expect("read"), portal);
        let least = r#"{"capabilities":["ViewBase"],"mark":{},"ends_at":5}"#;
        let least: Portal = serde_json::from_str(least).expect("read");
        assert_eq!((least.mark.revision, least.mark.session), (0, None));
    }
}
