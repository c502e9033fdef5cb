//! The flow of events in words: figures of the last hour, endpoints in trouble, events that wait.

use domain::time::Timestamp;
use serde_json::Value;

use super::findings::{Findings, counted, plain, span};

/// Time after which a delivery that waits is worth a look.
const LONG: std::time::Duration = std::time::Duration::from_secs(300);

/// Tells the figures of the last hour. `answer` is the answer of `GET /v1/stats`.
pub(super) fn figures(answer: &Value, findings: &mut Findings) {
    let series = &answer["series"];
    let sum = |values: &Value| -> u64 {
        values.as_array().into_iter().flatten().filter_map(Value::as_u64).sum()
    };
    let failed: u64 =
        series["failed"].as_object().into_iter().flatten().map(|(_, values)| sum(values)).sum();
    let count = |name: &str| sum(&series[name]);
    let mut text = format!(
        "in the last hour {} received, {} delivered, {failed} of {} failed, {} became dead letters",
        counted(count("received"), "request"),
        count("delivered"),
        counted(count("attempts"), "attempt"),
        count("parked"),
    );
    let slowest = answer["first_attempt_ms"]["p95"].as_array().into_iter().flatten();
    if let Some(slowest) = slowest.filter_map(Value::as_f64).reduce(f64::max) {
        text += &format!(
            "; from receipt to the first attempt at most {slowest:.0} ms (p95 of the slowest interval)"
        );
    }
    match count("parked") {
        0 => findings.pass("traffic", text),
        _ => findings
            .warn("traffic", format!("{text}; `GET /v1/webhooks/dead-letter` lists dead letters")),
    }
}

/// Tells which endpoints are in trouble. `answer` is the answer of `GET /v1/endpoints`.
pub(super) fn endpoints(answer: &Value, findings: &mut Findings, now: Timestamp) {
    let list = answer["data"].as_array().cloned().unwrap_or_default();
    let mut well = 0;
    for endpoint in &list {
        let name = plain(endpoint["id"].as_str().unwrap_or("?"));
        let state = endpoint["health"]["state"].as_str().unwrap_or_default();
        let letters = endpoint["letters_waiting"].as_u64().unwrap_or_default();
        let disabled =
            endpoint["disabled"].as_bool() == Some(true) || endpoint["disabled"].is_string();
        let is_well = matches!(state, "" | "healthy" | "ok" | "closed");
        if is_well && letters == 0 && !disabled {
            well += 1;
            continue;
        }
        let mut faults = Vec::new();
        if disabled {
            faults.push("is disabled".to_owned());
        } else if !is_well {
            let since = endpoint["health"]["since"].as_str().and_then(Timestamp::parse_rfc3339);
            let long = since.map(|since| format!(" for {}", span(now.since(since))));
            let last = &endpoint["last_attempt"];
            let status = last["status"].as_u64().map(|status| status.to_string());
            let class = last["error_class"].as_str().map(plain);
            let why = status.or(class).map(|why| format!(", the last attempt ended with {why}"));
            let (long, why) = (long.unwrap_or_default(), why.unwrap_or_default());
            faults.push(format!("has been {}{long}{why}", plain(state)));
        }
        if 0 < letters {
            faults.push(format!("has {}", counted(letters, "dead letter")));
        }
        findings.warn("endpoint", format!("{name} {}", faults.join(" and ")));
    }
    match list.len() {
        0 => findings.warn("endpoints", "there is none, so that events are delivered to nobody"),
        _ if answer["done"] == false => {
            findings.pass("endpoints", format!("{well} of the first {} are well", list.len()));
        }
        all => findings.pass("endpoints", format!("{well} of {all} are well")),
    }
}

