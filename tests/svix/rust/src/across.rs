//! What is not one operation's: keys, iterators, errors, uids, payloads that are not JSON, signatures.

use serde_json::json;
use svix::{
    api::{
        ApplicationCreateOptions, EndpointCreateOptions, MessageCreateOptions, MessageListOptions,
        Svix,
    },
    models::{ApplicationIn, MessageIn},
};

use crate::{
    endpoints::{hook, verify},
    ground::{Heard, Played, Run, World, equal, holds, refused, seen, setting, unique},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("idempotency-key", idempotency(svix)).await;
    run.row("iterate-to-the-end", iterate(svix)).await;
    run.row("errors-are-the-sdk's-own", errors(svix)).await;
    run.row("uids-in-place-of-ids", uids(svix)).await;
    run.row("raw-payload", raw(svix)).await;
    run.row("webhook.verify", verified(svix)).await;
}

async fn idempotency(svix: &Svix) -> Played {
    let (world, key) = (World::new(svix).await?, unique("key"));
    let send = async |n: u32| {
        let given = MessageIn::new("a.b".into(), json!({ "n": n }));
        let idempotency_key = Some(key.clone());
        let options = MessageCreateOptions { idempotency_key, ..Default::default() };
        svix.message().create(world.app(), given, Some(options)).await
    };
    equal(send(1).await?.id, send(1).await?.id)?;
    refused(422, send(2).await)?;
    let make = async || {
        let options = ApplicationCreateOptions { idempotency_key: Some(key.clone()) };
        svix.application().create(ApplicationIn::new("Once".into()), Some(options)).await
    };
    equal(make().await?.id, make().await?.id)?;
    let make = async || {
        let options = EndpointCreateOptions { idempotency_key: Some(key.clone()) };
        svix.endpoint().create(world.app(), hook("/200/once"), Some(options)).await
    };
    equal(make().await?.id, make().await?.id)
}

async fn iterate(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = Vec::new();
    for n in 0..5 {
        made.insert(0, world.send(n, |_| ()).await?.id);
    }
    let ask = async |iterator| {
        let options = MessageListOptions { limit: Some(2), iterator, ..Default::default() };
        svix.message().list(world.app(), Some(options)).await
    };
    let mut parts = vec![ask(None).await?];
    while let Some(last) = parts.last().filter(|last| !last.done) {
        let next = ask(last.iterator.clone()).await?;
        parts.push(next);
    }
    let ids = parts.iter().flat_map(|part| part.data.iter().map(|one| one.id.clone()));
    equal(ids.collect::<Vec<_>>(), made.clone())?;
    let mut part = parts.pop().ok_or("no part")?;
    let mut found: Vec<String> = part.data.iter().map(|one| one.id.clone()).collect();
    loop {
        part = ask(part.prev_iterator).await?;
        found.splice(0..0, part.data.iter().map(|one| one.id.clone()));
        if part.done {
            return equal(found, made);
        }
    }
}

async fn errors(svix: &Svix) -> Played {
    refused(404, svix.application().get("nobody".into()).await)?;
    let given = ApplicationIn { uid: Some(unique("app")), ..ApplicationIn::new("Acme".into()) };
    svix.application().create(given.clone(), None).await?;
    refused(409, svix.application().create(given, None).await)?;
    let bad = ApplicationIn { uid: Some("not a uid!".into()), ..ApplicationIn::new("Acme".into()) };
    match svix.application().create(bad, None).await {
        Err(svix::Error::Validation(error)) => {
            let told = error.payload.ok_or("it was not understood")?.detail;
            equal(&told[0].loc, &vec!["body".to_owned(), "uid".to_owned()])?;
        }
        other => return Err(format!("422 is not {other:?}").into()),
    }
    match svix.with_token("rk_x_y".into()).application().list(None).await {
        Err(svix::Error::Http(error)) => {
            let code = error.payload.ok_or("it was not understood")?.code;
            equal((error.status.as_u16(), code.as_str()), (401, "authentication_failed"))
        }
        other => Err(format!("401 is not {other:?}").into()),
    }
}

async fn uids(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let (app, msg, ep) = (|| world.uid.clone(), || "mine".to_owned(), || "hook".to_owned());
    let given = MessageIn { event_id: Some(msg()), ..MessageIn::new("a.b".into(), json!({})) };
    svix.message().create(app(), given, None).await?;
    seen(&world.path, 1).await?;
    let made = svix.message().get(app(), msg(), None).await?.id;
    equal(svix.endpoint().get(app(), ep()).await?.id, world.ep())?;
    let attempt = world.attempts("mine").await?.remove(0).id;
    let attempts = svix.message_attempt();
    equal(&attempts.list_by_msg(app(), msg(), None).await?.data[0].id, &attempt)?;
    equal(&attempts.list_by_endpoint(app(), ep(), None).await?.data[0].id, &attempt)?;
    equal(&attempts.list_attempted_messages(app(), ep(), None).await?.data[0].id, &made)?;
    equal(
        &attempts.list_attempted_destinations(app(), msg(), None).await?.data[0].id,
        &world.endpoint,
    )?;
    equal(&attempts.get(app(), msg(), attempt.clone(), None).await?.id, &attempt)?;
    attempts.resend(app(), msg(), ep(), None).await?;
    seen(&world.path, 2).await?;
    let secret = svix.endpoint().get_secret(app(), ep()).await?;
    equal(svix.endpoint().get_secret(world.app(), world.ep()).await?.key, secret.key)?;
    svix.message().expunge_content(app(), msg()).await?;
    svix.endpoint().delete(app(), ep()).await?;
    svix.application().delete(app()).await?;
    refused(404, svix.application().get(world.app()).await)
}

async fn raw(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let body = r#"<a b="1" />"#;
    let given =
        MessageIn::new_raw_payload("a.b".into(), body.into()).with_content_type("text/xml".into());
    svix.message().create(world.app(), given, None).await?;
    let heard = seen(&world.path, 1).await?;
    equal((heard[0].body.as_str(), &*heard[0].headers["content-type"]), (body, "text/xml"))
}

async fn verified(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let secret = svix.endpoint().get_secret(world.app(), world.ep()).await?.key;
    world.send(7, |_| ()).await?;
    let heard = seen(&world.path, 1).await?.remove(0);
    holds(verify(&secret, &heard.body, &heard)?)?;
    holds(!verify(&secret, &format!("{} ", heard.body), &heard)?)?;
    for (name, value) in [("webhook-id", "msg_other"), ("webhook-timestamp", "1700000000")] {
        let mut headers = heard.headers.clone();
        headers.insert(name.to_owned(), value.to_owned());
        let spoilt = Heard { headers, body: heard.body.clone() };
        holds(!verify(&secret, &spoilt.body, &spoilt)?)?;
    }
    holds(setting("RELAY_URL").starts_with("http"))
}
