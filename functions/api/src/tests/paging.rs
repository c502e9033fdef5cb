//! Lists in parts: iterators that survive deletion, stand in a URL as they are, and may be ids.

mod slashes;

use serde_json::{Value, json};

use super::{Relay, ids, receiver::Receiver};

const APP: &str = "/api/v1/app/default";

/// The parts of a list from its beginning to its end. Between two parts, `between` sees the first.
async fn walk(relay: &Relay, path: &str, mut between: impl AsyncFnMut(&Value)) -> Vec<Value> {
    let (mut seen, mut iterator) = (Vec::new(), None::<String>);
    for _ in 0..20 {
        let at = iterator.as_ref().map(|at| format!("&iterator={at}")).unwrap_or_default();
        let part = relay.get(&format!("{path}{at}")).await.expect(200);
        seen.extend(part["data"].as_array().expect("a list").clone());
        between(&part).await;
        iterator = part["iterator"].as_str().map(str::to_owned);
        if part["done"] == true {
            return seen;
        }
    }
    panic!("a list without an end: {path}");
}

#[tokio::test]
async fn a_list_goes_on_though_everything_that_was_listed_is_deleted() {
    let relay = Relay::start().await;
    for order in ["", "&order=ascending", "&order=descending"] {
        for n in 0..5 {
            relay.endpoint("default", &format!("https://subscriber.example/{n}")).await;
            relay.application(&format!("a{n}")).await;
            let kind = json!({ "name": format!("a.b{n}"), "description": "" });
            relay.post("/api/v1/event-type", kind).await.expect(201);
        }
        for (list, name, query) in [
            (format!("{APP}/endpoint"), "id", ""),
            ("/api/v1/event-type".to_owned(), "name", "?expunge=true"),
            ("/api/v1/app".to_owned(), "uid", ""),
        ] {
            walk(&relay, &format!("{list}?limit=2{order}"), async |part: &Value| {
                for entry in part["data"].as_array().expect("a list") {
                    let name = entry[name].as_str().expect("a name");
                    if name != "default" {
                        relay.delete(&format!("{list}/{name}{query}")).await.expect(204);
                    }
                }
            })
            .await;
            let left = relay.get(&list).await.expect(200);
            let left = left["data"].as_array().expect("a list").len();
            assert_eq!(left, usize::from(name == "uid"), "{list}{order}");
        }
    }
}

#[tokio::test]
async fn endpoints_are_listed_newest_first_and_in_the_order_that_is_asked_for() {
    let relay = Relay::start().await;
    let mut made = Vec::new();
    for n in 0..4 {
        let body = json!({ "url": format!("https://subscriber.example/{n}") });
        let one = relay.post(&format!("{APP}/endpoint"), body).await.expect(201);
        made.push((one["createdAt"].to_string(), one["id"].as_str().expect("an id").to_owned()));
    }
    made.sort();
    let oldest: Vec<_> = made.iter().map(|(_, id)| id.clone()).collect();
    let newest: Vec<_> = oldest.iter().rev().cloned().collect();
    for (query, want) in
        [("", &newest), ("?order=descending", &newest), ("?order=ascending", &oldest)]
    {
        let list = relay.get(&format!("{APP}/endpoint{query}")).await.expect(200);
        assert_eq!(ids(&list), *want, "{query}");
    }
    let first = relay.get(&format!("{APP}/endpoint?limit=2")).await.expect(200);
    let at = first["iterator"].as_str().expect("more");
    let second = relay.get(&format!("{APP}/endpoint?limit=2&iterator={at}")).await.expect(200);
    assert_eq!((ids(&second), &second["done"]), (newest[2..].to_vec(), &json!(true)));
    let back = second["prevIterator"].as_str().expect("a way back");
    let back = relay.get(&format!("{APP}/endpoint?limit=2&iterator={back}")).await.expect(200);
    assert_eq!((ids(&back), &back["done"]), (newest[..2].to_vec(), &json!(true)));
    relay.get(&format!("{APP}/endpoint?order=upwards")).await.expect(422);
}