/// Tells whether deliveries wait for long. `answer` is the answer of `GET /v1/events?state=pending` for
/// events that were received before a while.
pub(super) fn waiting(answer: &Value, findings: &mut Findings, now: Timestamp) {
    let events = answer["data"].as_array().cloned().unwrap_or_default();
    let at = |event: &Value| {
        let text = event["created_at"].as_str().or(event["received_at"].as_str());
        text.and_then(Timestamp::parse_rfc3339)
    };
    let oldest = events.iter().filter_map(|event| Some((at(event)?, event))).min_by_key(|it| it.0);
    match oldest {
        None if answer["done"] == false => findings.pass(
            "waiting",
            format!("none among the newest events waits for more than {}", span(LONG)),
        ),
        None => findings.pass("waiting", format!("no delivery for more than {}", span(LONG))),
        Some((at, event)) => {
            let id = plain(event["id"].as_str().unwrap_or("?"));
            let more = if answer["done"] == false { "at least " } else { "" };
            let waits = if events.len() == 1 { "waits" } else { "wait" };
            findings.warn(
                "waiting",
                format!(
                    "{more}{} {waits} for more than {}; the oldest that was seen came {} ago ({id})",
                    counted(events.len() as u64, "event"),
                    span(LONG),
                    span(now.since(at))
                ),
            );
        }
    }
}

/// The time before which an event must have come to be told as waiting.
pub(super) fn waiting_since(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(u64::try_from(LONG.as_millis()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339("2026-11-27T12:00:00Z").expect("a time")
    }

    fn text(check: impl FnOnce(&mut Findings)) -> String {
        let mut findings = Findings::default();
        check(&mut findings);
        assert!(!findings.failed());
        findings.text().to_owned()
    }

    #[test]
    fn figures_of_an_hour_are_told() {
        let answer = json!({ "series": {
            "received": [60, 60], "attempts": [70, 52], "delivered": [60, 60], "parked": [0, 0],
            "failed": { "status": [1, 0], "timeout": [0, 1] } },
            "first_attempt_ms": { "p95": [35.2, null, 20.0] } });
        assert_eq!(
            text(|findings| figures(&answer, findings)),
            "ok    traffic: in the last hour 120 requests received, 120 delivered, 2 of 122 attempts failed, 0 became dead \
             letters; from receipt to the first attempt at most 35 ms (p95 of the slowest interval)\n"
        );
        let parked = json!({ "series": { "received": [1], "attempts": [1], "parked": [1] } });
        let said = text(|findings| figures(&parked, findings));
        assert!(said.starts_with("look  traffic: in the last hour 1 request received"), "{said}");
    }

    #[test]
    fn endpoints_in_trouble_are_named() {
        let answer = json!({ "done": true, "data": [
            { "id": "ep_1", "disabled": false, "health": { "state": "healthy" }, "letters_waiting": 0 },
            { "id": "ep_2", "disabled": false, "health": { "state": "open", "since": "2026-11-27T11:00:00Z" },
              "letters_waiting": 3, "last_attempt": { "status": 503, "error_class": "status" } },
            { "id": "ep_3", "disabled": true, "letters_waiting": 1 },
        ] });
        assert_eq!(
            text(|findings| endpoints(&answer, findings, now())),
            "look  endpoint: ep_2 has been open for 1 hour, the last attempt ended with 503 and has 3 dead letters\n\
             look  endpoint: ep_3 is disabled and has 1 dead letter\n\
             ok    endpoints: 1 of 3 are well\n"
        );
        let none = text(|findings| endpoints(&json!({ "data": [] }), findings, now()));
        assert!(none.contains("delivered to nobody"), "{none}");
    }

    #[test]
    fn the_oldest_that_waits_is_named() {
        let answer = json!({ "done": true, "data": [
            { "id": "evt_2", "created_at": "2026-11-27T11:40:00Z" },
            { "id": "evt_1", "created_at": "2026-11-27T09:00:00Z" } ] });
        assert_eq!(
            text(|findings| waiting(&answer, findings, now())),
            "look  waiting: 2 events wait for more than 5 minutes; the oldest that was seen came 3 hours ago (evt_1)\n"
        );
        let none = text(|findings| waiting(&json!({ "done": true, "data": [] }), findings, now()));
        assert_eq!(none, "ok    waiting: no delivery for more than 5 minutes\n");
        assert_eq!(waiting_since(now()).rfc3339(), "2026-11-27T11:55:00.000Z");
    }
}
