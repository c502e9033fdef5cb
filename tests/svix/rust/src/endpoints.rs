//! Endpoints, their secrets, headers and numbers.

use http::{HeaderMap, HeaderName, HeaderValue};
use svix::{
    Webhook,
    api::{EndpointGetStatsOptions, EndpointListOptions, Svix},
    models::{
        EndpointHeadersIn, EndpointHeadersPatchIn, EndpointIn, EndpointPatch,
        EndpointSecretRotateIn, EndpointUpsertIn, Ordering,
    },
};

use crate::{
    eventually, every,
    ground::{Heard, Or, Played, Run, World, ago, equal, holds, map, refused, seen, set, setting},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("endpoint.create", create(svix)).await;
    run.row("endpoint.get", get(svix)).await;
    run.row("endpoint.list", list(svix)).await;
    run.row("endpoint.update", update(svix)).await;
    run.row("endpoint.patch", patch(svix)).await;
    run.row("endpoint.delete", delete(svix)).await;
    run.row("endpoint.get-secret", get_secret(svix)).await;
    run.row("endpoint.rotate-secret", rotate_secret(svix)).await;
    run.row("endpoint.get-headers", get_headers(svix)).await;
    run.row("endpoint.update-headers", update_headers(svix)).await;
    run.row("endpoint.patch-headers", patch_headers(svix)).await;
    run.row("endpoint.get-stats", get_stats(svix)).await;
    run.row("endpoint.get-attempt-stats", get_attempt_stats(svix)).await;
}

pub fn hook(path: &str) -> EndpointIn {
    EndpointIn::new(format!("{}{path}", setting("HOOKS_URL")))
}

async fn create(svix: &Svix) -> Played {
    let world = World::answering(svix, "200", |given| {
        given.event_types = set(&["invoice.paid"]);
        given.throttle_rate = Some(50);
        given.channels = set(&["c"]);
        given.metadata = Some(map(&[("a", "b")]));
        given.description = Some("d".into());
    })
    .await?;
    holds(world.endpoint.starts_with("ep_"))?;
    let shown = svix.endpoint().get(world.app(), world.ep()).await?;
    equal((shown.event_types, shown.channels), (set(&["invoice.paid"]), set(&["c"])))?;
    equal((shown.throttle_rate, shown.uid), (Some(50), Some("hook".to_owned())))?;
    equal((shown.metadata, shown.description), (map(&[("a", "b")]), "d".to_owned()))?;
    equal((shown.url, shown.disabled), (world.url.clone(), Some(false)))?;
    let again = EndpointIn { uid: Some("hook".into()), ..hook("/200/again") };
    refused(409, svix.endpoint().create(world.app(), again, None).await)
}

async fn get(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let shown = svix.endpoint().get(world.uid.clone(), "hook".into()).await?;
    equal(svix.endpoint().get(world.app(), world.ep()).await?, shown)?;
    let other = World::new(svix).await?;
    refused(404, svix.endpoint().get(other.app(), world.ep()).await)
}

async fn list(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let mut made = vec![world.ep()];
    for n in 0..4 {
        made.push(svix.endpoint().create(world.app(), hook(&format!("/200/{n}")), None).await?.id);
    }
    for order in [Ordering::Ascending, Ordering::Descending] {
        let all = every!(2, |limit, iterator| {
            let iterator = iterator.clone();
            let options = EndpointListOptions { limit, iterator, order: Some(order) };
            svix.endpoint().list(world.app(), Some(options)).await
        });
        equal(all.into_iter().map(|one| one.id).collect::<Vec<_>>(), made.clone())?;
        made.reverse();
    }
    Ok(())
}

async fn update(svix: &Svix) -> Played {
    let world = World::answering(svix, "200", |given| given.event_types = set(&["a.b"])).await?;
    let url = format!("{}/200/other", setting("HOOKS_URL"));
    let given = EndpointUpsertIn {
        uid: Some("hook".into()),
        event_types: set(&["c.d"]),
        ..EndpointUpsertIn::new(url.clone())
    };
    let changed = svix.endpoint().upsert(world.app(), "hook".into(), given).await?;
    equal(
        (changed.id, changed.event_types, changed.url),
        (world.ep(), set(&["c.d"]), url.clone()),
    )?;
    let new = svix.endpoint().upsert(world.app(), "new".into(), EndpointUpsertIn::new(url)).await?;
    equal(new.uid, Some("new".to_owned()))
}

