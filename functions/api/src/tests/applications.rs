//! Tests of the operations on applications, `/api/v1/app`.

use serde_json::json;

use super::{Relay, ids};

#[tokio::test]
async fn an_application_is_found_by_its_id_and_its_uid() {
    let relay = Relay::start().await;
    let body = json!({ "name": "Acme", "uid": "acme.eu", "throttleRate": 5, "metadata": { "a": "b" }, "unknown": true });
    let made = relay.post("/api/v1/app", body.clone()).await.expect(201);
    for field in ["id", "uid", "name", "metadata", "createdAt", "updatedAt", "throttleRate"] {
        assert!(!made[field].is_null(), "{field}: {made}");
    }
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with("app_") && !id.contains('.'), "{id}");
    assert_eq!(relay.get(&format!("/api/v1/app/{id}")).await.expect(200), made);
    assert_eq!(relay.get("/api/v1/app/acme.eu").await.expect(200), made);
    let conflict = relay.post("/api/v1/app", body.clone()).await.expect(409);
    assert_eq!(conflict["code"], "conflict");
    assert_eq!(relay.post("/api/v1/app?get_if_exists=true", body).await.expect(200), made);
    let unnamed = relay.post("/api/v1/app", json!({ "name": "n", "uid": null })).await.expect(201);
    assert_eq!(unnamed["uid"], json!(null));
    assert_eq!(relay.get("/api/v1/app/nobody").await.expect(404)["code"], "not_found");
}

#[tokio::test]
async fn an_application_that_cannot_be_is_refused() {
    let relay = Relay::start().await;
    let long = "a".repeat(257);
    for (bad, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "n", "uid": "" }), "uid"),
        (json!({ "name": "n", "uid": "a b" }), "uid"),
        (json!({ "name": "n", "uid": long }), "uid"),
        (json!({ "name": "n", "throttleRate": 0 }), "throttleRate"),
        (json!({ "name": "n", "rateLimit": 0 }), "throttleRate"),
    ] {
        let answer = relay.post("/api/v1/app", bad.clone()).await.expect(422);
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{bad}: {answer}");
    }
    for bad in [
        json!({ "name": 1 }),
        json!({ "name": "n", "throttleRate": 70_000 }),
        json!({ "name": "n", "metadata": { "a": 1 } }),
    ] {
        relay.post("/api/v1/app", bad).await.expect(422);
    }
    let flag = relay.post("/api/v1/app?get_if_exists=maybe", json!({ "name": "n" })).await;
    assert!(flag.status.is_success() || flag.status.as_u16() == 422, "{flag:?}");
}

#[tokio::test]
async fn the_default_application_is_always_there() {
    let relay = Relay::start().await;
    let default = relay.get("/api/v1/app/default").await.expect(200);
    assert_eq!(default["uid"], "default");
    assert_eq!(relay.get("/api/v1/app").await.expect(200)["data"], json!([default]));
    let renamed =
        relay.post("/api/v1/app", json!({ "name": "Ours", "uid": "default" })).await.expect(201);
    assert_eq!(renamed["id"], default["id"]);
}

#[tokio::test]
async fn applications_are_paged_there_and_back() {
    let relay = Relay::start().await;
    relay.get("/api/v1/app/default").await.expect(200);
    for number in 0..4 {
        relay.application(&format!("app-{number}")).await;
    }
    let all = relay.get("/api/v1/app").await.expect(200);
    assert_eq!((ids(&all).len(), &all["done"]), (5, &json!(true)));
    let first = relay.get("/api/v1/app?limit=2").await.expect(200);
    assert_eq!((ids(&first), &first["done"]), (ids(&all)[..2].to_vec(), &json!(false)));
    let iterator = first["iterator"].as_str().expect("more");
    let second = relay.get(&format!("/api/v1/app?limit=2&iterator={iterator}")).await.expect(200);
    assert_eq!(ids(&second), ids(&all)[2..4]);
    let back = second["prevIterator"].as_str().expect("a way back");
    let back = relay.get(&format!("/api/v1/app?limit=2&iterator={back}")).await.expect(200);
    assert_eq!((ids(&back), &back["done"]), (ids(&first), &json!(true)));
    let down = relay.get("/api/v1/app?order=descending").await.expect(200);
    let mut turned = ids(&down);
    turned.reverse();
    assert_eq!(turned, ids(&all));
    relay.get("/api/v1/app?order=sideways").await.expect(422);
}

