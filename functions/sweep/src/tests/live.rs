//! Live connections: those that are silent are kept open, and watchers are told what a round did.

use domain::{
    id::{ApplicationId, SourceId},
    job::{Job, JobStatus},
    live::news::LiveMessage,
    source::Source,
};
use serde_json::json;

use super::*;

/// A world with a queue of live updates, and the name of that queue.
async fn live_world() -> (LocalAws, Sweep, String) {
    let (aws, mut sweep) = world().await;
    let (sqs, name) = (aws.clients().sqs(), "live.fifo".to_owned());
    let fifo = sqs.create_queue().queue_name(&name).attributes("FifoQueue".into(), "true");
    fifo.send().await.expect("made");
    let queue = Queue::new(sqs, aws.queue_url(&name));
    sweep.calls.context = sweep.calls.context.telling_watchers_by(queue);
    (aws, sweep, name)
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[tokio::test]
async fn a_connection_that_was_silent_for_eight_minutes_is_pinged() {
    let (aws, sweep, live) = live_world().await;
    let (table, now) = (&sweep.context().table, sweep.context().clock.now());
    let pinged = async || sweep.run().await.expect("swept").pinged;
    assert_eq!(pinged().await, 0, "nobody is connected");
    for (id, silent_for) in [("nine=", 9), ("eight=", 8), ("seven=", 7)] {
        let last = now.plus(minutes(10 - silent_for));
        table.keep_awake(id, last).await.expect("kept");
    }
    sweep.context().clock.advance(minutes(10));
    assert_eq!(pinged().await, 2);
    let ping = |id: &str| LiveMessage::Ping(id.to_owned()).print();
    assert_eq!(on(&aws, &live).await, [ping("eight="), ping("nine=")]);
    // Until there is traffic, each round tries again.
    table.keep_awake("eight=", sweep.context().clock.now()).await.expect("kept");
    assert_eq!(pinged().await, 1);
}

#[tokio::test]
async fn a_queue_that_cannot_be_reached_fails_no_round() {
    let (aws, mut sweep) = world().await;
    sweep.calls.context = sweep.calls.context.telling_watchers_by(nowhere(&aws));
    let now = sweep.context().clock.now();
    sweep.context().table.keep_awake("one=", now).await.expect("kept");
    sweep.context().clock.advance(minutes(9));
    assert_eq!(sweep.run().await.expect("swept").pinged, 1);
}

#[tokio::test]
async fn watchers_are_told_of_a_completion_that_was_missed() {
    let (aws, sweep, live) = live_world().await;
    let (context, now) = (sweep.context(), sweep.context().clock.now());
    let (id, acme) = (SourceId::derive(&["s"]), ApplicationId::named("acme"));
    let mut source = Source::new(id, "s", "modal-mesh", acme.clone(), now);
    let options = serde_json::from_value(json!({ "deadline_seconds": 60 }));
    source.options = options.expect("options");
    assert_eq!(
        context.table.put_source(&source, None, now).await.expect("kept"),
        WriteOutcome::Done
    );
    let mut job = Job::unknown(source.tenure(), "s", "silent", now);
    (job.version, job.status) = (1, JobStatus::TimedOut);
    (job.finished_at, job.poll_at) = (Some(now), Some(now));
    assert_eq!(context.table.keep_job(&job).await.expect("kept"), WriteOutcome::Done);
    context.table.watch(&acme, now).await.expect("kept");
    assert_eq!(sweep.run().await.expect("swept").missed, 1);
    let told = on(&aws, &live).await;
    assert!(told.len() == 1 && told[0].contains("completion.missed"), "{told:?}");
}
