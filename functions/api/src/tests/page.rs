//! The relay's own pages, as a browser asks for them.

use std::{collections::BTreeSet, io::Read, path::PathBuf};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use domain::dashboard::Dashboard;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{ADMIN, Relay, parts};
use crate::router;

/// Paths at which the dashboard is served.
const DASHBOARD: [&str; 25] = [
    "/",
    "/?q=evt_1",
    "/batches",
    "/batches/batch_1",
    "/endpoints",
    "/endpoints/ep_1",
    "/event-types",
    "/event-types/job.completed",
    "/events",
    "/events/",
    "/events/evt_1?tab=request",
    "/events/a%2Fb%20%00%F0%9F%98%80",
    "/jobs",
    "/jobs/job_1",
    "/jobs/console",
    "/jobs/a%2Fconsole",
    "/keys",
    "/letters",
    "/letters/17",
    "/login",
    "/sources",
    "/sources/~new",
    "/status",
    "/tasks",
    "/tasks/task_1",
];
const PORTAL: [&str; 3] = ["/portal", "/portal?theme=dark&accent=%23336699", "/portal/endpoints/1"];
const CONSOLE: [&str; 2] = ["/jobs/job_1/console", "/jobs/a%2Fb/console?theme=light"];

/// The content security policy of a page that these origins may frame.
fn policy(ancestors: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'none'; \
         connect-src 'self' wss://live.example:8443; base-uri 'none'; form-action 'none'; \
         frame-ancestors {ancestors}; require-trusted-types-for 'script'"
    )
}

fn dist() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/dist")
}

