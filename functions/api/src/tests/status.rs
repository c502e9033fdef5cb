//! `/v1/status`, the last requests of a source, and when a key was used.

use adapters::table::SweepRound;
use domain::{
    alarm::{Alarm, AlarmState},
    figures::{Counter, Figures, FittedFigures, Hour, Minute, Subject},
    refusals::{RefusalBatch, RefusalPlace, RefusalReason, RefusalSample, RefusedRequest},
    time::Timestamp,
    trouble::{Trouble, Watch},
};

use super::*;

/// The present time: twenty minutes past an hour.
const NOW: Timestamp = Timestamp::from_secs(1_700_000_400);
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

impl Relay {
    fn before(&self, millis: u64) -> Timestamp {
        Timestamp(self.api.now().0 - millis)
    }

    async fn source_of(&self, name: &str) -> Source {
        self.api.table().source(name).await.expect("read").expect("there")
    }

    /// Counts accepted requests of a source in a minute, as `process` does.
    async fn accept(&self, source: &str, at: Timestamp, count: u64) {
        let source = self.source_of(source).await;
        let mut add = Figures::default();
        add.count_many(Counter::Received, Some(Subject::source(&source.id)), count);
        let fitted = FittedFigures { add, remove: Vec::new() };
        let table = self.api.table();
        table.add_figures(&source.application, Minute::of(at), 0, &fitted).await.expect("added");
    }

    /// Adds up hours of a source with so many requests each, counted back from the last one that is over.
    async fn add_up(&self, source: &str, hours: impl Iterator<Item = (u64, u64)>) {
        let source = self.source_of(source).await;
        let this = Hour::of(self.api.now()).0;
        let mut hours: Vec<_> = hours.map(|(ago, count)| (Hour(this - ago), count)).collect();
        hours.sort_unstable();
        let table = self.api.table();
        for (hour, count) in hours {
            let mut figures = Figures::default();
            figures.count_many(Counter::Received, Some(Subject::source(&source.id)), count);
            let known = table.figure_totals(&source.application).await.expect("read");
            let added = table.add_hour(&source.application, hour, &figures, known.as_ref()).await;
            assert_eq!(added.expect("added"), WriteOutcome::Done);
        }
    }

    async fn activity(&self, source: &str) -> Value {
        self.get(&format!("/v1/sources/{source}")).await.expect(200)["activity"].clone()
    }

