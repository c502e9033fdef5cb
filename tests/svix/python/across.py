"""What is not one operation's: keys, iterators, errors, uids, payloads that are not JSON, signatures."""

import json
import uuid

import svix.models as models
from svix.api import Svix, SvixOptions
from svix.api import application, endpoint, message
from svix.api.errors.http_error import HttpError
from svix.api.errors.http_validation_error import HTTPValidationError
from svix.webhooks import Webhook, WebhookVerificationError
from ground import HOOKS, URL, World, client, endpoint_in, equal, eventually, plays, refused, seen


@plays("idempotency-key")
def _():
    world, key = World(), uuid.uuid4().hex
    send = lambda n: client.message.create(  # noqa: E731
        world.app,
        models.MessageIn(event_type="invoice.paid", payload={"n": n}),
        message.MessageCreateOptions(idempotency_key=key),
    )
    equal(send(1).id, send(1).id)
    refused(HTTPValidationError, 422, lambda: send(2))
    options = application.ApplicationCreateOptions(idempotency_key=uuid.uuid4().hex)
    make = lambda: client.application.create(models.ApplicationIn(name="Once"), options)  # noqa: E731
    equal(make().id, make().id)
    made = endpoint.EndpointCreateOptions(idempotency_key=uuid.uuid4().hex)
    hook = lambda: client.endpoint.create(world.app, endpoint_in(url=HOOKS + "/200/once"), made)  # noqa: E731
    equal(hook().id, hook().id)


@plays("iterate-to-the-end")
def _():
    world = World()
    made = [world.send(n).id for n in range(5)]
    ask = lambda limit, at: client.message.list(  # noqa: E731
        world.app, message.MessageListOptions(limit=limit, iterator=at)
    )
    parts = [ask(2, None)]
    while not parts[-1].done:
        parts.append(ask(2, parts[-1].iterator))
    equal([one.id for part in parts for one in part.data], made[::-1])
    back = [parts[-1]]
    while True:
        part = ask(2, back[-1].prev_iterator)
        back.append(part)
        if part.done:
            break
    equal([one.id for part in back[::-1] for one in part.data], made[::-1])


@plays("errors-are-the-sdk's-own")
def _():
    error = refused(HttpError, 404, lambda: client.application.get("nobody"))
    assert error.code == "not_found" and error.detail, error
    uid = uuid.uuid4().hex
    client.application.create(models.ApplicationIn(name="Acme", uid=uid))
    error = refused(HttpError, 409, lambda: client.application.create(models.ApplicationIn(name="Acme", uid=uid)))
    assert error.code and error.detail, error
    bad = models.ApplicationIn(name="Acme", uid="not a uid!")
    error = refused(HTTPValidationError, 422, lambda: client.application.create(bad))
    [told] = error.detail
    assert told.loc == ["body", "uid"] and told.msg and told.type, error
    error = refused(HttpError, 401, lambda: Svix("rk_x_y", SvixOptions(server_url=URL)).application.list())
    assert error.code == "authentication_failed" and error.detail, error


@plays("uids-in-place-of-ids")
def _():
    world = World()
    client.message.create(world.uid, models.MessageIn(event_type="a.b", payload={}, event_id="mine"))
    seen(world.path)
    attempts = client.message_attempt
    made = client.message.get(world.uid, "mine")
    equal(client.endpoint.get(world.uid, "hook").id, world.endpoint)
    [attempt] = eventually("an attempt", lambda: attempts.list_by_msg(world.uid, "mine").data)
    equal(attempts.list_by_endpoint(world.uid, "hook").data[0].id, attempt.id)
    equal(attempts.list_attempted_messages(world.uid, "hook").data[0].id, made.id)
    equal(attempts.list_attempted_destinations(world.uid, "mine").data[0].id, world.endpoint)
    equal(attempts.get(world.uid, "mine", attempt.id).id, attempt.id)
    attempts.resend(world.uid, "mine", "hook")
    seen(world.path, 2)
    equal(client.endpoint.get_secret(world.uid, "hook"), client.endpoint.get_secret(world.app, world.endpoint))
    assert client.endpoint.get_stats(world.uid, "hook").success >= 0
    client.message.expunge_content(world.uid, "mine")
    client.endpoint.delete(world.uid, "hook")
    client.application.delete(world.uid)
    refused(HttpError, 404, lambda: client.application.get(world.app))


@plays("raw-payload")
def _():
    world = World()
    client.message.create(world.app, message.message_in_raw("a.b", '<a b="1" />', "text/xml"))
    [heard] = seen(world.path)
    equal((heard["body"], heard["headers"]["content-type"]), ('<a b="1" />', "text/xml"))


@plays("webhook.verify")
def _():
    world = World()
    secret = client.endpoint.get_secret(world.app, world.endpoint).key
    world.send(7)
    [heard] = seen(world.path)
    equal(Webhook(secret).verify(heard["body"], heard["headers"]) or json.loads(heard["body"]), {"n": 7})
    for body, headers in (
        (heard["body"] + " ", heard["headers"]),
        (heard["body"], heard["headers"] | {"webhook-id": "msg_other"}),
        (heard["body"], heard["headers"] | {"webhook-timestamp": "1700000000"}),
    ):
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            continue
        raise AssertionError("something spoilt was accepted")
