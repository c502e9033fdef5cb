//! Tests of the policies that an endpoint or a webhook may have, and of those that are refused.

use std::{sync::Arc, time::Duration};

use domain::{
    delivery::DeliveryState,
    endpoint::DisabledReason,
    health::{Circuit, Health},
    id::{ApplicationId, EndpointId},
    key::AdminKey,
};
use serde_json::json;

use super::{Relay, router};
use manage::ControlPlane;

const APP: &str = "/api/v1/app/default/endpoint";
const URL: &str = "https://subscriber.example/hook";

#[tokio::test]
async fn rules_about_single_statuses_are_kept_shown_and_taken_back() {
    let relay = Relay::start().await;
    let body = json!({ "url": URL, "uid": "main", "retryOn": ["5xx", 429], "giveUpOn": [501], "successOn": ["2xx", 409] });
    let made = relay.post(APP, body).await.expect(201);
    for (field, kept) in [
        ("retryOn", json!(["5xx", 429])),
        ("giveUpOn", json!([501])),
        ("successOn", json!(["2xx", 409])),
    ] {
        assert_eq!(made[field], kept, "{field}");
    }
    // Who does not know of them leaves them as they are.
    let path = format!("{APP}/main");
    let plain = relay.put(&path, json!({ "url": URL, "uid": "main", "maxRetries": 2 })).await;
    assert_eq!(plain.expect(200)["retryOn"], made["retryOn"]);
    let without = relay.put(&path, json!({ "url": URL, "uid": "main", "retryOn": [] })).await;
    assert_eq!(without.expect(200)["retryOn"], json!([]));
    for (field, bad) in
        [("retryOn", json!([99])), ("giveUpOn", json!(["6xx"])), ("successOn", json!([{}]))]
    {
        let answer = relay.post(APP, json!({ "url": URL, field: bad })).await;
        assert!(answer.expect(422).to_string().contains(field), "{answer:?}");
    }
    relay.source("modal", "default").await;
    let job = |webhook| json!({ "source": "modal", "id": "j1", "webhook": webhook });
    let refused = relay.post("/v1/jobs", job(json!({ "url": URL, "give_up_on": [1] }))).await;
    assert!(refused.expect(422).to_string().contains("give_up_on"));
    relay.post("/v1/jobs", job(json!({ "url": URL, "give_up_on": ["4xx"] }))).await.expect(201);
}

#[tokio::test]
async fn a_timeout_that_the_function_does_not_have_is_refused_with_the_reason() {
    let mut relay = Relay::start().await;
    relay.post(APP, json!({ "url": URL, "timeoutSeconds": 300 })).await.expect(201);
    let known = &relay.api;
    let known_key = AdminKey::parse(super::ADMIN_SECRET).expect("long enough");
    let api = ControlPlane::new(
        known.calls().clone(),
        known.inbox().clone(),
        known_key,
        known.public_url().to_owned(),
    );
    relay.api = Arc::new(api.delivering_within(Duration::from_secs(60)));
    relay.router = router(Arc::clone(&relay.api));
    relay.source("modal", "default").await;
    relay.post(APP, json!({ "url": URL, "timeoutSeconds": 29 })).await.expect(201);
    let refused = relay.post(APP, json!({ "url": URL, "timeoutSeconds": 30 })).await;
    let said = refused.expect(422).to_string();
    assert!(said.contains("timeoutSeconds") && said.contains("ends after 60 s"), "{said}");
    for (path, key) in [("/v1/jobs", "source"), ("/v1/batches", "source")] {
        let body = json!({ key: "modal", "id": "x1", "webhook": { "url": URL, "timeout": 120 } });
        let said = relay.post(path, body).await.expect(422).to_string();
        assert!(said.contains("timeout") && said.contains("at most 29"), "{path}: {said}");
    }
}

