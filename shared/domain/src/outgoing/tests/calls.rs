//! Headers, verified as each system's document verifies them.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{AT, *};
use crate::{secret::Secret, signature::Scheme};

fn hmac_hex(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

const SECRET: &str = "your_shared_secret_here";

fn sent(profile: &str, owner_has_secret: bool, body: &[u8]) -> http::HeaderMap {
    let secrets = [Secret::new(SECRET), Secret::symmetric(&[7; 32])];
    let own = BTreeMap::from([
        ("x-tenant".to_owned(), Secret::new("acme")),
        ("x-webhook-signature".to_owned(), Secret::new("forged")),
    ]);
    let call = HeaderContext {
        secrets: &secrets,
        owner_has_secret,
        id: "evt_1",
        event_type: "job.succeeded",
        nonce: "atmpt_1",
        at: AT,
        body,
        user_agent: "webhook-relay/1",
        style: HeaderStyle::Standard,
    };
    headers(Profile::named(profile), &own, call).expect("headers")
}

#[test]
fn each_system_s_verifier_holds_and_so_does_standard_webhooks() {
    let body = br#"{"idempotency_key":"550e8400-e29b-41d4-a716-446655440000"}"#;
    let bare = hmac_hex(SECRET, &[body]);
    let prefixed = format!("sha256={bare}");
    let deltaone = format!("sha256={}", hmac_hex(SECRET, &[b"1704067200.atmpt_1.", body]));
    let key = "550e8400-e29b-41d4-a716-446655440000";
    let ours = "webhook-relay/1";
    let cases: [(&str, &[(&str, &str)]); 6] = [
        ("wepp", &[("x-webhook-signature", &prefixed), ("user-agent", "WEPPcloud-Webhook/1.0")]),
        (
            "batch",
            &[
                ("x-webhook-signature", &prefixed),
                ("x-webhook-timestamp", "1704067200"),
                ("user-agent", ours),
            ],
        ),
        (
            "hokusai",
            &[
                ("x-hokusai-signature", &bare),
                ("x-hokusai-idempotency-key", key),
                ("user-agent", ours),
            ],
        ),
        (
            "hokusai-prefixed",
            &[("x-hokusai-signature", &prefixed), ("x-hokusai-idempotency-key", key)],
        ),
        (
            "hokusai-deltaone",
            &[
                ("x-hokusai-signature", &deltaone),
                ("x-hokusai-timestamp", "1704067200"),
                ("x-hokusai-nonce", "atmpt_1"),
                ("x-hokusai-idempotency-key", key),
                ("user-agent", "Hokusai-DeltaOne/1.0"),
            ],
        ),
        (
            "omtx-out",
            &[
                ("x-omtx-signature", &prefixed),
                ("x-omtx-event", "job.completed"),
                ("x-omtx-timestamp", "2024-01-01T00:00:00.000Z"),
            ],
        ),
    ];
    for (profile, want) in cases {
        let headers = sent(profile, true, body);
        for (name, value) in want {
            assert_eq!(
                headers.get(*name).map(|v| v.as_bytes()),
                Some(value.as_bytes()),
                "{profile}: {name}"
            );
        }
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["x-tenant"], "acme");
        let scheme: &Scheme = &Profile::named("standard").expect("known").scheme;
        for key in [Secret::new(SECRET).standard(), Secret::symmetric(&[7; 32])] {
            assert!(
                scheme.verify(&[key], &headers, body, AT).is_ok(),
                "{profile}: all live secrets sign"
            );
        }
    }
}

#[test]
fn r4_3_without_a_secret_of_its_owner_the_system_s_signature_stays_away() {
    for profile in ["wepp", "batch"] {
        let headers = sent(profile, false, b"{}");
        let forged_only = headers.get("x-webhook-signature").is_none_or(|value| value == "forged");
        assert!(
            forged_only && !headers.contains_key("x-webhook-timestamp"),
            "{profile}: {headers:?}"
        );
        assert!(headers.contains_key("webhook-signature"));
    }
    assert!(sent("hokusai", false, b"{}").contains_key("x-hokusai-signature"));
}

#[test]
fn an_id_that_cannot_be_a_header_is_replaced_by_ours() {
    for body in [
        &br#"{"idempotency_key":"a\r\nb"}"#[..],
        br#"{"idempotency_key":7e999}"#,
        b"{}",
        b"x",
        b"[]",
    ] {
        let headers = sent("hokusai", true, body);
        let id = headers["x-hokusai-idempotency-key"].to_str().expect("text");
        assert!(id == "evt_1" || id == "7e999", "{id}");
    }
}

#[test]
fn a_key_pair_never_keys_the_mac_of_a_system() {
    let pair = crate::secret::KeyPair::of_seed(&[9; 32]).secret();
    let signed = |secrets: &[Secret]| {
        let call = HeaderContext {
            secrets,
            owner_has_secret: true,
            id: "evt_1",
            event_type: "job.succeeded",
            nonce: "atmpt_1",
            at: AT,
            body: b"{}",
            user_agent: "webhook-relay/1",
            style: HeaderStyle::Standard,
        };
        headers(Profile::named("wepp"), &BTreeMap::new(), call).expect("headers")
    };
    let alone = signed(std::slice::from_ref(&pair));
    assert!(!alone.contains_key("x-webhook-signature"));
    assert!(alone["webhook-signature"].to_str().expect("text").starts_with("v1a,"));
    let both = signed(&[pair, Secret::new(SECRET)]);
    let want = format!("sha256={}", hmac_hex(SECRET, &[b"{}"]));
    assert_eq!(both["x-webhook-signature"], want.as_str());
}

#[test]
fn svix_s_names_stand_beside_the_standard_ones_with_the_same_values() {
    let secrets = [Secret::symmetric(&[7; 32])];
    let call = |style| HeaderContext {
        secrets: &secrets,
        owner_has_secret: false,
        id: "msg_1",
        event_type: "a.b",
        nonce: "atmpt_1",
        at: AT,
        body: b"{}",
        user_agent: "webhook-relay/1",
        style,
    };
    let plain = headers(None, &BTreeMap::new(), call(HeaderStyle::Standard)).expect("headers");
    let both = headers(None, &BTreeMap::new(), call(HeaderStyle::Svix)).expect("headers");
    assert_eq!(both.len(), plain.len() + 3);
    for (ours, theirs) in HEADERS_OF_OURS.into_iter().zip(HEADERS_OF_SVIX) {
        assert_eq!((plain.get(ours), plain.get(theirs)), (both.get(ours), None));
        assert_eq!(both.get(theirs), plain.get(ours), "{theirs}");
    }
}
