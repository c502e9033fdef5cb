//! Attempts, by message and by endpoint.

use svix::{
    api::{
        MessageAttemptListAttemptedDestinationsOptions, MessageAttemptListAttemptedMessagesOptions,
        MessageAttemptListByEndpointOptions, MessageAttemptListByMsgOptions, Svix,
    },
    models::{
        EndpointIn, MessageAttemptTriggerType, MessageStatus, MessageStatusText, StatusCodeClass,
    },
};

use crate::{
    endpoints::hook,
    eventually, every,
    ground::{Or, Played, Run, World, ago, equal, holds, refused, seen, set},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("message-attempt.list-by-endpoint", by_endpoint(svix)).await;
    run.row("message-attempt.list-by-msg", by_message(svix)).await;
    run.row("message-attempt.list-attempted-messages", messages(svix)).await;
    run.row("message-attempt.list-attempted-destinations", destinations(svix)).await;
    run.row("message-attempt.get", get(svix)).await;
    run.row("message-attempt.expunge-content", expunge(svix)).await;
    run.row("message-attempt.resend", resend(svix)).await;
}

async fn by_endpoint(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = Vec::new();
    for n in 0..3 {
        let sent = world.send(n, |given| {
            given.channels = set(&["c"]);
            given.tags = (0 < n).then(|| set(&["t"])).flatten();
        });
        made.insert(0, sent.await?.id);
        world.attempts(&made[0]).await?;
    }
    let ask = async |options| {
        svix.message_attempt().list_by_endpoint(world.app(), world.ep(), Some(options)).await
    };
    let of = async |more: fn(&mut MessageAttemptListByEndpointOptions)| -> Or<Vec<String>> {
        let all = every!(2, |limit, iterator| {
            let iterator = iterator.clone();
            let mut options =
                MessageAttemptListByEndpointOptions { limit, iterator, ..Default::default() };
            more(&mut options);
            ask(options).await
        });
        Ok(all.into_iter().map(|one| one.msg_id).collect())
    };
    equal(of(|_| ()).await?, made.clone())?;
    equal(of(|all| all.channel = Some("c".into())).await?.len(), 3)?;
    equal(of(|all| all.tag = Some("t".into())).await?.len(), 2)?;
    equal(of(|all| all.event_types = set(&["other"])).await?.len(), 0)?;
    equal(of(|all| all.status = Some(MessageStatus::Success)).await?.len(), 3)?;
    equal(of(|all| all.status = Some(MessageStatus::Fail)).await?.len(), 0)?;
    equal(of(|all| all.status_code_class = Some(StatusCodeClass::Code2xx)).await?.len(), 3)?;
    equal(of(|all| all.before = Some(ago(1))).await?.len(), 0)?;
    equal(of(|all| all.after = Some(ago(1))).await?.len(), 3)?;
    let with = Some(true);
    let options = MessageAttemptListByEndpointOptions {
        with_msg: with,
        with_content: with,
        ..Default::default()
    };
    let one = ask(options).await?.data.remove(0);
    equal(one.msg.map(|msg| msg.id), Some(made[0].clone()))?;
    equal((one.response.as_str(), one.response_status_code), ("answered", 200))?;
    equal(
        (one.status, one.trigger_type),
        (MessageStatus::Success, MessageAttemptTriggerType::Scheduled),
    )?;
    let at = |iterator| MessageAttemptListByEndpointOptions {
        limit: Some(2),
        iterator,
        ..Default::default()
    };
    let part = ask(at(None)).await?;
    let there = ask(at(part.iterator)).await?;
    let back = ask(at(there.prev_iterator)).await?;
    equal(back.data, part.data)
}

