//! Tests of the operations on endpoints, `/api/v1/app/{app}/endpoint`.

use adapters::clock::Clock;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    id::{EndpointId, EventId, TaskId},
    retry::{MAX_RETRIES, MAX_TIMEOUT, MIN_TIMEOUT},
    task::Task,
};
use serde_json::{Value, json};

use super::{Relay, ids};

const APP: &str = "/api/v1/app/default/endpoint";

#[tokio::test]
async fn an_endpoint_is_created_read_replaced_and_removed() {
    let relay = Relay::start().await;
    let body = json!({
        "url": "https://subscriber.example/hook?a=b", "uid": "main", "description": "d", "eventTypes": ["a.b", "a.b", "c"],
        "channels": ["x"], "throttleRate": 7, "metadata": { "k": "v" }, "maxRetries": 3, "timeoutSeconds": 10, "delays": [1, 2], "unknown": {}
    });
    let made = relay.post(APP, body).await.expect(201);
    for field in ["id", "description", "metadata", "createdAt", "updatedAt", "url", "disabled"] {
        assert!(!made[field].is_null(), "{field}: {made}");
    }
    assert_eq!(made["eventTypes"], json!(["a.b", "c"]));
    assert_eq!(made["filterTypes"], made["eventTypes"]);
    assert_eq!((&made["throttleRate"], &made["rateLimit"]), (&json!(7), &json!(7)));
    assert_eq!(
        (&made["maxRetries"], &made["timeoutSeconds"], &made["delays"]),
        (&json!(3), &json!(10), &json!([1, 2]))
    );
    let id = made["id"].as_str().expect("an id");
    for name in [id, "main"] {
        assert_eq!(relay.get(&format!("{APP}/{name}")).await.expect(200), made);
    }
    let mut echo = made.clone();
    echo["url"] = json!("https://subscriber.example/other");
    let changed = relay.put(&format!("{APP}/main"), echo).await.expect(200);
    assert_eq!(
        (&changed["url"], &changed["version"]),
        (&json!("https://subscriber.example/other"), &json!(2))
    );
    let bare = relay
        .put(&format!("{APP}/{id}"), json!({ "url": "https://subscriber.example/" }))
        .await
        .expect(200);
    assert_eq!(
        (&bare["uid"], &bare["eventTypes"], &bare["channels"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(bare["delays"], json!([1, 2]), "what Svix's clients do not know of stays");
    relay.get(&format!("{APP}/main")).await.expect(404);
    assert_eq!(ids(&relay.get(APP).await.expect(200)), [id]);
    relay.delete(&format!("{APP}/{id}")).await.expect(204);
    relay.delete(&format!("{APP}/{id}")).await.expect(404);
    relay.get(&format!("{APP}/{id}/secret")).await.expect(404);
}

#[tokio::test]
async fn the_newer_spellings_are_understood() {
    let relay = Relay::start().await;
    let body =
        json!({ "url": "https://subscriber.example/", "filterTypes": ["a"], "rateLimit": 3 });
    let made = relay.post(APP, body).await.expect(201);
    assert_eq!((&made["eventTypes"], &made["throttleRate"]), (&json!(["a"]), &json!(3)));
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_is_refused_with_the_reason() {
    let relay = Relay::start().await;
    let url = "https://subscriber.example/";
    let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    let retries = format!("0 to {MAX_RETRIES}");
    let timeout = format!("{MIN_TIMEOUT} to {MAX_TIMEOUT}");
    let cases = [
        (json!({ "url": "https://10.0.0.1/" }), "url", "not on the public internet"),
        (json!({ "url": "https://169.254.169.254/latest" }), "url", "not on the public internet"),
        (json!({ "url": "ftp://subscriber.example/" }), "url", "must be https"),
        (json!({ "url": "https://u:p@subscriber.example/" }), "url", "user name"),
        (json!({ "url": "nonsense" }), "url", "cannot be read"),
        (
            json!({ "url": format!("https://subscriber.example/{}", "x".repeat(2048)) }),
            "url",
            "longer",
        ),
        (json!({ "url": url, "uid": "a b" }), "uid", "1 to 256"),
        (json!({ "url": url, "uid": "ep_0123" }), "uid", "look like an id"),
        (json!({ "url": url, "eventTypes": [] }), "eventTypes", "empty list"),
        (json!({ "url": url, "filterTypes": ["a b"] }), "eventTypes", "1 to 256"),
        (json!({ "url": url, "channels": many }), "channels", "at most 10"),
        (json!({ "url": url, "throttleRate": 0 }), "throttleRate", "at least 1"),
        (json!({ "url": url, "maxRetries": -1 }), "maxRetries", retries.as_str()),
        (json!({ "url": url, "maxRetries": MAX_RETRIES + 1 }), "maxRetries", retries.as_str()),
        (
            json!({ "url": url, "timeoutSeconds": MIN_TIMEOUT - 1 }),
            "timeoutSeconds",
            timeout.as_str(),
        ),
        (
            json!({ "url": url, "timeoutSeconds": MAX_TIMEOUT + 1 }),
            "timeoutSeconds",
            timeout.as_str(),
        ),
        (json!({ "url": url, "delays": [-1] }), "delays", "whole seconds"),
        (json!({ "url": url, "delays": [] }), "delays", "whole seconds"),
        (json!({ "url": url, "secret": "planted" }), "secret", "whsec_"),
        (
            json!({ "url": url, "secret": format!("whsec_{}", STANDARD.encode([7; 23])) }),
            "secret",
            "24 to 64",
        ),
        (
            json!({ "url": url, "secret": format!("whsec_{}", STANDARD.encode([7; 65])) }),
            "secret",
            "24 to 64",
        ),
        (json!({ "uid": "x" }), "url", "is missing"),
    ];
    for (body, field, why) in cases {
        let answer = relay.post(APP, body.clone()).await.expect(422);
        let detail = &answer["detail"][0];
        assert_eq!(detail["loc"], json!(["body", field]), "{body}: {answer}");
        assert!(detail["msg"].as_str().is_some_and(|msg| msg.contains(why)), "{body}: {answer}");
        assert!(!answer.to_string().contains("planted"), "{answer}");
    }
    relay.post("/api/v1/app/nobody/endpoint", json!({ "url": url })).await.expect(404);
    assert_eq!(relay.get(APP).await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_wrong_type_is_refused_with_its_place() {
    let relay = Relay::start().await;
    let made = relay.post(APP, json!({ "url": "https://subscriber.example/", "uid": "e" })).await;
    let made = made.expect(201);
    for (wrong, place) in [
        (json!({ "description": 1.5 }), json!(["body", "description"])),
        (json!({ "uid": 1.5, "throttleRate": 1 }), json!(["body", "uid"])),
        (json!({ "maxRetries": 1.5 }), json!(["body", "maxRetries"])),
        (json!({ "channels": "planted" }), json!(["body", "channels"])),
        (json!({ "channels": ["a", { "b": 1 }] }), json!(["body", "channels", "1"])),
    ] {
        let mut whole = wrong.clone();
        whole["url"] = json!("https://subscriber.example/");
        let path = format!("{APP}/e");
        for answer in [
            relay.post(APP, whole.clone()).await,
            relay.put(&path, whole).await,
            relay.patch(&path, wrong.clone()).await,
        ] {
            assert!(!answer.text.contains("planted"), "{answer:?}");
            let answer = answer.expect(422);
            let detail = &answer["detail"][0];
            assert_eq!(detail["loc"], place, "{wrong}: {answer}");
            let why = detail["msg"].as_str().unwrap_or_default();
            assert!(why.contains("invalid type"), "{wrong}: {answer}");
        }
    }
    assert_eq!(relay.get(APP).await.expect(200)["data"], json!([made]));
}

#[tokio::test]
async fn a_secret_is_the_given_one_or_a_fresh_one() {
    let relay = Relay::start().await;
    let given = format!("whsec_{}", STANDARD.encode([7; 24]));
    let body = json!({ "url": "https://subscriber.example/", "uid": "given", "secret": given });
    relay.post(APP, body).await.expect(201);
    let shown = relay.get(&format!("{APP}/given/secret")).await;
    assert_eq!(shown.expect(200)["key"], given);
    assert_eq!(shown.headers["cache-control"], "no-store");
    let fresh = relay.endpoint("default", "https://subscriber.example/").await;
    let fresh = relay.get(&format!("{APP}/{fresh}/secret")).await.at("key");
    let bytes = STANDARD.decode(fresh.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    assert_eq!(bytes.len(), 32);
    relay
        .put(
            &format!("{APP}/given"),
            json!({ "url": "https://subscriber.example/", "uid": "given" }),
        )
        .await
        .expect(200);
    assert_eq!(
        relay.get(&format!("{APP}/given/secret")).await.at("key"),
        given,
        "a change keeps it"
    );
}

#[tokio::test]
async fn a_uid_is_taken_once_and_an_unknown_one_is_created_by_put() {
    let relay = Relay::start().await;
    let body = |uid: &str| json!({ "url": "https://subscriber.example/", "uid": uid });
    relay.post(APP, body("one")).await.expect(201);
    assert_eq!(relay.post(APP, body("one")).await.expect(409)["code"], "conflict");
    let made =
        relay.put(&format!("{APP}/two"), json!({ "url": "https://subscriber.example/" })).await;
    assert_eq!(made.expect(201)["uid"], "two");
    relay.put(&format!("{APP}/two"), body("one")).await.expect(409);
    relay.put(&format!("{APP}/two"), body("three")).await.expect(200);
    relay.get(&format!("{APP}/two")).await.expect(404);
    relay.put(&format!("{APP}/ep_0123456789"), body("four")).await.expect(404);
    relay.application("other").await;
    relay.post("/api/v1/app/other/endpoint", body("one")).await.expect(201);
}

#[tokio::test]
async fn those_whose_deliveries_are_recorded_with_a_message_receive_it_at_once() {
    let relay = Relay::start().await;
    for _ in 0..domain::endpoint::MAX_TOGETHER {
        relay.endpoint("default", "https://subscriber.example/").await;
    }
    let message = relay.message("default", "a", json!({})).await;
    assert_eq!(relay.deliveries(&message).await.len(), domain::endpoint::MAX_TOGETHER);
    // With one more, they follow.
    relay.endpoint("default", "https://subscriber.example/").await;
    let message = relay.message("default", "a", json!({})).await;
    assert_eq!(relay.deliveries(&message).await.len(), 0);
    let fan = relay.api.table().fan_out(&EventId::parse(&message).expect("an id")).await;
    assert!(fan.expect("read").is_some_and(|fan| !fan.has_ended));
}

#[tokio::test]
async fn enabling_an_endpoint_wakes_what_waits_for_it() {
    let relay = Relay::start().await;
    let body = |disabled: bool| json!({ "url": "https://subscriber.example/", "uid": "e", "disabled": disabled });
    let made = relay.post(APP, body(true)).await.expect(201);
    assert_eq!(made["disabled"], true);
    let id = EndpointId::parse(made["id"].as_str().expect("an id")).expect("ours");
    let now = Clock::system().now();
    let task = Task::recover(&id, now);
    relay
        .api
        .table()
        .create_task(&task, now.plus(std::time::Duration::from_secs(900)))
        .await
        .expect("kept")
        .either_way();
    relay.put(&format!("{APP}/e"), body(true)).await.expect(200);
    let names = relay.aws.names().clone();
    assert_eq!(relay.aws.receive_all(&names.dead_letters).await, [""; 0], "it is still disabled");
    assert_eq!(relay.put(&format!("{APP}/e"), body(false)).await.expect(200)["disabled"], false);
    let woken = relay.api.table().task(&TaskId::recovery(&id)).await.expect("read").expect("there");
    assert!(woken.is_answering(), "{woken:?}");
    let bells = relay.aws.receive_all(&names.dead_letters).await;
    assert_eq!(bells, [json!({ "task": woken.id }).to_string()]);
}

#[tokio::test]
async fn an_endpoint_may_ask_for_families_and_for_contents() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/app/acme/endpoint";
    let filter = json!({ "amount": { "$gte": 100 } });
    let body = json!({ "url": "https://subscriber.example/", "filterTypes": ["invoice.*"], "filter": filter });
    let made = relay.post(path, body).await.expect(201);
    assert_eq!((&made["filter"], &made["filterTypes"]), (&filter, &json!(["invoice.*"])));
    for (kind, amount, count) in
        [("invoice.paid", 100, 1), ("invoice.paid", 99, 0), ("order.paid", 100, 0)]
    {
        let message = relay.message("acme", kind, json!({ "amount": amount })).await;
        assert_eq!(relay.deliveries(&message).await.len(), count, "{kind} {amount}");
    }
    let id = made["id"].as_str().expect("an id");
    let own = format!("{path}/{id}");
    let kept = relay.put(&own, json!({ "url": "https://subscriber.example/" })).await.expect(200);
    assert_eq!(kept["filter"], filter, "what Svix's clients do not know of stays");
    let body = json!({ "url": "https://subscriber.example/", "filter": {} });
    assert!(relay.put(&own, body).await.expect(200).get("filter").is_none());
    for (field, value) in [
        ("filter", json!({ "a": { "$gtt": 1 } })),
        ("filterTypes", json!(["invoice*"])),
        ("channels", json!(["a.*"])),
    ] {
        let mut body = json!({ "url": "https://subscriber.example/" });
        body[field] = value;
        relay.post(path, body).await.expect(422);
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_clears() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/app/acme/endpoint";
    let body = json!({ "url": "https://a.example/", "uid": "one", "description": "d", "eventTypes": ["a", "b"],
        "channels": ["c"], "throttleRate": 7, "metadata": { "k": "v" }, "maxRetries": 3, "filter": { "data": { "x": 1 } } });
    let made = relay.post(path, body).await.expect(201);
    let one = format!("{path}/one");
    let unchanged = relay.patch(&one, json!({})).await.expect(200);
    for field in [
        "id",
        "url",
        "uid",
        "description",
        "eventTypes",
        "channels",
        "throttleRate",
        "metadata",
        "maxRetries",
        "filter",
        "disabled",
    ] {
        assert_eq!(unchanged[field], made[field], "{field}");
    }
    // Either spelling replaces both.
    let patched = relay
        .patch(&one, json!({ "filterTypes": ["z"], "rateLimit": 9, "disabled": true }))
        .await
        .expect(200);
    assert_eq!((&patched["eventTypes"], &patched["throttleRate"]), (&json!(["z"]), &json!(9)));
    assert_eq!((&patched["disabled"], &patched["description"]), (&json!(true), &json!("d")));
    let cleared = relay.patch(&one, json!({ "eventTypes": null, "channels": null, "throttleRate": null, "metadata": {}, "filter": null, "uid": "two" })).await.expect(200);
    for field in ["eventTypes", "filterTypes", "channels", "throttleRate", "rateLimit", "filter"] {
        assert_eq!(cleared[field], json!(null), "{field}");
    }
    assert_eq!(
        (&cleared["disabled"], &cleared["maxRetries"], &cleared["metadata"]),
        (&json!(true), &json!(3), &json!({}))
    );
    relay.get(&one).await.expect(404);
    let two = format!("{path}/two");
    assert_eq!(relay.get(&two).await.expect(200)["id"], made["id"]);
    for (bad, field) in [
        (json!({ "url": null }), "url"),
        (json!({ "disabled": null }), "disabled"),
        (json!({ "description": null }), "description"),
        (json!({ "throttleRate": 0 }), "throttleRate"),
        (json!({ "uid": "ep_looks-like-one" }), "uid"),
        (json!({ "eventTypes": [] }), "eventTypes"),
    ] {
        let answer = relay.patch(&two, bad.clone()).await.expect(422);
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{bad}: {answer}");
    }
    relay.patch(&two, json!({ "disabled": "yes" })).await.expect(422);
    relay.patch(&two, json!([])).await.expect(422);
    relay.post(path, json!({ "url": "https://b.example/", "uid": "three" })).await.expect(201);
    relay.patch(&two, json!({ "uid": "three" })).await.expect(409);
    relay.patch(&format!("{path}/nobody"), json!({})).await.expect(404);
}
