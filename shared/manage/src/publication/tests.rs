//! Checks of a message, and the fingerprint that a repeated request is known by.

use std::time::Duration;

use domain::time::Timestamp;
use serde_json::value::RawValue;

use super::{
    draft::{DAY, MINUTE},
    *,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("JSON")
}

fn draft() -> MessageDraft {
    MessageDraft {
        event_type: "invoice.paid".to_owned(),
        payload: json("{}"),
        raw_payload: None,
        event_id: None,
        channels: None,
        tags: Vec::new(),
        deliver_at: None,
        payload_retention_period: None,
        payload_retention_hours: None,
        idempotency_key: None,
    }
}

#[test]
fn a_field_out_of_bounds_is_named() {
    let raw = RawPayload { bytes: Vec::new(), content_type: Some("a\r\nb: c".to_owned()) };
    let names = |count: usize| (0..count).map(|number| format!("n{number}")).collect();
    for (draft, wrong) in [
        (MessageDraft { event_type: "a b".to_owned(), ..draft() }, "event_type"),
        (MessageDraft { event_id: Some(String::new()), ..draft() }, "event_id"),
        (MessageDraft { payload: json("[]"), ..draft() }, "payload"),
        (MessageDraft { channels: Some(Vec::new()), ..draft() }, "channels"),
        (MessageDraft { channels: Some(names(MAX_CHANNELS + 1)), ..draft() }, "channels"),
        (MessageDraft { tags: names(MAX_TAGS + 1), ..draft() }, "tags"),
        (MessageDraft { tags: vec!["a,b".to_owned()], ..draft() }, "tags"),
        (MessageDraft { raw_payload: Some(raw), ..draft() }, "raw_payload"),
        (MessageDraft { deliver_at: Some(NOW), ..draft() }, "deliver_at"),
        (MessageDraft { deliver_at: Some(NOW.plus(DAY + 2 * MINUTE)), ..draft() }, "deliver_at"),
        (MessageDraft { payload_retention_period: Some(4), ..draft() }, "payload_retention_period"),
        (
            MessageDraft { payload_retention_hours: Some(2161), ..draft() },
            "payload_retention_hours",
        ),
        (
            MessageDraft {
                payload_retention_period: Some(5),
                payload_retention_hours: Some(5),
                ..draft()
            },
            "payload_retention_hours",
        ),
    ] {
        let refused = draft.check(NOW).err();
        assert!(
            matches!(&refused, Some(Refusal::Invalid { field, .. }) if field == wrong),
            "{wrong}: {refused:?}"
        );
    }
}

#[test]
fn the_same_request_has_the_same_fingerprint_and_another_has_another() {
    let of = |draft: MessageDraft, now| {
        let message = draft.check(now).expect("fits");
        Publication::of(ApplicationId::named("acme"), message).fingerprint
    };
    let kept = || MessageDraft { payload_retention_period: Some(5), ..draft() };
    let later = NOW.plus(Duration::from_secs(7));
    assert_eq!(of(draft(), NOW), of(draft(), later));
    assert_eq!(of(kept(), NOW), of(kept(), later));
    assert_ne!(of(kept(), NOW), of(draft(), NOW));
    let tagged = MessageDraft { tags: vec!["t".to_owned()], ..draft() };
    assert_ne!(of(tagged, NOW), of(draft(), NOW));
    let keyed = MessageDraft { idempotency_key: Some("k".to_owned()), ..draft() };
    assert_ne!(of(keyed, NOW), of(draft(), NOW));
}

#[test]
fn a_message_is_named_after_its_own_id_before_its_key() {
    let of = |event_id: Option<&str>, key: Option<&str>| {
        let draft = MessageDraft {
            event_id: event_id.map(str::to_owned),
            idempotency_key: key.map(str::to_owned),
            ..draft()
        };
        let message = draft.check(NOW).expect("fits");
        Publication::of(ApplicationId::named("acme"), message).id
    };
    assert_eq!(of(Some("e"), Some("k")), of(Some("e"), None));
    assert_eq!(of(None, Some("k")), of(None, Some("k")));
    assert_ne!(of(None, Some("k")), of(None, Some("l")));
    assert_ne!(of(None, None), of(None, None));
}
