//! `/v1/events` with filters: each finds what it names and nothing else, and nothing of another tenant.

use std::time::Duration;

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{Relay, ids, receiver::Receiver};

/// The events of a relay with two applications, by a word for each.
struct World {
    relay: Relay,
    /// Ids by word, oldest first.
    events: Vec<(&'static str, String)>,
    /// Time between the third and the fourth event.
    middle: String,
}

impl World {
    async fn start() -> Self {
        let relay = Relay::start().await;
        let receiver = Receiver::answering(&[204, 503]).await;
        for (source, application) in [("gpu", "one"), ("cpu", "two")] {
            relay.source(source, application).await;
        }
        relay.endpoint("one", &receiver.url).await;
        let id = |message: String| message.replacen("msg_", "evt_", 1);
        let mut events = Vec::new();
        let delivered = relay.message("one", "order.paid", json!({ "n": 1 })).await;
        relay.attempt(&delivered).await;
        events.push(("delivered", id(delivered)));
        let failing = relay.message("one", "order.lost", json!({ "n": 2 })).await;
        relay.attempt(&failing).await;
        events.push(("failing", id(failing)));
        let pending = relay.message("one", "invoice.paid", json!({ "n": 3 })).await;
        events.push(("pending", id(pending)));
        tokio::time::sleep(Duration::from_millis(5)).await;
        let middle = relay.api.now().rfc3339();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let body =
            r#"{"call_id":"fc-1","status":"success","result":1,"metadata":{"batch_id":"b-1"}}"#;
        let dead = relay.completion("gpu", "one", "j1", body).await;
        relay.bury(&dead.id.event()).await;
        relay.api.table().count_duplicate(&dead.id).await.expect("counted");
        events.push(("dead", dead.id.event()));
        let other = body.replace("fc-1", "fc-2").replace("b-1", "b-2");
        let nobody = relay.completion("cpu", "two", "j2", &other).await;
        relay.api.table().count_conflict(&nobody.id).await.expect("counted");
        events.push(("nobody", nobody.id.event()));
        Self { relay, events, middle }
    }

    fn id(&self, word: &str) -> &str {
        let event = self.events.iter().find(|(known, _)| *known == word);
        &event.expect("an event of that word").1
    }

    /// The words of the events on a list, newest first.
    fn words(&self, list: &Value) -> Vec<&'static str> {
        let word =
            |id: &String| self.events.iter().find(|(_, known)| known == id).expect("known").0;
        ids(list).iter().map(word).collect()
    }

    async fn list(&self, query: &str) -> Value {
        self.relay.get(&format!("/v1/events?{query}")).await.expect(200)
    }
}

#[tokio::test]
async fn a_filter_finds_what_it_names() {
    let world = World::start().await;
    let job = world.relay.get("/v1/jobs/j1").await.at("id");
    let middle = &world.middle;
    let id = world.id("failing").to_owned();
    let (bare, whole) = (&id[4..14], id.replacen("evt_", "msg_", 1));
    for (query, words) in [
        (String::new(), &["nobody", "dead", "pending", "failing", "delivered"][..]),
        ("application=one".to_owned(), &["dead", "pending", "failing", "delivered"]),
        ("source=gpu".to_owned(), &["dead"]),
        ("source=cpu".to_owned(), &["nobody"]),
        ("source=cpu&application=one".to_owned(), &[]),
        ("type=order.*".to_owned(), &["failing", "delivered"]),
        ("type=*".to_owned(), &["nobody", "dead", "pending", "failing", "delivered"]),
        ("type=order.paid".to_owned(), &["delivered"]),
        ("type=order".to_owned(), &[]),
        ("job=j1".to_owned(), &["dead"]),
        ("job=fc-1".to_owned(), &["dead"]),
        (format!("job={job}"), &["dead"]),
        ("job=j1&source=cpu".to_owned(), &[]),
        ("batch=b-1".to_owned(), &["dead"]),
        ("state=delivered".to_owned(), &["delivered"]),
        ("state=failing".to_owned(), &["failing"]),
        ("state=pending".to_owned(), &["pending"]),
        ("state=dead".to_owned(), &["dead"]),
        ("state=nobody".to_owned(), &["nobody"]),
        ("state=nobody&application=one".to_owned(), &[]),
        (format!("since={middle}"), &["nobody", "dead"]),
        (format!("until={middle}"), &["pending", "failing", "delivered"]),
        (format!("since={middle}&until={middle}"), &[]),
        (format!("id={bare}"), &["failing"]),
        (format!("id=evt_{bare}"), &["failing"]),
        (format!("id={whole}"), &["failing"]),
        (format!("id={whole}&state=delivered"), &[]),
        (format!("id={whole}&application=two"), &[]),
        ("id=evt_00000000".to_owned(), &[]),
        ("has=duplicate".to_owned(), &["dead"]),
        ("has=conflict".to_owned(), &["nobody"]),
        ("source=none".to_owned(), &[]),
        ("job=none".to_owned(), &[]),
        ("batch=none".to_owned(), &[]),
    ] {
        let list = world.list(&query).await;
        assert_eq!(world.words(&list), words, "{query}");
        assert_eq!(list["done"], true, "{query}");
        let is_plain = query.is_empty() || query == "application=one";
        assert_eq!(list["scanned"].is_u64(), !is_plain, "{query}: {list}");
    }
}

