//! I9: secrets are planted wherever one may be given, rightly or by mistake; the whole relay is driven
//! through success, failure and nonsense; and then every answer, log line, table item, queue message
//! and stored object is searched for them.

mod course;
mod needles;
mod nonsense;
mod places;
mod setting;

use axum::http::Method;
use serde_json::Value;
use tests::{
    cloud::{ADMIN, Cloud},
    faults::Faults,
    sender,
};

use self::{
    needles::Needle,
    places::{Logs, Place, Witness},
    setting::{EP, NAMES, text},
};

/// Everything that may be read.
const PAGES: [&str; 21] = [
    "/v1/sources",
    "/v1/sources/worker",
    "/v1/sources/gpu",
    "/v1/jobs",
    "/v1/jobs/j1",
    "/v1/jobs/j2/result",
    "/v1/jobs/j3",
    "/v1/events",
    "/v1/batches",
    "/v1/keys",
    "/v1/webhooks/dead-letter",
    "/api/v1/app",
    "/api/v1/app/acme",
    "/api/v1/app/acme/msg",
    "/api/v1/event-type",
    "/api/v3/webhooks/status",
    "/api/v3/webhooks/active-executions",
    "/api/v3/webhooks/metrics",
    "/api/v3/webhooks/logs",
    "/job/j1/webhook",
    "/health",
];

/// Reads everything there is to read.
async fn read_all(witness: &mut Witness<'_>) {
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str())];
    let mut pages: Vec<String> = PAGES.map(str::to_owned).to_vec();
    for uid in ["shared", "pair", "made", "plain", "gone", "redis"] {
        pages.push(format!("{EP}/{uid}"));
        pages.push(format!("{EP}/{uid}/headers"));
        pages.push(format!("/api/v1/app/acme/attempt/endpoint/{uid}"));
    }
    pages.push(EP.to_owned());
    let events = witness.done(Method::GET, "/v1/events?limit=100", Value::Null).await;
    let listed = |list: &Value| list["data"].as_array().cloned().unwrap_or_default();
    for event in listed(&events) {
        let id = event["id"].as_str().expect("an id");
        pages.push(format!("/v1/events/{id}"));
        pages.push(format!("/api/v1/app/acme/attempt/msg/{id}"));
    }
    let letters = witness.done(Method::GET, "/v1/webhooks/dead-letter", Value::Null).await;
    let letters = listed(&letters);
    assert!(4 <= letters.len(), "{letters:?}");
    for letter in letters {
        let path = format!("/v1/webhooks/dead-letter/{}", letter["id"]);
        witness.send(Method::POST, &format!("{path}/retry"), &headers, "{}").await;
        pages.push(path);
    }
    for page in pages {
        witness.send(Method::GET, &page, &headers, "").await;
    }
    witness
        .send(Method::POST, "/v1/webhooks/dead-letter/redrive", &headers, r#"{"all":true}"#)
        .await;
    witness.cloud.minutes(3).await;
    witness.send(Method::GET, "/v1/webhooks/dead-letter", &headers, "").await;
}

#[tokio::test]
async fn planted_secrets_are_found_nowhere() {
    let (logs, _listening, _second) = Logs::listen();
    let cloud = Cloud::start(Faults::default()).await;
    let ((echo, heard), redis) = (setting::echo().await, setting::refusing_redis().await);
    let mut witness = Witness { cloud: &cloud, places: Vec::new() };
    let mut needles: Vec<_> =
        NAMES.iter().map(|name| Needle::new(name, text(name).as_bytes())).collect();
    needles.push(Needle::new("admin", ADMIN.trim_start_matches("rk_admin_").as_bytes()));
    needles.push(Needle::new("modal", sender::SECRET.as_bytes()));
    needles.extend(setting::set_up(&mut witness, &echo).await);
    needles.extend(setting::subscribe(&mut witness, &echo, &redis).await);
    course::work(&mut witness, &echo).await;
    nonsense::ask(&mut witness, &echo).await;
    read_all(&mut witness).await;
    let mut places = witness.places;
    let answers = places.len();
    places.extend(places::table(&cloud).await);
    let items = places.len();
    let handled = cloud.handled.lock().expect("not poisoned").clone();
    places.extend(handled.into_iter().map(|(queue, text)| Place {
        name: format!("message on {queue}"),
        text,
        shows: None,
    }));
    let messages = places.len();
    places.extend(places::bucket(&cloud).await);
    let objects = places.len();
    places.extend(logs.lines().into_iter().map(|text| {
        let name = format!("log line {}", text.chars().take(120).collect::<String>());
        Place { name, text, shows: None }
    }));
    let mut found = Vec::new();
    let mut shown = 0;
    for place in &places {
        for needle in &needles {
            let meant = place.shows.as_deref() == Some(&needle.name);
            if needle.is_in(&place.text) {
                match meant {
                    true => shown += 1,
                    false => found.push((&place.name, &needle.name, &place.text)),
                }
            }
        }
    }
    tests::shown!(
        "{} secrets in {} spellings, searched for in {answers} answers, {} items, {} messages, {} objects and {} log lines: found in {} places, shown on purpose in {shown}",
        needles.len(),
        needles.iter().map(Needle::spellings).sum::<usize>(),
        items - answers,
        messages - items,
        objects - messages,
        places.len() - objects,
        found.len()
    );
    let report: Vec<_> = found
        .iter()
        .map(|(place, needle, text)| {
            format!("{needle} in {place}: {}", &text[..text.len().min(600)])
        })
        .collect();
    assert!(found.is_empty(), "{report:#?}");
    assert_eq!(shown, 7, "a callback, a key, a ticket, a token, and three endpoints' secrets");
    // The secrets were in use: whoever was called heard them, and answered with them.
    let heard = heard.lock().expect("not poisoned").join("\n");
    for name in ["header", "header2", "platform", "cancel", "basic", "passed"] {
        let needle = needles.iter().find(|needle| needle.name == name).expect("planted");
        assert!(needle.is_in(&heard), "nobody was sent {name}");
    }
    assert!(places.iter().any(|place| place.text.contains(r#"authorization: \"***"#)));
    // What was searched is not empty by mistake.
    assert!(logs.lines().iter().any(|line| line.contains("an endpoint's secret was rotated")));
    assert!(logs.lines().iter().any(|line| line.contains("DEBUG") || line.contains("TRACE")));
    for (least, count) in
        [(200, answers), (60, items - answers), (30, messages - items), (1, objects - messages)]
    {
        assert!(least <= count, "{least} {count}");
    }
}
