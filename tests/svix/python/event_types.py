"""Event types."""

import uuid

import svix.models as models
from svix.api import event_type
from svix.api.errors.http_error import HttpError
from ground import EventTypeUpdate, client, equal, every, plays, refused, update


def new_type(**more):
    name = f"type.{uuid.uuid4().hex[:10]}"
    return client.event_type.create(models.EventTypeIn(name=name, description="d", **more))


@plays("event-type.create")
def _():
    schemas = {"1": {"type": "object", "title": "T"}}
    made = new_type(schemas=schemas, group_name="billing", feature_flags=["beta"])
    equal((made.description, made.schemas, made.group_name, made.archived), ("d", schemas, "billing", False))
    equal((made.deprecated, made.feature_flags), (False, ["beta"]))
    again = models.EventTypeIn(name=made.name, description="d")
    refused(HttpError, 409, lambda: client.event_type.create(again))


@plays("event-type.get")
def _():
    made = new_type()
    equal(client.event_type.get(made.name), made)
    refused(HttpError, 404, lambda: client.event_type.get("nobody.knows"))


@plays("event-type.list")
def _():
    names = [new_type(schemas={"1": {"type": "object"}}).name for _ in range(3)]
    ask = lambda **more: lambda limit, at: client.event_type.list(  # noqa: E731
        event_type.EventTypeListOptions(limit=limit, iterator=at, **more)
    )
    up = [one.name for one in every(ask(order=models.Ordering.ASCENDING), 4)]
    down = [one.name for one in every(ask(order=models.Ordering.DESCENDING), 4)]
    equal((up, set(names) <= set(up)), (down[::-1], True))
    full = {one.name: one.schemas for one in every(ask(with_content=True), 50)}
    bare = {one.name: one.schemas for one in every(ask(with_content=False), 50)}
    equal((full[names[0]], bare[names[0]]), ({"1": {"type": "object"}}, None))


@plays("event-type.update")
def _():
    made = new_type()
    changed = update(client.event_type)(made.name, EventTypeUpdate(description="changed", deprecated=True))
    equal((changed.description, changed.deprecated), ("changed", True))
    new = update(client.event_type)(made.name + ".new", EventTypeUpdate(description="new"))
    equal(new.description, "new")


@plays("event-type.patch")
def _():
    made = new_type(group_name="g")
    changed = client.event_type.patch(made.name, models.EventTypePatch(description="changed"))
    equal((changed.description, changed.group_name), ("changed", "g"))


@plays("event-type.delete")
def _():
    made = new_type()
    client.event_type.delete(made.name)
    listed = [one.name for one in every(lambda limit, at: client.event_type.list(event_type.EventTypeListOptions(limit=limit, iterator=at)), 50)]
    assert made.name not in listed
    kept = new_type()
    client.event_type.delete(kept.name, event_type.EventTypeDeleteOptions(expunge=True))
    refused(HttpError, 404, lambda: client.event_type.get(kept.name))


@plays("event-type.import-openapi")
def _():
    name = f"imported.{uuid.uuid4().hex[:8]}"
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"id": {"type": "string"}}}}}}
    spec = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "webhooks": {name: {"post": {"description": "It came in.", "requestBody": body, "responses": {"200": {"description": "ok"}}}}},
    }
    dry = client.event_type.import_openapi(models.EventTypeImportOpenApiIn(spec=spec, dry_run=True))
    refused(HttpError, 404, lambda: client.event_type.get(name))
    told = client.event_type.import_openapi(models.EventTypeImportOpenApiIn(spec=spec))
    equal((dry.data.modified, told.data.modified), ([name], [name]))
    equal(client.event_type.get(name).description, "It came in.")
