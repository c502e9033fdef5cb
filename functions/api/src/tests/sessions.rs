//! `/v1/sessions`: a code opens one session, which may what its key may and ends with it.

use std::{net::IpAddr, time::Duration};

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::session::Session;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay};
use crate::Peer;

const CODES: &str = "/v1/sessions/codes";
const CURRENT: &str = "/v1/sessions/current";

impl Relay {
    async fn code(&self, key: &str) -> String {
        let made = self.ask(key, Method::POST, CODES, Body::empty()).await;
        made.expect(201);
        assert_eq!(made.headers["cache-control"], "no-store");
        made.at("code")
    }

    /// The exchange of a code by a caller without a key.
    async fn exchange(&self, code: &str, address: [u8; 4]) -> Answer {
        let mut request = Request::post("/v1/sessions")
            .body(Body::from(json!({ "code": code }).to_string()))
            .expect("a request");
        request.extensions_mut().insert(Peer(IpAddr::from(address)));
        self.send(request).await
    }

    async fn session(&self, key: &str) -> String {
        let code = self.code(key).await;
        let made = self.exchange(&code, [198, 51, 100, 1]).await;
        made.expect(201);
        made.at("token")
    }

    async fn with(&self, token: &str, method: Method, path: &str) -> Answer {
        self.ask(token, method, path, Body::empty()).await
    }
}

#[tokio::test]
async fn a_code_opens_one_session_with_the_right_of_its_key() {
    let relay = Relay::start().await;
    relay.application("one").await;
    let one = relay.get("/api/v1/app/one").await.at("id");
    for (scope, application, events, delete, app) in [
        ("read", Some("one"), 200, 403, Value::from(one.clone())),
        ("publish", None, 200, 403, Value::Null),
        ("admin", Some("one"), 200, 404, Value::from(one.clone())),
    ] {
        let key = relay.key(scope, application).await;
        let code = relay.code(&key).await;
        let made = relay.exchange(&code, [198, 51, 100, 1]).await;
        let json = made.expect(201);
        assert_eq!(made.headers["cache-control"], "no-store");
        assert_eq!((&json["scope"], &json["application"]), (&json!(scope), &app));
        let token = made.at("token");
        assert!(token.starts_with("rs_"), "{token}");
        relay.with(&token, Method::GET, "/v1/events").await.expect(events);
        let deleted = relay.with(&token, Method::DELETE, "/v1/sources/none").await;
        assert_eq!(deleted.status.as_u16(), delete, "{scope}");
        relay.with(&token, Method::GET, "/api/v1/app/two").await.expect(404);
        let current = relay.with(&token, Method::GET, CURRENT).await.expect(200);
        assert_eq!((&current["scope"], &current["application"]), (&json!(scope), &app));
        assert_eq!(current["expires_at"], json["expires_at"]);
        let name = application.map_or(Value::Null, Value::from);
        let about = json!({
            "version": env!("CARGO_PKG_VERSION"), "url": "https://relay.example", "live_url": null,
            "application_name": name,
        });
        assert_eq!(current["relay"], about);
        // The code is used up.
        relay.exchange(&code, [198, 51, 100, 2]).await.expect(403);
    }
}

#[tokio::test]
async fn of_many_who_have_one_code_one_gets_a_session() {
    let relay = Relay::start().await;
    let code = relay.code(ADMIN).await;
    let asking = (0..20u8).map(|number| relay.exchange(&code, [198, 51, 100, number]));
    let answers = join_all(asking).await;
    let opened = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    let refused = answers.iter().filter(|answer| answer.status.as_u16() == 403).count();
    assert_eq!((opened, refused), (1, 19));
}

#[tokio::test]
async fn a_session_ends_with_its_key_and_by_itself_and_on_request() {
    let relay = Relay::start().await;
    let key = relay.key("read", None).await;
    let (revoked, ended) = (relay.session(&key).await, relay.session(ADMIN).await);
    let waiting = relay.code(&key).await;
    for token in [&revoked, &ended] {
        relay.with(token, Method::GET, CURRENT).await.expect(200);
    }
    let id = key.split('_').nth(1).expect("an id");
    relay.delete(&format!("/v1/keys/{id}")).await.expect(200);
    relay.with(&revoked, Method::GET, "/v1/events").await.expect(401);
    relay.exchange(&waiting, [198, 51, 100, 1]).await.expect(403);
    relay.with(&ended, Method::DELETE, CURRENT).await.expect(204);
    relay.with(&ended, Method::DELETE, CURRENT).await.expect(401);
    relay.with(&ended, Method::GET, "/v1/events").await.expect(401);
    // A key is no session.
    for method in [Method::GET, Method::DELETE] {
        relay.with(ADMIN, method, CURRENT).await.expect(404);
    }
}

#[tokio::test]
async fn codes_and_sessions_end_in_time() {
    let relay = Relay::start().await;
    let (table, now) = (relay.api.table(), relay.api.now());
    let code = relay.code(ADMIN).await;
    let hash = Session::code_hash(&code).expect("a code");
    let kept = table.code(&hash).await.expect("read").expect("kept");
    let life = kept.expires_at.since(now).as_secs();
    assert!((59..=61).contains(&life), "{life}");
    let token = relay.session(ADMIN).await;
    let hash = Session::token_hash(&token).expect("a session");
    let kept = table.session(&hash).await.expect("read").expect("kept");
    let life = kept.expires_at.since(now).as_secs();
    assert!((12 * 3600 - 1..=12 * 3600 + 1).contains(&life), "{life}");
    // Those whose time is over are in the table until DynamoDB removes them.
    let late = Session::new(kept.grant.clone(), now, Duration::ZERO);
    let text = Session::code([9; 32]);
    let hash = Session::code_hash(&text).expect("a code");
    table.put_code(&hash, &late).await.expect("kept").either_way();
    relay.exchange(&text, [198, 51, 100, 1]).await.expect(403);
    let text = Session::token([9; 32]);
    let (code, hash) = (Session::code([8; 32]), Session::token_hash(&text).expect("a session"));
    let code = Session::code_hash(&code).expect("a code");
    table.put_code(&code, &late).await.expect("kept").either_way();
    table.open_session(&code, &hash, &late).await.expect("kept").either_way();
    relay.with(&text, Method::GET, "/v1/events").await.expect(401);
}