fn built(file: &str) -> Vec<u8> {
    std::fs::read(dist().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The list of the built files, as the build of the pages writes it.
fn files() -> Vec<(String, String)> {
    let list: Value = serde_json::from_slice(&built("files.json")).expect("JSON");
    let entries = list.as_array().expect("a list").iter();
    let text = |entry: &Value, name: &str| entry[name].as_str().expect(name).to_owned();
    let entries = entries.map(|entry| (text(entry, "path"), text(entry, "file")));
    entries.filter(|(path, _)| path.starts_with("/assets/")).collect()
}

async fn relay() -> Relay {
    let portal_frames = "https://app.example,http://localhost:5173".parse().expect("origins");
    let dashboard = Dashboard { portal_frames, ..Dashboard::default() };
    let live = "wss://live.example:8443/live".parse().expect("a URL");
    Relay::set(|api| api.with_dashboard(dashboard).with_live_url(Some(live))).await
}

impl Relay {
    /// The answer to a browser without a key: its status, headers and bytes.
    async fn browse(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (parts.status, parts.headers, body.to_vec())
    }
}

/// Every header of an answer, but its length.
fn told(headers: &HeaderMap) -> BTreeSet<(String, String)> {
    let headers = headers.iter().filter(|(name, _)| *name != "content-length");
    let text = |value: &axum::http::HeaderValue| value.to_str().expect("text").to_owned();
    headers.map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn set(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn every_path_of_a_page_answers_its_html_with_its_headers() {
    let relay = relay().await;
    let never = policy("'none'");
    let framed = policy("https://app.example http://localhost:5173");
    let groups = [(&DASHBOARD[..], &never), (&PORTAL, &framed), (&CONSOLE, &framed)];
    for (paths, policy) in groups {
        for path in paths {
            let (status, headers, body) = relay.browse(Method::GET, path, &[]).await;
            assert_eq!((status.as_u16(), body), (200, built("index.html")), "{path}");
            let tag = headers["etag"].to_str().expect("text").to_owned();
            assert!(tag.starts_with("W/\"") && tag.ends_with('"') && tag.len() == 36, "{tag}");
            let wanted = set(&[
                ("cache-control", "no-cache"),
                ("content-security-policy", policy),
                ("content-type", "text/html; charset=utf-8"),
                ("cross-origin-opener-policy", "same-origin"),
                ("etag", &tag),
                ("referrer-policy", "no-referrer"),
                ("vary", "accept-encoding"),
                ("x-content-type-options", "nosniff"),
            ]);
            assert_eq!(told(&headers), wanted, "{path}");
            let (status, asked, body) = relay.browse(Method::HEAD, path, &[]).await;
            assert_eq!((status.as_u16(), body.len()), (200, 0), "{path}");
            assert_eq!(told(&asked), wanted, "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_that_the_browser_has_is_not_sent_again() {
    let relay = relay().await;
    let (_, headers, _) = relay.browse(Method::GET, "/events", &[]).await;
    let tag = headers["etag"].to_str().expect("text").to_owned();
    let strong = tag.trim_start_matches("W/").to_owned();
    let list = format!("\"other\", {tag}");
    for had in [&tag, &strong, &list, "*"] {
        let (status, headers, body) =
            relay.browse(Method::GET, "/events", &[("if-none-match", had)]).await;
        assert_eq!((status.as_u16(), body.len()), (304, 0), "{had}");
        assert_eq!(headers["etag"], tag.as_str());
        // The browser takes the headers of this answer for the page that it has.
        assert_eq!(headers["content-security-policy"], policy("'none'").as_str());
        assert_eq!(headers["cache-control"], "no-cache");
        assert!(!headers.contains_key("content-type") && !headers.contains_key("content-encoding"));
    }
    for other in ["\"other\"", "W/\"\"", "", "W/"] {
        let (status, ..) = relay.browse(Method::GET, "/events", &[("if-none-match", other)]).await;
        assert_eq!(status.as_u16(), 200, "{other}");
    }
    // The portal has the same bytes, and a policy of its own.
    let had = [("if-none-match", tag.as_str())];
    let (status, headers, _) = relay.browse(Method::GET, "/portal", &had).await;
    assert_eq!(status.as_u16(), 304);
    let framed = policy("https://app.example http://localhost:5173");
    assert_eq!(headers["content-security-policy"], framed.as_str());
}

#[tokio::test]
async fn a_page_is_sent_packed_if_it_was_packed_and_the_browser_unpacks_it() {
    let relay = relay().await;
    for (accepted, name, end) in [("br, gzip", "br", ".br"), ("gzip", "gzip", ".gz")] {
        let headers = [("accept-encoding", accepted)];
        let (status, headers, body) = relay.browse(Method::GET, "/", &headers).await;
        let file = format!("index.html{end}");
        match dist().join(&file).is_file() {
            true => {
                assert_eq!((status.as_u16(), &body), (200, &built(&file)));
                assert_eq!(headers["content-encoding"], name);
            }
            false => assert!(!headers.contains_key("content-encoding")),
        }
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn assets_are_sent_packed_and_kept_for_ever() {
    let relay = relay().await;
    let files = files();
    assert!(!files.is_empty(), "the pages have no assets");
    for (path, file) in files {
        let media = match path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            other => panic!("{path}: {other:?}"),
        };
        for (accepted, encoding, packed) in [
            (Some("gzip, deflate, br, zstd"), Some("br"), format!("{file}.br")),
            (Some("gzip"), Some("gzip"), format!("{file}.gz")),
            (Some("br;q=0, gzip"), Some("gzip"), format!("{file}.gz")),
            (Some("identity"), None, file.clone()),
            (None, None, file.clone()),
        ] {
            let headers: Vec<_> =
                accepted.into_iter().map(|accepted| ("accept-encoding", accepted)).collect();
            let (status, headers, body) = relay.browse(Method::GET, &path, &headers).await;
            assert_eq!((status.as_u16(), body), (200, built(&packed)), "{path} {accepted:?}");
            let mut wanted = set(&[
                ("cache-control", "public, max-age=31536000, immutable"),
                ("content-type", media),
                ("referrer-policy", "no-referrer"),
                ("vary", "accept-encoding"),
                ("x-content-type-options", "nosniff"),
            ]);
            wanted.extend(encoding.map(|name| ("content-encoding".to_owned(), name.to_owned())));
            assert_eq!(told(&headers), wanted, "{path} {accepted:?}");
        }
        let (status, headers, body) = relay.browse(Method::HEAD, &path, &[]).await;
        assert_eq!((status.as_u16(), body.len()), (200, 0));
        assert_eq!(headers["content-type"], media);
        let mut unpacked = Vec::new();
        GzDecoder::new(&built(&format!("{file}.gz"))[..]).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, built(&file));
    }
}

#[tokio::test]
async fn no_other_path_is_a_page() {
    let relay = relay().await;
    let first = &files()[0].0;
    let packed = format!("{first}.br");
    let below = format!("{first}/x");
    for path in [
        "/index.html",
        "/portal.html",
        "/portals",
        "/event",
        "/eventsx",
        "/Events",
        "/health/x",
        "/assets",
        "/assets/",
        "/assets/main.js",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        &packed,
        &below,
        "/files.json",
        "/in/demo",
        "/favicon.ico",
        "/job/x/console",
    ] {
        let (status, headers, _) = relay.browse(Method::GET, path, &[]).await;
        assert_eq!(status.as_u16(), 404, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        assert!(!headers.contains_key("content-security-policy"), "{path}");
    }
    for path in ["/", "/events", "/portal", "/jobs/1/console", first.as_str()] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            let (status, ..) = relay.browse(method.clone(), path, &[]).await;
            assert_eq!(status.as_u16(), 404, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_path_that_the_api_has_is_no_page() {
    let document = serde_json::to_value(crate::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").keys();
    let relay = relay().await;
    for path in paths.filter(|path| *path != "/") {
        let filled = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let filled = filled.collect::<Vec<_>>().join("/");
        let (_, headers, _) = relay.browse(Method::GET, &filled, &[]).await;
        assert!(!headers.contains_key("content-security-policy"), "{filled}");
    }
    let (status, headers, _) = relay.browse(Method::GET, "/health", &[]).await;
    assert_eq!(
        (status.as_u16(), &headers["content-type"]),
        (200, &"application/json".parse().expect("text"))
    );
}

#[tokio::test]
async fn a_relay_without_live_updates_or_frames_names_neither() {
    let relay = Relay::start().await;
    for path in ["/", "/portal", "/jobs/1/console"] {
        let (_, headers, _) = relay.browse(Method::GET, path, &[]).await;
        let wanted = policy("'none'").replace(" wss://live.example:8443", "");
        assert_eq!(headers["content-security-policy"], wanted.as_str(), "{path}");
    }
}

#[tokio::test]
async fn without_the_dashboard_there_is_no_page_and_no_session() {
    let dashboard = Dashboard { is_served: false, ..Dashboard::default() };
    let relay = Relay::set(|api| api.with_dashboard(dashboard)).await;
    let assets = files();
    let assets = assets.iter().map(|(path, _)| path.as_str());
    for path in DASHBOARD.into_iter().chain(PORTAL).chain(CONSOLE).chain(assets) {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let (status, ..) = relay.browse(method.clone(), path, &[]).await;
            assert_eq!(status.as_u16(), 404, "{method} {path}");
        }
    }
    relay.ask(ADMIN, Method::POST, "/v1/sessions/codes", Body::empty()).await.expect(404);
    relay.post("/v1/sessions", json!({ "code": "rc_1" })).await.expect(404);
    relay.get("/health").await.expect(200);
    relay.get("/v1/events").await.expect(200);
}

#[tokio::test]
async fn below_a_base_path_a_page_loads_its_files_from_there() {
    let mut based = Relay::start().await;
    let clients = based.aws.clients();
    based.router = router(parts::control(&based.aws, &clients, "https://api.example.com/hooks"));
    let plain = String::from_utf8(built("index.html")).expect("text");
    let wanted = plain.replace("\"/assets/", "\"/hooks/assets/");
    assert_ne!(plain, wanted, "the page loads something");
    for path in ["/hooks", "/hooks/", "/hooks/events/evt_1", "/events"] {
        let (status, headers, body) =
            based.browse(Method::GET, path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(
            (status.as_u16(), String::from_utf8(body).expect("text")),
            (200, wanted.clone())
        );
        assert!(!headers.contains_key("content-encoding"), "{path}");
    }
    let asset = format!("/hooks{}", files()[0].0);
    assert_eq!(based.browse(Method::GET, &asset, &[]).await.0.as_u16(), 200);
}

#[test]
fn the_table_of_assets_is_the_list_that_the_build_of_the_pages_wrote() {
    let listed: BTreeSet<String> = files().into_iter().map(|(path, _)| path).collect();
    let served: BTreeSet<String> = crate::page::asset_paths().map(str::to_owned).collect();
    assert_eq!(served, listed, "`node web/build.mjs` builds the pages anew");
}