#[tokio::test]
async fn an_endpoint_shows_how_it_fares_and_enabling_it_begins_anew() {
    let relay = Relay::start().await;
    let made = relay.post(APP, json!({ "url": URL, "uid": "main" })).await.expect(201);
    assert_eq!(made["health"]["circuit"], "closed");
    let id = EndpointId::parse(made["id"].as_str().expect("an id")).expect("ours");
    let now = relay.api.now();
    let until = now.plus(Duration::from_secs(60));
    let open = Health {
        failures: 5,
        attempts: 7,
        failing_since: Some(now),
        circuit: Circuit::Open { until },
        ..Health::default()
    };
    relay.api.table().keep_health(&id, 0, &open, now).await.expect("kept").either_way();
    let application = ApplicationId::named("default");
    let known = relay.api.table().endpoint(&application, &id).await.expect("read").expect("there");
    let mut failing = known.clone();
    failing.disabled = Some(DisabledReason::Failing);
    relay.api.table().update_endpoint(&known, &failing).await.expect("kept").either_way();
    let path = format!("{APP}/main");
    let listed = relay.get(APP).await.expect(200)["data"][0].clone();
    for shown in [relay.get(&path).await.expect(200), listed] {
        assert_eq!(
            (&shown["disabled"], &shown["disabledReason"]),
            (&json!(true), &json!("failing"))
        );
        let health = json!({
            "circuit": "open", "until": until.rfc3339(), "failures": 5,
            "failingSince": now.rfc3339(), "failedAttempts": 7, "warned": false,
        });
        assert_eq!(shown["health"], health);
    }
    let enabled = relay.put(&path, json!({ "url": URL, "uid": "main", "disabled": false })).await;
    let enabled = enabled.expect(200);
    assert_eq!(enabled["health"]["circuit"], "closed");
    assert_eq!(enabled["disabledReason"], json!(null));
    assert!(relay.api.table().health(&id).await.expect("read").is_none(), "nothing is left of it");
}

#[tokio::test]
async fn an_event_type_that_does_not_exist_is_a_warning_and_in_a_strict_relay_a_refusal() {
    let mut relay = Relay::start().await;
    let kind = json!({ "name": "a.b", "description": "" });
    relay.post("/api/v1/event-type", kind).await.expect(201);
    let known = json!(["a.b", "a.*", "*", "job.succeeded", "endpoint.disabled"]);
    let mut body = json!({ "url": URL, "uid": "main", "eventTypes": known });
    let made = relay.post(APP, body.clone()).await;
    made.expect(201);
    assert!(!made.headers.contains_key("relay-warning"), "{made:?}");
    body["eventTypes"] = json!(["a.b", "a.c"]);
    let path = format!("{APP}/main");
    for answer in [
        relay.put(&path, body.clone()).await,
        relay.patch(&path, json!({ "filterTypes": ["a.c"] })).await,
    ] {
        answer.expect(200);
        let warning = answer.headers["relay-warning"].to_str().expect("text");
        assert!(warning.contains("a.c") && !warning.contains("a.b"), "{warning}");
    }
    let known = &relay.api;
    let api = ControlPlane::new(
        known.calls().clone(),
        known.inbox().clone(),
        AdminKey::parse(super::ADMIN_SECRET).expect("long enough"),
        known.public_url().to_owned(),
    );
    relay.api = Arc::new(api.strict_about_event_types(true));
    relay.router = router(Arc::clone(&relay.api));
    // An endpoint that named the type before may keep it.
    relay.patch(&path, json!({ "description": "d" })).await.expect(200);
    relay.patch(&path, json!({ "eventTypes": ["a.c", "a.b"] })).await.expect(200);
    for types in [json!(["a.d"]), json!(["a.b", "a.d"])] {
        let refused = relay.patch(&path, json!({ "eventTypes": types })).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "eventTypes"]));
        assert!(refused.to_string().contains("a.d"), "{refused}");
        relay.post(APP, json!({ "url": URL, "eventTypes": types })).await.expect(422);
    }
    relay.post(APP, json!({ "url": URL, "eventTypes": ["a.b", "x.*"] })).await.expect(201);
}

#[tokio::test]
async fn no_retry_is_said_with_zero() {
    let relay = Relay::start().await;
    let made = relay.post(APP, json!({ "url": URL, "uid": "once", "maxRetries": 0 })).await;
    assert_eq!(made.expect(201)["maxRetries"], 0);
    let message = relay.message("default", "a.b", json!({})).await;
    relay.attempt(&message).await;
    let delivery = relay.deliveries(&message).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Dead, 1));
    relay.post(APP, json!({ "url": URL, "maxRetries": -1 })).await.expect(422);
    relay.source("modal", "default").await;
    let webhook = json!({ "url": URL, "max_retries": 0 });
    let job = json!({ "source": "modal", "id": "j", "webhook": webhook });
    relay.post("/v1/jobs", job).await.expect(201);
}
