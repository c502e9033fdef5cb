"""Attempts, by message and by endpoint."""

import svix.models as models
from svix.api import message_attempt
from svix.api.errors.http_error import HttpError
from ground import HOOKS, World, ago, client, endpoint_in, equal, eventually, every, plays, refused, seen


@plays("message-attempt.list-by-endpoint")
def _():
    world = World()
    made = [world.sent(n, channels=["c"], tags=["t"] if n else None).id for n in range(3)]
    ask = lambda **more: lambda limit, at: client.message_attempt.list_by_endpoint(  # noqa: E731
        world.app, world.endpoint, message_attempt.MessageAttemptListByEndpointOptions(limit=limit, iterator=at, **more)
    )
    of = lambda **more: [one.msg_id for one in every(ask(**more))]  # noqa: E731
    equal(of(), made[::-1])
    equal((len(of(channel="c")), len(of(tag="t")), of(event_types=["other"])), (3, 2, []))
    equal((len(of(status=models.MessageStatus.SUCCESS)), of(status=models.MessageStatus.FAIL)), (3, []))
    equal(len(of(status_code_class=models.StatusCodeClass.CODE2XX)), 3)
    equal((of(before=ago(hours=1)), len(of(after=ago(hours=1)))), ([], 3))
    one = ask(with_msg=True, with_content=True)(1, None).data[0]
    equal((one.msg.id, one.response, one.response_status_code), (made[2], "answered", 200))
    equal((one.status, one.trigger_type), (models.MessageStatus.SUCCESS, models.MessageAttemptTriggerType.SCHEDULED))
    part = ask()(2, None)
    there = ask()(2, part.iterator)
    back = ask()(2, there.prev_iterator)
    equal([one.id for one in back.data], [one.id for one in part.data])


@plays("message-attempt.list-by-msg")
def _():
    world = World(500)
    made = world.sent(event_id="mine")
    other = client.endpoint.create(world.app, endpoint_in(url=HOOKS + "/200/unheard", uid="late")).id
    options = message_attempt.MessageAttemptListByMsgOptions
    ask = lambda **more: client.message_attempt.list_by_msg(world.app, "mine", options(**more)).data  # noqa: E731
    equal((ask()[0].msg_id, ask(endpoint_id=other)), (made.id, []))
    assert ask(endpoint_id="hook", status=models.MessageStatus.FAIL, status_code_class=models.StatusCodeClass.CODE5XX)
    equal((ask(status=models.MessageStatus.SUCCESS), ask(with_content=False)[0].response), ([], ""))
    equal(ask(with_content=True)[0].response, "answered")


@plays("message-attempt.list-attempted-messages")
def _():
    world = World()
    made = [world.sent(n).id for n in range(3)]
    ask = lambda **more: lambda limit, at: client.message_attempt.list_attempted_messages(  # noqa: E731
        world.app, "hook", message_attempt.MessageAttemptListAttemptedMessagesOptions(limit=limit, iterator=at, **more)
    )
    of = lambda **more: every(ask(**more))  # noqa: E731
    equal([one.id for one in of()], made[::-1])
    equal({one.status for one in of(with_content=True)}, {models.MessageStatus.SUCCESS})
    equal(([one.payload["n"] for one in of(with_content=True)], of(with_content=False)[0].payload), ([2, 1, 0], {}))
    equal((len(of(status=models.MessageStatus.SUCCESS)), of(status=models.MessageStatus.PENDING)), (3, []))
    equal((of(event_types=["other"]), of(tag="t"), of(before=ago(hours=1))), ([], [], []))


@plays("message-attempt.list-attempted-destinations")
def _():
    world = World(500)
    client.endpoint.create(world.app, endpoint_in(url=HOOKS + f"/200/second-{world.uid}", uid="second"))
    made = world.sent()
    options = message_attempt.MessageAttemptListAttemptedDestinationsOptions
    ask = lambda limit, at: client.message_attempt.list_attempted_destinations(  # noqa: E731
        world.app, made.id, options(limit=limit, iterator=at)
    )
    stands = lambda: {one.uid: one.status_text for one in every(ask, 1)}  # noqa: E731
    eventually("both were tried", lambda: stands() == {"hook": "sending", "second": "success"})
    waiting = {one.uid: one.next_attempt is not None for one in every(ask, 1)}
    equal(waiting, {"hook": True, "second": False})


@plays("message-attempt.get")
def _():
    world = World()
    made = world.sent()
    [attempt] = world.attempts(made.id)
    shown = client.message_attempt.get(world.app, made.id, attempt.id)
    assert shown.id.startswith("atmpt_")
    equal((shown.id, shown.msg_id, shown.endpoint_id), (attempt.id, made.id, world.endpoint))
    equal((shown.url, shown.response_status_code, shown.response), (HOOKS + world.path, 200, "answered"))
    refused(HttpError, 404, lambda: client.message_attempt.get(world.app, made.id, "atmpt_nobody"))


@plays("message-attempt.expunge-content")
def _():
    world = World()
    made = world.sent()
    [attempt] = world.attempts(made.id)
    client.message_attempt.expunge_content(world.app, made.id, attempt.id)
    shown = client.message_attempt.get(world.app, made.id, attempt.id)
    equal((shown.response, shown.response_status_code), ("EXPUNGED", 200))


@plays("message-attempt.resend")
def _():
    world = World()
    made = world.sent()
    client.message_attempt.resend(world.app, made.id, world.endpoint)
    heard = seen(world.path, 2)
    equal({one["headers"]["webhook-id"] for one in heard}, {made.id})