#[tokio::test]
async fn five_wrong_codes_of_an_address_are_enough_for_a_minute() {
    let relay = Relay::start().await;
    let good = relay.code(ADMIN).await;
    // A window may end between two requests: then five more are let through.
    let mut refused = None;
    for number in 0..11u8 {
        let answer = relay.exchange(&Session::code([number; 32]), [203, 0, 113, 7]).await;
        if answer.status.as_u16() == 429 {
            refused = Some(answer);
            break;
        }
        answer.expect(403);
    }
    let refused = refused.expect("the sixth of a minute is refused");
    let wait: u64 =
        refused.headers["retry-after"].to_str().expect("text").parse().expect("a number");
    assert!((1..=60).contains(&wait), "{wait}");
    // A right code of that address has to wait too, and that of another need not.
    relay.exchange(&good, [203, 0, 113, 8]).await.expect(201);
    // Right codes do not count.
    for _ in 0..7 {
        let code = relay.code(ADMIN).await;
        relay.exchange(&code, [203, 0, 113, 9]).await.expect(201);
    }
}

#[tokio::test]
async fn many_wrong_codes_at_once_are_no_way_around() {
    let relay = Relay::start().await;
    let codes: Vec<_> = (0..40u8).map(|number| Session::code([number; 32])).collect();
    let answers = join_all(codes.iter().map(|code| relay.exchange(code, [203, 0, 113, 7]))).await;
    let looked_at = answers.iter().filter(|answer| answer.status.as_u16() == 403).count();
    assert!(looked_at <= 10, "{looked_at} codes were looked at");
    assert!(answers.iter().any(|answer| answer.status.as_u16() == 429));
}

#[tokio::test]
async fn a_session_makes_no_codes_and_a_ticket_ends_with_it() {
    let relay = Relay::start().await;
    let token = relay.session(ADMIN).await;
    relay.with(&token, Method::POST, CODES).await.expect(403);
    let ticket = relay.with(&token, Method::POST, "/v1/live/tickets").await;
    ticket.expect(201);
    let hash = domain::live::ticket::Ticket::hash(&ticket.at("ticket")).expect("a ticket");
    let kept = relay.api.table().take_ticket(&hash).await.expect("read").expect("kept");
    assert_eq!(kept.grant.key, "admin");
    // A session that has an hour left opens no connection for two.
    let hash = Session::token_hash(&token).expect("a session");
    let session = relay.api.table().session(&hash).await.expect("read").expect("kept");
    let now = relay.api.now();
    let short = Session::new(session.grant, now, Duration::from_secs(600));
    let (code, text) = (Session::code([7; 32]), Session::token([7; 32]));
    let code = Session::code_hash(&code).expect("a code");
    let hash = Session::token_hash(&text).expect("a session");
    relay.api.table().put_code(&code, &short).await.expect("kept").either_way();
    relay.api.table().open_session(&code, &hash, &short).await.expect("kept").either_way();
    let ticket = relay.with(&text, Method::POST, "/v1/live/tickets").await.at("ticket");
    let hash = domain::live::ticket::Ticket::hash(&ticket).expect("a ticket");
    let kept = relay.api.table().take_ticket(&hash).await.expect("read").expect("kept");
    assert_eq!(kept.grant.expires_at, short.expires_at);
}

#[tokio::test]
async fn what_is_no_code_is_refused() {
    let relay = Relay::start().await;
    let send = async |body: Value| {
        let mut request =
            Request::post("/v1/sessions").body(Body::from(body.to_string())).expect("a request");
        request.extensions_mut().insert(Peer(IpAddr::from([198, 51, 100, 1])));
        relay.send(request).await
    };
    send(json!({})).await.expect(422);
    send(json!({ "code": 1 })).await.expect(422);
    let answer = send(json!({ "code": "rc_x", "cod": "x" })).await;
    answer.expect(422);
    assert!(answer.at("detail").contains("did you mean `code`"), "{answer:?}");
    for code in ["", "rc_", "rs_x", ADMIN] {
        let answer = send(json!({ "code": code })).await;
        assert!([403, 429].contains(&answer.status.as_u16()), "{answer:?}");
        assert!(code.is_empty() || !answer.text.contains(code), "{answer:?}");
    }
    for token in ["rs_", &Session::token([1; 32]), "rs_x"] {
        relay.with(token, Method::GET, "/v1/events").await.expect(401);
    }
}

#[tokio::test]
async fn the_table_holds_no_code_and_no_session() {
    let relay = Relay::start().await;
    let (code, token) = (relay.code(ADMIN).await, relay.session(ADMIN).await);
    let text = relay.table_text().await;
    assert!(text.contains("SESSION#") && text.contains("CODE#"), "{text}");
    for secret in [code.as_str(), &token, &code[3..], &token[3..], ADMIN, super::ADMIN_SECRET] {
        assert!(!text.contains(secret), "a secret lies in the table");
    }
}