async fn patch(svix: &Svix) -> Played {
    let world = World::answering(svix, "200", |given| given.throttle_rate = Some(9)).await?;
    let given = EndpointPatch {
        description: Some("changed".into()),
        disabled: Some(true),
        ..EndpointPatch::new()
    };
    let changed = svix.endpoint().patch(world.app(), world.ep(), given).await?;
    equal((changed.description.as_str(), changed.disabled), ("changed", Some(true)))?;
    equal(changed.throttle_rate, Some(9))
}

async fn delete(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    svix.endpoint().delete(world.app(), world.ep()).await?;
    refused(404, svix.endpoint().get(world.app(), world.ep()).await)
}

async fn secret(world: &World<'_>) -> Or<String> {
    Ok(world.svix.endpoint().get_secret(world.app(), world.ep()).await?.key)
}

async fn get_secret(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    holds(secret(&world).await?.starts_with("whsec_"))?;
    let own = format!("whsec_{}", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let given = EndpointIn { secret: Some(own.clone()), ..hook("/200/own") };
    let made = svix.endpoint().create(world.app(), given, None).await?;
    equal(svix.endpoint().get_secret(world.app(), made.id).await?.key, own)
}

/// What a subscriber does with what it heard.
pub fn verify(secret: &str, body: &str, heard: &Heard) -> Or<bool> {
    let mut headers = HeaderMap::new();
    for (name, value) in &heard.headers {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(Webhook::new(secret)?.verify(body.as_bytes(), &headers).is_ok())
}

async fn rotate_secret(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let old = secret(&world).await?;
    let key = format!("whsec_{}", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let given = EndpointSecretRotateIn { key: Some(key.clone()), ..EndpointSecretRotateIn::new() };
    let told = svix.endpoint().rotate_secret(world.app(), world.ep(), given, None).await?;
    equal((told.key, secret(&world).await?), (key.clone(), key.clone()))?;
    world.send(1, |_| ()).await?;
    for heard in seen(&world.path, 1).await? {
        // Both sign for a day.
        holds(verify(&old, &heard.body, &heard)? && verify(&key, &heard.body, &heard)?)?;
    }
    Ok(())
}

async fn get_headers(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let shown = svix.endpoint().get_headers(world.app(), world.ep()).await?;
    holds(shown.headers.is_empty() && shown.sensitive.is_empty())
}

async fn update_headers(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let headers = map(&[("x-team", "billing"), ("authorization", "Bearer planted")]);
    let given = EndpointHeadersIn::new(headers);
    svix.endpoint().set_headers(world.app(), world.ep(), given).await?;
    let shown = svix.endpoint().get_headers(world.app(), world.ep()).await?;
    equal(shown.headers, map(&[("x-team", "billing")]))?;
    equal(Some(shown.sensitive), set(&["authorization"]))?;
    world.send(1, |_| ()).await?;
    let heard = seen(&world.path, 1).await?;
    equal(
        (&*heard[0].headers["x-team"], &*heard[0].headers["authorization"]),
        ("billing", "Bearer planted"),
    )?;
    let bad = EndpointHeadersIn::new(map(&[("webhook-id", "forged")]));
    refused(422, svix.endpoint().set_headers(world.app(), world.ep(), bad).await)
}

async fn patch_headers(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let first = EndpointHeadersPatchIn::new(map(&[("x-one", "1"), ("x-two", "2")]));
    svix.endpoint().patch_headers(world.app(), world.ep(), first).await?;
    let mut second = EndpointHeadersPatchIn::new(map(&[("x-two", "3")]));
    second.delete_headers = Some(vec!["x-one".into()]);
    svix.endpoint().patch_headers(world.app(), world.ep(), second).await?;
    let shown = svix.endpoint().get_headers(world.app(), world.ep()).await?;
    equal(shown.headers, map(&[("x-two", "3")]))
}

async fn get_stats(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    for n in 0..3 {
        world.sent(n).await?;
    }
    let count = async |options| svix.endpoint().get_stats(world.app(), world.ep(), options).await;
    eventually!(25, count(None).await?.success == 3);
    let stats = count(None).await?;
    equal((stats.fail, stats.pending, stats.sending, stats.canceled), (0, 0, 0, 0))?;
    let past = EndpointGetStatsOptions { until: Some(ago(1)), ..Default::default() };
    equal(count(Some(past)).await?.success, 0)
}

async fn get_attempt_stats(svix: &Svix) -> Played {
    let world = World::answering(svix, "500", |_| ()).await?;
    world.sent(1).await?;
    let stats = svix.endpoint().get_attempt_stats(world.app(), world.ep(), None).await?;
    equal((stats.success, stats.canceled, 1 <= stats.fail), (0, 0, true))
}
