"""Endpoints, their secrets, headers and numbers."""

import svix.models as models
from svix.api import endpoint
from svix.api.errors.http_error import HttpError
from svix.api.errors.http_validation_error import HTTPValidationError
from svix.webhooks import Webhook
from ground import (
    EndpointUpdate,
    HOOKS,
    NEW,
    World,
    ago,
    client,
    endpoint_in,
    equal,
    eventually,
    every,
    plays,
    rate_of,
    refused,
    seen,
    spelt,
    types_of,
    update,
)


@plays("endpoint.create")
def _():
    world = World(event_types=["invoice.paid"], throttle_rate=50, channels=["c"], metadata={"a": "b"}, description="d")
    shown = client.endpoint.get(world.app, world.endpoint)
    assert shown.id.startswith("ep_")
    equal((types_of(shown), rate_of(shown), shown.channels), (["invoice.paid"], 50, ["c"]))
    equal((shown.uid, shown.metadata, shown.description), ("hook", {"a": "b"}, "d"))
    equal((shown.url, bool(shown.disabled)), (HOOKS + world.path, False))
    again = endpoint_in(url=HOOKS + world.path, uid="hook")
    refused(HttpError, 409, lambda: client.endpoint.create(world.app, again))


@plays("endpoint.get")
def _():
    world = World()
    equal(client.endpoint.get(world.app, world.endpoint), client.endpoint.get(world.uid, "hook"))
    refused(HttpError, 404, lambda: client.endpoint.get(World().app, world.endpoint))


@plays("endpoint.list")
def _():
    world = World()
    more = [client.endpoint.create(world.app, endpoint_in(url=HOOKS + f"/200/{n}")).id for n in range(4)]
    ask = lambda order: lambda limit, at: client.endpoint.list(  # noqa: E731
        world.app, endpoint.EndpointListOptions(limit=limit, iterator=at, order=order)
    )
    up = [one.id for one in every(ask(models.Ordering.ASCENDING))]
    equal(up, [world.endpoint, *more])
    equal([one.id for one in every(ask(models.Ordering.DESCENDING))], up[::-1])


@plays("endpoint.update")
def _():
    world = World(event_types=["a.b"])
    given = EndpointUpdate(**spelt({"url": HOOKS + "/200/other", "uid": "hook", "event_types": ["c.d"]}))
    changed = update(client.endpoint)(world.app, "hook", given)
    equal((changed.id, types_of(changed), changed.url), (world.endpoint, ["c.d"], HOOKS + "/200/other"))
    new = update(client.endpoint)(world.app, "new", EndpointUpdate(url=HOOKS + "/200/new"))
    equal(new.uid, "new")


@plays("endpoint.patch")
def _():
    world = World(event_types=["a.b"], throttle_rate=9)
    given = models.EndpointPatch(description="changed", disabled=True)
    changed = client.endpoint.patch(world.app, world.endpoint, given)
    equal((changed.description, changed.disabled), ("changed", True))
    equal((types_of(changed), rate_of(changed)), (["a.b"], 9))


@plays("endpoint.delete")
def _():
    world = World()
    client.endpoint.delete(world.app, world.endpoint)
    refused(HttpError, 404, lambda: client.endpoint.get(world.app, world.endpoint))


@plays("endpoint.get-secret")
def _():
    world = World()
    assert client.endpoint.get_secret(world.app, world.endpoint).key.startswith("whsec_")
    own = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = client.endpoint.create(world.app, endpoint_in(url=HOOKS + "/200/own", secret=own))
    equal(client.endpoint.get_secret(world.app, made.id).key, own)


@plays("endpoint.rotate-secret")
def _():
    world = World()
    old = client.endpoint.get_secret(world.app, world.endpoint).key
    key = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    client.endpoint.rotate_secret(world.app, world.endpoint, models.EndpointSecretRotateIn(key=key))
    equal(client.endpoint.get_secret(world.app, world.endpoint).key, key)
    world.send()
    [heard] = seen(world.path)
    for secret in (old, key):  # Both sign for a day.
        Webhook(secret).verify(heard["body"], heard["headers"])


@plays("endpoint.get-headers")
def _():
    world = World()
    shown = client.endpoint.get_headers(world.app, world.endpoint)
    equal((shown.headers, shown.sensitive), ({}, []))


@plays("endpoint.update-headers")
def _():
    world = World()
    put = client.endpoint.set_headers if NEW else client.endpoint.update_headers
    given = models.EndpointHeadersIn(headers={"x-team": "billing", "authorization": "Bearer planted"})
    put(world.app, world.endpoint, given)
    shown = client.endpoint.get_headers(world.app, world.endpoint)
    equal((shown.headers, [name.lower() for name in shown.sensitive]), ({"x-team": "billing"}, ["authorization"]))
    world.send()
    [heard] = seen(world.path)
    equal((heard["headers"]["x-team"], heard["headers"]["authorization"]), ("billing", "Bearer planted"))
    bad = models.EndpointHeadersIn(headers={"webhook-id": "forged"})
    refused(HTTPValidationError, 422, lambda: put(world.app, world.endpoint, bad))


@plays("endpoint.patch-headers")
def _():
    world = World()
    patch = lambda **fields: client.endpoint.patch_headers(  # noqa: E731
        world.app, world.endpoint, models.EndpointHeadersPatchIn(**fields)
    )
    patch(headers={"x-one": "1", "x-two": "2"})
    patch(headers={"x-two": "3"}, delete_headers=["x-one"])
    equal(client.endpoint.get_headers(world.app, world.endpoint).headers, {"x-two": "3"})


@plays("endpoint.get-stats")
def _():
    world = World()
    for n in range(3):
        world.sent(n)
    count = lambda **given: client.endpoint.get_stats(  # noqa: E731
        world.app, world.endpoint, endpoint.EndpointGetStatsOptions(**given)
    )
    eventually("three are counted", lambda: count().success == 3)
    equal((count().fail, count().pending, count().sending, count(until=ago(hours=1)).success), (0, 0, 0, 0))


@plays("endpoint.get-attempt-stats")
def _():
    world = World(500)
    world.sent()
    stats = client.endpoint.get_attempt_stats(world.app, world.endpoint)
    equal((stats.success, stats.canceled, stats.fail >= 1), (0, 0, True))
