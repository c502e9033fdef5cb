//! Ids, and the bearer tokens of API keys.

use domain::{
    id::{
        ApplicationId, AttemptId, BatchId, DeliveryId, EndpointId, EventId, JobId, LetterId,
        TaskId, digest,
    },
    key::ApiKey,
};
use proptest::prelude::*;

use crate::config;

/// Holds of every kind of id: an id is read as it is printed, and text that is read prints again.
macro_rules! holds {
    ($($kind:ident),*; $bytes:expr, $text:expr) => {$(
        let id = $kind::random($bytes);
        prop_assert_eq!($kind::parse(id.as_str()), Ok(id.clone()));
        prop_assert_eq!(id.to_string(), id.as_str());
        let stored = serde_json::to_string(&id).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<$kind>(&stored).expect("ours"), id);
        let text = format!("{}{}", $kind::PREFIX, $text);
        match $kind::parse(&text) {
            Ok(read) => prop_assert_eq!(read.as_str(), text),
            Err(_) => prop_assert!($kind::parse($text).is_err() || $text.starts_with($kind::PREFIX)),
        }
    )*};
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_id_is_read_as_it_is_printed(
        bytes in any::<[u8; 16]>(),
        text in prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,90}"],
    ) {
        holds!(
            ApplicationId, AttemptId, BatchId, DeliveryId, EndpointId, JobId, LetterId, TaskId;
            bytes, &text
        );
    }

    #[test]
    fn an_event_has_two_spellings(bytes in any::<[u8; 16]>()) {
        let id = EventId::random(bytes);
        prop_assert_eq!(EventId::parse(&id.event()), Ok(id.clone()));
        prop_assert_eq!(EventId::parse(&id.message()), Ok(id.clone()));
        prop_assert!(EventId::parse(id.bare()).is_err());
    }

    #[test]
    fn no_id_holds_a_dot_and_other_parts_are_another_id(
        one in prop::collection::vec(any::<String>(), 0..4),
        other in prop::collection::vec(any::<String>(), 0..4),
    ) {
        let parts = |parts: &[String]| digest(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(!parts(&one).contains('.'));
        prop_assert_eq!(parts(&one) == parts(&other), one == other);
    }

    #[test]
    fn an_application_is_named_by_its_id_or_by_its_uid(uid in any::<String>()) {
        let id = ApplicationId::named(&uid);
        prop_assert_eq!(ApplicationId::named(id.as_str()), id);
    }

    #[test]
    fn a_bearer_token_splits_into_its_two_parts(
        id in "[A-Za-z0-9]{1,32}",
        secret in "[A-Za-z0-9]{24,128}",
        other in any::<String>(),
    ) {
        let bearer = format!("rk_{id}_{secret}");
        prop_assert_eq!(ApiKey::split(&bearer), Some((id.as_str(), secret.as_str())));
        let _ = (ApiKey::split(&other), ApiKey::split(&format!("rk_{other}")));
    }
}
