//! Requests that change the same entity at the same moment. Each test counts every outcome.

use axum::http::{Method, StatusCode};
use domain::{secret::Secret, source::Source};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{Answer, Relay, SOURCE_SECRET};

/// Number of answers with each of these statuses; there must be no others.
fn count<const N: usize>(answers: &[Answer], statuses: [u16; N]) -> [usize; N] {
    for answer in answers {
        assert!(statuses.contains(&answer.status.as_u16()), "{answer:?}");
    }
    statuses.map(|status| answers.iter().filter(|answer| answer.status.as_u16() == status).count())
}

fn source(secret: &str, application: &str) -> String {
    json!({ "profile": "modal-omtx", "secrets": [secret], "application": application }).to_string()
}

#[tokio::test]
async fn of_two_tenants_that_create_one_source_at_once_one_has_it() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let keys = [relay.key("admin", Some("one")).await, relay.key("admin", Some("two")).await];
    for round in 0..40 {
        let path = format!("/v1/sources/s{round}");
        let (one, two) = tokio::join!(
            relay.ask(&keys[0], Method::PUT, &path, source(SOURCE_SECRET, "one")),
            relay.ask(&keys[1], Method::PUT, &path, source(SOURCE_SECRET, "two")),
        );
        let winner = usize::from(two.status == StatusCode::CREATED);
        assert_eq!(count(&[one, two], [201, 404]), [1, 1], "round {round}");
        // The source is the winner's, and stays.
        let seen = relay.ask(&keys[winner], Method::GET, &path, "").await;
        assert_eq!(seen.expect(200)["application"], ["one", "two"][winner], "round {round}");
        let hidden = relay.ask(&keys[1 - winner], Method::GET, &path, "").await;
        hidden.expect(404);
    }
}

#[tokio::test]
async fn a_replaced_secret_does_not_come_back_with_a_change_of_another_field() {
    let relay = Relay::start().await;
    relay.source("s", "default").await;
    for round in 0..40 {
        let secret = format!("planted-source-secret-{:02}", round + 2);
        let change = |tolerance: u32| {
            let body = json!({ "profile": "modal-omtx", "tolerance_seconds": tolerance });
            relay.put("/v1/sources/s", body)
        };
        let rotate = json!({ "profile": "modal-omtx", "secrets": [secret] });
        let (before, rotated, after) = tokio::join!(
            change(100 + round),
            relay.put("/v1/sources/s", rotate),
            change(200 + round)
        );
        assert_eq!(count(&[before, rotated, after], [200]), [3], "round {round}");
        let kept = relay.api.table().source("s").await.expect("read").expect("there");
        let opened = kept.secrets.iter().map(|sealed| {
            relay.api.vault().unseal(&Source::owner(&kept.id), sealed).expect("opens")
        });
        assert_eq!(opened.collect::<Vec<_>>(), [Secret::new(secret)], "round {round}");
    }
}

#[tokio::test]
async fn a_source_that_is_removed_and_changed_at_once_is_one_or_the_other() {
    let relay = Relay::start().await;
    for round in 0..20 {
        relay.source("s", "default").await;
        let body = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET] });
        let (changed, removed) =
            tokio::join!(relay.put("/v1/sources/s", body), relay.delete("/v1/sources/s"));
        removed.expect(200);
        // It was changed and then removed, or removed and then created again.
        let there = relay.get("/v1/sources/s").await.status == StatusCode::OK;
        assert_eq!(changed.status.as_u16(), if there { 201 } else { 200 }, "round {round}");
        if there {
            relay.delete("/v1/sources/s").await.expect(200);
        }
    }
}

