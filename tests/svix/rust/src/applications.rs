//! Applications, and what is asked for an application alone.

use svix::{
    api::{ApplicationListOptions, Svix},
    models::{
        AppPortalAccessIn, ApplicationIn, ApplicationPatch, ApplicationTokenExpireIn, Ordering,
    },
};

use crate::{
    every,
    ground::{Played, Run, World, as_portal, equal, holds, map, refused, unique},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("application.create", create(svix)).await;
    run.row("application.get-or-create", get_or_create(svix)).await;
    run.row("application.get", get(svix)).await;
    run.row("application.list", list(svix)).await;
    run.row("application.update", update(svix)).await;
    run.row("application.patch", patch(svix)).await;
    run.row("application.delete", delete(svix)).await;
    run.row("authentication.app-portal-access", portal(svix)).await;
    run.row("authentication.logout", logout(svix)).await;
    run.row("authentication.expire-all", expire_all(svix)).await;
    run.row("health.get", health(svix)).await;
}

fn named(uid: &str) -> ApplicationIn {
    ApplicationIn { uid: Some(uid.into()), ..ApplicationIn::new("Acme".into()) }
}

async fn create(svix: &Svix) -> Played {
    let metadata = Some(map(&[("a", "b")]));
    let given = ApplicationIn { metadata, throttle_rate: Some(7), ..named(&unique("app")) };
    let made = svix.application().create(given.clone(), None).await?;
    holds(made.id.starts_with("app_"))?;
    equal(
        (made.name, made.uid, made.throttle_rate),
        (given.name.clone(), given.uid.clone(), Some(7)),
    )?;
    equal(Some(made.metadata), given.metadata.clone())?;
    refused(409, svix.application().create(given, None).await)
}

async fn get_or_create(svix: &Svix) -> Played {
    let given = named(&unique("app"));
    let made = svix.application().get_or_create(given.clone(), None).await?;
    equal(svix.application().get_or_create(given, None).await?.id, made.id)
}

async fn get(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let shown = svix.application().get(world.uid.clone()).await?;
    equal(svix.application().get(world.app()).await?, shown)?;
    refused(404, svix.application().get("nobody".into()).await)
}

async fn list(svix: &Svix) -> Played {
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(World::new(svix).await?.app);
    }
    let mut listed = Vec::new();
    for order in [Ordering::Ascending, Ordering::Descending] {
        let all = every!(5, |limit, iterator| {
            let iterator = iterator.clone();
            let order = Some(order);
            let options = ApplicationListOptions { limit, iterator, order, ..Default::default() };
            svix.application().list(Some(options)).await
        });
        listed.push(all.into_iter().map(|app| app.id).collect::<Vec<_>>());
    }
    let down: Vec<_> = listed[1].iter().rev().cloned().collect();
    equal(&listed[0], &down)?;
    let ours: Vec<_> = listed[0].iter().filter(|app| made.contains(app)).cloned().collect();
    equal(ours, made)
}

async fn update(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let given = ApplicationIn { name: "Beta".into(), ..named(&world.uid) };
    let changed = svix.application().upsert(world.uid.clone(), given).await?;
    equal((changed.id, changed.name), (world.app(), "Beta".to_owned()))?;
    let new = unique("app");
    equal(svix.application().upsert(new.clone(), named(&new)).await?.uid, Some(new))
}

async fn patch(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let given = ApplicationPatch { metadata: Some(map(&[("x", "y")])), ..ApplicationPatch::new() };
    let changed = svix.application().patch(world.app(), given).await?;
    equal((changed.name.as_str(), changed.uid), ("Acme", Some(world.uid.clone())))?;
    equal(changed.metadata, map(&[("x", "y")]))
}

async fn delete(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    svix.application().delete(world.app()).await?;
    refused(404, svix.application().get(world.app()).await)?;
    refused(404, world.send(1, |_| ()).await)
}

async fn portal(svix: &Svix) -> Played {
    let (world, other) = (World::new(svix).await?, World::new(svix).await?);
    let given = AppPortalAccessIn::new();
    let access = svix.authentication().app_portal_access(world.app(), given, None).await?;
    holds(access.url.contains("/portal#code=rc_"))?;
    let portal = as_portal(&access.token);
    portal.application().get(world.app()).await?;
    refused(404, portal.application().get(other.app()).await)?;
    refused(403, portal.application().delete(world.app()).await)
}

async fn logout(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let given = AppPortalAccessIn::new();
    let access = svix.authentication().app_portal_access(world.app(), given, None).await?;
    let portal = as_portal(&access.token);
    portal.authentication().logout(None).await?;
    refused(401, portal.application().get(world.app()).await)?;
    // A key stays.
    svix.authentication().logout(None).await?;
    svix.application().get(world.app()).await?;
    Ok(())
}

async fn expire_all(svix: &Svix) -> Played {
    let world = World::new(svix).await?;
    let given = AppPortalAccessIn::new();
    let access = svix.authentication().app_portal_access(world.app(), given, None).await?;
    let all = ApplicationTokenExpireIn::new();
    svix.authentication().expire_all(world.app(), all, None).await?;
    refused(401, as_portal(&access.token).application().get(world.app()).await)
}

async fn health(svix: &Svix) -> Played {
    Ok(svix.health().get().await?)
}