#[tokio::test]
async fn every_iterator_stands_in_a_url_as_it_is_and_the_id_of_an_entry_is_one() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let (mut endpoint, mut message) = (String::new(), String::new());
    for n in 0..3 {
        endpoint = relay.endpoint("default", &format!("{}{n}", receiver.url)).await;
        relay.application(&format!("a{n}")).await;
        let kind = json!({ "name": format!("a.b{n}"), "description": "" });
        relay.post("/api/v1/event-type", kind).await.expect(201);
    }
    for n in 0..3 {
        message = relay.message("default", "a.b0", json!({ "n": n })).await;
        relay.attempt(&message).await;
    }
    for list in [
        "/api/v1/app".to_owned(),
        "/api/v1/event-type".to_owned(),
        format!("{APP}/endpoint"),
        format!("{APP}/msg"),
        format!("{APP}/msg/{message}/endpoint"),
        format!("{APP}/endpoint/{endpoint}/msg"),
        format!("{APP}/attempt/endpoint/{endpoint}"),
        format!("{APP}/attempt/msg/{message}"),
        "/v1/events".to_owned(),
    ] {
        let first = relay.get(&format!("{list}?limit=1")).await.expect(200);
        assert_eq!(first["done"], false, "{list}");
        for name in ["iterator", "prevIterator"] {
            let Some(at) = first[name].as_str() else { continue };
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            assert!(at.bytes().all(plain), "{list} {name}: {at}");
        }
        if list.starts_with("/v1") {
            continue;
        }
        let at = first["iterator"].as_str().expect("more");
        let second = relay.get(&format!("{list}?limit=1&iterator={at}")).await.expect(200);
        let entry = &first["data"][0];
        let id = entry["id"].as_str().or(entry["name"].as_str()).expect("an id");
        let by_id = relay.get(&format!("{list}?limit=1&iterator={id}")).await.expect(200);
        assert_eq!(by_id["data"], second["data"], "{list}");
        let id = &second["data"][0];
        let id = id["id"].as_str().or(id["name"].as_str()).expect("an id");
        let back = relay.get(&format!("{list}?limit=1&iterator=-{id}")).await.expect(200);
        assert_eq!(back["data"], first["data"], "{list}");
        for bad in ["nobody", "msg_nobody", "1700000000000", "name-%25"] {
            relay.get(&format!("{list}?iterator={bad}")).await.expect(422);
        }
    }
}

#[tokio::test]
async fn event_types_are_listed_in_every_spelling_of_a_list() {
    let relay = Relay::start().await;
    for kind in ["a.b", "c.d", "e.f"] {
        relay.message("default", kind, json!({})).await;
    }
    for query in [
        "event_types=a.b,c.d",
        "event_types=a.b&event_types=c.d",
        "event_types[]=a.b&event_types[]=c.d",
        "event_types[0]=a.b&event_types[1]=c.d",
        "event_types%5B%5D=a.b&event_types%5B1%5D=c.d",
        "event_types=a.b&event_types[]=c.d",
    ] {
        let answer = relay.get(&format!("{APP}/msg?{query}")).await;
        assert_eq!(ids(&answer.expect(200)).len(), 2, "{query}");
        assert!(answer.headers.get("relay-ignored").is_none(), "{query}");
    }
    let odd = relay.get(&format!("{APP}/msg?event_types[a]=a.b")).await;
    assert_eq!(ids(&odd.expect(200)).len(), 3);
    assert!(odd.headers.contains_key("relay-ignored"), "{odd:?}");
}

#[tokio::test]
async fn before_and_after_a_moment_is_everything_once() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let mut all = Vec::new();
    for n in 0..5 {
        let id = relay.message("default", "a.b", json!({ "n": n })).await;
        relay.attempt(&id).await;
        all.push(id);
    }
    all.sort();
    let moment = relay.get(&format!("{APP}/msg/{}", all[2])).await.expect(200);
    let moment = moment["timestamp"].as_str().expect("a time");
    for list in [format!("{APP}/msg"), format!("{APP}/endpoint/{endpoint}/msg")] {
        let side = async |side: &str| {
            ids(&relay.get(&format!("{list}?{side}={moment}")).await.expect(200))
        };
        let (before, after) = (side("before").await, side("after").await);
        assert!(after.contains(&all[2]) && !before.contains(&all[2]), "{list}");
        let mut both = [before, after].concat();
        both.sort();
        assert_eq!(both, all, "{list}");
    }
}
