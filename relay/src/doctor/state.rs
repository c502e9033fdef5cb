//! The state of the relay in words: the sweep, queues, what waits, silent sources, troubles and alarms, as
//! `GET /v1/status` has them.

use std::time::Duration;

use domain::time::Timestamp;
use serde_json::Value;

use super::findings::{Findings, ago, counted, plain, span};

/// Time without a round after which the sweep is taken to stand still. It runs every minute.
const SWEEP_LATE: Duration = Duration::from_secs(300);
/// Alarms and sources that are named; the others are counted.
const NAMED: usize = 5;

/// Tells the state of the relay. `answer` is the answer of `GET /v1/status`.
pub(super) fn told(answer: &Value, findings: &mut Findings) {
    let now = answer["now"].as_str().and_then(Timestamp::parse_rfc3339).unwrap_or_default();
    sweep(&answer["sweep"], findings, now);
    queues(&answer["queues"], findings);
    oldest(answer, findings, now);
    silent(&answer["silent_sources"], findings, now);
    troubles(&answer["troubles"], findings, now);
    alarms(&answer["alarms"], findings, now);
}

fn sweep(sweep: &Value, findings: &mut Findings, now: Timestamp) {
    let Some(at) = sweep["last_round_at"].as_str().and_then(Timestamp::parse_rfc3339) else {
        return findings.warn("sweep", "has made no round yet; it is called every minute");
    };
    let took = sweep["took_ms"].as_u64().unwrap_or_default();
    let text = format!("last round {} ago, in {took} ms", span(now.since(at)));
    match SWEEP_LATE < now.since(at) {
        true => findings.fail(
            "sweep",
            format!("{text}; late retries are not made: see its schedule and its log"),
        ),
        false => findings.pass("sweep", text),
    }
}

/// One line for the queues. What lies on a dead-letter queue of updates stays there, and says that some
/// could not be worked on; the other dead-letter queues are read by a function.
fn queues(queues: &Value, findings: &mut Findings) {
    let Some(queues) = queues.as_array() else { return };
    let (mut parts, mut silent, mut dead) = (Vec::new(), Vec::new(), 0);
    for queue in queues {
        let name = plain(queue["name"].as_str().unwrap_or("?"));
        let Some(waiting) = queue["waiting"].as_u64() else {
            silent.push(name);
            continue;
        };
        if name == "live-dead-letters" {
            dead = waiting;
        }
        let (flight, delayed) = (queue["in_flight"].as_u64(), queue["delayed"].as_u64());
        let more = [(flight, "in flight"), (delayed, "delayed")].into_iter();
        let more: Vec<String> = more
            .filter_map(|(count, what)| Some(format!("{} {what}", count.filter(|n| 0 < *n)?)))
            .collect();
        if 0 < waiting || !more.is_empty() {
            let more =
                if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
            parts.push(format!("{name} {waiting}{more}"));
        }
    }
    let held = if parts.is_empty() { "all empty".to_owned() } else { parts.join(", ") };
    match dead {
        0 => findings.pass("queues", held),
        _ => findings.warn(
            "queues",
            format!(
                "{held}; live updates failed: see the log of live, then purge live-dead-letters"
            ),
        ),
    }
    if !silent.is_empty() {
        let names = silent.join(", ");
        findings.warn("queues", format!("{names}: SQS does not say what they hold"));
    }
}

fn oldest(answer: &Value, findings: &mut Findings, now: Timestamp) {
    let oldest = &answer["oldest_waiting"];
    let Some(since) = oldest["since"].as_str().and_then(Timestamp::parse_rfc3339) else {
        return findings.pass("oldest waiting", "no delivery waits");
    };
    let pending = &answer["pending"];
    let more = if pending["complete"] == false { "at least " } else { "" };
    let count = counted_deliveries(pending["count"].as_u64().unwrap_or(1));
    let id = |name: &str| plain(oldest[name].as_str().unwrap_or("?"));
    findings.pass(
        "oldest waiting",
        format!(
            "{more}{count} to be attempted; the oldest for {}: {} of {} to {}",
            span(now.since(since)),
            id("delivery_id"),
            id("event_id"),
            id("endpoint_id")
        ),
    );
}

fn counted_deliveries(count: u64) -> String {
    match count {
        1 => "1 delivery".to_owned(),
        _ => format!("{count} deliveries"),
    }
}

fn silent(sources: &Value, findings: &mut Findings, now: Timestamp) {
    let sources = sources.as_array().cloned().unwrap_or_default();
    for source in sources.iter().take(NAMED) {
        let name = plain(source["name"].as_str().unwrap_or("?"));
        let gap = Duration::from_secs(source["usual_gap_s"].as_u64().unwrap_or_default());
        let last = ago(source["last_accepted_at"].as_str(), now);
        let text = format!("{name} sent last {last}, usually every {}", span(gap));
        findings.warn("silent source", text);
    }
    if NAMED < sources.len() {
        let more = counted((sources.len() - NAMED) as u64, "more source");
        findings.warn("silent source", format!("and {more}; see `GET /v1/status`"));
    }
}

