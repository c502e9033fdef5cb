//! Commands against recorded answers: routes whose answers a test cannot bring about at a relay, such as a
//! filtered list over many pages.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{Method, StatusCode, Uri, header},
    response::IntoResponse,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

/// A request that came to the recorder.
pub(crate) struct Asked {
    /// Method and path with query.
    pub(crate) what: String,
    pub(crate) body: String,
}

/// A server that answers with a function and notes what it was asked.
pub(crate) struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub(crate) async fn start(
        answer: impl Fn(&Asked) -> (u16, String) + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let app = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| {
            let body = String::from_utf8_lossy(&body).into_owned();
            let asked = Asked { what: format!("{method} {uri}"), body };
            let (status, text) = answer(&asked);
            noted.lock().expect("not poisoned").push(asked);
            let status = StatusCode::from_u16(status).expect("a status");
            let ignored = ("relay-ignored", "query.fast");
            let kind = (header::CONTENT_TYPE.as_str(), "application/json");
            std::future::ready((status, [kind, ignored], text).into_response())
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Method and path of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").iter().map(|asked| asked.what.clone()).collect()
    }

    /// The bodies of the requests so far.
    fn bodies(&self) -> Vec<Value> {
        let asked = self.asked.lock().expect("not poisoned");
        asked.iter().filter_map(|asked| serde_json::from_str(&asked.body).ok()).collect()
    }
}

/// A list of 7 events in pages of 2, of which the second is empty: the relay looked at much and found
/// nothing.
fn pages(asked: &Asked) -> (u16, String) {
    let place = |n: usize| format!("\"iterator\":\"p{n}\",\"done\":false,\"scanned\":500");
    let event = |n: usize| {
        json!({ "id": format!("evt_{n}"), "type": "job.failed", "source": "s", "state": "failing",
            "progress": { "total": 3, "delivered": 1, "dead": 0, "pending": 2 },
            "created_at": format!("2026-11-27T12:00:0{}.500Z", 9 - n) })
        .to_string()
    };
    let page = asked.what.split("iterator=p").nth(1).and_then(|rest| rest.get(..1)).unwrap_or("0");
    let (data, more) = match page {
        "0" => (vec![event(0), event(1)], place(1)),
        "1" => (vec![], place(2)),
        "2" => (vec![event(2), event(3)], place(3)),
        _ => (vec![event(4)], "\"iterator\":null,\"done\":true,\"scanned\":20".to_owned()),
    };
    (200, format!("{{\"data\":[{}],{more}}}", data.join(",")))
}

#[tokio::test]
async fn a_filtered_list_goes_on_over_pages_that_found_nothing() {
    let (fake, home) = (Fake::start(pages).await, Home::new());
    let args = [
        "events",
        "list",
        "--state",
        "failing",
        "--type",
        "job.*",
        "--since",
        "2026-11-27T10:00:00+01:00",
    ];
    let output = run(home.at(&fake.url(), "rk_x", &args)).await;
    let table = well(&output);
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 6, "{table}");
    assert!(
        rows[1].contains("2026-11-27T12:00:09Z  failing") && rows[1].contains("1/3"),
        "{table}"
    );
    assert!(stderr(&output).contains("ignored: query.fast"), "{output:?}");
    let first =
        "GET /v1/events?type=job.%2A&state=failing&since=2026-11-27T09%3A00%3A00.000Z&limit=50";
    assert_eq!(fake.asked()[0], first);
    assert_eq!(fake.asked().len(), 4);
    // Only as many as were asked for.
    let args = ["events", "list", "--limit", "3", "--json"];
    let output = run(home.at(&fake.url(), "rk_x", &args)).await;
    assert_eq!(json_lines(&output).len(), 3);
    assert!(stderr(&output).contains("--iterator p3"), "{output:?}");
}

