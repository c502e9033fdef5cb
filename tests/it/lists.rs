//! Every list with many rows. One request reads a bounded part, whatever lies behind it; the parts together
//! hold every row once; and a list goes on though the row that its iterator names is gone.

pub(crate) mod rows;

use std::{collections::BTreeSet, time::Duration};

use axum::http::Method;
use serde_json::Value;
use tests::{cloud::Cloud, faults::Faults, sizes::size};

use self::rows::{APPLICATION, Rows};

/// Rows of each list: `LIST_ROWS`, or 600, which take some seconds.
fn many() -> usize {
    size("LIST_ROWS", 600)
}

/// Most calls of AWS that one request of a list of 20 rows makes: with each row of a list of endpoints or
/// events, its deliveries are read.
const MAX_CALLS: usize = 60;
/// Most bytes that one request of a list of 20 rows reads: what 600 rows of any list exceed.
const MAX_BYTES: u64 = 200_000;

/// A list, and the field of its entries that names one.
pub(crate) struct ListRoute {
    /// Path in the document.
    pub(crate) route: &'static str,
    /// Query of each request, behind `limit`.
    pub(crate) query: &'static str,
    id: &'static str,
    /// Number of rows.
    count: fn(&Rows) -> usize,
    /// Most bytes that a request of 20 rows reads.
    bytes: u64,
}

const fn list(route: &'static str, id: &'static str, count: fn(&Rows) -> usize) -> ListRoute {
    ListRoute { route, query: "", id, count, bytes: MAX_BYTES }
}

pub(crate) const LISTS: &[ListRoute] = &[
    list("/api/v1/app", "id", |rows| rows.applications),
    list("/api/v1/app/{app}/attempt/endpoint/{endpoint}", "id", |rows| rows.each),
    list("/api/v1/app/{app}/endpoint", "id", |rows| rows.endpoints_of_one),
    list("/api/v1/app/{app}/endpoint/{endpoint}/msg", "id", |rows| rows.each),
    list("/api/v1/app/{app}/msg", "id", |rows| rows.each),
    list("/api/v1/background-task", "id", |rows| rows.each),
    list("/api/v1/event-type", "name", |rows| rows.each),
    list("/v1/batches", "id", |rows| rows.each),
    // With 1000 letters, and 100 deliveries to each endpoint.
    ListRoute { bytes: 4_000_000, ..list("/v1/endpoints", "id", |rows| rows.endpoints) },
    // Without an application, the lists of all are read.
    ListRoute { query: "&application=acme", ..list("/v1/events", "id", |rows| rows.each) },
    list("/v1/jobs", "id", |rows| rows.each),
    list("/v1/keys", "id", |rows| rows.each),
    // The source of the cloud is one more.
    list("/v1/sources", "name", |rows| rows.each + 1),
    list("/v1/tasks", "id", |rows| rows.each),
    list("/v1/webhooks/dead-letter", "id", |rows| rows.each),
];

/// Lists that are bounded by themselves or have their own tests of the same.
const OTHERS: [&str; 6] = [
    // Sorted in memory: a delivery for each endpoint of the application, and 64 attempts with each.
    "/api/v1/app/{app}/attempt/msg/{msg}",
    "/api/v1/app/{app}/msg/{msg}/endpoint",
    // `tests/it/batches.rs`.
    "/v1/batches/{id}/errors",
    "/v1/batches/{id}/results",
    // The same walk as the list of jobs has.
    "/v1/listeners",
    // Lines of JSON; the same walk as the list of letters has behind an iterator.
    "/v1/webhooks/dead-letter/export",
];

/// Lists without an iterator: their answers are bounded by themselves.
const UNPAGED: [&str; 4] = [
    // At most 20 samples of a source, and counts of at most 7 days.
    "/v1/refusals",
    "/v1/sources/{name}/refusals",
    // At most 5 bodies of an event.
    "/v1/events/{id}/conflicts",
    // One entry for each profile that is built in.
    "/v1/profiles",
];

