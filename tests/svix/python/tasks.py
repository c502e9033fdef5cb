"""What the relay is given to do in the background, and examples."""

import json
import uuid

import svix.models as models
from svix.api.errors.http_error import HttpError
from ground import World, ago, client, equal, eventually, every, finished, plays, refused, seen, spelt


@plays("endpoint.recover")
def _():
    world = World("heals")
    made = world.dead()
    task = client.endpoint.recover(world.app, world.endpoint, models.RecoverIn(since=ago(hours=1)))
    equal(task.task, models.BackgroundTaskType.ENDPOINT_RECOVER)
    eventually("it arrived", lambda: world.status(made.id) == "success")
    finished(task)


@plays("endpoint.replay-missing")
def _():
    world = World()
    client.endpoint.patch(world.app, world.endpoint, models.EndpointPatch(**spelt({"event_types": ["other.type"]})))
    made = world.send()
    equal(client.message_attempt.list_attempted_destinations(world.app, made.id).data, [])
    given = models.EndpointPatch(**spelt({"event_types": ["invoice.paid"]}))
    client.endpoint.patch(world.app, world.endpoint, given)
    task = client.endpoint.replay_missing(world.app, world.endpoint, models.ReplayIn(since=ago(hours=1)))
    equal(task.task, models.BackgroundTaskType.ENDPOINT_REPLAY)
    eventually("it arrived", lambda: world.status(made.id) == "success")
    finished(task)
    equal(len(seen(world.path)), 1)


@plays("endpoint.bulk-replay")
def _():
    world = World()
    made = [world.sent(n) for n in range(3)]
    given = models.BulkReplayIn(since=ago(hours=1), event_types=["invoice.paid"])
    task = client.endpoint.bulk_replay(world.app, world.endpoint, given)
    equal(task.task, models.BackgroundTaskType.ENDPOINT_BULK_REPLAY)
    heard = seen(world.path, 6)
    finished(task)
    equal(sorted(one["headers"]["webhook-id"] for one in heard), sorted(2 * [one.id for one in made]))


@plays("endpoint.send-example")
def _():
    world, name = World(), f"example.{uuid.uuid4().hex[:8]}"
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "examples": [{"n": 42}]}
    client.event_type.create(models.EventTypeIn(name=name, description="d", schemas={"1": schema}))
    made = client.endpoint.send_example(world.app, world.endpoint, models.EventExampleIn(event_type=name))
    equal(made.event_type, name)
    [heard] = seen(world.path)
    equal(json.loads(heard["body"]), {"n": 42})


@plays("background-task.get")
def _():
    world = World()
    task = client.endpoint.recover(world.app, world.endpoint, models.RecoverIn(since=ago(hours=1)))
    shown = finished(task)
    equal((shown.id, shown.task), (task.id, models.BackgroundTaskType.ENDPOINT_RECOVER))
    assert isinstance(shown.data, dict)
    refused(HttpError, 404, lambda: client.background_task.get("qtask_nobody"))


@plays("background-task.list")
def _():
    from svix.api.background_task import BackgroundTaskListOptions

    world = World()
    tasks = [
        client.endpoint.recover(world.app, world.endpoint, models.RecoverIn(since=ago(hours=1 + n))).id for n in range(3)
    ]
    ask = lambda **more: lambda limit, at: client.background_task.list(  # noqa: E731
        BackgroundTaskListOptions(limit=limit, iterator=at, **more)
    )
    up = [one.id for one in every(ask(order=models.Ordering.ASCENDING), 3)]
    down = [one.id for one in every(ask(order=models.Ordering.DESCENDING), 3)]
    equal((set(tasks) <= set(up), up), (True, down[::-1]))
    kinds = {one.task for one in every(ask(task=models.BackgroundTaskType.ENDPOINT_RECOVER), 50)}
    equal(kinds, {models.BackgroundTaskType.ENDPOINT_RECOVER})
