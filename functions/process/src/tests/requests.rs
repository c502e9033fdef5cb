//! The request that an event came with: recorded with it, and with it only.

use domain::{
    endpoint::{Endpoint, PassThrough},
    id::EndpointId,
    profile::fingerprint,
    request::RequestRecord,
};
use serde_json::json;

use super::*;

/// A request with a sealed signature, as `ingest` writes it.
fn request() -> serde_json::Value {
    json!({
        "method": "POST", "path": "/in/modal", "caller": "203.0.113.7", "bytes": 190,
        "headers": [
            { "name": "content-type", "value": "application/json" },
            { "name": "x-modal-signature", "value": "*** (71 bytes)", "altered": true, "sealed": "c2VhbGVk" },
        ],
        "verdict": { "profile": "modal-omtx", "scheme": "hmac-sha256 over {body}" },
    })
}

async fn recorded(process: &Process) -> (Event, Option<RequestRecord>) {
    let table = &process.context.table;
    let event = table.event(&event_id()).await.expect("read").expect("recorded");
    (event, table.request(&event_id()).await.expect("read"))
}

/// An endpoint of the application that asks for these headers.
async fn endpoint(process: &Process, headers: &[&str]) {
    let (id, acme) = (EndpointId::derive(&["asks"]), ApplicationId::named("acme"));
    let mut endpoint = Endpoint::new(id, acme, "https://receiver.example", Timestamp(0));
    let headers = headers.iter().map(|name| (*name).to_owned()).collect();
    endpoint.pass_through = PassThrough { headers, ..PassThrough::default() };
    process.context.table.create_endpoint(&endpoint).await.expect("kept").either_way();
}

#[tokio::test]
async fn a_request_is_recorded_with_its_event_and_without_sealed_values_that_nobody_asks_for() {
    for (asked, is_sealed) in
        [(&[][..], false), (&["x-other"], false), (&["x-modal-signature"], true)]
    {
        let (_aws, process) = world().await;
        endpoint(&process, asked).await;
        process.handle(&sample(|envelope| envelope["request"] = request())).await;
        let (event, request) = recorded(&process).await;
        let request = request.expect("recorded");
        assert!(event.has_request && event.raw() == event.said.as_ref());
        assert_eq!((request.path.as_str(), request.bytes), ("/in/modal", 190));
        assert_eq!(request.headers[1].sealed.is_some(), is_sealed, "{asked:?}");
        assert!(request.headers[1].altered && request.headers[1].value.starts_with("***"));
    }
}

#[tokio::test]
async fn a_message_of_the_version_before_is_an_event_without_a_request() {
    let (_aws, process) = world().await;
    process.handle(&sample(|_| ())).await;
    let (event, request) = recorded(&process).await;
    assert!(!event.has_request && event.raw().is_none() && request.is_none());
}

#[tokio::test]
async fn a_repetition_does_not_replace_the_request_that_came_first() {
    let (_aws, process) = world().await;
    process.handle(&sample(|envelope| envelope["request"] = request())).await;
    let again = |envelope: &mut serde_json::Value| {
        envelope["arrival"] = "another".into();
        envelope["request"] = request();
        envelope["request"]["path"] = "/in/other".into();
    };
    process.handle(&sample(again)).await;
    let (event, request) = recorded(&process).await;
    assert_eq!((event.duplicates, request.expect("recorded").path), (1, "/in/modal".to_owned()));
}

#[tokio::test]
async fn a_body_that_came_packed_is_kept_as_it_came_small_or_large() {
    for encoded in [&b"\x1f\x8bsmall"[..], &[0x1f; 70_000]] {
        let (_aws, process) = world().await;
        let packed = serde_json::to_value(StoredBody::inline(encoded)).expect("JSON");
        process
            .handle(&sample(|envelope| {
                envelope["request"] = request();
                envelope["encoded"] = packed;
            }))
            .await;
        let (event, _) = recorded(&process).await;
        let raw = event.raw().expect("as it came").clone();
        assert_eq!(
            matches!(raw, StoredBody::Claim(_)),
            adapters::bucket::MAX_INLINE < encoded.len()
        );
        assert_eq!(process.context.bucket.open(raw).await.expect("opens"), encoded);
        assert_ne!(event.said, event.encoded);
    }
}

#[tokio::test]
async fn of_two_bodies_under_one_key_at_once_the_event_keeps_its_own() {
    for round in 0..8 {
        let (_aws, process) = world().await;
        let sent = |arrival: &str| {
            let body = format!(
                r#"{{"call_id":"fc-01HF8","status":"success","result":"{}"}}"#,
                arrival.repeat(70_000 / arrival.len())
            );
            sample(|envelope| {
                envelope["arrival"] = arrival.into();
                envelope["body"] = json!({ "text": body });
            })
        };
        let (one, other) = (sent("a"), sent("b"));
        let (one, other) = tokio::join!(process.handle(&one), process.handle(&other));
        assert!(one.batch_item_failures.is_empty() && other.batch_item_failures.is_empty());
        let (event, _) = recorded(&process).await;
        let bucket = &process.context.bucket;
        let said = bucket.open(event.said.expect("kept")).await.expect("opens");
        assert_eq!(fingerprint(&said), event.fingerprint, "round {round}");
        let payload = bucket.open(event.payload).await.expect("opens");
        let payload: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
        let said: serde_json::Value = serde_json::from_slice(&said).expect("JSON");
        assert_eq!(payload["data"]["result"], said["result"], "round {round}");
        assert_eq!(event.conflicts, 1);
    }
}

#[tokio::test]
async fn a_conflict_is_kept_with_the_media_type_of_its_own_request() {
    let (_aws, process) = world().await;
    process.handle(&sample(|envelope| envelope["request"] = request())).await;
    let other = |envelope: &mut serde_json::Value| {
        envelope["request"] = request();
        envelope["request"]["headers"][0]["value"] = "application/json; charset=utf-8".into();
        let text = envelope["body"]["text"].as_str().expect("text").replace("-7.2", "-1.0");
        envelope["body"]["text"] = text.into();
    };
    process.handle(&sample(other)).await;
    let kept = process.context.table.conflicts(&event_id()).await.expect("read");
    let types: Vec<_> = kept.iter().map(|conflict| conflict.content_type.as_deref()).collect();
    assert_eq!(types, [Some("application/json; charset=utf-8")]);
}
