"""Applications, and what is asked for an application alone."""

import uuid

import svix.models as models
from svix.api import application
from svix.api.errors.http_error import HttpError
from ground import NEW, World, as_portal, client, equal, every, plays, refused, update


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
    world, other = World(), World()
    access = client.authentication.app_portal_access(world.app, models.AppPortalAccessIn(feature_flags=["beta"]))
    assert "/portal#code=rc_" in access.url, access.url
    portal = as_portal(access.token)
    equal(portal.endpoint.get(world.app, "hook").url, client.endpoint.get(world.app, "hook").url)
    refused(HttpError, 404, lambda: portal.endpoint.get(other.app, "hook"))
    refused(HttpError, 403, lambda: portal.application.delete(world.app))
    looks = client.authentication.app_portal_access(world.app, models.AppPortalAccessIn(read_only=True))
    refused(HttpError, 403, lambda: as_portal(looks.token).endpoint.delete(world.app, "hook"))


@plays("authentication.logout")
def _():
    world = World()
    access = client.authentication.app_portal_access(world.app, models.AppPortalAccessIn())
    portal = as_portal(access.token)
    portal.authentication.logout()
    refused(HttpError, 401, lambda: portal.endpoint.get(world.app, "hook"))
    # A key stays.
    client.authentication.logout()
    client.endpoint.get(world.app, "hook")


@plays("authentication.expire-all")
def _():
    world = World()
    given = models.AppPortalAccessIn(session_id="ann") if NEW else models.AppPortalAccessIn()
    portals = [as_portal(client.authentication.app_portal_access(world.app, given).token) for _ in range(2)]
    client.authentication.expire_all(world.app, models.ApplicationTokenExpireIn())
    for portal in portals:
        refused(HttpError, 401, lambda: portal.endpoint.get(world.app, "hook"))  # noqa: B023


@plays("health.get")
def _():
    equal(client.health.get(), None)
