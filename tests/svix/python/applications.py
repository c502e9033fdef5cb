"""Applications, and what is asked for an application alone."""

import uuid

import svix.models as models
from svix.api import application
from svix.api.errors.http_error import HttpError
from ground import World, client, equal, every, plays, refused, update


@plays("application.create")
def _():
    given = models.ApplicationIn(name="Acme", uid=uuid.uuid4().hex, metadata={"a": "b"}, throttle_rate=7)
    made = client.application.create(given)
    assert made.id.startswith("app_")
    equal((made.name, made.uid, made.metadata, made.throttle_rate), (given.name, given.uid, {"a": "b"}, 7))
    refused(HttpError, 409, lambda: client.application.create(given))


@plays("application.get-or-create")
def _():
    given = models.ApplicationIn(name="Acme", uid=uuid.uuid4().hex)
    equal(client.application.get_or_create(given).id, client.application.get_or_create(given).id)


@plays("application.get")
def _():
    world = World()
    equal(client.application.get(world.app), client.application.get(world.uid))
    refused(HttpError, 404, lambda: client.application.get("nobody"))


@plays("application.list")
def _():
    worlds = [World().app for _ in range(3)]
    ask = lambda order: lambda limit, at: client.application.list(  # noqa: E731
        application.ApplicationListOptions(limit=limit, iterator=at, order=order)
    )
    up = [app.id for app in every(ask(models.Ordering.ASCENDING), 5)]
    down = [app.id for app in every(ask(models.Ordering.DESCENDING), 5)]
    equal(up, down[::-1])
    equal([app for app in up if app in worlds], worlds)


@plays("application.update")
def _():
    world = World()
    changed = update(client.application)(world.uid, models.ApplicationIn(name="Beta", uid=world.uid))
    equal((changed.id, changed.name), (world.app, "Beta"))
    equal(client.application.get(world.app).name, "Beta")
    new = uuid.uuid4().hex
    equal(update(client.application)(new, models.ApplicationIn(name="New", uid=new)).uid, new)


@plays("application.patch")
def _():
    world = World()
    changed = client.application.patch(world.app, models.ApplicationPatch(metadata={"x": "y"}))
    equal((changed.name, changed.uid, changed.metadata), ("Acme", world.uid, {"x": "y"}))


@plays("application.delete")
def _():
    world = World()
    client.application.delete(world.app)
    refused(HttpError, 404, lambda: client.application.get(world.app))
    refused(HttpError, 404, lambda: world.send())


@plays("authentication.app-portal-access")
def _():
    # Until there is a dashboard to link to.
    call = lambda: client.authentication.app_portal_access(World().app, models.AppPortalAccessIn())  # noqa: E731
    error = refused(HttpError, 501, call)
    assert error.code and error.detail


@plays("authentication.logout")
def _():
    try:
        client.authentication.logout()
    except HttpError as error:
        equal(error.status_code, 501)
        assert error.code and error.detail


@plays("health.get")
def _():
    equal(client.health.get(), None)
