//! Tests of the lists of attempts and attempted messages, which are gone through in both directions, and of
//! their counts.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{ADMIN, Relay, ids, receiver::Receiver};

const APP: &str = "/api/v1/app/default";

/// Goes on to the end of a list, and back to its beginning.
async fn there_and_back(relay: &Relay, path: &str) -> (Vec<String>, Vec<String>) {
    let glue = if path.contains('?') { '&' } else { '?' };
    let (mut forth, mut back): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut page = relay.get(&format!("{path}{glue}limit=2")).await.expect(200);
    let next = |page: &Value, name: &str| page[name].as_str().expect("a place").to_owned();
    loop {
        forth.extend(ids(&page));
        if page["done"] == true {
            break;
        }
        let at = next(&page, "iterator");
        page = relay.get(&format!("{path}{glue}limit=2&iterator={at}")).await.expect(200);
    }
    back.splice(..0, ids(&page));
    loop {
        let at = next(&page, "prevIterator");
        page = relay.get(&format!("{path}{glue}limit=2&iterator={at}")).await.expect(200);
        back.splice(..0, ids(&page));
        if page["done"] == true {
            return (forth, back);
        }
    }
}

#[tokio::test]
async fn lists_of_attempts_and_messages_go_both_ways() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500, 500]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let mut messages = Vec::new();
    for n in 0..5 {
        messages.push(relay.message("default", "a.b", json!({ "n": n })).await);
        relay.attempt(&messages[n]).await;
    }
    // The first has a second attempt, and is therefore the most recent.
    relay
        .post(&format!("{APP}/msg/{}/endpoint/{endpoint}/resend", messages[3]), json!({}))
        .await
        .expect(202);
    relay.attempt(&messages[3]).await;
    let (forth, back) = there_and_back(&relay, &format!("{APP}/attempt/endpoint/{endpoint}")).await;
    assert_eq!((forth.len(), &forth), (6, &back));
    let (forth, back) = there_and_back(&relay, &format!("{APP}/endpoint/{endpoint}/msg")).await;
    assert_eq!(forth, back);
    assert_eq!(forth, [3, 4, 2, 1, 0].map(|n: usize| messages[n].clone()));
    let failed = format!("{APP}/attempt/endpoint/{endpoint}?status=2");
    assert_eq!(there_and_back(&relay, &failed).await.0.len(), 2);
    let (forth, back) = there_and_back(&relay, &format!("{APP}/attempt/msg/{}", messages[3])).await;
    assert_eq!((forth.len(), &forth), (2, &back));
}

#[tokio::test]
async fn an_iterator_holds_its_place_when_its_message_is_attempted_again() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let mut messages = Vec::new();
    for n in 0..3 {
        messages.push(relay.message("default", "a.b", json!({ "n": n })).await);
        relay.attempt(&messages[n]).await;
    }
    let path = format!("{APP}/attempt/endpoint/{endpoint}?limit=2");
    let first = relay.get(&path).await.expect(200);
    let resend = format!("{APP}/msg/{}/endpoint/{endpoint}/resend", messages[1]);
    relay.post(&resend, json!({})).await.expect(202);
    relay.attempt(&messages[1]).await;
    let at = first["iterator"].as_str().expect("a place");
    let rest = relay.get(&format!("{path}&iterator={at}")).await.expect(200);
    let of = |list: &Value| list["data"][0]["msgId"].as_str().map(str::to_owned);
    assert_eq!((of(&rest), &rest["done"]), (Some(messages[0].clone()), &json!(true)));
}

#[tokio::test]
async fn what_is_asked_for_is_shown_and_nothing_else() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let body = json!({ "eventType": "a.b", "payload": { "n": 1 }, "channels": ["c"], "tags": ["t"], "eventId": "mine" });
    let made = relay.post(&format!("{APP}/msg"), body).await;
    assert_eq!(made.expect(202)["tags"], json!(["t"]));
    relay.attempt(&made.at("id")).await;
    relay.message("default", "c.d", json!({})).await;
    for (query, count) in [
        ("", 2),
        ("?status=1", 1),
        ("?status=3", 1),
        ("?status=0", 0),
        ("?channel=c", 1),
        ("?tag=t", 1),
        ("?tag=u", 0),
        ("?event_types=c.d", 1),
        ("?before=2001-01-01T00:00:00Z", 0),
        ("?after=2001-01-01T00:00:00Z&event_types=a.b,c.d", 2),
    ] {
        let list = relay.get(&format!("{APP}/endpoint/{endpoint}/msg{query}")).await.expect(200);
        assert_eq!(ids(&list).len(), count, "{query}: {list}");
    }
    let with_msg = format!("{APP}/attempt/endpoint/{endpoint}?with_msg=true&with_content=false");
    let attempt = &relay.get(&with_msg).await.expect(200)["data"][0];
    assert_eq!(
        (&attempt["msg"]["eventId"], &attempt["msg"]["payload"]),
        (&json!("mine"), &json!({}))
    );
    assert_eq!(attempt["response"], "");
    // The publisher's own id stands wherever ours does.
    relay.get(&format!("{APP}/msg/mine")).await.expect(200);
    let to = relay.get(&format!("{APP}/msg/mine/endpoint")).await.expect(200);
    assert_eq!(ids(&to), [endpoint]);
    assert_eq!(to["data"][0]["statusText"], "sending");
    assert!(to["data"][0]["nextAttempt"].is_string());
}

