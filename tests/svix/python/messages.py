"""Messages, and what they said until it is removed."""

import json
import uuid

import svix.models as models
from svix.api import message
from svix.api.errors.http_error import HttpError
from ground import NEW, World, ago, client, equal, every, finished, plays, refused, seen


@plays("message.create")
def _():
    world = World()
    made = world.send(event_id="mine", channels=["c"], tags=["t"], payload_retention_hours=48)
    assert made.id.startswith("msg_")
    equal((made.event_id, made.event_type, made.channels, made.tags), ("mine", "invoice.paid", ["c"], ["t"]))
    equal(made.payload, {} if NEW else {"n": 1})
    [heard] = seen(world.path)
    equal((json.loads(heard["body"]), heard["headers"]["webhook-id"]), ({"n": 1}, made.id))
    shown = client.message.create(
        world.app,
        models.MessageIn(event_type="invoice.paid", payload={"n": 2}),
        message.MessageCreateOptions(with_content=True),
    )
    equal(shown.payload, {"n": 2})
    uid = f"inline-{uuid.uuid4().hex[:8]}"
    inline = models.MessageIn(event_type="a.b", payload={}, application=models.ApplicationIn(name="Inline", uid=uid))
    client.message.create(uid, inline)
    equal(client.application.get(uid).name, "Inline")


@plays("message.get")
def _():
    world = World()
    made = world.send(event_id="mine")
    for name in (made.id, "mine"):
        shown = client.message.get(world.app, name, message.MessageGetOptions(with_content=True))
        equal((shown.id, shown.payload), (made.id, {"n": 1}))
    refused(HttpError, 404, lambda: client.message.get(World().app, made.id))


@plays("message.list")
def _():
    world = World()
    made = [world.send(n, channels=["odd" if n % 2 else "even"], tags=[f"t{n}"]).id for n in range(5)]
    other = world.send(9, event_type="other.type").id
    ask = lambda **more: lambda limit, at: client.message.list(  # noqa: E731
        world.app, message.MessageListOptions(limit=limit, iterator=at, **more)
    )
    ids = lambda **more: [one.id for one in every(ask(**more))]  # noqa: E731
    equal(ids(), [other, *made[::-1]])
    equal(ids(channel="odd"), [made[3], made[1]])
    equal((ids(tag="t4"), ids(event_types=["other.type"])), ([made[4]], [other]))
    equal((ids(before=ago(hours=1)), len(ids(after=ago(hours=1)))), ([], 6))
    equal([one.payload for one in ask(with_content=True)(2, None).data], [{"n": 9}, {"n": 4}])


@plays("message.precheck")
def _():
    world = World(event_types=["invoice.paid"])
    ask = lambda kind: client.message.precheck(world.app, models.MessagePrecheckIn(event_type=kind)).active  # noqa: E731
    equal((ask("invoice.paid"), ask("other.type")), (True, False))


@plays("message.expunge-content")
def _():
    world = World()
    made = world.sent()
    client.message.expunge_content(world.app, made.id)
    shown = client.message.get(world.app, made.id, message.MessageGetOptions(with_content=True))
    equal((shown.id, shown.payload), (made.id, {"expired": True}))
    refused(HttpError, 409, lambda: client.message_attempt.resend(world.app, made.id, world.endpoint))


@plays("message.bulk-expunge-content")
def _():
    world = World()
    made = world.sent()
    told = client.message.bulk_expunge_content(world.app, models.BulkExpungeContentsIn(ids=[made.id, "nobody"]))
    equal(told.results, {made.id: "expunged", "nobody": "not-found"})


@plays("message.expunge-all-contents")
def _():
    world = World()
    made = [world.sent(n).id for n in range(3)]
    task = client.message.expunge_all_contents(world.app)
    equal(task.task, models.BackgroundTaskType.APPLICATION_PURGE_CONTENT)
    finished(task)
    for msg in made:
        shown = client.message.get(world.app, msg, message.MessageGetOptions(with_content=True))
        equal(shown.payload, {"expired": True})
