//! `relay trigger` against a relay: every profile, what is bad, changes, secrets and exit codes.

use std::{collections::BTreeSet, process::Stdio};

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{Home, Running, command, said};

/// The id of the event in what a trigger said.
fn event(said: &str) -> String {
    let id = said.split("event ").nth(1).and_then(|rest| rest.split_whitespace().next());
    id.unwrap_or_else(|| panic!("no event in {said}")).to_owned()
}

/// The fixtures that the command lists.
async fn listed(home: &Home) -> Vec<(String, String)> {
    let output = command(&home.0, &["trigger", "--list", "--json"]).output().await.expect("ran");
    let text = |line: &Value, name: &str| line[name].as_str().expect("text").to_owned();
    said(&output, 0)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .map(|line: Value| (text(&line, "profile"), text(&line, "event")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_every_profile_is_accepted_and_is_another_event_each_time() {
    let home = Home::new();
    let relay = Running::start(&home, &["--quiet"]).await;
    let all = listed(&home).await;
    assert!(45 <= all.len(), "{}", all.len());
    let mut events = BTreeSet::new();
    for (profile, name) in &all {
        let what = format!("{profile}:{name}");
        let first = said(&relay.relay(&["trigger", &what]).await, 0);
        assert!(first.contains("accepted; event evt_"), "{first}");
        assert!(events.insert(event(&first)), "{first}");
    }
    for profile in ["stripe", "github", "fal", "shopify", "twilio"] {
        let again = said(&relay.relay(&["trigger", profile]).await, 0);
        assert!(events.insert(event(&again)), "a second trigger is an event of its own: {again}");
    }
    let client = relay.client();
    for id in &events {
        let known =
            client.until(&format!("/v1/events/{id}"), |event| event["id"].is_string()).await;
        assert_eq!((&known["duplicates"], &known["conflicts"]), (&json!(0), &json!(0)), "{known}");
    }
    // An end that a token alone vouches for is believed because the command answers as the platform.
    let jobs = client.until("/v1/jobs", |jobs| {
        let of = |job: &&Value| job["source"] == "runpod" && job["status"] == "succeeded";
        jobs["data"].as_array().is_some_and(|jobs| jobs.iter().any(|job| of(&job)))
    });
    assert!(jobs.await.is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_bad_is_refused_for_every_profile_and_the_exit_code_says_so() {
    let home = Home::new();
    let relay = Running::start(&home, &["--quiet"]).await;
    let profiles: BTreeSet<String> =
        listed(&home).await.into_iter().map(|(profile, _)| profile).collect();
    assert_eq!(profiles.len(), domain::profile::Profile::names().count());
    let (mut refused, mut useless) = (0, 0);
    for profile in &profiles {
        // The source is made, so that what follows is refused for its signature and not for its name.
        let output = relay.relay(&["trigger", profile]).await;
        assert!(said(&output, 0).contains("made the source"), "{output:?}");
        for bad in ["signature", "timestamp", "body"] {
            let output = relay.relay(&["trigger", profile, "--bad", bad]).await;
            if output.status.code() == Some(2) {
                let why = said(&output, 2);
                assert!(why.contains("is of no use"), "{profile} {bad}: {why}");
                useless += 1;
            } else {
                let told = said(&output, 0);
                let wanted = format!("refused, as it must be: the {bad} is wrong");
                assert!(told.contains(&wanted), "{profile} {bad}: {told}");
                refused += 1;
            }
        }
    }
    assert!(60 <= refused && useless < 16, "{refused} refused, {useless} of no use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_relay_accepts_although_it_is_bad_is_a_failure() {
    let accepts_all = Router::new()
        .route("/v1/sources/stripe", get(async || Json(json!({ "profile": "stripe" }))))
        .fallback(async || (StatusCode::ACCEPTED, Json(json!({ "id": "evt_1" }))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, accepts_all).await });
    let home = Home::new();
    let secret = home.file("secret", "whsec_of-the-source-24-bytes\n");
    let args = ["trigger", "stripe", "--secret-from", &secret, "--bad", "body"];
    let mut wrong = command(&home.0, &args);
    let output = wrong.env("RELAY_URL", &url).env("RELAY_ADMIN_KEY", "any").output().await;
    let told = said(&output.expect("ran"), 1);
    assert!(told.contains("ACCEPTED although the body is wrong; event evt_1"), "{told}");
    let silent = command(&home.0, &args[..4])
        .env("RELAY_URL", "http://127.0.0.1:1")
        .env("RELAY_ADMIN_KEY", "any")
        .output()
        .await;
    assert!(said(&silent.expect("ran"), 5).contains("does not answer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_changed_before_it_is_signed() {
    let home = Home::new();
    let relay = Running::start(&home, &["--quiet"]).await;
    let args = [
        "trigger",
        "stripe:payment_intent.succeeded",
        "--override",
        "data.object.amount=5",
        "--add",
        "data.object.description=from a test",
        "--remove",
        "livemode",
    ];
    let id = event(&said(&relay.relay(&args).await, 0));
    let path = format!("/v1/events/{id}");
    let known = relay.client().until(&path, |event| event["id"].is_string()).await;
    let payload = known.to_string();
    assert!(payload.contains("\"amount\":5") && payload.contains("from a test"), "{payload}");
    assert!(!payload.contains("livemode"), "{payload}");
    let nowhere = ["trigger", "stripe", "--override", "data.nothing=1"];
    let why = said(&relay.relay(&nowhere).await, 2);
    assert!(why.contains("the body has no data.nothing; --add adds a field"), "{why}");
    // An editor that is a program: it replaces the body's amount.
    let editor = home.file("edit.sh", "#!/bin/sh\nsed -i s/1999/2001/ \"$1\"\n");
    let edited = command(&home.0, &["trigger", "stripe", "--edit"])
        .env("RELAY_URL", &relay.url)
        .env_remove("VISUAL")
        .env("EDITOR", format!("sh {editor}"))
        .output()
        .await;
    let id = event(&said(&edited.expect("ran"), 0));
    let path = format!("/v1/events/{id}");
    let known = relay.client().until(&path, |event| event["id"].is_string()).await;
    assert!(known.to_string().contains("2001"), "{known}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_a_rate_are_many_events() {
    let home = Home::new();
    let relay = Running::start(&home, &["--quiet"]).await;
    let args = ["trigger", "modal-omtx", "--count", "40", "--rate", "200", "--json"];
    let told = said(&relay.relay(&args).await, 0);
    let lines = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ids: BTreeSet<String> =
        lines.filter_map(|line| Some(line["id"].as_str()?.to_owned())).collect();
    assert_eq!(ids.len(), 40, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_a_source_of_ones_own_has_to_be_given() {
    let home = Home::new();
    let relay = Running::start(&home, &["--quiet"]).await;
    let mine = "whsec_of-the-source-24-bytes";
    let source = json!({ "profile": "stripe", "secrets": [mine] });
    let client = relay.client();
    let put = client.call(http::Method::PUT, "/v1/sources/mine", Some(source)).await;
    assert!(put.0.is_success(), "{put:?}");
    let args = ["trigger", "stripe", "--source", "mine"];
    let refused = said(&relay.relay(&args).await, 4);
    assert!(refused.contains("pass that secret with --secret-from"), "{refused}");
    let file = home.file("secret", &format!("{mine}\n"));
    let given = [&args[..], &["--secret-from", &file]].concat();
    assert!(said(&relay.relay(&given).await, 0).contains("accepted; event"));
    let mut child = command(&home.0, &[&args[..], &["--secret-from", "-"]].concat())
        .env("RELAY_URL", &relay.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(mine.as_bytes()).await.expect("written");
    drop(stdin);
    let output = child.wait_with_output().await.expect("ended");
    assert!(said(&output, 0).contains("accepted; event"));
    let other = ["trigger", "github", "--source", "mine"];
    let why = said(&relay.relay(&other).await, 2);
    assert!(why.contains("the source mine has the profile stripe"), "{why}");
    let elsewhere = ["trigger", "stripe", "--data", "elsewhere", "--source", "mine"];
    let key = std::fs::read_to_string(home.0.join(".relay/admin.key")).expect("a key");
    let output = command(&home.0, &elsewhere)
        .env("RELAY_URL", &relay.url)
        .env("RELAY_ADMIN_KEY", key.trim())
        .output()
        .await;
    let why = said(&output.expect("ran"), 2);
    assert!(why.contains("there is no secret for the source mine"), "{why}");
    for output in [refused, why] {
        assert!(!output.contains(mine), "no secret is printed: {output}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_known_is_told_with_the_nearest() {
    let home = Home::new();
    let why = async |args: &[&str], code: i32| {
        said(&command(&home.0, args).output().await.expect("ran"), code)
    };
    let near = why(&["trigger", "strype"], 3).await;
    assert!(near.contains("did you mean stripe?"), "{near}");
    let event = why(&["trigger", "stripe:invoice.payed"], 3).await;
    assert!(event.contains("its events are: invoice.paid, payment_intent.succeeded"), "{event}");
    why(&["trigger"], 2).await;
    why(&["trigger", "stripe", "--bad", "luck"], 2).await;
    why(&["trigger", "stripe", "--rate", "0"], 2).await;
}