#[tokio::test]
async fn an_endpoint_is_counted_by_messages_and_by_attempts() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    for n in 0..4 {
        let id = relay.message("default", "a.b", json!({ "n": n })).await;
        if n < 3 {
            relay.attempt(&id).await;
        }
    }
    let stats = relay.get(&format!("{APP}/endpoint/{endpoint}/stats")).await.expect(200);
    for (name, count) in
        [("success", 2), ("sending", 1), ("pending", 1), ("fail", 0), ("canceled", 0)]
    {
        assert_eq!(stats[name], count, "{name}: {stats}");
    }
    assert_eq!(stats["complete"], true);
    let attempts = relay.get(&format!("{APP}/endpoint/{endpoint}/attempt-stats")).await.expect(200);
    assert_eq!(attempts, json!({ "success": 2, "fail": 1, "canceled": 0, "complete": true }));
    let past = format!("{APP}/endpoint/{endpoint}/stats?until=2001-01-01T00:00:00Z");
    assert_eq!(relay.get(&past).await.expect(200)["success"], 0);
    let bad = "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z";
    relay.get(&format!("{APP}/endpoint/{endpoint}/stats?{bad}")).await.expect(422);
}

#[tokio::test]
async fn nothing_of_one_application_is_on_a_list_of_another() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    relay.application("acme").await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let id = relay.message("default", "a.b", json!({})).await;
    relay.attempt(&id).await;
    let key = relay.key("read", Some("acme")).await;
    for rest in [
        format!("endpoint/{endpoint}/msg"),
        format!("endpoint/{endpoint}/stats"),
        format!("endpoint/{endpoint}/attempt-stats"),
        format!("attempt/endpoint/{endpoint}"),
        format!("msg/{id}/endpoint"),
    ] {
        let theirs = format!("/api/v1/app/acme/{rest}");
        assert_eq!(
            relay.ask(ADMIN, Method::GET, &theirs, Body::empty()).await.status,
            404,
            "{rest}"
        );
        let ours = format!("{APP}/{rest}");
        assert_eq!(relay.ask(&key, Method::GET, &ours, Body::empty()).await.status, 404, "{rest}");
    }
}

#[tokio::test]
async fn endpoints_that_a_message_went_to_are_listed_oldest_first_deleted_ones_included() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let mut made = Vec::new();
    for n in 0..4 {
        let secret = json!({ "url": format!("{}{n}", receiver.url), "uid": format!("e{n}"), "headers": { "x-key": "planted" } });
        let one = relay.post(&format!("{APP}/endpoint"), secret).await.expect(201);
        made.push((one["createdAt"].to_string(), one["id"].as_str().expect("an id").to_owned()));
    }
    made.sort();
    let made: Vec<_> = made.into_iter().map(|(_, id)| id).collect();
    let message = relay.message("default", "a.b", json!({})).await;
    let list = format!("{APP}/msg/{message}/endpoint");
    assert_eq!(ids(&relay.get(&list).await.expect(200)), made);
    relay.delete(&format!("{APP}/endpoint/{}", made[1])).await.expect(204);
    let after = relay.get(&list).await;
    assert!(!after.text.contains("planted"));
    let after = after.expect(200);
    assert_eq!(ids(&after), made);
    assert!(after["data"][1]["uid"].as_str().is_some_and(|uid| uid.starts_with('e')), "{after}");
    relay.get(&format!("{APP}/endpoint/{}", made[1])).await.expect(404);
    assert_eq!(ids(&relay.get(&format!("{APP}/endpoint")).await.expect(200)).len(), 3);
    let newest = relay.get(&format!("{list}?order=descending&limit=2")).await.expect(200);
    assert_eq!(ids(&newest), [made[3].clone(), made[2].clone()]);
}
