//! `Idempotency-Key` under fire: whatever fails at whichever call, before or after its effect, with or
//! without the process dying, one client that asks again until it knows brings about one effect.

use std::{io::Write, time::Duration};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{cloud::Cloud, faults::Faults};

/// A POST, and the list that has one more entry afterwards.
struct Effect {
    path: &'static str,
    body: fn() -> Value,
    listed: &'static str,
    /// Number of listed things before the POST.
    before: usize,
}

const EFFECTS: [Effect; 5] = [
    Effect {
        path: "/api/v1/app",
        body: || json!({ "name": "nameless" }),
        listed: "/api/v1/app",
        // `acme` and `default`.
        before: 2,
    },
    Effect {
        path: "/api/v1/app",
        body: || json!({ "name": "named", "uid": "named" }),
        listed: "/api/v1/app",
        before: 2,
    },
    Effect {
        path: "/api/v1/app/acme/endpoint",
        body: || json!({ "url": "https://a.example/", "uid": "one" }),
        listed: "/api/v1/app/acme/endpoint",
        before: 0,
    },
    Effect {
        path: "/api/v1/event-type",
        body: || json!({ "name": "a", "description": "d" }),
        listed: "/api/v1/event-type",
        before: 0,
    },
    Effect {
        path: "/api/v1/app/acme/msg",
        body: || json!({ "eventType": "a", "payload": { "x": "y".repeat(70_000) } }),
        listed: "/api/v1/app/acme/msg",
        before: 0,
    },
];

const KEY: [(&str, &str); 1] = [("idempotency-key", "k")];

/// Asks until it knows; the answer.
async fn ask(cloud: &Cloud, effect: &Effect) -> Result<(StatusCode, Value), String> {
    let mut said = Vec::new();
    for _ in 0..4 {
        let body = Some((effect.body)());
        let (status, answer) = cloud.call_with(Method::POST, effect.path, &KEY, body).await;
        if status.is_success() && !cloud.faults.died() {
            return Ok((status, answer));
        }
        // Whoever died holds the key for a minute.
        cloud.clock.advance(Duration::from_secs(61));
        said.push(format!("{status} {answer}"));
    }
    Err(said.join("; "))
}

async fn run(effect: &Effect, faults: Faults) -> Result<(), String> {
    let cloud = Cloud::start(faults).await;
    let first = ask(&cloud, effect).await?;
    let again = ask(&cloud, effect).await?;
    if first != again {
        return Err(format!("{first:?} and then {again:?}"));
    }
    let (_, list) = cloud.call(Method::GET, effect.listed, None).await;
    let count = list["data"].as_array().map_or(0, Vec::len);
    match count == effect.before + 1 {
        true => Ok(()),
        false => Err(format!("there are {count}: {list}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyed_post_has_one_effect_wherever_it_dies() {
    let (mut total, mut failed) = (0, Vec::new());
    for effect in &EFFECTS {
        let faults = Faults::default();
        {
            let cloud = Cloud::start(faults.clone()).await;
            ask(&cloud, effect).await.expect("works without faults");
        }
        for (k, call) in faults.calls().iter().enumerate() {
            for how in call.ways() {
                let faults = Faults::at(k, how);
                let done = run(effect, faults.clone()).await;
                total += faults.hits();
                if let Err(why) = done {
                    let op = &call.operation;
                    failed.push(format!("{} call {k} {op} {how:?}: {why}", effect.path));
                }
            }
        }
    }
    let held = total - failed.len().min(total);
    writeln!(std::io::stderr(), "idempotency: {held} of {total} held").expect("written");
    assert!(failed.is_empty(), "{} of {total}:\n{}", failed.len(), failed.join("\n"));
}
