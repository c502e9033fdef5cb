//! Event types.

use serde_json::json;
use svix::{
    api::{EventTypeDeleteOptions, EventTypeListOptions, Svix},
    models::{
        EventTypeImportOpenApiIn, EventTypeIn, EventTypeOut, EventTypePatch, EventTypeUpsertIn,
        Ordering,
    },
};

use crate::{
    every,
    ground::{Played, Run, equal, holds, refused, set, unique},
};

pub async fn play(run: &Run, svix: &Svix) {
    run.row("event-type.create", create(svix)).await;
    run.row("event-type.get", get(svix)).await;
    run.row("event-type.list", list(svix)).await;
    run.row("event-type.update", update(svix)).await;
    run.row("event-type.patch", patch(svix)).await;
    run.row("event-type.delete", delete(svix)).await;
    run.row("event-type.import-openapi", import(svix)).await;
}

fn described(name: &str) -> EventTypeIn {
    EventTypeIn::new(name.into(), "d".into())
}

async fn made(svix: &Svix) -> svix::Result<EventTypeOut> {
    svix.event_type().create(described(&unique("type")), None).await
}

async fn create(svix: &Svix) -> Played {
    let schemas = json!({ "1": { "type": "object", "title": "T" } });
    let given = EventTypeIn {
        schemas: Some(schemas.clone()),
        group_name: Some("billing".into()),
        feature_flags: set(&["beta"]),
        ..described(&unique("type"))
    };
    let made = svix.event_type().create(given.clone(), None).await?;
    equal(
        (made.name, made.description.as_str(), made.schemas),
        (given.name.clone(), "d", Some(schemas)),
    )?;
    equal((made.group_name, made.feature_flags), (Some("billing".into()), set(&["beta"])))?;
    equal((made.archived, made.deprecated), (Some(false), false))?;
    refused(409, svix.event_type().create(given, None).await)
}

async fn get(svix: &Svix) -> Played {
    let made = made(svix).await?;
    equal(svix.event_type().get(made.name.clone()).await?, made)?;
    refused(404, svix.event_type().get("nobody.knows".into()).await)
}

async fn list(svix: &Svix) -> Played {
    let given = EventTypeIn { schemas: Some(json!({ "1": {} })), ..described(&unique("type")) };
    let name = svix.event_type().create(given, None).await?.name;
    let mut listed = Vec::new();
    for order in [Ordering::Ascending, Ordering::Descending] {
        let all = every!(4, |limit, iterator| {
            let iterator = iterator.clone();
            let (order, with_content) = (Some(order), Some(true));
            let options =
                EventTypeListOptions { limit, iterator, order, with_content, ..Default::default() };
            svix.event_type().list(Some(options)).await
        });
        let ours = all.iter().find(|one| one.name == name).ok_or("it is not listed")?;
        equal(ours.schemas.clone(), Some(json!({ "1": {} })))?;
        listed.push(all.into_iter().map(|one| one.name).collect::<Vec<_>>());
    }
    listed[1].reverse();
    equal(&listed[0], &listed[1])
}

async fn update(svix: &Svix) -> Played {
    let made = made(svix).await?;
    let given =
        EventTypeUpsertIn { deprecated: Some(true), ..EventTypeUpsertIn::new("changed".into()) };
    let changed = svix.event_type().upsert(made.name.clone(), given).await?;
    equal((changed.description.as_str(), changed.deprecated), ("changed", true))?;
    let new = EventTypeUpsertIn::new("new".into());
    equal(svix.event_type().upsert(unique("type"), new).await?.description.as_str(), "new")
}

async fn patch(svix: &Svix) -> Played {
    let given = EventTypeIn { group_name: Some("g".into()), ..described(&unique("type")) };
    let made = svix.event_type().create(given, None).await?;
    let given = EventTypePatch { description: Some("changed".into()), ..EventTypePatch::new() };
    let changed = svix.event_type().patch(made.name, given).await?;
    equal((changed.description.as_str(), changed.group_name), ("changed", Some("g".to_owned())))
}

async fn delete(svix: &Svix) -> Played {
    let archived = made(svix).await?.name;
    svix.event_type().delete(archived.clone(), None).await?;
    let left = every!(50, |limit, iterator| {
        let iterator = iterator.clone();
        let options = EventTypeListOptions { limit, iterator, ..Default::default() };
        svix.event_type().list(Some(options)).await
    });
    holds(left.iter().all(|one| one.name != archived))?;
    let gone = made(svix).await?.name;
    let options = EventTypeDeleteOptions { expunge: Some(true) };
    svix.event_type().delete(gone.clone(), Some(options)).await?;
    refused(404, svix.event_type().get(gone).await)
}

async fn import(svix: &Svix) -> Played {
    let name = unique("imported");
    let schema = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
    let body = json!({ "content": { "application/json": { "schema": schema } } });
    let post = json!({ "description": "It came in.", "requestBody": body, "responses": { "200": { "description": "ok" } } });
    let spec = json!({ "openapi": "3.1.0", "info": { "title": "T", "version": "1" }, "webhooks": { name.as_str(): { "post": post } } });
    let given = EventTypeImportOpenApiIn { spec: Some(spec), ..EventTypeImportOpenApiIn::new() };
    let dry = EventTypeImportOpenApiIn { dry_run: Some(true), ..given.clone() };
    let dry = svix.event_type().import_openapi(dry, None).await?;
    refused(404, svix.event_type().get(name.clone()).await)?;
    let told = svix.event_type().import_openapi(given, None).await?;
    equal((dry.data.modified, told.data.modified), (vec![name.clone()], vec![name.clone()]))?;
    equal(svix.event_type().get(name).await?.description.as_str(), "It came in.")
}