async fn by_message(svix: &Svix) -> Played {
    let world = World::answering(svix, "500", |_| ()).await?;
    let made = world.send(1, |given| given.event_id = Some("mine".into())).await?.id;
    world.attempts(&made).await?;
    let late = svix.endpoint().create(world.app(), hook("/200/late"), None).await?.id;
    let ask = async |more: &dyn Fn(&mut MessageAttemptListByMsgOptions)| {
        let mut options = MessageAttemptListByMsgOptions::default();
        more(&mut options);
        let list = svix.message_attempt();
        list.list_by_msg(world.app(), "mine".into(), Some(options)).await.map(|list| list.data)
    };
    equal(&ask(&|_| ()).await?[0].msg_id, &made)?;
    equal(ask(&|all| all.endpoint_id = Some(late.clone())).await?.len(), 0)?;
    let failed = ask(&|all| {
        all.endpoint_id = Some("hook".into());
        all.status = Some(MessageStatus::Fail);
        all.status_code_class = Some(StatusCodeClass::Code5xx);
    });
    holds(!failed.await?.is_empty())?;
    equal(ask(&|all| all.status = Some(MessageStatus::Success)).await?.len(), 0)?;
    equal(ask(&|_| ()).await?[0].response.as_str(), "")?;
    equal(ask(&|all| all.with_content = Some(true)).await?[0].response.as_str(), "answered")
}

async fn messages(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = Vec::new();
    for n in 0..3 {
        made.insert(0, world.sent(n).await?.id);
    }
    let of = async |more: fn(&mut MessageAttemptListAttemptedMessagesOptions)| -> Or<_> {
        Ok(every!(2, |limit, iterator| {
            let iterator = iterator.clone();
            let mut options = MessageAttemptListAttemptedMessagesOptions {
                limit,
                iterator,
                ..Default::default()
            };
            more(&mut options);
            svix.message_attempt()
                .list_attempted_messages(world.app(), "hook".into(), Some(options))
                .await
        }))
    };
    let all = of(|all| all.with_content = Some(true)).await?;
    equal(all.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), made)?;
    holds(all.iter().all(|one| one.status == MessageStatus::Success))?;
    equal(all.iter().map(|one| one.payload["n"].clone()).collect::<Vec<_>>(), vec![2, 1, 0])?;
    equal(of(|all| all.status = Some(MessageStatus::Success)).await?.len(), 3)?;
    equal(of(|all| all.status = Some(MessageStatus::Pending)).await?.len(), 0)?;
    equal(of(|all| all.tag = Some("t".into())).await?.len(), 0)
}

async fn destinations(svix: &Svix) -> Played {
    let world = World::answering(svix, "500", |_| ()).await?;
    let given =
        EndpointIn { uid: Some("second".into()), ..hook(&format!("/200/second-{}", world.uid)) };
    svix.endpoint().create(world.app(), given, None).await?;
    let made = world.sent(1).await?.id;
    eventually!(25, {
        let mut all = every!(1, |limit, iterator| {
            let iterator = iterator.clone();
            let options = MessageAttemptListAttemptedDestinationsOptions { limit, iterator };
            svix.message_attempt()
                .list_attempted_destinations(world.app(), made.clone(), Some(options))
                .await
        });
        all.sort_by(|one, other| one.uid.cmp(&other.uid));
        let stands: Vec<_> =
            all.iter().map(|one| (one.status_text, one.next_attempt.is_some())).collect();
        stands == [(MessageStatusText::Sending, true), (MessageStatusText::Success, false)]
    });
    Ok(())
}

async fn get(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.sent(1).await?.id;
    let attempt = world.attempts(&made).await?.remove(0);
    holds(attempt.id.starts_with("atmpt_"))?;
    let shown = svix.message_attempt().get(world.app(), made.clone(), attempt.id, None).await?;
    equal(
        (shown.msg_id, shown.endpoint_id, shown.url),
        (made.clone(), world.ep(), world.url.clone()),
    )?;
    equal((shown.response.as_str(), shown.response_status_code), ("answered", 200))?;
    refused(404, svix.message_attempt().get(world.app(), made, "atmpt_nobody".into(), None).await)
}

async fn expunge(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.sent(1).await?.id;
    let attempt = world.attempts(&made).await?.remove(0).id;
    svix.message_attempt().expunge_content(world.app(), made.clone(), attempt.clone()).await?;
    let shown = svix.message_attempt().get(world.app(), made, attempt, None).await?;
    equal((shown.response.as_str(), shown.response_status_code), ("EXPUNGED", 200))
}

async fn resend(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let made = world.sent(1).await?.id;
    svix.message_attempt().resend(world.app(), made.clone(), world.ep(), None).await?;
    for heard in seen(&world.path, 2).await? {
        equal(&heard.headers["webhook-id"], &made)?;
    }
    Ok(())
}
