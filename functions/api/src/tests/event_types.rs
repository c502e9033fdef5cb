//! Tests of the operations on event types, `/api/v1/event-type`.

use axum::http::Method;
use serde_json::{Value, json};

use super::Relay;

const PATH: &str = "/api/v1/event-type";

#[tokio::test]
async fn an_event_type_is_created_changed_archived_and_removed() {
    let relay = Relay::start().await;
    let schemas =
        json!({ "1": { "type": "object", "properties": { "total": { "type": "number" } } } });
    let body = json!({ "name": "invoice.paid", "description": "Paid", "schemas": schemas, "featureFlags": ["beta"],
        "groupName": "billing", "unknown": 1 });
    let made = relay.post(PATH, body.clone()).await.expect(201);
    assert_eq!((&made["featureFlag"], &made["featureFlags"]), (&json!("beta"), &json!(["beta"])));
    assert_eq!(
        (&made["archived"], &made["deprecated"], &made["groupName"]),
        (&json!(false), &json!(false), &json!("billing"))
    );
    assert_eq!(made["schemas"], schemas);
    let one = format!("{PATH}/invoice.paid");
    assert_eq!(relay.get(&one).await.expect(200), made);
    relay.post(PATH, body.clone()).await.expect(409);
    // A patch changes what it names; null clears.
    let patched =
        relay.patch(&one, json!({ "featureFlag": "gamma", "groupName": null })).await.expect(200);
    assert_eq!(
        (&patched["featureFlags"], &patched["groupName"]),
        (&json!(["gamma"]), &Value::Null)
    );
    assert_eq!((&patched["description"], &patched["schemas"]), (&json!("Paid"), &schemas));
    relay.patch(&one, json!({ "description": null })).await.expect(422);
    let replaced = relay.put(&one, json!({ "description": "New" })).await.expect(200);
    assert_eq!((&replaced["schemas"], &replaced["featureFlags"]), (&Value::Null, &Value::Null));
    // Deleting archives; creating brings back; expunging removes.
    relay.delete(&one).await.expect(204);
    assert_eq!(relay.get(&one).await.expect(200)["archived"], true);
    relay.post(PATH, body).await.expect(201);
    assert_eq!(relay.get(&one).await.expect(200)["archived"], false);
    relay.delete(&format!("{one}?expunge=true")).await.expect(204);
    relay.get(&one).await.expect(404);
    relay.delete(&one).await.expect(404);
    relay.patch(&one, json!({})).await.expect(404);
    let put = relay.put(&one, json!({ "description": "By name" })).await.expect(201);
    assert_eq!(put["name"], "invoice.paid");
}