fn troubles(troubles: &Value, findings: &mut Findings, now: Timestamp) {
    for trouble in troubles.as_array().into_iter().flatten() {
        let since = trouble["since"].as_str().and_then(Timestamp::parse_rfc3339);
        let long = since.map(|since| format!("for {}: ", span(now.since(since))));
        let text = plain(trouble["text"].as_str().unwrap_or("?"));
        findings.fail("trouble", format!("{}{text}", long.unwrap_or_default()));
    }
}

fn alarms(alarms: &Value, findings: &mut Findings, now: Timestamp) {
    let Some(alarms) = alarms.as_array() else { return };
    let (on, over): (Vec<&Value>, Vec<&Value>) =
        alarms.iter().partition(|alarm| alarm["state"] == "alarm");
    for alarm in on.iter().take(NAMED) {
        let name = plain(alarm["name"].as_str().unwrap_or("?"));
        let since = alarm["since"].as_str().and_then(Timestamp::parse_rfc3339);
        let long = since.map(|since| format!(" for {}", span(now.since(since))));
        let why = alarm["reason"].as_str().map(|why| format!(": {}", plain(why)));
        let (long, why) = (long.unwrap_or_default(), why.unwrap_or_default());
        findings.fail("alarm", format!("{name} is on{long}{why}"));
    }
    if NAMED < on.len() {
        findings.fail("alarm", format!("and {}", counted((on.len() - NAMED) as u64, "more alarm")));
    }
    if on.is_empty() {
        let text = match over.len() as u64 {
            0 => "none is on, none was in the last day".to_owned(),
            count => format!("none is on, {} ended in the last day", counted(count, "alarm")),
        };
        findings.pass("alarms", text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(answer: Value) -> (String, bool) {
        let mut findings = Findings::default();
        told(&answer, &mut findings);
        (findings.text().to_owned(), findings.failed())
    }

    #[test]
    fn a_relay_at_rest_is_told_in_a_few_lines() {
        let answer = json!({ "now": "2026-11-27T12:00:00Z",
            "sweep": { "last_round_at": "2026-11-27T11:59:30Z", "took_ms": 41 },
            "queues": [{ "name": "inbox", "waiting": 0, "in_flight": 0, "delayed": 0 }],
            "pending": { "count": 0, "complete": true }, "oldest_waiting": null,
            "silent_sources": [], "alarms": [] });
        let want = "ok    sweep: last round 30 seconds ago, in 41 ms\n\
             ok    queues: all empty\n\
             ok    oldest waiting: no delivery waits\n\
             ok    alarms: none is on, none was in the last day\n";
        assert_eq!(text(answer), (want.to_owned(), false));
    }

    #[test]
    fn trouble_is_named() {
        let answer = json!({ "now": "2026-11-27T12:00:00Z",
            "sweep": { "last_round_at": "2026-11-27T11:00:00Z", "took_ms": 41 },
            "queues": [
                { "name": "inbox", "waiting": null, "in_flight": null, "delayed": null },
                { "name": "outbox", "waiting": 7, "in_flight": 2, "delayed": 0 },
                { "name": "live-dead-letters", "waiting": 1, "in_flight": 0, "delayed": 0 } ],
            "pending": { "count": 800, "complete": false },
            "oldest_waiting": { "delivery_id": "dlv_1", "event_id": "evt_1", "endpoint_id": "ep_1",
                "application": "app_1", "since": "2026-11-26T12:00:00Z" },
            "silent_sources": [{ "name": "stripe", "application": "app_1",
                "last_accepted_at": "2026-11-27T10:00:00Z", "usual_gap_s": 120 }],
            "troubles": [{ "kind": "outbox_stuck", "since": "2026-11-27T11:40:00Z",
                "text": "Deliveries are not being made." }],
            "alarms": [{ "name": "RefusalsAlarm", "state": "alarm", "since": "2026-11-27T11:30:00Z",
                "reason": "Threshold\u{1b}[1m Crossed" }, { "name": "OutboxStuckAlarm", "state": "ok",
                "since": "2026-11-27T11:00:00Z", "reason": null }] });
        let want = "FAIL  sweep: last round 1 hour ago, in 41 ms; late retries are not made: see its schedule and its log\n\
             look  queues: outbox 7 (2 in flight), live-dead-letters 1; live updates failed: see the log of live, then purge live-dead-letters\n\
             look  queues: inbox: SQS does not say what they hold\n\
             ok    oldest waiting: at least 800 deliveries to be attempted; the oldest for 24 hours: dlv_1 of evt_1 to ep_1\n\
             look  silent source: stripe sent last 2 hours ago, usually every 2 minutes\n\
             FAIL  trouble: for 20 minutes: Deliveries are not being made.\n\
             FAIL  alarm: RefusalsAlarm is on for 30 minutes: Threshold[1m Crossed\n";
        assert_eq!(text(answer), (want.to_owned(), true));
    }

    #[test]
    fn a_key_of_one_application_is_told_nothing_of_queues_and_alarms() {
        let answer = json!({ "now": "2026-11-27T12:00:00Z", "sweep": { "last_round_at": null },
            "queues": null, "alarms": null, "pending": { "count": 0, "complete": true },
            "oldest_waiting": null, "silent_sources": [] });
        let want = "look  sweep: has made no round yet; it is called every minute\n\
             ok    oldest waiting: no delivery waits\n";
        assert_eq!(text(answer), (want.to_owned(), false));
    }
}
