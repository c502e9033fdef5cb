//! Tests of what watchers hear (lines, ends, lists, gaps), and of what happens to watchers that hear no more.

use std::collections::BTreeMap;

use domain::{
    job::JobStatus,
    live::news::{EventNews, JobNews},
};

use super::*;

/// The numbers of the lines in frames of the JSON protocol.
fn numbers(frames: &[Value]) -> Vec<u64> {
    let lines = frames.iter().filter(|frame| frame["event"] == "log_lines");
    let lines = lines.flat_map(|frame| frame["lines"].as_array().expect("a list").clone());
    lines.map(|line| line["seq"].as_u64().expect("a number")).collect()
}

fn texts(from: u64, to: u64) -> Vec<String> {
    (from..=to).map(|number| format!("line {number}")).collect()
}

impl World {
    async fn lines(&self, job: &Job, from: u64, to: u64) {
        let texts = texts(from, to);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.log(job, "out", from, &texts).await;
    }
}

#[tokio::test]
async fn each_line_is_heard_once_and_in_order_by_everybody() {
    let world = World::start().await;
    world.known(&acme()).await;
    let job = world.job(&acme(), "j").await;
    world.lines(&job, 1, 20).await;
    world.json("early=", World::grant("acme")).await;
    let wanted = json!({ "action": "subscribe_logs", "job_id": "j" });
    assert_eq!(world.ask("early=", wanted.clone()).await["status"], "started");
    world.lines(&job, 21, 40).await;
    world.work().await;
    world.live.clock.advance(Duration::from_secs(60));
    world.lines(&job, 41, 60).await;
    world.json("late=", World::grant("acme")).await;
    world.ask("late=", wanted).await;
    world.lines(&job, 61, 80).await;
    world.work().await;
    for id in ["early=", "late="] {
        let frames = world.gateway.take_json(id);
        assert_eq!(numbers(&frames), (1..=80).collect::<Vec<_>>(), "{id}");
    }
    let frame = |id| world.gateway.take_json(id);
    world.live.clock.advance(Duration::from_secs(60));
    world.lines(&job, 81, 81).await;
    world.work().await;
    let expected = json!({ "event": "log_lines", "job_id": "j", "lines": [
        { "seq": 81, "message": "line 81", "stream": "out",
          "timestamp": world.live.clock.now().rfc3339() }] });
    assert_eq!((frame("early="), frame("late=")), (vec![expected.clone()], vec![expected]));
}

