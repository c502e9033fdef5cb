//! Every route by every caller, against the things of `acme`.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::setting::Setting;
use crate::tidy::{read, root};

/// A route that needs a caller, and who may call it.
struct Route {
    method: Method,
    path: String,
    /// 0 to 2: `read`, `publish`, `admin`.
    scope: usize,
    /// `closed`, `every portal`, or the capability that opens the route.
    portal: String,
    /// Whether it has a parameter `application`.
    names_application: bool,
}

/// What has to become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// 401: nobody who is known.
    Unknown,
    /// 403: not a right of the caller.
    Forbidden,
    /// 404: not the caller's, which is as if it were not there; or 403, where no tenant may call.
    Hidden,
    /// Anything of the caller's own.
    Own,
    /// The thing is reached.
    Reached,
}

/// The scopes, least first.
const SCOPES: [&str; 3] = ["read", "publish", "admin"];

/// Routes that tenants may not call whatever their scope is: the thing belongs to all.
const OF_ALL: [&str; 11] = [
    "POST /api/v1/app",
    "DELETE /api/v1/event-type/{name}",
    "PATCH /api/v1/event-type/{name}",
    "POST /api/v1/event-type",
    "POST /api/v1/event-type/import/openapi",
    "PUT /api/v1/event-type/{name}",
    "GET /v1/keys",
    "POST /v1/keys",
    "DELETE /v1/keys/{id}",
    "PUT /v1/sources/{name}",
    "POST /api/v3/webhooks/configure",
];

/// Routes of which a tenant may find nothing, although they are open to it: its key has no session, or it
/// has just ended its session or its call.
const OF_NOTHING: [&str; 4] = [
    "POST /api/v1/auth/logout",
    "GET /v1/sessions/current",
    "DELETE /v1/sessions/current",
    "POST /api/v3/webhooks/executions/{call_id}/cancel",
];

/// The lines of a list beside the API's code, by method and path.
fn listed(file: &str, width: usize) -> BTreeMap<String, String> {
    let text = read(&root().join("functions/api/src/tests/document").join(file));
    let line = |line: &str| {
        let (access, rest) = line.split_at(width);
        let operation = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        (operation, access.trim().to_owned())
    };
    text.lines().map(line).collect()
}

/// Every route of the document that needs a caller.
fn routes() -> Vec<Route> {
    let document: Value =
        serde_json::from_str(&read(&root().join("openapi.json"))).expect("a document");
    let (scopes, portals) = (listed("scopes.txt", 7), listed("portals.txt", 20));
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, described) in item.as_object().expect("operations") {
            if described["security"] == json!([{}]) {
                continue;
            }
            let method = method.to_uppercase();
            let operation = format!("{method} {path}");
            let of = |list: &BTreeMap<String, String>, file: &str| {
                let stated = list.get(&operation);
                stated.unwrap_or_else(|| panic!("{operation} is not in {file}")).clone()
            };
            let scope = of(&scopes, "scopes.txt");
            let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
            routes.push(Route {
                method: Method::from_bytes(method.as_bytes()).expect("a method"),
                path: path.clone(),
                scope: SCOPES.iter().position(|one| *one == scope).expect("a scope"),
                portal: of(&portals, "portals.txt"),
                names_application: parameters
                    .iter()
                    .any(|it| it["in"] == "query" && it["name"] == "application"),
            });
        }
    }
    // What removes things comes last, the deepest first; what ends sessions at the very end.
    routes.sort_by_key(|route| {
        let ends = route.path.contains("/sessions/current") || route.path.ends_with("/logout");
        let last = route.method == Method::DELETE || route.path.ends_with("expire-all");
        let depth = usize::MAX - route.path.len();
        (ends && route.method != Method::GET, last, if last { depth } else { 0 })
    });
    routes
}

