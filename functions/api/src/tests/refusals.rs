//! Refused requests: counts and samples, newest first, to those who may see them.

use domain::{
    figures::Minute,
    refusals::{RefusalBatch, RefusalPlace, RefusalReason, RefusalSample, RefusedRequest},
    time::Timestamp,
};

use super::*;

impl Relay {
    /// Refuses requests of a source at an instant, as an instance of `ingest` that writes to this shard.
    async fn refuse(&self, name: Option<&str>, at: Timestamp, reason: RefusalReason, shard: u8) {
        let place = match name {
            Some(name) => {
                let source = self.api.table().source(name).await.expect("read").expect("there");
                RefusalPlace::Source { tenure: source.tenure(), name: name.to_owned() }
            }
            None => RefusalPlace::Nowhere,
        };
        let headers = &HeaderMap::new();
        let source = name.unwrap_or("made-up");
        let request = RefusedRequest { at, source, caller: None, headers, bytes: 1 };
        let minute = Minute::of(at);
        let batch = RefusalBatch {
            place,
            hour: minute.hour(),
            counts: [((minute, reason), 2)].into(),
            samples: vec![RefusalSample::of(&request, reason, "A sentence.")],
            fresh: 1,
        };
        self.api.table().add_refusals(&batch, shard).await.expect("added");
    }
}

fn reasons(list: &Value, part: &str) -> Vec<String> {
    let entries = list[part].as_array().expect("a list").iter();
    entries.map(|entry| entry["reason"].as_str().expect("a word").to_owned()).collect()
}

#[tokio::test]
async fn refusals_are_listed_newest_first_and_narrowed_down() {
    let relay = Relay::start().await;
    relay.source("s1", "one").await;
    let now = relay.api.now();
    let ago = |minutes: u64| Timestamp(now.0 - minutes * 60_000);
    relay.refuse(Some("s1"), ago(30), RefusalReason::Mismatch, 0).await;
    relay.refuse(Some("s1"), ago(10), RefusalReason::TimestampPast, 1).await;
    relay.refuse(Some("s1"), ago(10), RefusalReason::TimestampPast, 2).await;
    relay.refuse(Some("s1"), ago(180), RefusalReason::Address, 0).await;
    relay.refuse(None, ago(5), RefusalReason::UnknownSource, 0).await;
    let all = relay.get("/v1/refusals").await.expect(200);
    assert_eq!(reasons(&all, "samples"), ["unknown_source", "timestamp_past", "mismatch"]);
    assert_eq!(reasons(&all, "counts"), ["unknown_source", "timestamp_past", "mismatch"]);
    assert_eq!(all["counts"][0]["source"], Value::Null);
    assert_eq!(
        (&all["counts"][1]["source"], &all["counts"][1]["count"]),
        (&json!("s1"), &json!(4))
    );
    assert_eq!((&all["complete"], &all["counted_from"]), (&json!(true), &Value::Null));
    assert_eq!(all["samples"][2]["sentence"], "A sentence.");
    let path = "/v1/sources/s1/refusals";
    let own = relay.get(path).await.expect(200);
    assert_eq!(reasons(&own, "samples"), ["timestamp_past", "mismatch"]);
    let since = ago(240).rfc3339();
    let (from, to) = (ago(29).rfc3339(), ago(31).rfc3339());
    for (query, expected) in [
        (format!("since={since}"), vec!["timestamp_past", "mismatch", "address"]),
        (format!("since={since}&reason=address"), vec!["address"]),
        (format!("since={to}&until={from}"), vec!["mismatch"]),
        (format!("since={since}&limit=1"), vec!["timestamp_past"]),
        ("reason=lines".to_owned(), vec![]),
    ] {
        let list = relay.get(&format!("{path}?{query}")).await.expect(200);
        assert_eq!(reasons(&list, "samples"), expected, "{query}");
    }
    for (query, part) in [
        (format!("since={from}&until={to}"), "is after `until`"),
        ("reason=nonsense".to_owned(), "is one of unknown_source"),
        ("limit=0".to_owned(), "from 1 to 250"),
        ("reson=lines".to_owned(), "did you mean `reason`"),
    ] {
        let detail = relay.get(&format!("{path}?{query}")).await.expect(422)["detail"].to_string();
        assert!(detail.contains(part), "{query}: {detail}");
    }
}

#[tokio::test]
async fn a_key_of_one_application_sees_the_refusals_of_its_own_sources() {
    let relay = Relay::start().await;
    relay.source("s1", "one").await;
    relay.source("s2", "two").await;
    let now = relay.api.now();
    for name in [Some("s1"), Some("s2"), None] {
        relay.refuse(name, now, RefusalReason::Mismatch, 0).await;
    }
    let key = relay.key("read", Some("one")).await;
    let get = async |path: &str| relay.ask(&key, Method::GET, path, Body::empty()).await;
    let own = get("/v1/refusals").await.expect(200);
    assert_eq!(own["counts"].as_array().map(Vec::len), Some(1));
    assert_eq!(own["counts"][0]["source"], "s1");
    assert_eq!(own["samples"].as_array().map(Vec::len), Some(1));
    for path in ["/v1/sources/s2/refusals", "/v1/sources/made-up/refusals"] {
        get(path).await.expect(404);
    }
    assert_eq!(
        relay.get("/v1/refusals").await.expect(200)["counts"].as_array().map(Vec::len),
        Some(3)
    );
    let one = relay.get("/v1/refusals?application=one").await.expect(200);
    assert_eq!(one["counts"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_source_of_the_same_name_does_not_inherit_refusals() {
    let relay = Relay::start().await;
    relay.source("s1", "one").await;
    relay.refuse(Some("s1"), relay.api.now(), RefusalReason::Mismatch, 0).await;
    relay.delete("/v1/sources/s1").await.expect(200);
    relay.source("s1", "two").await;
    let list = relay.get("/v1/sources/s1/refusals").await.expect(200);
    assert_eq!((&list["counts"], &list["samples"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_source_shows_since_when_its_secrets_are_kept() {
    let relay = Relay::start().await;
    relay.source("s1", "one").await;
    let since =
        async || relay.get("/v1/sources/s1").await.expect(200)["secrets_kept_since"].clone();
    let began = since().await[0].clone();
    assert!(began.is_string(), "{began}");
    let newer = "a-newer-secret-of-24-bytes";
    let rotated =
        json!({ "profile": "modal-omtx", "secrets": [newer, SOURCE_SECRET], "application": "one" });
    relay.put("/v1/sources/s1", rotated).await.expect(200);
    let both = since().await;
    assert_eq!(both[1], began, "the older secret was there before");
    assert!(began.as_str() < both[0].as_str(), "{both}");
    let kept = json!({ "profile": "modal-omtx", "application": "one" });
    relay.put("/v1/sources/s1", kept).await.expect(200);
    assert_eq!(since().await, both, "secrets that are left out stay");
}