    async fn silent(&self) -> Vec<String> {
        let status = self.get("/v1/status").await.expect(200);
        assert_eq!(status["silent_sources_complete"], true);
        let silent = status["silent_sources"].as_array().expect("a list").iter();
        silent.map(|source| source["name"].as_str().expect("a name").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_relay_at_rest_says_so() {
    let relay = Relay::timed(NOW).await;
    let status = relay.get("/v1/status").await.expect(200);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(Timestamp::parse_rfc3339(status["now"].as_str().expect("a time")).is_some());
    assert_eq!(status["sweep"], json!({ "last_round_at": null, "took_ms": null }));
    let names = ["inbox", "outbox", "dead-letters", "live", "live-dead-letters"];
    let queues =
        names.map(|name| json!({ "name": name, "waiting": 0, "in_flight": 0, "delayed": 0 }));
    assert_eq!(status["queues"], json!(queues));
    assert_eq!(status["pending"], json!({ "count": 0, "complete": true }));
    assert_eq!(status["oldest_waiting"], Value::Null);
    assert_eq!(status["letters"], json!({ "waiting": 0, "complete": true }));
    for of in ["silent_sources", "troubles", "alarms"] {
        assert_eq!(status[of], json!([]), "{of}");
    }
}

#[tokio::test]
async fn what_waits_is_counted_and_the_oldest_is_named_to_those_who_see_it() {
    let relay = Relay::timed(NOW).await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
        relay.endpoint(uid, "https://subscriber.example/").await;
    }
    let first = relay.message("one", "a.b", json!({})).await;
    relay.api.context().clock.advance(Duration::from_secs(1));
    let buried = relay.message("one", "a.b", json!({})).await;
    relay.bury(&buried).await;
    relay.message("two", "a.b", json!({})).await;
    relay.message("two", "a.b", json!({})).await;
    let round = SweepRound { at: relay.before(MINUTE), took: Duration::from_millis(120) };
    relay.api.table().note_sweep(round).await.expect("noted");
    let all = relay.get("/v1/status").await.expect(200);
    assert_eq!(all["pending"], json!({ "count": 3, "complete": true }));
    let [delivery] = &relay.deliveries(&first).await[..] else { panic!("one delivery") };
    let oldest = json!({
        "delivery_id": delivery.id.as_str(),
        "event_id": delivery.event.to_string(),
        "endpoint_id": delivery.endpoint.as_str(),
        "application": delivery.application.as_str(),
        "since": delivery.created_at.rfc3339(),
    });
    assert_eq!(all["oldest_waiting"], oldest);
    assert_eq!(all["letters"], json!({ "waiting": 1, "complete": true }));
    let sweep = json!({ "last_round_at": round.at.rfc3339(), "took_ms": 120 });
    assert_eq!(all["sweep"], sweep);
    let outbox = &all["queues"][1];
    assert_eq!((&outbox["name"], &outbox["waiting"]), (&json!("outbox"), &json!(4)), "{outbox}");
    let key = relay.key("read", Some("two")).await;
    let own = relay.ask(&key, Method::GET, "/v1/status", Body::empty()).await.expect(200);
    assert_eq!(own["pending"], json!({ "count": 2, "complete": true }));
    assert_ne!(own["oldest_waiting"]["application"], oldest["application"]);
    assert_eq!(own["letters"], json!({ "waiting": 0, "complete": true }));
    for of in ["queues", "troubles", "alarms"] {
        assert_eq!(own[of], Value::Null, "{of}");
    }
}

#[tokio::test]
async fn a_queue_that_does_not_answer_hides_nothing_else() {
    let relay = Relay::timed(NOW).await;
    let outbox = relay.aws.queue_url(&relay.aws.names().outbox);
    relay.aws.clients().sqs().delete_queue().queue_url(outbox).send().await.expect("deleted");
    let queues = relay.get("/v1/status").await.expect(200)["queues"].clone();
    let silent = json!({ "name": "outbox", "waiting": null, "in_flight": null, "delayed": null });
    assert_eq!((&queues[0]["waiting"], &queues[1]), (&json!(0), &silent));
}

#[tokio::test]
async fn troubles_of_the_last_round_are_told_in_words() {
    let relay = Relay::timed(NOW).await;
    let (table, now) = (relay.api.table(), relay.before(0));
    let mut watch = Watch::default();
    watch.troubles.insert(Trouble::OutboxStuck, relay.before(HOUR));
    let leased =
        table.lease_sweep("round", now, now.plus(Duration::from_secs(60))).await.expect("leased");
    assert_eq!(leased, WriteOutcome::Done);
    let round = SweepRound { at: now, took: Duration::ZERO };
    table.release_sweep("round", round, Some(&watch)).await.expect("kept").either_way();
    let troubles = relay.get("/v1/status").await.expect(200)["troubles"].clone();
    let want = json!([{ "kind": "outbox_stuck", "since": relay.before(HOUR).rfc3339(),
        "text": Trouble::OutboxStuck.sentence() }]);
    assert_eq!(troubles, want);
}

#[tokio::test]
async fn alarms_that_are_on_or_were_within_a_day_are_shown() {
    let relay = Relay::timed(NOW).await;
    for (name, state, ago) in [
        ("OnAlarm", AlarmState::Alarm, 72 * HOUR),
        ("OverAlarm", AlarmState::Ok, HOUR),
        ("LongOverAlarm", AlarmState::Ok, 25 * HOUR),
        ("ForgottenAlarm", AlarmState::Alarm, 31 * 24 * HOUR),
    ] {
        let alarm = Alarm::new(name.to_owned(), state, relay.before(ago), Some("Threshold"));
        assert_eq!(relay.api.table().put_alarm(&alarm).await.expect("kept"), WriteOutcome::Done);
    }
    let alarms = relay.get("/v1/status").await.expect(200)["alarms"].clone();
    let shown = |index: usize| (alarms[index]["name"].clone(), alarms[index]["state"].clone());
    assert_eq!(alarms.as_array().map(Vec::len), Some(2), "{alarms}");
    assert_eq!(shown(0), (json!("OverAlarm"), json!("ok")));
    assert_eq!(shown(1), (json!("OnAlarm"), json!("alarm")));
    assert_eq!(alarms[0]["reason"], "Threshold");
}

#[tokio::test]
async fn a_source_is_silent_after_three_of_its_usual_gaps() {
    let relay = Relay::timed(NOW).await;
    // Sixty requests an hour, one an hour, and one that has sent five in all.
    for name in ["busy", "slow", "new"] {
        relay.source(name, name).await;
    }
    relay.add_up("busy", (3..50).map(|ago| (ago, 60))).await;
    relay.add_up("slow", (3..50).map(|ago| (ago, 1))).await;
    relay.add_up("new", [(3, 5)].into_iter()).await;
    relay.accept("busy", relay.before(9 * MINUTE), 1).await;
    relay.accept("slow", relay.before(9 * MINUTE), 1).await;
    assert_eq!(relay.activity("busy").await["usual_gap_s"], 60);
    assert_eq!(relay.activity("slow").await["usual_gap_s"], 3600);
    assert_eq!(relay.activity("new").await["usual_gap_s"], Value::Null);
    assert_eq!(relay.silent().await, [] as [&str; 0]);
    let busy = relay.activity("busy").await;
    let minute = Minute::of(relay.before(9 * MINUTE)).start().rfc3339();
    assert_eq!((&busy["last_accepted_at"], &busy["silent_since"]), (&json!(minute), &Value::Null));
    let clock = &relay.api.context().clock;
    clock.advance(Duration::from_secs(120));
    assert_eq!(relay.silent().await, ["busy"]);
    assert_eq!(relay.activity("busy").await["silent_since"], minute);
    clock.advance(Duration::from_secs(3 * 3600));
    assert_eq!(relay.silent().await, ["busy", "slow"]);
    let key = relay.key("read", Some("slow")).await;
    let own = relay.ask(&key, Method::GET, "/v1/status", Body::empty()).await.expect(200);
    let silent = &own["silent_sources"];
    assert_eq!(silent.as_array().map(Vec::len), Some(1));
    assert_eq!((&silent[0]["name"], &silent[0]["usual_gap_s"]), (&json!("slow"), &json!(3600)));
    assert!(silent[0]["last_accepted_at"].is_string());
    assert!(relay.get("/v1/sources").await.expect(200)["data"][0].get("activity").is_none());
}

#[tokio::test]
async fn a_last_request_of_yesterday_is_told_by_its_minute_and_an_older_one_by_its_hour() {
    let relay = Relay::timed(NOW).await;
    for (name, ago) in [("recent", 20), ("old", 100)] {
        relay.source(name, name).await;
        let within = (Hour::of(relay.before(ago * HOUR)).start()).plus(Duration::from_secs(1500));
        relay.accept(name, within, 20).await;
        relay.add_up(name, [(ago, 20), (ago + 1, 20), (ago + 2, 20)].into_iter()).await;
    }
    let hour = |ago: u64| Hour::of(relay.before(ago * HOUR)).start();
    let recent = hour(20).plus(Duration::from_secs(1500)).rfc3339();
    assert_eq!(relay.activity("recent").await["silent_since"], recent);
    assert_eq!(relay.activity("old").await["silent_since"], hour(100).rfc3339());
    assert_eq!(relay.silent().await, ["old", "recent"]);
}

#[tokio::test]
async fn the_last_refused_request_of_a_source_is_told_with_its_reason() {
    let relay = Relay::timed(NOW).await;
    relay.source("s1", "one").await;
    let none = json!({ "last_accepted_at": null, "last_refused_at": null, "last_refusal": null,
        "silent_since": null, "usual_gap_s": null, "handshake": { "state": "none_needed", "at": null } });
    assert_eq!(relay.activity("s1").await, none);
    let source = relay.source_of("s1").await;
    for (days, sentence) in [(6, "An old sentence."), (3, "A sentence.")] {
        let at = relay.before(days * 24 * HOUR);
        let headers = &HeaderMap::new();
        let request = RefusedRequest { at, source: "s1", caller: None, headers, bytes: 1 };
        let batch = RefusalBatch {
            fresh: 0,
            place: RefusalPlace::Source { tenure: source.tenure(), name: "s1".to_owned() },
            hour: Minute::of(at).hour(),
            counts: [((Minute::of(at), RefusalReason::Mismatch), 2)].into(),
            samples: vec![RefusalSample::of(&request, RefusalReason::Mismatch, sentence)],
        };
        relay.api.table().add_refusals(&batch, 0).await.expect("added");
    }
    let activity = relay.activity("s1").await;
    assert_eq!(activity["last_refusal"], "A sentence.");
    assert_eq!(activity["last_refused_at"], relay.before(3 * 24 * HOUR).rfc3339());
}

#[tokio::test]
async fn a_handshake_waits_is_answered_and_is_forgotten_with_its_sender() {
    let relay = Relay::timed(NOW).await;
    let put = async |profile: &str, strict: bool| {
        let body = json!({ "profile": profile, "secrets": [SOURCE_SECRET], "application": "one", "strict": strict });
        relay.put("/v1/sources/chat", body).await
    };
    let shown = async || relay.activity("chat").await["handshake"].clone();
    put("slack", false).await.expect(201);
    let waiting = json!({ "state": "waiting", "at": null });
    assert_eq!(shown().await, waiting);
    let (source, at) = (relay.source_of("chat").await, relay.before(MINUTE));
    let note = async |at| relay.api.table().note_handshake("chat", &source.id, at).await;
    assert_eq!(note(at).await.expect("noted"), WriteOutcome::Done);
    let answered = json!({ "state": "answered", "at": at.rfc3339() });
    assert_eq!(shown().await, answered);
    // One note stands for a minute, and a change of the source leaves it as it is.
    assert_eq!(note(relay.before(1)).await.expect("asked"), WriteOutcome::Refused);
    put("slack", true).await.expect(200);
    assert_eq!(shown().await, answered);
    assert_eq!(note(relay.api.now()).await.expect("noted"), WriteOutcome::Done);
    // Another profile is another sender.
    put("stripe", false).await.expect(200);
    assert_eq!(shown().await, json!({ "state": "none_needed", "at": null }));
    put("slack", false).await.expect(200);
    assert_eq!(shown().await, waiting);
}

/// The time at which the only key was used last, once it is another than this one; as it is after a while,
/// if it stays.
async fn last_used(relay: &Relay, but: &Value) -> Value {
    let mut used = Value::Null;
    for _ in 0..50 {
        used = relay.get("/v1/keys").await.expect(200)["data"][0]["last_used_at"].clone();
        if used != *but {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    used
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_in_ten_minutes() {
    let relay = Relay::timed(NOW).await;
    let key = relay.key("read", None).await;
    let ask = async || relay.ask(&key, Method::GET, "/v1/jobs", Body::empty()).await.expect(200);
    let shown = relay.get("/v1/keys").await.expect(200)["data"][0].clone();
    assert_eq!(shown["last_used_at"], Value::Null);
    ask().await;
    let first = last_used(&relay, &Value::Null).await;
    assert_eq!(first, relay.api.now().rfc3339());
    let clock = &relay.api.context().clock;
    for _ in 0..3 {
        clock.advance(Duration::from_secs(180));
        ask().await;
    }
    assert_eq!(last_used(&relay, &first).await, first, "within ten minutes nothing is written");
    clock.advance(Duration::from_secs(60));
    ask().await;
    assert_eq!(last_used(&relay, &first).await, relay.api.now().rfc3339());
}

#[tokio::test]
async fn a_key_that_was_revoked_does_not_come_back_by_its_use() {
    let relay = Relay::timed(NOW).await;
    relay.key("read", None).await;
    let key = relay.api.table().keys().await.expect("read").remove(0);
    assert_eq!(relay.api.table().delete_key(&key.id).await.expect("removed"), WriteOutcome::Done);
    let noted = relay.api.table().note_key_use(&key, relay.api.now()).await.expect("answered");
    assert_eq!(noted, WriteOutcome::Refused);
    assert_eq!(relay.api.table().keys().await.expect("read"), []);
}