/// The path of a list of these rows.
pub(crate) fn path(rows: &Rows, route: &str) -> String {
    route.replace("{app}", APPLICATION).replace("{endpoint}", rows.endpoint.as_str())
}

/// A part of a list, with the calls of AWS and the bytes that it cost.
async fn part(cloud: &Cloud, path: &str) -> (Value, usize, u64) {
    let before = (cloud.faults.calls().len(), cloud.faults.received());
    let (status, answer) = cloud.call(Method::GET, path, None).await;
    assert_eq!(status.as_u16(), 200, "{path}: {answer}");
    let after = (cloud.faults.calls().len(), cloud.faults.received());
    (answer, after.0 - before.0, after.1 - before.1)
}

fn ids(answer: &Value, id: &str) -> Vec<String> {
    let data = answer["data"].as_array().expect("a list");
    data.iter().map(|entry| entry[id].to_string()).collect()
}

#[test]
fn every_list_of_the_document_is_among_these() {
    let document = serde_json::to_value(api::openapi()).expect("serialises");
    let mut listed = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let operation = item["get"]["operationId"].as_str().unwrap_or_default();
        let has_iterator = parameters.iter().any(|one| one["name"] == "iterator");
        let is_list = operation.starts_with("list_") && !UNPAGED.contains(&path.as_str());
        if has_iterator || is_list {
            assert!(has_iterator, "{path} is read in one part");
            assert!(parameters.iter().any(|one| one["name"] == "limit"), "{path} has no limit");
            listed.insert(path.as_str());
        }
    }
    let known: BTreeSet<_> = LISTS.iter().map(|list| list.route).chain(OTHERS).collect();
    assert_eq!(listed, known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_list_costs_the_same_however_many_rows_there_are() {
    let cloud = Cloud::start(Faults::default()).await;
    let rows = Rows::fill(&cloud, many()).await;
    for list in LISTS {
        let path = path(&rows, list.route);
        let (first, calls, bytes) = part(&cloud, &format!("{path}?limit=20{}", list.query)).await;
        let done = first["done"].as_bool().unwrap_or(first["has_more"] == false);
        assert_eq!((ids(&first, list.id).len(), done), (20, false), "{path}");
        assert!(calls <= MAX_CALLS && bytes <= list.bytes, "{path}: {calls} calls, {bytes} bytes");
    }
}

/// The rows of a list, read in parts to its end.
async fn whole(cloud: &Cloud, rows: &Rows, list: &ListRoute) -> Vec<String> {
    let path = path(rows, list.route);
    let (mut seen, mut at) = (Vec::new(), String::new());
    loop {
        let (answer, ..) = part(cloud, &format!("{path}?limit=90{}{at}", list.query)).await;
        seen.extend(ids(&answer, list.id));
        let done = answer["done"].as_bool().unwrap_or(answer["has_more"] == false);
        if done {
            return seen;
        }
        let iterator = answer["iterator"].as_str().expect("a way on");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        assert!(iterator.bytes().all(plain), "{path}: {iterator}");
        at = format!("&iterator={iterator}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_whose_index_lags_is_complete_once_the_lag_is_over() {
    let cloud = Cloud::start(Faults::default()).await;
    let lag = Duration::from_secs(5);
    cloud.aws.lag_indexes(Duration::ZERO..=lag).expect("lags");
    let rows = Rows::fill(&cloud, many().min(200)).await;
    let mut lagged = 0;
    for is_over in [false, true] {
        for list in LISTS {
            let (seen, count) = (whole(&cloud, &rows, list).await, (list.count)(&rows));
            let distinct: BTreeSet<_> = seen.iter().collect();
            assert_eq!(distinct.len(), seen.len(), "{}: a row twice", list.route);
            assert!(!is_over || seen.len() == count, "{}: {} of {count}", list.route, seen.len());
            lagged += usize::from(seen.len() < count);
        }
        cloud.pass(lag);
    }
    assert_ne!(lagged, 0, "some list shows a lag");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_of_a_list_hold_every_row_once() {
    let cloud = Cloud::start(Faults::default()).await;
    let rows = Rows::fill(&cloud, many().min(300)).await;
    for list in LISTS {
        let seen = whole(&cloud, &rows, list).await;
        let path = list.route;
        assert_eq!(seen.len(), (list.count)(&rows), "{path}");
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_goes_on_behind_a_row_that_is_gone() {
    let cloud = Cloud::start(Faults::default()).await;
    let rows = Rows::fill(&cloud, 40).await;
    // Those whose rows a request removes.
    for (route, id, gone) in [
        ("/api/v1/app", "id", "/api/v1/app/{}"),
        ("/v1/endpoints", "id", "/api/v1/app/acme/endpoint/{}"),
        ("/api/v1/app/{app}/endpoint", "id", "/api/v1/app/acme/endpoint/{}"),
        ("/api/v1/event-type", "name", "/api/v1/event-type/{}?expunge=true"),
        ("/v1/keys", "id", "/v1/keys/{}"),
        ("/v1/sources", "name", "/v1/sources/{}"),
        ("/v1/webhooks/dead-letter", "id", "/v1/webhooks/dead-letter/{}"),
    ] {
        let path = path(&rows, route);
        let (first, ..) = part(&cloud, &format!("{path}?limit=10")).await;
        let (second, ..) = {
            let iterator = first["iterator"].as_str().expect("more");
            part(&cloud, &format!("{path}?limit=5&iterator={iterator}")).await
        };
        let last = first["data"][9][id].to_string();
        let (status, answer) =
            cloud.call(Method::DELETE, &gone.replace("{}", last.trim_matches('"')), None).await;
        let kept = status.as_u16() == 409 || status.as_u16() == 404;
        assert!(status.is_success() || kept, "{path}: {status} {answer}");
        let iterator = first["iterator"].as_str().expect("more");
        let (again, ..) = part(&cloud, &format!("{path}?limit=5&iterator={iterator}")).await;
        assert_eq!(ids(&again, id), ids(&second, id), "{path}");
        assert!(!kept, "{path}: nothing was removed: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_finds_nothing_ends_a_part_and_says_what_it_read() {
    let cloud = Cloud::start(Faults::default()).await;
    let rows = Rows::fill(&cloud, 2100).await;
    for (list, query) in [
        ("/v1/events", "application=acme&has=conflict"),
        ("/v1/events", "application=acme&type=nothing.*"),
        ("/v1/events", "application=acme&state=dead"),
        ("/v1/jobs", "q=nothing"),
        ("/v1/tasks", "state=cancelled"),
        ("/v1/batches", "status=failed"),
    ] {
        let (mut scanned, mut at, mut parts) = (0, String::new(), 0);
        loop {
            let path = format!("{list}?limit=20&{query}{at}");
            let (answer, calls, _) = part(&cloud, &path).await;
            assert!(ids(&answer, "id").is_empty(), "{path}");
            let read = answer["scanned"].as_u64().expect("scanned");
            assert!((1..=2000).contains(&read), "{path}: {read}");
            assert!(calls <= 550, "{path}: {calls} calls");
            (scanned, parts) = (scanned + read, parts + 1);
            let Some(iterator) = answer["iterator"].as_str() else { break };
            at = format!("&iterator={iterator}");
        }
        assert!(1 < parts, "{list} {query}: read at once");
        assert_eq!(usize::try_from(scanned).expect("few"), rows.each, "{list} {query}");
    }
    let (status, answer) = cloud.call(Method::GET, "/v1/events", None).await;
    assert_eq!(status.as_u16(), 422, "the lists of 2100 applications cannot be merged: {answer}");
    assert!(answer["detail"].to_string().contains("application: must be named"), "{answer}");
}
