"""What every check stands on: the relay's client, what the majors call differently, the subscriber, an application of its own."""

import json
import os
import time
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import svix.models as models
from svix.api import Svix, SvixOptions
from svix.api import message_attempt

URL, KEY, HOOKS = (os.environ[name] for name in ("RELAY_URL", "RELAY_KEY", "HOOKS_URL"))
NEW = version("svix").startswith("2.")
client = Svix(KEY, SvixOptions(server_url=URL))


def as_portal(token):
    """The client of a subscriber that was handed a portal's token."""
    return Svix(token, SvixOptions(server_url=URL))


# What the majors call differently.
def endpoint_in(**fields):
    return models.EndpointIn(**spelt(fields))


def spelt(fields):
    names = {} if NEW else {"event_types": "filter_types", "throttle_rate": "rate_limit"}
    return {names.get(name, name): value for name, value in fields.items()}


def types_of(shown):
    return shown.event_types if NEW else shown.filter_types


def rate_of(shown):
    return shown.throttle_rate if NEW else shown.rate_limit


def update(resource):
    return resource.upsert if NEW else resource.update


EndpointUpdate = models.EndpointUpsertIn if NEW else models.EndpointUpdate
EventTypeUpdate = models.EventTypeUpsertIn if NEW else models.EventTypeUpdate


def control(what, **about):
    query = "&".join(f"{name}={value}" for name, value in about.items())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{HOOKS}/control/{what}?{query}", timeout=20) as answer:
        return json.load(answer)


def eventually(what, condition, seconds=25):
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def seen(path, count=1):
    """What the subscriber heard at this path, once it is so much."""
    return eventually(f"{count} at {path}", lambda: (got := control("seen", path=path)) and len(got) >= count and got)


class World:
    """An application of its own, and a subscriber."""

    def __init__(self, status=200, **fields):
        self.uid = f"app-{uuid.uuid4().hex[:12]}"
        self.app = client.application.create(models.ApplicationIn(name="Acme", uid=self.uid)).id
        self.path = f"/{status}/{self.uid}"
        given = endpoint_in(url=HOOKS + self.path, uid="hook", **fields)
        self.endpoint = client.endpoint.create(self.app, given).id

    def send(self, n=1, event_type="invoice.paid", **more):
        given = models.MessageIn(event_type=event_type, payload={"n": n}, **more)
        return client.message.create(self.app, given)

    def sent(self, n=1, **more):
        """A message that was attempted."""
        made = self.send(n, **more)
        self.attempts(made.id)
        return made

    def attempts(self, msg, count=1):
        options = message_attempt.MessageAttemptListByMsgOptions(with_content=True)
        ask = lambda: client.message_attempt.list_by_msg(self.app, msg, options).data  # noqa: E731
        return eventually(f"{count} attempts", lambda: (got := ask()) and len(got) >= count and got)

    def status(self, msg):
        """How a message stands with the endpoint."""
        shown = client.message_attempt.list_attempted_destinations(self.app, msg).data
        return shown[0].status_text if shown else None

    def dead(self):
        """A message that its endpoint failed for good."""
        control("impatient", app=self.app, endpoint=self.endpoint)
        made = self.send()
        eventually("it is spent", lambda: self.status(made.id) == "fail")
        control("heal", path=self.path)
        return made


def refused(kind, status, call):
    try:
        call()
    except kind as error:
        equal(error.status_code, status)
        return error
    raise AssertionError(f"{kind.__name__} {status} was not raised")


def every(ask, limit=2):
    """Everything on a list, part by part, as an SDK's user goes through it."""
    found, iterator = [], None
    for _ in range(50):
        part = ask(limit, iterator)
        assert len(part.data) <= limit
        found += part.data
        if part.done:
            return found
        iterator = part.iterator
    raise AssertionError("it does not end")


def ago(**time):
    return datetime.now(timezone.utc) - timedelta(**time)


def finished(task):
    """A task of the relay's, once it is through."""
    ask = lambda: client.background_task.get(task.id)  # noqa: E731
    return eventually(f"{task.task} is through", lambda: (got := ask()).status == "finished" and got, 60)


CHECKS = []


def plays(row):
    def keep(check):
        CHECKS.append((row, check))
        return check

    return keep
