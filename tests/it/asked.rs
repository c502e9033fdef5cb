//! A code that is changed for a session, a session that is ended, and an event that is sent again, while
//! whatever call fails in whatever way: one who asks again gets what was asked for.

use std::{io::Write, ops::Range};

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{delivery::DeliveryState, id::EventId, retry::Policy};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::{FaultKind, Faults},
    items,
    receiver::Receiver,
};

/// Times that somebody asks before it counts as failed. Five codes of a minute may be wrong.
const TRIES: usize = 4;

/// A fault of one of the calls that are made while somebody asks: its number among these, and its kind.
type Fault = Option<(usize, FaultKind)>;
/// The numbers of the calls that were made while somebody asked, among all.
type Asked = Result<Range<usize>, String>;

/// Runs a journey without faults, and then with each call of its middle failing in each way.
async fn every_call(name: &str, run: impl AsyncFn(&Cloud, Fault) -> Asked) {
    let cloud = Cloud::start(Faults::default()).await;
    let asked = run(&cloud, None).await;
    let asked = asked.unwrap_or_else(|why| panic!("{name} without faults: {why}"));
    let calls = cloud.faults.calls()[asked].to_vec();
    let (mut total, mut failed) = (0, Vec::new());
    for (k, call) in calls.iter().enumerate() {
        for how in call.ways() {
            let cloud = Cloud::start(Faults::default()).await;
            let done = run(&cloud, Some((k, how))).await;
            total += cloud.faults.hits().min(1);
            if let Err(why) = done {
                failed.push(format!("call {k} {} {how:?}: {why}", call.operation));
            }
        }
    }
    let held = total.saturating_sub(failed.len());
    writeln!(std::io::stderr(), "{name}: {held} of {total} held").expect("written");
    assert!(failed.is_empty(), "{name}: {} of {total}:\n{}", failed.len(), failed.join("\n"));
    assert!(0 < total, "{name}: nothing failed");
}

/// The status of a request with a bearer token.
async fn with(cloud: &Cloud, token: &str, method: Method, path: &str) -> u16 {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    let (status, ..) = cloud.ask(request.body(Body::empty()).expect("a request")).await;
    status.as_u16()
}

/// Codes and sessions that lie in the table.
async fn kept(cloud: &Cloud) -> (usize, usize) {
    let items = items::scan(cloud).await;
    let count = |kind: &str| items.iter().filter(|item| items::text(item, "sk") == kind).count();
    (count("CODE"), count("SESSION"))
}

/// Gets a session, with as many codes as it takes.
async fn log_in(cloud: &Cloud) -> Result<String, String> {
    let mut said = Vec::new();
    for _ in 0..TRIES {
        let path = "/v1/sessions/codes";
        let (status, made) = cloud.call(Method::POST, path, None).await;
        if status.as_u16() != 201 || cloud.faults.died() {
            said.push(format!("a code: {status}"));
            continue;
        }
        // The code is tried again if nothing is known of the first time.
        for _ in 0..2 {
            let body = json!({ "code": made["code"] });
            let (status, opened) = cloud.call(Method::POST, "/v1/sessions", Some(body)).await;
            if status.as_u16() == 201 && !cloud.faults.died() {
                return Ok(opened["token"].as_str().unwrap_or_default().to_owned());
            }
            said.push(format!("a session: {status} {opened}"));
        }
    }
    Err(said.join("; "))
}

async fn session(cloud: &Cloud, fault: Fault) -> Asked {
    let begins = cloud.faults.calls().len();
    if let Some((k, how)) = fault {
        cloud.faults.plan(begins + k, how);
    }
    let token = log_in(cloud).await?;
    let mut status = 0;
    for _ in 0..TRIES {
        status = with(cloud, &token, Method::GET, "/v1/sessions/current").await;
        if status == 200 && !cloud.faults.died() {
            break;
        }
    }
    if status != 200 {
        return Err(format!("the session does not open: {status}"));
    }
    for _ in 0..TRIES {
        status = with(cloud, &token, Method::DELETE, "/v1/sessions/current").await;
        if [204, 401].contains(&status) && !cloud.faults.died() {
            break;
        }
    }
    let ends = cloud.faults.calls().len();
    let after = with(cloud, &token, Method::GET, "/v1/sessions/current").await;
    if after != 401 {
        return Err(format!("the session was ended ({status}) and opens: {after}"));
    }
    // What is left is nobody's: no more than the one that failed.
    match kept(cloud).await {
        (0 | 1, 0 | 1) => Ok(begins..ends),
        (codes, sessions) => Err(format!("{codes} codes and {sessions} sessions are left")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_again_gets_a_session_and_can_end_it_wherever_that_dies() {
    every_call("sessions", session).await;
}

async fn sent_again(cloud: &Cloud, fault: Fault) -> Asked {
    let receiver = Receiver::start().await;
    for path in ["/one", "/two"] {
        cloud.endpoint(&receiver.url(path), Policy::default()).await;
    }
    let message = json!({ "eventType": "a.b", "payload": { "n": 1 }, "eventId": "again" });
    cloud.publish(message).await;
    cloud.settle(4).await;
    let (_, list) = cloud.call(Method::GET, "/v1/events?application=acme&type=a.b", None).await;
    let event = list["data"][0]["id"].as_str().ok_or("no event")?.to_owned();
    if receiver.received().len() != 2 {
        return Err("it did not arrive at first".to_owned());
    }
    let begins = cloud.faults.calls().len();
    if let Some((k, how)) = fault {
        cloud.faults.plan(begins + k, how);
    }
    let path = format!("/v1/events/{event}/replay");
    let (mut said, mut sent) = (Vec::new(), Value::Null);
    for _ in 0..TRIES {
        let (status, answer) = cloud.call(Method::POST, &path, Some(json!({}))).await;
        if status.as_u16() == 202 && !cloud.faults.died() {
            sent = answer;
            break;
        }
        said.push(format!("{status} {answer}"));
    }
    if sent["deliveries"] != 2 {
        return Err(format!("{sent}; {}", said.join("; ")));
    }
    let ends = cloud.faults.calls().len();
    cloud.settle(8).await;
    for path in ["/one", "/two"] {
        let count = receiver.received().iter().filter(|got| got.path == path).count();
        if count < 2 {
            return Err(format!("{path} heard it {count} times"));
        }
    }
    let id = EventId::parse(&event).map_err(|why| why.to_string())?;
    let deliveries = cloud.sound_table().deliveries_of(&id).await.map_err(|why| why.to_string())?;
    match deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered) {
        true => Ok(begins..ends),
        false => Err(format!("not all arrived: {deliveries:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_sent_again_to_all_wherever_that_dies() {
    every_call("sending again", sent_again).await;
}