#[tokio::test]
async fn who_comes_late_hears_the_newest_thousand_and_who_comes_back_what_it_missed() {
    let world = World::start().await;
    world.known(&acme()).await;
    let job = world.job(&acme(), "j").await;
    for first in (1..=2500).step_by(500) {
        world.lines(&job, first, first + 499).await;
        world.live.clock.advance(Duration::from_secs(60));
    }
    world.json("late=", World::grant("acme")).await;
    world.ask("late=", json!({ "action": "subscribe_logs", "job_id": "j" })).await;
    world.work().await;
    let heard = numbers(&world.gateway.take_json("late="));
    assert_eq!(heard, (1501..=2500).collect::<Vec<_>>());
    world.json("back=", World::grant("acme")).await;
    let wanted = json!({ "action": "subscribe_logs", "job_id": "j", "after": { "out": 700 } });
    world.ask("back=", wanted).await;
    world.work().await;
    let heard = numbers(&world.gateway.take_json("back="));
    assert_eq!(heard, (701..=2500).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_begins_to_watch_hears_what_others_did_not_know_to_tell() {
    let world = World::start().await;
    let job = world.job(&acme(), "j").await;
    world.json("c=", World::grant("everything")).await;
    world.ask("c=", json!({ "action": "subscribe_logs", "job_id": "j" })).await;
    // An instance that looked just before does not tell.
    let (batch, logs) = (BatchPlace::default(), Logs::new(world.table().clone()));
    let body = json!({ "stream": "out", "first_seq": 1, "lines": ["a", "b"] }).to_string();
    let batch = read_json(body.as_bytes(), &batch, NOW).expect("lines");
    let before = std::time::Instant::now();
    let (_, kept) = futures::join!(world.work(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        logs.keep(&LogOwner::of(&job), &batch, NOW.plus(RENEW)).await
    });
    assert_eq!(kept.expect("kept"), dispatch::logs::KeepOutcome::Kept);
    assert_eq!(numbers(&world.gateway.take_json("c=")), [1, 2]);
    assert!(Duration::from_secs(2) < before.elapsed());
}

#[tokio::test]
async fn socket_io_clients_hear_lines_one_by_one_and_joined_beyond_the_rate() {
    let world = World::start().await;
    world.known(&acme()).await;
    let job = world.job(&acme(), "j").await;
    world.socket_io("c=", World::grant("acme")).await;
    world.say("c=", r#"42["subscribe_logs",{"job_id":"j"}]"#).await;
    world.work().await;
    world.gateway.take("c=");
    world.live.clock.advance(Duration::from_secs(60));
    world.lines(&job, 1, 50).await;
    world.work().await;
    let heard = world.gateway.take("c=");
    assert_eq!(heard.len(), 21, "{heard:?}");
    let event = |frame: &String| -> Value {
        serde_json::from_str(frame.strip_prefix("42").expect("an event")).expect("JSON")
    };
    let mut lines = Vec::new();
    for (place, frame) in heard.iter().enumerate() {
        let event = event(frame);
        assert_eq!((&event[0], &event[1]["job_id"]), (&json!("log_line"), &json!("j")));
        assert_eq!(event[1]["lines"], if place == 20 { json!(30) } else { json!(null) });
        let message = event[1]["message"].as_str().expect("text").to_owned();
        lines.extend(message.split('\n').map(str::to_owned));
    }
    assert_eq!(lines, texts(1, 50));
}

#[tokio::test]
async fn an_end_is_heard_once_with_its_result_whenever_one_comes() {
    let world = World::start().await;
    world.known(&acme()).await;
    let mut job = world.job(&acme(), "j").await;
    world.json("early=", World::grant("acme")).await;
    let wanted = json!({ "action": "subscribe_logs", "job_id": "j" });
    world.ask("early=", wanted.clone()).await;
    world.work().await;
    job.status = JobStatus::Failed;
    job.finished_at = Some(NOW);
    world.put(&mut job).await;
    world.json("late=", World::grant("acme")).await;
    let answer = world.ask("late=", wanted).await;
    assert_eq!(answer["warning"], "the job has ended");
    // The news of the end come after the question, but its message was on the way before.
    let news = News::Job(JobNews::of(&job, JobStatus::Failed, None));
    world.tell(Topic::job(acme(), job.id.clone()), [news]).await;
    world.work().await;
    for id in ["early=", "late="] {
        let heard = world.gateway.take_json(id);
        assert_eq!(heard.len(), 1, "{id}: {heard:?}");
        let expected = json!({ "event": "job_failed", "id": job.id, "job_id": "j",
            "project_id": "p", "batch_id": null, "status": "failed", "error": null });
        assert_eq!(heard[0], expected, "{id}");
    }
}

#[tokio::test]
async fn lists_are_merged_and_old_news_become_a_gap() {
    let world = World::start().await;
    world.json("c=", World::grant("acme")).await;
    world.ask("c=", json!({ "action": "subscribe_events", "filter": { "type": "a.*" } })).await;
    let event = |name: &str, kind: &str| {
        let id = domain::id::EventId::derive(&[name]);
        News::Event(EventNews::of(&domain::event::Event::by_relay(id, acme(), kind, b"{}", NOW)))
    };
    for name in ["1", "2", "3"] {
        world
            .tell(Topic::events(acme()), [event(name, "a.b"), event(&format!("{name}x"), "c.d")])
            .await;
    }
    world.tell(Topic::events(acme()), [event("4", "c.d")]).await;
    world.work().await;
    let heard = world.gateway.take_json("c=");
    assert_eq!(heard.len(), 1, "what piled up is one frame: {heard:?}");
    assert_eq!(heard[0]["events"].as_array().map(Vec::len), Some(3));
    world.tell(Topic::events(acme()), [event("5", "a.b")]).await;
    world.live.clock.advance(Duration::from_secs(6));
    world.work().await;
    let expected = json!({ "event": "gap", "topic": Topic::events(acme()) });
    assert_eq!(world.gateway.take_json("c="), [expected]);
}

#[tokio::test]
async fn who_has_gone_stops_nobody_and_leaves_nothing() {
    let world = World::start().await;
    world.known(&acme()).await;
    let job = world.job(&acme(), "j").await;
    for number in 0..30 {
        let id = format!("{number}=");
        world.json(&id, World::grant("acme")).await;
        world.ask(&id, json!({ "action": "subscribe_logs", "job_id": "j" })).await;
    }
    world.work().await;
    for number in 0..10 {
        world.gateway.answer(&format!("{number}="), &[410]);
    }
    // Its socket is full.
    world.gateway.answer("10=", &[413]);
    // Its calls are used up for a moment.
    world.gateway.answer("11=", &[429, 429, 500]);
    world.live.clock.advance(Duration::from_secs(60));
    world.lines(&job, 1, 5).await;
    world.work().await;
    let topic = Topic::job(acme(), job.id.clone());
    let mut heard = BTreeMap::new();
    for number in 0..30 {
        let id = format!("{number}=");
        heard.insert(number, numbers(&world.gateway.take_json(&id)));
    }
    for (number, lines) in heard {
        let expected = if number <= 10 { vec![] } else { vec![1, 2, 3, 4, 5] };
        assert_eq!(lines, expected, "{number}");
    }
    assert_eq!(world.table().audience(&topic).await.expect("read").subscriptions.len(), 19);
    assert!(world.gateway.has_closed("10="));
}

#[tokio::test]
async fn a_worker_that_cannot_push_leaves_its_messages_and_those_behind_to_the_next() {
    let world = World::start().await;
    world.known(&acme()).await;
    let job = world.job(&acme(), "j").await;
    world.json("a=", World::grant("acme")).await;
    world.json("b=", World::grant("acme")).await;
    for id in ["a=", "b="] {
        world.ask(id, json!({ "action": "subscribe_logs", "job_id": "j" })).await;
    }
    world.work().await;
    world.live.clock.advance(Duration::from_secs(60));
    world.lines(&job, 1, 2).await;
    let mut bodies = world.receive().await;
    bodies.push(LiveMessage::Open("nobody=".to_owned()).print());
    world.gateway.answer("b=", &[500; 5]);
    assert_eq!(
        World::failures_of(&world.live, &bodies).await,
        ["0"],
        "other groups are not held up"
    );
    // The next time everybody hears it: whoever had it before drops it by its number.
    assert_eq!(World::failures_of(&world.another(), &bodies).await, Vec::<String>::new());
    assert_eq!(numbers(&world.gateway.take_json("b=")), [1, 2]);
    let mut twice = numbers(&world.gateway.take_json("a="));
    twice.dedup();
    assert!(twice.starts_with(&[1, 2]), "{twice:?}");
}

#[tokio::test]
async fn a_subscription_whose_message_was_lost_is_caught_up_when_it_is_asked_for_again() {
    let world = World::start().await;
    world.known(&acme()).await;
    let job = world.job(&acme(), "j").await;
    world.lines(&job, 1, 3).await;
    world.json("c=", World::grant("acme")).await;
    let wanted = json!({ "action": "subscribe_logs", "job_id": "j" });
    assert_eq!(world.ask("c=", wanted.clone()).await["status"], "started");
    // The worker dies, and the message of it is lost.
    assert_eq!(world.receive().await.len(), 1);
    assert_eq!(world.ask("c=", wanted.clone()).await["status"], "already_active");
    world.work().await;
    assert_eq!(numbers(&world.gateway.take_json("c=")), [1, 2, 3]);
    assert_eq!(world.ask("c=", wanted).await["status"], "already_active");
    world.work().await;
    assert_eq!(numbers(&world.gateway.take_json("c=")), Vec::<u64>::new(), "once");
}

#[tokio::test]
async fn a_silent_client_of_socket_io_is_kept_awake() {
    let world = World::start().await;
    world.socket_io("c=", World::grant("acme")).await;
    assert_eq!(world.table().awake().await.expect("read")["c="], NOW);
    world.live.clock.advance(Duration::from_secs(480));
    world.live.queue.tell(&LiveMessage::Ping("c=".to_owned())).await.expect("sent");
    world.work().await;
    assert_eq!(world.gateway.take("c="), ["2"]);
    let pinged = world.live.clock.now();
    assert_eq!(world.table().awake().await.expect("read")["c="], pinged);
    world.live.clock.advance(Duration::from_secs(1));
    world.say("c=", "3").await;
    assert!(pinged < world.table().awake().await.expect("read")["c="]);
    let watched = world.table().watched().await.expect("read");
    assert_eq!(watched[&acme()], world.live.clock.now().plus(connection::WATCHED));
    world.gateway.answer("c=", &[410]);
    world.live.queue.tell(&LiveMessage::Ping("c=".to_owned())).await.expect("sent");
    world.work().await;
    assert!(world.table().awake().await.expect("read").is_empty());
}