#[tokio::test]
async fn endpoints_that_begin_to_want_order_at_once_find_no_more_room_than_there_is() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/app/acme/endpoint";
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(relay.endpoint("acme", &format!("https://subscriber.example/{n}")).await);
    }
    let order = |id: &String, ordering: Value| {
        let path = format!("{path}/{id}");
        let relay = &relay;
        async move { relay.patch(&path, json!({ "ordering": ordering })).await }
    };
    for id in &ids[..25] {
        order(id, "job".into()).await.expect(200);
    }
    // There is room for five more.
    let ordered = join_all(ids[25..].iter().map(|id| order(id, "job".into()))).await;
    assert_eq!(count(&ordered, [200, 409]), [5, 10]);
    relay.message("acme", "a", json!({})).await;
    let url = "https://subscriber.example/";
    let refused = relay.post(path, json!({ "url": url, "ordering": "job" })).await.expect(409);
    assert!(refused["detail"].to_string().contains("at most 30"), "{refused}");
    // An endpoint that wants no order any more gives its room back, and one that goes does.
    order(&ids[0], "none".into()).await.expect(200);
    relay.delete(&format!("{path}/{}", ids[1])).await.expect(204);
    for status in [201, 201, 409] {
        relay.post(path, json!({ "url": url, "ordering": "job" })).await.expect(status);
    }
    relay.post(path, json!({ "url": url })).await.expect(201);
}

#[tokio::test]
async fn an_endpoint_that_is_renamed_and_removed_at_once_leaves_no_uid_behind() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/app/acme/endpoint";
    for round in 0..20 {
        let id = relay.endpoint("acme", "https://subscriber.example/").await;
        let own = format!("{path}/{id}");
        let (old, new) = (format!("old{round}"), format!("new{round}"));
        relay.patch(&own, json!({ "uid": old })).await.expect(200);
        let (renamed, removed) =
            tokio::join!(relay.patch(&own, json!({ "uid": new })), relay.delete(&own));
        removed.expect(204);
        assert!([200, 404, 409].contains(&renamed.status.as_u16()), "{renamed:?}");
        // Both uids are free.
        for uid in [old, new] {
            relay.get(&format!("{path}/{uid}")).await.expect(404);
            let body = json!({ "url": "https://subscriber.example/", "uid": uid });
            let made = relay.post(path, body).await;
            made.expect(201);
            relay.delete(&format!("{path}/{}", made.at("id"))).await.expect(204);
        }
    }
}

#[tokio::test]
async fn changes_of_different_fields_at_once_are_made_or_refused_and_none_is_lost() {
    let relay = Relay::start().await;
    let app = "/api/v1/app/acme";
    relay.application("acme").await;
    let kind = "/api/v1/event-type/invoice.paid";
    relay.put(kind, json!({ "description": "d" })).await.expect(201);
    let endpoint =
        format!("{app}/endpoint/{}", relay.endpoint("acme", "https://subscriber.example/").await);
    for (path, one, two) in [
        (app, ("name", json!("renamed")), ("metadata", json!({ "a": "b" }))),
        (kind, ("description", json!("new")), ("deprecated", json!(true))),
        (endpoint.as_str(), ("description", json!("new")), ("metadata", json!({ "a": "b" }))),
    ] {
        let change = |(field, value): &(&str, Value)| relay.patch(path, json!({ (*field): value }));
        let (first, second) = tokio::join!(change(&one), change(&two));
        let now = relay.get(path).await.expect(200);
        for ((field, value), answer) in [(one, first), (two, second)] {
            // Whoever was told that a change was made finds it.
            match answer.status.as_u16() {
                200 => assert_eq!(now[field], value, "{path}"),
                status => assert_eq!(status, 409, "{answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn of_many_requests_under_one_idempotency_key_one_is_carried_out() {
    let relay = Relay::start().await;
    let create = || async {
        let body = json!({ "name": "acme" }).to_string();
        let request = axum::http::Request::builder().method(Method::POST).uri("/api/v1/app");
        let request = request.header("authorization", format!("Bearer {}", super::ADMIN));
        let request = request.header("idempotency-key", "once");
        relay.send(request.body(body.into()).expect("a request")).await
    };
    let answers = join_all((0..30).map(|_| create())).await;
    let [made, running] = count(&answers, [201, 409]);
    assert!(0 < made, "{made} made, {running} told to wait");
    let named = |json: &Value| {
        let all = json["data"].as_array().expect("a list").iter();
        all.filter(|application| application["name"] == "acme").count()
    };
    assert_eq!(named(&relay.get("/api/v1/app").await.expect(200)), 1);
}