#[tokio::test]
async fn events_are_replayed_oldest_first_and_partly_is_told() {
    let answer = |asked: &Asked| match asked.what.as_str() {
        "POST /v1/events/evt_2/replay" => {
            (410, r#"{"detail":"its content was removed"}"#.to_owned())
        }
        what if what.starts_with("POST") => {
            (202, r#"{"dry_run":false,"deliveries":3,"endpoints":["ep_1"]}"#.to_owned())
        }
        _ => pages(asked),
    };
    let (fake, home) = (Fake::start(answer).await, Home::new());
    let args = ["replay", "--since", "2h", "--state", "dead", "--dry-run", "--endpoint", "ep_1"];
    let output = run(home.at(&fake.url(), "rk_x", &args)).await;
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(stdout(&output), "4 events: 12 deliveries would be made\n");
    assert!(stderr(&output).contains("evt_2: 410 its content was removed"), "{output:?}");
    let asked = fake.asked();
    let replays: Vec<_> = asked.iter().filter(|what| what.starts_with("POST")).collect();
    assert_eq!(replays[0], "POST /v1/events/evt_4/replay");
    assert_eq!(replays.len(), 5);
    assert!(
        fake.bodies().iter().all(|body| *body == json!({ "dry_run": true, "endpoint": "ep_1" }))
    );
    let gone = run(home.at(&fake.url(), "rk_x", &["replay", "evt_2"])).await;
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    let one = run(home.at(&fake.url(), "rk_x", &["replay", "evt_1", "--json"])).await;
    assert_eq!(json_lines(&one)[0]["id"], "evt_1");
    let nothing = run(home.at(&fake.url(), "rk_x", &["replay"])).await;
    assert_eq!(nothing.status.code(), Some(2), "neither an id nor a time");
}

#[tokio::test]
async fn figures_are_printed_by_step_with_their_sums() {
    let answer = |_: &Asked| {
        let stats = json!({ "since": "2026-11-27T10:00:00Z", "until": "2026-11-27T12:00:00Z", "step": "1h",
            "approximate": true, "times": ["2026-11-27T10:00:00Z", "2026-11-27T11:00:00Z"],
            "series": { "received": [10, 0], "duplicates": [0, 0], "conflicts": [0, 0], "refused": [1, 2],
                "announced": [10, 0], "attempts": [12, 0], "delivered": [9, 0],
                "failed": { "timeout": [1, 0], "status": [2, 0] }, "parked": [0, 0] },
            "first_attempt_ms": { "p50": [4, null], "p95": [9, null], "p99": [9, null] },
            "delivered_ms": { "p50": [12.4, null], "p95": [80, null], "p99": [90, null] } });
        (200, stats.to_string())
    };
    let (fake, home) = (Fake::start(answer).await, Home::new());
    let output =
        run(home.at(&fake.url(), "rk_x", &["stats", "--since", "2h", "--step", "1h"])).await;
    let table = well(&output);
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["2026-11-27T10:00:00Z", "10", "1", "12", "9", "3", "0", "12", "80", "90"]);
    assert_eq!(rows[2], ["2026-11-27T11:00:00Z", "0", "2", "0", "0", "0", "0", "-", "-", "-"]);
    assert_eq!(rows[3], ["all", "10", "3", "12", "9", "3", "0"]);
    assert!(stderr(&output).contains("approximate"), "{output:?}");
    let raw = json_lines(&run(home.at(&fake.url(), "rk_x", &["stats", "--json"])).await);
    assert_eq!(raw[0]["step"], "1h");
    assert!(fake.asked()[0].contains("&step=1h"));
}

#[tokio::test]
async fn the_page_is_opened_by_a_code_behind_the_hash_and_the_code_logs_in() {
    let answer = |asked: &Asked| match asked.what.as_str() {
        "POST /v1/sessions/codes" => {
            (201, r#"{"code":"c-1","expires_at":"2026-11-27T12:01:00Z"}"#.to_owned())
        }
        "POST /v1/sessions" if asked.body == r#"{"code":"c-1"}"# => {
            let session = json!({ "token": "rs_planted", "expires_at": "2999-11-27T12:00:00.000Z",
                "scope": "read", "application": null });
            (201, session.to_string())
        }
        "POST /v1/sessions" => (403, r#"{"detail":"unknown code"}"#.to_owned()),
        _ => (200, r#"{"data":[],"iterator":null,"done":true}"#.to_owned()),
    };
    let (fake, home) = (Fake::start(answer).await, Home::new());
    let link = well(&run(home.at(&fake.url(), "rk_x", &["open", "evt_1"])).await);
    assert_eq!(link, format!("{}/events/evt_1#code=c-1\n", fake.url()));
    let login = ["login", &fake.url(), "--code", "--name", "page"];
    let wrong = run_with(home.relay(&login), "c-2\n").await;
    assert_eq!(wrong.status.code(), Some(4), "{wrong:?}");
    assert!(stderr(&wrong).contains("works once"), "{wrong:?}");
    let right = run_with(home.relay(&login), &link).await;
    assert!(well(&right).contains("until 2999"), "{right:?}");
    assert!(!stdout(&right).contains("rs_planted"));
    well(&run(home.relay(&["events", "list"])).await);
    // A session that has ended is not tried.
    let config = home.path().join(".config/relay/config.toml");
    let text = fs::read_to_string(&config).expect("read").replace("2999", "2020");
    fs::write(&config, text).expect("written");
    let asked = fake.asked().len();
    let ended = run(home.relay(&["events", "list"])).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(stderr(&ended).contains("relay login"), "{ended:?}");
    assert_eq!(fake.asked().len(), asked);
}

#[tokio::test]
async fn a_short_list_is_whole_also_over_several_pages() {
    let answer = |asked: &Asked| {
        let (data, next) = match asked.what.as_str() {
            "GET /v1/keys" => (json!([{ "id": "1" }, { "id": "2" }]), json!("p")),
            _ => (json!([{ "id": "3" }]), Value::Null),
        };
        (200, json!({ "data": data, "iterator": next }).to_string())
    };
    let (fake, home) = (Fake::start(answer).await, Home::new());
    let listed = json_lines(&run(home.at(&fake.url(), "rk_x", &["keys", "list", "--json"])).await);
    assert_eq!(listed.len(), 3);
    assert_eq!(fake.asked(), ["GET /v1/keys", "GET /v1/keys?iterator=p"]);
}

#[tokio::test]
async fn endpoints_of_all_applications_and_refusals_are_listed() {
    let answer = |asked: &Asked| match asked.what.split(['?', ' ']).nth(1) {
        Some("/v1/endpoints") => {
            let endpoint = json!({ "id": "ep_1", "url": "https://a.example/\u{1b}[2J", "application": "acme",
                "kind": "https", "events": ["job.*"], "disabled": false,
                "health": { "state": "failing", "since": "2026-11-27T12:00:00Z" }, "letters_waiting": 7,
                "last_attempt": { "at": "2026-11-27T12:00:00Z", "status": null, "error_class": "timeout" } });
            (200, json!({ "data": [endpoint], "iterator": null, "done": true }).to_string())
        }
        _ => {
            let sample = json!({ "at": "2026-11-27T12:00:00Z", "source": "s", "caller": "203.0.113.7",
                "reason": "signature", "sentence": "the signature matches none of 2 secrets",
                "headers": ["x-sig"], "bytes": 7, "content_type": "application/json" });
            let count = json!({ "minute": "2026-11-27T12:00:00Z", "source": "s", "reason": "signature", "count": 3 });
            (200, json!({ "counts": [count], "samples": [sample] }).to_string())
        }
    };
    let (fake, home) = (Fake::start(answer).await, Home::new());
    let listed = well(&run(home.at(&fake.url(), "rk_x", &["endpoints", "list", "--q", "a"])).await);
    let row = listed.lines().nth(1).expect("a row");
    for part in ["failing", "acme", "job.*", "7", "timeout", "ep_1", "\\x1b[2J"] {
        assert!(row.contains(part), "{part} is not in {row}");
    }
    let refused = well(&run(home.at(&fake.url(), "rk_x", &["sources", "refusals", "s"])).await);
    assert!(refused.contains("203.0.113.7") && refused.contains("matches none of 2"), "{refused}");
}
