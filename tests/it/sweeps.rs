//! Rounds of the sweep: while calls of the table fail, one that fails holds up no other; and what a
//! round costs while nothing is to be done.

use std::time::Duration;

use domain::{id::EndpointId, task::Task};
use tests::{cloud::Cloud, faults::Faults, shown};

#[tokio::test]
async fn a_mark_that_fails_keeps_no_bell_of_its_neighbours_from_ringing() {
    const TASKS: i64 = 200;
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    let now = cloud.clock.now();
    for number in 0..TASKS {
        let task = Task::recover(&EndpointId::derive(&[&number.to_string()]), now);
        cloud.sound_table().create_task(&task, now).await.expect("kept").either_way();
    }
    faults.share(3, 0.1);
    cloud.sweep().await;
    let rung = cloud.aws.queue_depth(&cloud.aws.names().dead_letters).1;
    let failed = faults.hits();
    assert!(5 < failed, "{failed} calls failed");
    // A call that fails costs its own thing a bell, and a page if that is what could not be read.
    assert!(TASKS / 2 < rung, "{rung} of {TASKS} bells while {failed} calls failed");
    // What was not rung for is due still, or again after its mark.
    faults.share(3, 0.0);
    cloud.sweep().await;
    cloud.pass(Duration::from_secs(61));
    cloud.sweep().await;
    let rung = cloud.aws.queue_depth(&cloud.aws.names().dead_letters).1;
    assert!(TASKS <= rung, "{rung} of {TASKS}");
    shown!("sweep: {TASKS} tasks due, {failed} calls of the table failed: all rung for");
}

#[tokio::test]
async fn a_round_looks_for_silent_connections_with_one_query() {
    let faults = Faults::default();
    let mut cloud = Cloud::start(faults.clone()).await;
    let calls = async |cloud: &Cloud| {
        let before = faults.calls().len();
        cloud.sweep().await;
        faults.calls()[before..].iter().map(|call| call.operation.clone()).collect::<Vec<_>>()
    };
    // The first round of an hour asks for the figures of each application.
    calls(&cloud).await;
    let without = calls(&cloud).await;
    cloud.let_watch().await;
    let with = calls(&cloud).await;
    let count =
        |calls: &[String], wanted: &str| calls.iter().filter(|call| *call == wanted).count();
    assert_eq!(count(&with, "Query"), count(&without, "Query") + 1, "{with:?}");
    assert_eq!(with.len(), without.len() + 1, "nothing is sent while nobody is connected");
    shown!("sweep: one query more with live updates, {} calls of an idle round", with.len());
}