#[tokio::test]
async fn event_types_are_listed_by_name_without_their_schemas_unless_asked() {
    let relay = Relay::start().await;
    for name in ["c", "a", "b.x", "old"] {
        let body = json!({ "name": name, "description": name, "schemas": { "1": {} } });
        relay.post(PATH, body).await.expect(201);
    }
    relay.delete(&format!("{PATH}/old")).await.expect(204);
    let names = |list: &Value| {
        let data = list["data"].as_array().expect("a list").iter();
        data.map(|kind| kind["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let all = relay.get(PATH).await.expect(200);
    assert_eq!(names(&all), ["a", "b.x", "c"]);
    assert_eq!(all["data"][0]["schemas"], Value::Null);
    let with =
        relay.get(&format!("{PATH}?with_content=true&include_archived=true")).await.expect(200);
    assert_eq!(names(&with), ["a", "b.x", "c", "old"]);
    assert_eq!(with["data"][0]["schemas"], json!({ "1": {} }));
    let first = relay.get(&format!("{PATH}?limit=2")).await.expect(200);
    assert_eq!(
        (names(&first), &first["done"], &first["iterator"]),
        (vec!["a".to_owned(), "b.x".to_owned()], &json!(false), &json!("name-Yi54"))
    );
    let rest = relay.get(&format!("{PATH}?limit=2&iterator=b.x")).await.expect(200);
    assert_eq!(
        (names(&rest), &rest["done"], &rest["prevIterator"]),
        (vec!["c".to_owned()], &json!(true), &json!("-name-Yw"))
    );
    let back = relay.get(&format!("{PATH}?limit=2&iterator=-c")).await.expect(200);
    assert_eq!(names(&back), ["a", "b.x"]);
    let down = relay.get(&format!("{PATH}?order=descending")).await.expect(200);
    assert_eq!(names(&down), ["c", "b.x", "a"]);
}

#[tokio::test]
async fn an_event_type_that_cannot_be_is_refused_and_says_where() {
    let relay = Relay::start().await;
    let large = "x".repeat(300_001);
    for (bad, field) in [
        (json!({ "description": "d" }), "name"),
        (json!({ "name": "a b", "description": "d" }), "name"),
        (json!({ "name": "a", "description": "d", "featureFlag": "no spaces" }), "featureFlags"),
        (json!({ "name": "a", "description": "d", "groupName": "" }), "groupName"),
        (json!({ "name": "a", "description": "d", "schemas": { "1": { "x": large } } }), "schemas"),
    ] {
        let answer = relay.post(PATH, bad).await.expect(422);
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{answer}");
    }
    relay.post(PATH, json!({ "name": "a", "description": "d", "schemas": [] })).await.expect(422);
    relay.get(&format!("{PATH}/a%20b")).await.expect(404);
}

#[tokio::test]
async fn the_key_of_one_application_reads_event_types_and_changes_none() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.post(PATH, json!({ "name": "a", "description": "d" })).await.expect(201);
    let bound = relay.key("admin", Some("acme")).await;
    relay.ask(&bound, Method::GET, PATH, "").await.expect(200);
    let body = json!({ "name": "b", "description": "d" }).to_string();
    for (method, path) in [
        (Method::POST, PATH.to_owned()),
        (Method::PUT, format!("{PATH}/a")),
        (Method::PATCH, format!("{PATH}/a")),
        (Method::DELETE, format!("{PATH}/a")),
    ] {
        relay.ask(&bound, method, &path, body.clone()).await.expect(403);
    }
    let spec = json!({ "spec": { "webhooks": {} } }).to_string();
    relay.ask(&bound, Method::POST, &format!("{PATH}/import/openapi"), spec).await.expect(403);
}

#[tokio::test]
async fn event_types_come_out_of_an_openapi_document() {
    let relay = Relay::start().await;
    relay.post(PATH, json!({ "name": "gone", "description": "d" })).await.expect(201);
    let spec = json!({
        "openapi": "3.1.0",
        "webhooks": {
            "invoice.paid": { "post": { "description": "Paid", "x-group-name": "billing", "requestBody": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Invoice" }, "example": { "lines": [] } } } } } },
            "invoice.void": { "post": { "summary": "Void", "deprecated": true } },
        },
        "components": { "schemas": {
            "Invoice": { "type": "object", "properties": { "lines": { "type": "array", "items": { "$ref": "#/components/schemas/Line" } } } },
            "Line": { "type": "object", "properties": { "of": { "$ref": "#/components/schemas/Invoice" } } },
        } },
    });
    let import = format!("{PATH}/import/openapi");
    let dry = relay.post(&import, json!({ "spec": spec, "dryRun": true })).await.expect(200);
    assert_eq!(dry["data"]["modified"], json!(["invoice.paid", "invoice.void"]));
    assert_eq!(dry["data"]["to_modify"][1]["deprecated"], true);
    relay.get(&format!("{PATH}/invoice.paid")).await.expect(404);
    let text = spec.to_string();
    let done = relay.post(&import, json!({ "specRaw": text })).await.expect(200);
    assert_eq!(done["data"], json!({ "modified": ["invoice.paid", "invoice.void"] }));
    let paid = relay.get(&format!("{PATH}/invoice.paid")).await.expect(200);
    let schema = &paid["schemas"]["1"];
    assert_eq!(schema["$ref"], "#/$defs/Invoice");
    assert_eq!(schema["$defs"]["Line"]["properties"]["of"]["$ref"], "#/$defs/Invoice");
    assert_eq!(schema["examples"], json!([{ "lines": [] }]));
    // Again changes nothing; replacing archives the others.
    let again = relay.post(&import, json!({ "spec": spec, "replaceAll": true })).await.expect(200);
    assert_eq!(again["data"]["modified"], json!(["gone"]));
    assert_eq!(relay.get(&format!("{PATH}/gone")).await.expect(200)["archived"], true);
    for bad in [
        json!({}),
        json!({ "specRaw": "openapi: 3.1.0" }),
        json!({ "spec": { "webhooks": { "a b": {} } } }),
    ] {
        relay.post(&import, bad).await.expect(422);
    }
}

#[tokio::test]
async fn an_example_goes_to_one_endpoint_and_is_a_message() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/app/acme/endpoint";
    let wants = json!({ "url": "https://a.example/", "uid": "one", "eventTypes": ["other"], "channels": ["c"] });
    relay.post(path, wants).await.expect(201);
    relay.endpoint("acme", "https://b.example/").await;
    let send = async |body: Value| relay.post(&format!("{path}/one/send-example"), body).await;
    // Without a schema there is nothing to send.
    let none = send(json!({ "eventType": "invoice.paid" })).await.expect(422);
    assert_eq!(none["detail"][0]["loc"], json!(["body", "eventType"]));
    let schema =
        json!({ "type": "object", "properties": { "total": { "type": "integer", "minimum": 7 } } });
    let kind = json!({ "name": "invoice.paid", "description": "d", "schemas": { "1": schema } });
    relay.post(PATH, kind).await.expect(201);
    let made = send(json!({ "eventType": "invoice.paid" })).await.expect(200);
    assert_eq!(made["payload"], json!({ "total": 7 }));
    let id = made["id"].as_str().expect("an id");
    assert_eq!(relay.get(&format!("/api/v1/app/acme/msg/{id}")).await.expect(200), made);
    let deliveries = relay.deliveries(id).await;
    assert_eq!(deliveries.len(), 1, "to that endpoint alone");
    assert_eq!(relay.outbox().await.len(), 1);
    let examples = json!({ "1": { "examples": [{ "n": 1 }, { "n": 2 }] } });
    relay.patch(&format!("{PATH}/invoice.paid"), json!({ "schemas": examples })).await.expect(200);
    let second = send(json!({ "eventType": "invoice.paid", "exampleIndex": 1 })).await.expect(200);
    assert_eq!(second["payload"], json!({ "n": 2 }));
    let given = send(json!({ "eventType": "any", "payload": { "a": 1.0 } })).await;
    assert!(given.text.contains(r#""payload":{"a":1.0}"#), "{given:?}");
    // What the relay itself tells needs no schema.
    let ours = send(json!({ "eventType": "job.succeeded" })).await.expect(200);
    assert_eq!(ours["payload"]["data"]["job"]["status"], "succeeded");
    let ping = send(json!({ "eventType": "svix.ping" })).await.expect(200);
    assert_eq!(ping["payload"], json!({ "success": true }));
    send(json!({ "eventType": "a", "payload": [] })).await.expect(422);
    relay.patch(&format!("{path}/one"), json!({ "disabled": true })).await.expect(200);
    send(json!({ "eventType": "job.succeeded" })).await.expect(409);
    relay
        .post(&format!("{path}/nobody/send-example"), json!({ "eventType": "a" }))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_schema_that_is_none_is_refused_with_its_place() {
    let relay = Relay::start().await;
    let bad = json!({ "1": { "properties": { "a": { "readOnly": 15 } } } });
    let kind = json!({ "name": "a.b", "description": "d", "schemas": bad });
    let refused = relay.post(PATH, kind).await.expect(422);
    assert_eq!(refused["detail"][0]["loc"], json!(["body", "schemas", "1"]));
    let said = refused["detail"][0]["msg"].as_str().expect("a text");
    assert!(said.contains("/properties/a/readOnly"), "{said}");
    relay.post(PATH, json!({ "name": "a.b", "description": "d" })).await.expect(201);
    let patch = json!({ "schemas": { "1": { "type": "text" } } });
    relay.patch(&format!("{PATH}/a.b"), patch.clone()).await.expect(422);
    let put = json!({ "description": "d", "schemas": patch["schemas"] });
    relay.put(&format!("{PATH}/a.b"), put).await.expect(422);
    let good = json!({ "schemas": { "1": { "readOnly": true, "type": "object" } } });
    relay.patch(&format!("{PATH}/a.b"), good).await.expect(200);
}
