//! One check of endpoints, whichever contract brings them: the same bad values through each way to make
//! or change an endpoint.

use domain::{
    headers::MAX_HEADERS,
    retry::{MAX_DELAY, MAX_DELAYS, MAX_RETRIES, MAX_TIMEOUT, MIN_TIMEOUT},
};
use serde_json::{Map, Value, json};

use super::{Answer, Relay};

const APP: &str = "/api/v1/app/default/endpoint";
const URL: &str = "https://subscriber.example/hook";

/// A way to make or change an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Create,
    Replace,
    Patch,
    Job,
    Batch,
}

const WAYS: [Way; 5] = [Way::Create, Way::Replace, Way::Patch, Way::Job, Way::Batch];

impl Way {
    const fn is_webhook(self) -> bool {
        matches!(self, Self::Job | Self::Batch)
    }

    /// A field of the Svix contract as this way spells it.
    fn spelt(self, field: &str) -> String {
        match field {
            field if !self.is_webhook() => field.to_owned(),
            "timeoutSeconds" => "timeout".to_owned(),
            "eventTypes" => "events".to_owned(),
            field => {
                let snake = |letter: char| match letter.is_ascii_uppercase() {
                    true => format!("_{}", letter.to_ascii_lowercase()),
                    false => letter.to_string(),
                };
                field.chars().map(snake).collect()
            }
        }
    }

    /// Asks for an endpoint with these fields, in the spelling of this way.
    async fn ask(self, relay: &Relay, fields: Map<String, Value>) -> Answer {
        let patch = Value::Object(fields.clone());
        let mut whole = Map::from_iter([("url".to_owned(), json!(URL))]);
        whole.extend(fields);
        let known = format!("{APP}/known");
        match self {
            Self::Create => relay.post(APP, Value::Object(whole)).await,
            Self::Replace => {
                whole.insert("uid".to_owned(), json!("known"));
                relay.put(&known, Value::Object(whole)).await
            }
            Self::Patch => relay.patch(&known, patch).await,
            Self::Job => {
                let body = json!({ "source": "modal", "id": "j1", "webhook": whole });
                relay.post("/v1/jobs", body).await
            }
            Self::Batch => relay.post("/v1/batches", json!({ "id": "b1", "webhook": whole })).await,
        }
    }

    /// Whether an answer refuses this field and says so in the shape of its contract.
    fn refuses(self, answer: &Answer, field: &str) -> bool {
        if answer.status.as_u16() != 422 {
            return false;
        }
        let (body, name) = (answer.json(), self.spelt(field));
        if self.is_webhook() {
            let place = format!("webhook.{name}");
            let said = body["detail"].as_str().and_then(|detail| detail.strip_prefix(&place));
            return said.is_some_and(|rest| rest.starts_with(['.', ':']));
        }
        let loc = &body["detail"][0]["loc"];
        (&loc[0], &loc[1]) == (&json!("body"), &json!(name))
    }
}

async fn relay() -> Relay {
    let relay = Relay::start().await;
    relay.source("modal", "default").await;
    relay.post(APP, json!({ "url": URL, "uid": "known" })).await.expect(201);
    relay
}

/// Bad values by the field of the Svix contract. `planted` marks text that no answer may repeat.
fn bad() -> Vec<(&'static str, Value)> {
    let headers: Map<String, Value> =
        (0..=MAX_HEADERS).map(|number| (format!("x-{number}"), json!("a"))).collect();
    let long = "x".repeat(2048);
    let mut bad = Vec::new();
    let mut add = |field: &'static str, values: &[Value]| {
        bad.extend(values.iter().map(|value| (field, value.clone())));
    };
    add(
        "url",
        &[
            json!(""),
            json!("planted"),
            json!("ftp://subscriber.example/planted"),
            json!("http://10.0.0.1/planted"),
            json!("https://u:planted@subscriber.example/"),
            json!("https://10.0.0.1/planted"),
            json!("https://169.254.169.254/latest"),
            json!("https://[::1]/planted"),
            json!(format!("https://subscriber.example/{long}")),
            json!("rediss://10.0.0.1/planted"),
            json!(1),
            json!(null),
            json!(["https://subscriber.example/planted"]),
        ],
    );
    add(
        "maxRetries",
        &[json!(MAX_RETRIES + 1), json!(-1), json!(1.5), json!("planted"), json!([3])],
    );
    add(
        "timeoutSeconds",
        &[json!(MIN_TIMEOUT - 1), json!(MAX_TIMEOUT + 1), json!(-5), json!(1.5), json!("planted")],
    );
    add(
        "delays",
        &[
            json!([]),
            json!([-1]),
            json!([MAX_DELAY + 1]),
            json!(vec![1; MAX_DELAYS + 1]),
            json!(["planted"]),
            json!(5),
        ],
    );
    add("retryOn", &[json!([99]), json!(["6xx"]), json!([{}]), json!(vec![500; 51])]);
    add("giveUpOn", &[json!([600]), json!(["planted"]), json!([null]), json!(404)]);
    add("successOn", &[json!([0]), json!(["2x"]), json!([[]]), json!("planted")]);
    add("profile", &[json!("planted"), json!("github"), json!(1), json!(["wepp"])]);
    add(
        "headers",
        &[
            json!({ "Host": "planted" }),
            json!({ "webhook-signature": "planted" }),
            json!({ "x-a": 1 }),
            json!({ "x a": "planted" }),
            json!({ "x-a": "planted\r\nx-b: c" }),
            json!({ "x-a": "" }),
            json!({ "X-A": "planted", "x-a": "planted" }),
            json!("planted"),
            json!(r#"{"Host":"planted"}"#),
            json!(7),
            Value::Object(headers),
        ],
    );
    add(
        "filter",
        &[
            json!({ "a": { "$gtt": "planted" } }),
            json!({ "a": { "$gte": null } }),
            json!("planted"),
            json!([]),
            json!(5),
        ],
    );
    add(
        "eventTypes",
        &[
            json!(["planted planted"]),
            json!(["x".repeat(257)]),
            json!([1]),
            json!({ "planted": 1 }),
            json!(1),
        ],
    );
    bad
}

