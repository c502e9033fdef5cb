//! Messages, and what they said until it is removed.

use serde_json::{Value, json};
use svix::{
    api::{MessageCreateOptions, MessageGetOptions, MessageListOptions, Svix},
    models::{
        ApplicationIn, BackgroundTaskType, BulkExpungeContentsIn, BulkExpungeStatus, MessageIn,
        MessagePrecheckIn,
    },
};

use crate::{
    every,
    ground::{Or, Played, Run, World, ago, equal, finished, holds, refused, seen, set, unique},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("message.create", create(svix)).await;
    run.row("message.get", get(svix)).await;
    run.row("message.list", list(svix)).await;
    run.row("message.precheck", precheck(svix)).await;
    run.row("message.expunge-content", expunge(svix)).await;
    run.row("message.bulk-expunge-content", expunge_some(svix)).await;
    run.row("message.expunge-all-contents", expunge_all(svix)).await;
}

async fn create(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.send(1, |given| {
        given.event_id = Some("mine".into());
        given.channels = set(&["c"]);
        given.tags = set(&["t"]);
        given.payload_retention_hours = Some(48);
    });
    let made = made.await?;
    holds(made.id.starts_with("msg_"))?;
    equal(
        (made.event_id, made.channels, made.tags),
        (Some("mine".into()), set(&["c"]), set(&["t"])),
    )?;
    equal(made.payload, json!({}))?;
    let heard = seen(&world.path, 1).await?;
    equal(serde_json::from_str::<Value>(&heard[0].body)?, json!({ "n": 1 }))?;
    equal(&heard[0].headers["webhook-id"], &made.id)?;
    let options = MessageCreateOptions { with_content: Some(true), ..Default::default() };
    let given = MessageIn::new("a.b".into(), json!({ "n": 2 }));
    let shown = svix.message().create(world.app(), given, Some(options)).await?;
    equal(shown.payload, json!({ "n": 2 }))?;
    let uid = unique("inline");
    let application =
        Some(ApplicationIn { uid: Some(uid.clone()), ..ApplicationIn::new("Inline".into()) });
    let given = MessageIn { application, ..MessageIn::new("a.b".into(), json!({})) };
    svix.message().create(uid.clone(), given, None).await?;
    equal(svix.application().get(uid).await?.name.as_str(), "Inline")
}

async fn payload(world: &World<'_>, msg: &str) -> Or<Value> {
    let options = Some(MessageGetOptions { with_content: Some(true) });
    Ok(world.svix.message().get(world.app(), msg.into(), options).await?.payload)
}

async fn get(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.send(1, |given| given.event_id = Some("mine".into())).await?;
    for name in [made.id.as_str(), "mine"] {
        equal(payload(&world, name).await?, json!({ "n": 1 }))?;
    }
    let other = World::new(svix).await?;
    refused(404, svix.message().get(other.app(), made.id, None).await)
}

async fn list(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = Vec::new();
    for n in 0..5 {
        let kind = if n % 2 == 0 { "even" } else { "odd" };
        let sent = world.send(n, |given| {
            given.channels = set(&[kind]);
            given.tags = set(&[&format!("t{n}")]);
        });
        made.insert(0, sent.await?.id);
    }
    let other = world.send(9, |given| given.event_type = "other.type".into()).await?.id;
    made.insert(0, other.clone());
    let of = async |more: fn(&mut MessageListOptions)| -> Or<Vec<String>> {
        let all = every!(2, |limit, iterator| {
            let iterator = iterator.clone();
            let mut options = MessageListOptions { limit, iterator, ..Default::default() };
            more(&mut options);
            svix.message().list(world.app(), Some(options)).await
        });
        Ok(all.into_iter().map(|one| one.id).collect())
    };
    equal(of(|_| ()).await?, made.clone())?;
    equal(
        of(|all| all.channel = Some("odd".into())).await?,
        vec![made[2].clone(), made[4].clone()],
    )?;
    equal(of(|all| all.tag = Some("t4".into())).await?, vec![made[1].clone()])?;
    equal(of(|all| all.event_types = set(&["other.type"])).await?, vec![other])?;
    equal(of(|all| all.before = Some(ago(1))).await?.len(), 0)?;
    equal(of(|all| all.after = Some(ago(1))).await?.len(), 6)?;
    let options =
        MessageListOptions { limit: Some(2), with_content: Some(true), ..Default::default() };
    let part = svix.message().list(world.app(), Some(options)).await?.data;
    equal((&part[0].payload, &part[1].payload), (&json!({ "n": 9 }), &json!({ "n": 4 })))
}

async fn precheck(svix: &Svix) -> Played {
    let world =
        World::answering(svix, "200", |given| given.event_types = set(&["invoice.paid"])).await?;
    for (kind, active) in [("invoice.paid", true), ("other.type", false)] {
        let given = MessagePrecheckIn::new(kind.into());
        equal(svix.message().precheck(world.app(), given, None).await?.active, active)?;
    }
    Ok(())
}

async fn expunge(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.sent(1).await?.id;
    svix.message().expunge_content(world.app(), made.clone()).await?;
    equal(payload(&world, &made).await?, json!({ "expired": true }))?;
    refused(409, svix.message_attempt().resend(world.app(), made, world.ep(), None).await)
}

async fn expunge_some(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.sent(1).await?.id;
    let given = BulkExpungeContentsIn { ids: set(&[&made, "nobody"]) };
    let told = svix.message().bulk_expunge_content(world.app(), given, None).await?.results;
    equal(told.get(&made), Some(&BulkExpungeStatus::Expunged))?;
    equal(told.get("nobody"), Some(&BulkExpungeStatus::NotFound))
}

async fn expunge_all(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = [world.sent(1).await?.id, world.sent(2).await?.id];
    let task = svix.message().expunge_all_contents(world.app(), None).await?;
    equal(task.task, BackgroundTaskType::ApplicationPurgeContent)?;
    finished(svix, &task.id).await?;
    for msg in made {
        equal(payload(&world, &msg).await?, json!({ "expired": true }))?;
    }
    Ok(())
}
