//! What the relay is given to do in the background, and examples.

use js_option::JsOption;
use serde_json::{Value, json};
use svix::{
    api::{BackgroundTaskListOptions, Svix},
    models::{
        BackgroundTaskType, BulkReplayIn, EndpointPatch, EventExampleIn, EventTypeIn,
        MessageStatusText, Ordering, RecoverIn, ReplayIn,
    },
};

use crate::{
    eventually, every,
    ground::{Played, Run, World, ago, equal, finished, holds, refused, seen, set, unique},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("endpoint.recover", recover(svix)).await;
    run.row("endpoint.replay-missing", replay_missing(svix)).await;
    run.row("endpoint.bulk-replay", bulk_replay(svix)).await;
    run.row("endpoint.send-example", send_example(svix)).await;
    run.row("background-task.get", get(svix)).await;
    run.row("background-task.list", list(svix)).await;
}

async fn recover(svix: &Svix) -> Played {
    let world = World::answering(svix, "heals", |_| ()).await?;
    let made = world.dead().await?.id;
    let given = RecoverIn::new(ago(1));
    let task = svix.endpoint().recover(world.app(), world.ep(), given, None).await?;
    equal(task.task, BackgroundTaskType::EndpointRecover)?;
    eventually!(25, world.status(&made).await? == Some(MessageStatusText::Success));
    finished(svix, &task.id).await
}

async fn replay_missing(svix: &Svix) -> Played {
    let world =
        World::answering(svix, "200", |given| given.event_types = set(&["other.type"])).await?;
    let made = world.send(1, |_| ()).await?.id;
    let mut given = EndpointPatch::new();
    given.event_types = JsOption::from_option(set(&["invoice.paid"]));
    svix.endpoint().patch(world.app(), world.ep(), given).await?;
    let given = ReplayIn::new(ago(1));
    let task = svix.endpoint().replay_missing(world.app(), world.ep(), given, None).await?;
    equal(task.task, BackgroundTaskType::EndpointReplay)?;
    eventually!(25, world.status(&made).await? == Some(MessageStatusText::Success));
    finished(svix, &task.id).await
}

async fn bulk_replay(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = Vec::new();
    for n in 0..3 {
        made.extend(vec![world.sent(n).await?.id; 2]);
    }
    let given = BulkReplayIn { event_types: set(&["invoice.paid"]), ..BulkReplayIn::new(ago(1)) };
    let task = svix.endpoint().bulk_replay(world.app(), world.ep(), given, None).await?;
    equal(task.task, BackgroundTaskType::EndpointBulkReplay)?;
    let heard = seen(&world.path, 6).await?;
    finished(svix, &task.id).await?;
    let mut heard: Vec<_> = heard.iter().map(|one| one.headers["webhook-id"].clone()).collect();
    heard.sort();
    made.sort();
    equal(heard, made)
}

async fn send_example(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "examples": [{ "n": 42 }] });
    let name = unique("example");
    let schemas = Some(json!({ "1": schema }));
    let given = EventTypeIn { schemas, ..EventTypeIn::new(name.clone(), "d".into()) };
    svix.event_type().create(given, None).await?;
    let given = EventExampleIn::new(name.clone());
    let made = svix.endpoint().send_example(world.app(), world.ep(), given, None).await?;
    equal(made.event_type, name)?;
    let heard = seen(&world.path, 1).await?;
    equal(serde_json::from_str::<Value>(&heard[0].body)?, json!({ "n": 42 }))
}

async fn get(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let task =
        svix.endpoint().recover(world.app(), world.ep(), RecoverIn::new(ago(1)), None).await?;
    finished(svix, &task.id).await?;
    let shown = svix.background_task().get(task.id.clone()).await?;
    equal((shown.id, shown.task), (task.id, BackgroundTaskType::EndpointRecover))?;
    holds(shown.data.is_object())?;
    refused(404, svix.background_task().get("qtask_nobody".into()).await)
}

async fn list(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = Vec::new();
    for n in 1..4 {
        let given = RecoverIn::new(ago(n));
        made.push(svix.endpoint().recover(world.app(), world.ep(), given, None).await?.id);
    }
    let mut listed = Vec::new();
    for order in [Ordering::Ascending, Ordering::Descending] {
        let all = every!(3, |limit, iterator| {
            let iterator = iterator.clone();
            let (order, task) = (Some(order), Some(BackgroundTaskType::EndpointRecover));
            let options =
                BackgroundTaskListOptions { limit, iterator, order, task, ..Default::default() };
            svix.background_task().list(Some(options)).await
        });
        holds(all.iter().all(|one| one.task == BackgroundTaskType::EndpointRecover))?;
        listed.push(all.into_iter().map(|one| one.id).collect::<Vec<_>>());
    }
    listed[1].reverse();
    equal(&listed[0], &listed[1])?;
    holds(made.iter().all(|task| listed[0].contains(task)))
}
