//! Tests of when a platform is asked, what its answers mean, and what becomes of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    envelope::Trust,
    id::Tenure,
    job::{Job, JobStatus},
    profile::Profile,
    retry::CallOutcome,
    secret::Secret,
    source::SourceOptions,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn after(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

fn platform(settings: Value) -> PollPlatform {
    serde_json::from_value(settings).expect("a platform")
}

fn options(settings: Value) -> SourceOptions {
    serde_json::from_value(settings).expect("options")
}

fn replicate(more: Value) -> SourceOptions {
    let mut all = json!({ "platform": { "kind": "replicate" }, "deadline_seconds": 600 });
    all.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
    options(all)
}

fn job() -> Job {
    Job::unknown(Tenure::sample(), "s", "j1", NOW)
}

fn expected(options: &SourceOptions) -> Job {
    let mut job = job();
    expect(&mut job, options, NOW);
    job
}

#[test]
fn the_first_look_depends_on_the_mode() {
    let first = |options: &SourceOptions| expected(options).poll_at;
    assert_eq!(first(&SourceOptions::default()), None, "nobody asked for it");
    assert_eq!(first(&replicate(json!({}))), Some(after(600)), "webhook primary");
    assert_eq!(first(&replicate(json!({ "mode": "dual" }))), Some(after(60)));
    assert_eq!(
        first(&replicate(json!({ "mode": "only" }))),
        Some(after(900)),
        "deadline and grace"
    );
    assert_eq!(
        first(&options(json!({ "deadline_seconds": 60 }))),
        Some(after(360)),
        "nobody to ask"
    );
    let mut own = Job { deadline_at: Some(after(30)), ..job() };
    expect(&mut own, &replicate(json!({})), NOW);
    assert_eq!((own.deadline_at, own.poll_at), (Some(after(30)), Some(after(30))));
    let mut ended = Job { status: JobStatus::Succeeded, ..job() };
    expect(&mut ended, &replicate(json!({})), NOW);
    assert_eq!(ended.poll_at, None);
}

#[test]
fn looks_become_rarer_the_longer_an_answer_is_overdue() {
    let watch = PollSchedule::of(&replicate(json!({})));
    let (mut job, mut at, mut waits) = (expected(&replicate(json!({}))), after(600), Vec::new());
    for _ in 0..8 {
        let next = watch.asked(&job, at, 0.0);
        let later = next.poll_at.expect("set");
        waits.push(later.since(at).as_secs());
        (job, at) = (next, later);
    }
    assert_eq!(waits, [60, 60, 120, 240, 480, 900, 900, 900]);
    assert_eq!((job.polls, job.edits, job.version), (8, 8, 8));
    let spread = watch.asked(&job, after(600), 1.0).poll_at.expect("set");
    assert_eq!(spread.since(after(600)), Duration::from_secs(72), "chance only lengthens");
    let dual = PollSchedule::of(&replicate(json!({ "mode": "dual" })));
    let asked = dual.asked(&job, after(300), 0.0);
    assert_eq!(asked.poll_at, Some(after(360)), "before the deadline there is one pace");
}

#[test]
fn a_job_is_given_up_when_its_time_is_over_or_nobody_knows_it() {
    let watch = PollSchedule::of(&replicate(json!({})));
    let mut job = expected(&replicate(json!({})));
    job.polls = 3;
    let stop = |job: &Job, answer: &PollAnswer<'_>, secs| watch.stop(job, answer, after(secs));
    assert_eq!(stop(&job, &PollAnswer::Running, 600), None);
    assert_eq!(stop(&job, &PollAnswer::Nothing, 600 + 86_399), None);
    assert_eq!(stop(&job, &PollAnswer::Running, 600 + 86_400), Some(PollStep::GiveUp));
    assert_eq!(stop(&job, &PollAnswer::Unknown, 1199), None, "it may not have begun");
    assert_eq!(stop(&job, &PollAnswer::Unknown, 1200), Some(PollStep::GiveUp));
    job.polls = 2;
    assert_eq!(stop(&job, &PollAnswer::Unknown, 1200), None);
    let mut hinted = Job { polls: 9, ..self::job() };
    hinted.watch.claimed_at = Some(NOW);
    assert_eq!(
        stop(&hinted, &PollAnswer::Unknown, 600),
        Some(PollStep::Wait(None)),
        "a mere claim"
    );
    let only = PollSchedule::of(&replicate(json!({ "mode": "only" })));
    let job = expected(&replicate(json!({ "mode": "only" })));
    assert_eq!(only.step(&job, after(899)), PollStep::Wait(Some(after(900))));
    assert_eq!(only.step(&job, after(900)), PollStep::GiveUp);
}

#[test]
fn claims_make_us_ask_at_once_and_no_more_often_than_ever() {
    let options = options(json!({ "platform": { "kind": "runpod", "endpoint_id": "e" } }));
    let watch = PollSchedule::of(&options);
    let mut job = job();
    let mut looks = 0;
    // A forger claims every second for ten minutes; the sweep looks every minute.
    for second in 0..600 {
        heard(&mut job, &options, Trust::Token, JobStatus::Succeeded, after(second));
        if second % 60 == 0 && job.poll_at.is_some_and(|at| at <= after(second)) {
            job = watch.asked(&job, after(second), 0.0);
            looks += 1;
        }
    }
    assert_eq!(looks, 10, "one a minute");
    assert_eq!(job.watch.claimed, Some(JobStatus::Succeeded));
    assert_eq!(job.status, JobStatus::Pending, "and nothing is believed");
    let mut late =
        Job { status: JobStatus::TimedOut, finished_at: Some(after(500)), ..job.clone() };
    assert_eq!(watch.step(&late, after(600)), PollStep::Ask, "it may have ended after all");
    late.finished_at = Some(after(600));
    assert_eq!(watch.step(&late, after(600)), PollStep::Reckon);
    heard(&mut job, &options, Trust::Token, JobStatus::Running, after(600));
    assert_eq!(job.watch.claimed_at, Some(after(599)), "a start is no end");
}

#[test]
fn an_end_that_a_poll_told_is_reckoned_with() {
    let ended = |mode: &str, at: Timestamp, trust| {
        let options = replicate(json!({ "mode": mode }));
        let mut job = expected(&options);
        (job.status, job.finished_at, job.poll_at) = (JobStatus::Succeeded, Some(at), None);
        heard(&mut job, &options, trust, JobStatus::Succeeded, at);
        (job.poll_at, PollSchedule::of(&options), job)
    };
    assert_eq!(ended("primary", after(700), Trust::Signed).0, None);
    let (at, watch, job) = ended("primary", after(700), Trust::Polled);
    assert_eq!(at, Some(after(700)));
    assert!(watch.missed(&job, 1), "it was overdue when it was asked for");
    let (at, watch, job) = ended("dual", after(120), Trust::Polled);
    assert_eq!(at, Some(after(600)), "a webhook has until the deadline");
    assert!(watch.missed(&job, 0) && !watch.missed(&job, 1));
    assert_eq!(watch.step(&job, after(600)), PollStep::Reckon);
    let counted = missed(&job);
    assert_eq!((counted.poll_at, counted.watch.missed), (None, true));
}

#[test]
fn every_platform_is_asked_its_own_way() {
    let secret = Secret::new(*b"key");
    let ask = |settings: Value, job: &Job| {
        let platform = platform(settings);
        platform.validate().expect("valid");
        platform.question(job, Some(&secret)).expect("a question")
    };
    let mut job = job();
    let header = |question: &PollRequest| {
        question.headers["authorization"].to_str().expect("text").to_owned()
    };
    let asked = ask(json!({ "kind": "replicate" }), &job);
    assert_eq!(asked.url, "https://api.replicate.com/v1/predictions/j1");
    assert_eq!(header(&asked), "Bearer key");
    assert!(!format!("{asked:?}").contains("key\""), "{asked:?}");
    let asked = ask(json!({ "kind": "runpod", "endpoint_id": "abc" }), &job);
    assert_eq!(asked.url, "https://api.runpod.ai/v2/abc/status/j1");
    let fal = json!({ "kind": "fal", "app": "fal-ai/flux/dev" });
    let asked = ask(fal.clone(), &job);
    assert_eq!(asked.url, "https://queue.fal.run/fal-ai/flux/requests/j1/status");
    assert_eq!(header(&asked), "Key key");
    let next = platform(fal).next_question(&asked).expect("one");
    assert_eq!(next.url, "https://queue.fal.run/fal-ai/flux/requests/j1");
    job.call_id = Some("a/../b?c".to_owned());
    let http = json!({ "kind": "http", "status_url": "https://x.example/{external_id}?c={call_id}",
        "headers": { "X-Key": "k {secret}" } });
    let asked = ask(http, &job);
    assert_eq!(asked.url, "https://x.example/j1?c=a%2F..%2Fb%3Fc");
    assert_eq!(asked.headers["x-key"], "k key");
    assert!(asked.headers.get("authorization").is_none());
    job.call_id = Some("..".to_owned());
    assert_eq!(platform(json!({ "kind": "replicate" })).question(&job, None), None);
}

#[test]
fn settings_that_cannot_work_are_named() {
    let check = |settings: Value| {
        validate(&options(settings), false).err().map(|error| (error.field(), error.to_string()))
    };
    for (settings, field) in [
        (json!({ "deadline_seconds": 0 }), "deadline_seconds"),
        (json!({ "deadline_seconds": 604_801 }), "deadline_seconds"),
        (json!({ "mode": "dual" }), "mode"),
        (json!({ "poll": { "interval_seconds": 0 } }), "poll"),
        (json!({ "poll": { "concurrency": 33 } }), "poll"),
        (json!({ "poll": { "give_up_after_seconds": 0 } }), "poll"),
        (json!({ "platform": { "kind": "runpod" } }), "platform"),
        (json!({ "platform": { "kind": "runpod", "endpoint_id": "a/b" } }), "platform"),
        (json!({ "platform": { "kind": "fal", "app": "flux" } }), "platform"),
        (json!({ "platform": { "kind": "fal", "app": "../flux" } }), "platform"),
        (json!({ "platform": { "kind": "replicate", "app": "a/b" } }), "platform"),
        (json!({ "platform": { "kind": "replicate", "base_url": "ftp://x" } }), "platform"),
        (json!({ "platform": { "kind": "http" } }), "platform"),
    ] {
        assert_eq!(check(settings.clone()).expect("refused").0, field, "{settings}");
    }
    for url in [
        "https://x.example/",
        "https://{call_id}.example/",
        "https://x.example/{secret}/{call_id}",
        "https://a:b@x.example/{call_id}",
        "x/{call_id}",
    ] {
        let settings = json!({ "platform": { "kind": "http", "status_url": url } });
        assert_eq!(check(settings).expect("refused").0, "platform", "{url}");
    }
    for headers in [json!({ "host": "x" }), json!({ "a b": "x" }), json!({ "a": "x\ny" })] {
        let settings = json!({ "platform": { "kind": "http", "headers": headers,
            "status_url": "https://x.example/{call_id}" } });
        assert_eq!(check(settings).expect("refused").0, "platform");
    }
    assert_eq!(check(json!({ "deadline_seconds": 60, "mode": "only" })), None);
    assert_eq!(check(json!({})), None);
    let unsigned = |settings: Value| validate(&options(settings), true).err();
    assert_eq!(unsigned(json!({})), Some(InvalidPolling::Unsigned), "nobody could confirm it");
    let only = json!({ "mode": "only", "platform": { "kind": "replicate" } });
    assert_eq!(unsigned(only), Some(InvalidPolling::Unsigned));
    assert_eq!(unsigned(json!({ "platform": { "kind": "replicate" } })), None);
}

fn answered(status: u16) -> CallOutcome {
    CallOutcome::Answered { status, retry_after: None }
}

#[test]
fn answers_mean_what_each_platform_says_they_mean() {
    let read = |settings: Value, status: u16, body: &str| {
        let platform = platform(settings);
        let answer = platform.read(&answered(status), body.as_bytes());
        match answer {
            PollAnswer::Ended(ended) => ended.status.word(),
            PollAnswer::Ask => "ask",
            PollAnswer::Running => "running",
            PollAnswer::Unknown => "unknown",
            PollAnswer::Refused => "refused",
            PollAnswer::Nothing => "nothing",
        }
    };
    let replicate = || json!({ "kind": "replicate" });
    let runpod = || json!({ "kind": "runpod", "endpoint_id": "e" });
    let fal = || json!({ "kind": "fal", "app": "a/b" });
    let http = || {
        json!({ "kind": "http", "status_url": "https://x/{call_id}",
        "paths": { "status": "s.word" }, "statuses": { "DONE": "succeeded" } })
    };
    for (settings, status, body, meaning) in [
        (replicate(), 200, r#"{"status":"starting"}"#, "running"),
        (replicate(), 200, r#"{"status":"processing"}"#, "running"),
        (replicate(), 200, r#"{"status":"succeeded"}"#, "succeeded"),
        (replicate(), 200, r#"{"status":"failed"}"#, "failed"),
        (replicate(), 200, r#"{"status":"canceled"}"#, "cancelled"),
        (replicate(), 200, r#"{"status":"aborted"}"#, "cancelled"),
        (replicate(), 404, r#"{"detail":"Not found."}"#, "unknown"),
        (replicate(), 401, "{}", "refused"),
        (replicate(), 429, r#"{"detail":"Request was throttled."}"#, "nothing"),
        (replicate(), 500, "", "nothing"),
        (replicate(), 200, "<html>", "nothing"),
        (replicate(), 302, r#"{"status":"succeeded"}"#, "nothing"),
        (runpod(), 200, r#"{"status":"IN_QUEUE"}"#, "running"),
        (runpod(), 200, r#"{"status":"IN_PROGRESS"}"#, "running"),
        (runpod(), 200, r#"{"status":"COMPLETED"}"#, "succeeded"),
        (runpod(), 200, r#"{"status":"FAILED"}"#, "failed"),
        (runpod(), 200, r#"{"status":"TIMED_OUT"}"#, "timed_out"),
        (runpod(), 200, r#"{"status":"CANCELLED"}"#, "cancelled"),
        (fal(), 202, r#"{"status":"IN_QUEUE"}"#, "running"),
        (fal(), 200, r#"{"status":"COMPLETED"}"#, "ask"),
        (http(), 200, r#"{"s":{"word":"DONE"}}"#, "succeeded"),
        (http(), 200, r#"{"s":{"word":"running"}}"#, "running"),
        (http(), 200, r#"{"s":{"word":"sulking"}}"#, "nothing"),
        (http(), 200, r#"{"status":"succeeded"}"#, "nothing"),
    ] {
        assert_eq!(read(settings.clone(), status, body), meaning, "{settings} {status} {body}");
    }
    let result = |status: u16, body: &str| match platform(fal())
        .read_result(&answered(status), body.as_bytes())
    {
        PollAnswer::Ended(ended) => ended.status.word(),
        PollAnswer::Unknown => "unknown",
        _ => "nothing",
    };
    assert_eq!(result(200, r#"{"images":[]}"#), "succeeded");
    assert_eq!(result(422, r#"{"detail":[{"msg":"field required"}]}"#), "failed");
    assert_eq!(result(500, r#"{"detail":"x","error_type":"runner_server_error"}"#), "failed");
    assert_eq!(result(502, "<html>nginx</html>"), "nothing");
    assert_eq!(result(503, r#"{"message":"busy"}"#), "nothing");
    assert_eq!(result(404, "{}"), "unknown");
}

#[test]
fn an_answer_is_put_as_the_profile_of_its_source_reads_it() {
    let settings = json!({ "kind": "http", "status_url": "https://x/{call_id}" });
    let platform = platform(settings);
    let answer = br#"{"status":"completed","result":{"a":1.0,"b":"\u00e9"}}"#;
    let PollAnswer::Ended(ended) = platform.read(&answered(200), answer) else { panic!("ended") };
    let job = Job { call_id: Some("c1".to_owned()), ..job() };
    for (name, key) in [
        ("modal-omtx", "job:c1:succeeded"),
        ("modal-mesh", "job:j1:succeeded"),
        ("standard", "job:j1:succeeded"),
        ("github", "job:j1:succeeded"),
        ("hmac", "job:j1:succeeded"),
    ] {
        let mut profile = Profile::named(name).expect("there").clone();
        let composed = compose(&profile, &platform, &job, &ended, answer);
        assert_eq!(composed.key, key, "{name}");
        assert_eq!(composed.mapping.is_some(), name == "github", "its profile knows no jobs");
        profile.mapping = composed.mapping.clone().unwrap_or(profile.mapping);
        let said = profile.read(&composed.body);
        assert_eq!(said.job.as_deref(), Some("j1"), "{name}");
        assert_eq!(said.status, Some(JobStatus::Succeeded), "{name}");
        let result = said.result.expect("there").get();
        assert_eq!(result, r#"{"a":1.0,"b":"\u00e9"}"#, "to the byte");
        let gone = timed_out(&profile, &job);
        profile.mapping = gone.mapping.unwrap_or(profile.mapping);
        assert_eq!(profile.read(&gone.body).status, Some(JobStatus::TimedOut), "{name}");
        assert!(profile.read(&gone.body).error.is_some());
    }
}

#[test]
fn a_prediction_goes_on_as_it_came() {
    let platform = platform(json!({ "kind": "replicate" }));
    let answer = br#"{"id":"j1","status":"succeeded","output":[1, 2],"error":null,"logs":"x"}"#;
    let PollAnswer::Ended(ended) = platform.read(&answered(200), answer) else { panic!("ended") };
    let profile = Profile::named("standard").expect("there");
    let composed = compose(profile, &platform, &job(), &ended, answer);
    assert_eq!((composed.body.as_slice(), composed.mapping), (&answer[..], None));
}

#[test]
fn no_spelling_of_a_template_lets_an_id_be_the_host() {
    for bad in [
        "https:/{call_id}/x",
        "https:{call_id}/x",
        "https:///{call_id}/x",
        "https:\\\\{call_id}\\x",
        "https:/\\{external_id}/x",
        "ht\ntps://{call_id}/x",
        "https://\t/{call_id}/x",
        "https://{call_id}.example/x",
        "https://api.example:{call_id}/x",
        "https://{call_id}@api.example/x",
        "https://api.example{call_id}/x",
        "HTTPS:/{call_id}",
        " https:/{call_id}/x",
    ] {
        assert!(platform::judge_template(bad).is_err(), "{bad:?}");
    }
    for good in [
        "https://api.example/{call_id}",
        "https://api.example/jobs/{external_id}/status?v=1",
        "https://api.example:8443/status?id={call_id}",
        "http://127.0.0.1:9000/{call_id}",
    ] {
        assert!(platform::judge_template(good).is_ok(), "{good:?}");
    }
}