impl Route {
    fn operation(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with things of `acme` in it.
    fn filled(&self, setting: &Setting) -> String {
        let thing = |name: &str| setting.things.get(name).unwrap_or_else(|| panic!("no {name}"));
        let family = self.path.split('/').nth(2).unwrap_or_default();
        let of_id = match family {
            "batches" => "batch",
            "events" => "event",
            "jobs" => "job",
            "keys" => "key",
            "tasks" | "v1" => "task",
            "webhooks" => "letter",
            "endpoints" => "endpoint",
            other => other,
        };
        let part = |part: &str| match part {
            "{id}" if self.path.contains("/background-task/") => thing("recovery").clone(),
            "{id}" => thing(of_id).clone(),
            "{name}" if family == "v1" => thing("type").clone(),
            "{name}" => thing("source").clone(),
            "{call_id}" => "j1".to_owned(),
            "{job_id}" => "job-j1".to_owned(),
            name if name.starts_with('{') => thing(name.trim_matches(['{', '}'])).clone(),
            plain => plain.to_owned(),
        };
        let path = self.path.split('/').map(part).collect::<Vec<_>>().join("/");
        match self.names_application {
            true => format!("{path}?application=acme"),
            false => path,
        }
    }

    /// Whether the filled route is about something of `acme`, and not of its caller or of all.
    fn is_of_acme(&self) -> bool {
        let operation = self.operation();
        let named = self.path.contains('{') && !self.path.contains("/event-type/");
        // That a job has no webhook is answered of those that are not there too.
        let named = named && self.path != "/job/{job_id}/webhook";
        let body = ["/v1/batches", "/v1/listeners", "/v1/live/tokens"];
        let by_body = self.method != Method::GET
            && (body.contains(&self.path.as_str())
                || operation.contains("dead-letter/redrive")
                || operation.contains("dead-letter/delete"));
        named || self.names_application || by_body
    }

    /// A body that the route takes, about something of `acme`.
    fn body(&self, setting: &Setting) -> Value {
        let url = setting.receiver.url("/new");
        let since = json!({ "since": "2026-01-01T00:00:00Z" });
        match (self.method.as_str(), self.path.as_str()) {
            ("GET" | "DELETE", _) => Value::Null,
            (_, path) if path.contains("/recover") || path.ends_with("/replay-missing") => since,
            (_, path) if path.ends_with("/bulk-replay") => since,
            (_, path) if path.ends_with("/headers") => json!({ "headers": {} }),
            (_, path) if path.ends_with("/send-example") => json!({ "eventType": "order.paid" }),
            ("POST", "/api/v1/app/{app}/msg") => json!({ "eventType": "a.b", "payload": {} }),
            (_, path) if path.ends_with("/precheck/active") => json!({ "eventType": "a.b" }),
            (_, path) if path.ends_with("/bulk-expunge") => {
                json!({ "ids": [setting.things["msg"]] })
            }
            ("POST" | "PUT", path) if path.contains("/endpoint") && path.starts_with("/api") => {
                json!({ "url": url })
            }
            ("PUT", "/api/v1/app/{app}") => json!({ "name": "acme", "uid": "acme" }),
            (_, "/api/v1/app") => json!({ "name": "new", "uid": "new" }),
            (_, "/api/v1/event-type") => json!({ "name": "new", "description": "" }),
            (_, path) if path.contains("/webhook-secret") => {
                json!({ "secret": "0123456789abcdef0123456789abcdef" })
            }
            (_, path)
                if path.contains("dead-letter/redrive") || path.ends_with("letter/delete") =>
            {
                json!({ "filter": { "application": "acme" } })
            }
            (_, path) if path.ends_with("/logs") => json!({ "first_seq": 9, "lines": ["x"] }),
            ("POST", "/v1/jobs") => json!({ "external_id": "j2", "source": "modal" }),
            ("PUT", "/v1/jobs/{id}") => json!({ "source": "modal" }),
            ("POST", "/v1/batches") => json!({ "external_id": "b2", "application": "acme" }),
            ("PUT", path) if path.contains("/listeners/") => {
                json!({ "application": "acme", "events": ["nothing"] })
            }
            (_, "/v1/live/tokens") => json!({ "project": "p", "application": "acme" }),
            ("POST", "/v1/keys") => json!({ "name": "n", "scope": "read" }),
            ("PUT", path) if path.contains("/sources/") => json!({ "profile": "modal-omtx" }),
            (_, path) if path.ends_with("/inject") => {
                json!({ "call_id": "j1", "status": "success" })
            }
            _ => json!({}),
        }
    }

    /// What has to become of the route when this caller calls it.
    fn expected(&self, caller: &str) -> Expected {
        let is_of_globex = caller.ends_with("of globex");
        let beyond =
            if is_of_globex && self.is_of_acme() { Expected::Hidden } else { Expected::Own };
        if let Some((scope, _)) = caller.split_once(" key of ") {
            let scope = SCOPES.iter().position(|one| *one == scope).expect("a scope");
            return match (scope < self.scope, is_of_globex) {
                (true, _) => Expected::Forbidden,
                (false, true) => beyond,
                (false, false) => Expected::Reached,
            };
        }
        match caller {
            "portal of acme" | "read-only portal of acme" | "portal of globex" => {
                let looks = caller.starts_with("read-only");
                match self.portal.as_str() {
                    "closed" => Expected::Forbidden,
                    "ViewBase" | "every portal" if looks => Expected::Reached,
                    _ if looks => Expected::Forbidden,
                    _ if is_of_globex => beyond,
                    _ => Expected::Reached,
                }
            }
            _ => Expected::Unknown,
        }
    }
}

/// Whether an answer is what it has to be; else why not.
fn judge(
    expected: Expected,
    operation: &str,
    (status, text): &(u16, String),
    needles: &[String],
) -> Result<(), String> {
    let is_lenient = OF_ALL.contains(&operation) || OF_NOTHING.contains(&operation);
    let fits = match expected {
        Expected::Unknown => *status == 401,
        Expected::Forbidden => *status == 403,
        Expected::Hidden => matches!(status, 403 | 404),
        Expected::Own | Expected::Reached if is_lenient => *status < 500,
        Expected::Own => *status < 500 && *status != 401,
        Expected::Reached => !matches!(status, 401 | 403 | 404 | 405 | 500..),
    };
    if !fits {
        return Err(format!("{expected:?}, but {status} {text}"));
    }
    let told = needles.iter().find(|needle| text.contains(needle.as_str()));
    match told.filter(|_| expected != Expected::Reached) {
        None => Ok(()),
        Some(needle) => Err(format!("{expected:?}, and {needle} is told: {status} {text}")),
    }
}

/// Calls every route as each of these callers. Returns the number of cases, and those that are wrong.
async fn play(setting: &Setting, callers: &[&str]) -> (usize, Vec<String>) {
    let (mut cases, mut wrong, needles) = (0, Vec::new(), setting.needles());
    let mut before = setting.possessions().await;
    for route in routes() {
        let (path, body) = (route.filled(setting), route.body(setting));
        let operation = route.operation();
        let mut may_change = false;
        for caller in callers {
            let expected = route.expected(caller);
            let token = setting.callers.get(caller).map(String::as_str);
            assert!(token.is_some() || *caller == "nobody", "{caller}");
            let answer = setting.ask(token, route.method.clone(), &path, &body).await;
            cases += 1;
            may_change |= expected == Expected::Reached;
            if let Err(why) = judge(expected, &operation, &answer, &needles) {
                wrong.push(format!("{caller}: {operation}: {why}"));
            }
        }
        let after = setting.possessions().await;
        if !may_change && after != before {
            let changed = after.iter().filter(|(place, item)| before.get(*place) != Some(item));
            let places: Vec<_> = changed.map(|(place, _)| place).collect();
            wrong.push(format!("{operation} by one of {callers:?}: changed {places:?}"));
        }
        before = after;
    }
    (cases, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the count is the result")]
async fn nobody_reaches_what_is_another_tenants_by_any_route() {
    let setting = Setting::start().await;
    let strangers = [
        "nobody",
        "revoked key",
        "portal of a revoked key",
        "portal that was ended",
        "portal that expired",
        "portal of globex",
        "read key of globex",
        "publish key of globex",
        "admin key of globex",
    ];
    let (cases, wrong) = play(&setting, &strangers).await;
    println!("tenancy: {} of {cases} calls of strangers are right", cases - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(900 < cases, "{cases}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the count is the result")]
async fn a_tenant_reaches_its_own_as_far_as_its_right_goes() {
    let (mut all, mut bad) = (0, Vec::new());
    // Each removes what the next one is to reach.
    for caller in [
        "portal of acme",
        "read-only portal of acme",
        "read key of acme",
        "publish key of acme",
        "admin key of acme",
    ] {
        let setting = Setting::start().await;
        let (cases, wrong) = play(&setting, &[caller]).await;
        all += cases;
        bad.extend(wrong);
    }
    println!("tenancy: {} of {all} calls of the tenant are right", all - bad.len());
    assert!(bad.is_empty(), "{bad:#?}");
}