#[tokio::test]
async fn an_application_is_replaced_patched_and_created_under_a_uid() {
    let relay = Relay::start().await;
    let path = "/api/v1/app/acme";
    let made = relay.put(path, json!({ "name": "Acme", "rateLimit": 4 })).await.expect(201);
    assert_eq!((&made["uid"], &made["throttleRate"]), (&json!("acme"), &json!(4)));
    // Doing it again is the same.
    let again =
        relay.put(path, json!({ "name": "Acme", "metadata": { "a": "b" } })).await.expect(200);
    assert_eq!(
        (&again["id"], &again["uid"], &again["throttleRate"]),
        (&made["id"], &json!("acme"), &json!(null))
    );
    let patched = relay.patch(path, json!({ "throttleRate": 9 })).await.expect(200);
    assert_eq!(
        (&patched["rateLimit"], &patched["metadata"], &patched["name"]),
        (&json!(9), &json!({ "a": "b" }), &json!("Acme"))
    );
    let cleared =
        relay.patch(path, json!({ "rateLimit": null, "metadata": null })).await.expect(200);
    assert_eq!((&cleared["throttleRate"], &cleared["metadata"]), (&json!(null), &json!({})));
    for (bad, field) in [
        (json!({ "name": null }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "uid": "a b" }), "uid"),
        (json!({ "uid": "app_x" }), "uid"),
        (json!({ "throttleRate": 0 }), "throttleRate"),
    ] {
        let answer = relay.patch(path, bad.clone()).await.expect(422);
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{bad}");
    }
    relay.put("/api/v1/app/app_nobody", json!({ "name": "n" })).await.expect(404);
    relay.patch("/api/v1/app/nobody", json!({})).await.expect(404);
}

#[tokio::test]
async fn a_uid_that_is_changed_leads_to_the_same_application_and_is_free_for_another() {
    let relay = Relay::start().await;
    relay.application("old").await;
    let id = relay.get("/api/v1/app/old").await.at("id");
    relay.endpoint("old", "https://a.example/").await;
    let message = relay.message("old", "a", json!({})).await;
    let renamed = relay.patch("/api/v1/app/old", json!({ "uid": "new" })).await.expect(200);
    assert_eq!(renamed["id"], json!(id));
    relay.get("/api/v1/app/old").await.expect(404);
    for name in ["new", &id] {
        assert_eq!(relay.get(&format!("/api/v1/app/{name}")).await.at("id"), id);
        relay.get(&format!("/api/v1/app/{name}/msg/{message}")).await.expect(200);
    }
    let other = relay.post("/api/v1/app", json!({ "name": "n", "uid": "old" })).await.expect(201);
    assert_ne!(other["id"], json!(id));
    assert_eq!(relay.get("/api/v1/app/old").await.expect(200), other);
    relay.get(&format!("/api/v1/app/old/msg/{message}")).await.expect(404);
    // Taken is taken, by whatever way.
    relay.patch("/api/v1/app/new", json!({ "uid": "old" })).await.expect(409);
    relay.put("/api/v1/app/new", json!({ "name": "n", "uid": "old" })).await.expect(409);
    relay.post("/api/v1/app", json!({ "name": "n", "uid": "new" })).await.expect(409);
    relay.patch("/api/v1/app/new", json!({ "uid": null })).await.expect(200);
    relay.get("/api/v1/app/new").await.expect(404);
    assert_eq!(relay.get(&format!("/api/v1/app/{id}")).await.expect(200)["uid"], json!(null));
    relay.patch("/api/v1/app/default", json!({ "uid": "other" })).await.expect(422);
}