#[tokio::test]
async fn an_event_says_how_its_deliveries_stand() {
    let world = World::start().await;
    for (word, progress) in [
        ("delivered", json!({ "total": 1, "delivered": 1, "dead": 0, "pending": 0 })),
        ("failing", json!({ "total": 1, "delivered": 0, "dead": 0, "pending": 1 })),
        ("pending", json!({ "total": 1, "delivered": 0, "dead": 0, "pending": 1 })),
        ("dead", json!({ "total": 1, "delivered": 0, "dead": 1, "pending": 0 })),
        ("nobody", json!({ "total": 0, "delivered": 0, "dead": 0, "pending": 0 })),
    ] {
        let detail = world.relay.get(&format!("/v1/events/{}", world.id(word))).await.expect(200);
        assert_eq!((&detail["state"], &detail["progress"]), (&json!(word), &progress), "{word}");
        let list = world.list(&format!("id={}", world.id(word))).await;
        let entry = &list["data"][0];
        assert_eq!((&entry["state"], &entry["progress"]), (&json!(word), &progress), "{word}");
    }
}

#[tokio::test]
async fn a_filter_goes_on_where_its_part_ended() {
    let world = World::start().await;
    for (query, words) in [
        ("type=*", &["nobody", "dead", "pending", "failing", "delivered"][..]),
        ("application=one&type=*.paid", &[]),
        ("application=one&type=order.*", &["failing", "delivered"]),
        ("application=one&state=failing", &["failing"]),
        ("until=2999-01-01T00:00:00Z", &["nobody", "dead", "pending", "failing", "delivered"]),
    ] {
        let (mut seen, mut at) = (Vec::new(), String::new());
        if query.contains("*.") {
            world.relay.get(&format!("/v1/events?{query}")).await.expect(422);
            continue;
        }
        loop {
            let list = world.list(&format!("{query}&limit=1{at}")).await;
            seen.extend(world.words(&list));
            let Some(iterator) = list["iterator"].as_str() else { break };
            at = format!("&iterator={iterator}");
        }
        assert_eq!(seen, words, "{query}");
    }
}

#[tokio::test]
async fn another_tenants_names_find_nothing() {
    let world = World::start().await;
    let key = world.relay.key("read", Some("one")).await;
    let theirs = world.id("nobody").to_owned();
    let job = world.relay.get("/v1/jobs/j2").await.at("id");
    let ask = async |query: &str| {
        let path = format!("/v1/events?{query}");
        world.relay.ask(&key, Method::GET, &path, Body::empty()).await
    };
    let batch = domain::id::BatchId::of(&world.relay.application_of("two").await, "b-2");
    for query in [
        "source=cpu".to_owned(),
        "job=j2".to_owned(),
        "job=fc-2".to_owned(),
        format!("job={job}"),
        "batch=b-2".to_owned(),
        format!("batch={batch}"),
        format!("id={theirs}"),
        format!("id={}", &theirs[..14]),
        "has=conflict".to_owned(),
        "state=nobody".to_owned(),
    ] {
        let answer = ask(&query).await;
        assert_eq!(answer.expect(200)["data"], json!([]), "{query}");
        assert!(!answer.text.contains("two") && !answer.text.contains("cpu"), "{query}");
    }
    assert_eq!(ids(&ask("type=*").await.expect(200)).len(), 4);
    ask("application=two").await.expect(404);
    ask("application=nobody").await.expect(404);
}

#[tokio::test]
async fn a_filter_that_cannot_be_names_its_parameter() {
    let world = World::start().await;
    for (query, at) in [
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until: "),
        ("since=yesterday", "since: "),
        ("state=lost", "state: "),
        ("has=anything", "has: "),
        ("id=evt_123", "id: "),
        ("id=1234567%2F", "id: "),
        ("type=a%20b", "type: "),
        ("type=a*b", "type: "),
        ("limit=0", "limit: "),
        ("limit=251", "limit: "),
        ("iterator=x", "iterator: "),
        ("iterator=-1700000000000-a", "iterator: "),
        ("sorce=gpu", "sorce: "),
        ("type=a&types=b", "types: "),
    ] {
        let refused = world.relay.get(&format!("/v1/events?{query}")).await;
        refused.expect(422);
        assert!(refused.at("detail").starts_with(at), "{query}: {refused:?}");
    }
}

impl Relay {
    async fn application_of(&self, uid: &str) -> domain::id::ApplicationId {
        let id = self.get(&format!("/api/v1/app/{uid}")).await.at("id");
        domain::id::ApplicationId::parse(&id).expect("an id")
    }
}