/// Bad secrets, which only a new endpoint or webhook takes.
fn bad_secrets() -> Vec<Value> {
    let key = "whsk_planted";
    vec![
        json!(""),
        json!("planted"),
        json!(" planted-planted-planted"),
        json!("planted\u{1}planted-planted"),
        json!(format!("planted{}", "x".repeat(129))),
        json!(key),
        json!(5),
        json!(["planted-planted-planted"]),
    ]
}

/// Asserts that every way refuses these values, and that nothing was made or changed.
async fn refused(relay: &Relay, ways: &[Way], field: &str, value: &Value) {
    for way in ways {
        let fields = Map::from_iter([(way.spelt(field), value.clone())]);
        let answer = way.ask(relay, fields).await;
        assert!(way.refuses(&answer, field), "{way:?} {field} {value}: {answer:?}");
        assert!(!answer.text.contains("planted"), "{way:?} {field} {value}: {answer:?}");
    }
}

#[tokio::test]
async fn every_way_to_make_an_endpoint_refuses_the_same_values() {
    let relay = relay().await;
    let before = relay.get(APP).await.expect(200);
    let (bad, secrets) = (bad(), bad_secrets());
    assert!(60 <= bad.len() + secrets.len(), "{} {}", bad.len(), secrets.len());
    for (field, value) in &bad {
        refused(&relay, &WAYS, field, value).await;
    }
    for value in &secrets {
        refused(&relay, &[Way::Create, Way::Job, Way::Batch], "secret", value).await;
    }
    assert_eq!(relay.get(APP).await.expect(200), before, "nothing is kept");
    relay.get("/v1/jobs/j1").await.expect(404);
    relay.get("/v1/batches/b1").await.expect(404);
}

#[tokio::test]
async fn every_way_takes_the_same_good_values() {
    let relay = relay().await;
    for way in WAYS {
        let types = if way == Way::Batch { "batch.completed" } else { "job.succeeded" };
        let fields = json!({
            "maxRetries": 4, "timeoutSeconds": 60, "delays": [1, 2], "retryOn": ["5xx", 429],
            "giveUpOn": [404], "successOn": ["2xx"], "profile": "wepp", "eventTypes": [types],
            "headers": r#"{"X-Tenant":"a"}"#, "filter": { "data": { "x": 1 } },
        });
        let fields = fields.as_object().expect("an object").iter();
        let fields = fields.map(|(name, value)| (way.spelt(name), value.clone())).collect();
        let answer = way.ask(&relay, fields).await;
        assert!(answer.status.is_success(), "{way:?}: {answer:?}");
        let body = answer.json();
        let made = if way.is_webhook() { &body["webhooks"][0] } else { &body };
        for (field, value) in [
            ("url", json!(URL)),
            ("maxRetries", json!(4)),
            ("timeoutSeconds", json!(60)),
            ("profile", json!("wepp")),
            ("eventTypes", json!([types])),
        ] {
            assert_eq!(made[way.spelt(field)], value, "{way:?} {field}: {body}");
        }
        assert_eq!(answer.headers.get("relay-ignored"), None, "{way:?}");
    }
}

#[tokio::test]
async fn a_field_that_an_endpoint_does_not_have_is_refused_or_named() {
    let relay = relay().await;
    for way in WAYS {
        let misspelt = way.spelt("maxRetries").replace("tries", "trys");
        let fields = Map::from_iter([(misspelt.clone(), json!(3))]);
        let answer = way.ask(&relay, fields).await;
        if way.is_webhook() {
            let refused = answer.expect(422);
            let detail = refused["detail"].as_str().expect("a reason");
            assert!(detail.starts_with(&format!("webhook.{misspelt}: ")), "{detail}");
            assert!(detail.contains("did you mean `max_retries`?"), "{detail}");
        } else {
            assert!(answer.status.is_success(), "{way:?}: {answer:?}");
            assert_eq!(answer.headers["relay-ignored"], format!("body.{misspelt}"), "{way:?}");
        }
    }
    // Only an endpoint of an application has these.
    for field in ["uid", "channels", "throttleRate", "breaker", "ordering", "signatureScheme"] {
        for way in [Way::Job, Way::Batch] {
            let fields = Map::from_iter([(way.spelt(field), json!("planted"))]);
            let answer = way.ask(&relay, fields).await;
            assert!(!answer.text.contains("planted"), "{answer:?}");
            let refused = answer.expect(422);
            let detail = refused["detail"].as_str().expect("a reason");
            assert!(detail.starts_with("webhook"), "{field}: {detail}");
            assert!(detail.contains("not known here"), "{field}: {detail}");
        }
    }
    relay.get("/v1/jobs/j1").await.expect(404);
    relay.get("/v1/batches/b1").await.expect(404);
}
