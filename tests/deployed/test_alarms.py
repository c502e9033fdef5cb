"""Each alarm stays silent while all goes well and at the first deployment, and is heard when what it watches goes wrong.

The data is what AWS's documentation says that AWS reports. That the relay's own metrics are printed under these names and dimensions
is seen in test_stacks.py, over the lines of the deployed functions.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from alarms import ALARM, NO_DATA, OK, Alarm, Data, Metric, alarms

# The alarms that are there without the parameter Alarms.
ESSENTIAL = {"SweepAlarm", "TroubleAlarm", "ServerErrorsAlarm"}
PARAMETERS = {"AWS::StackName": "relay", "ProcessConcurrency": 20, "DeliverConcurrency": 50, "IngestReservedConcurrency": 10}
ROOT = Path(__file__).resolve().parents[2]
MINUTE = 60
NOW = 1_700_000_000 // 3600 * 3600
# The metrics that AWS documents, with their dimensions, as far as they are used.
DOCUMENTED = {
    "AWS/SQS": (
        {"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "NumberOfMessagesDeleted"},
        ("QueueName",),
    ),
    "AWS/Lambda": ({"Errors", "Throttles", "Invocations", "ConcurrentExecutions"}, ("FunctionName",)),
    "AWS/ApiGateway": ({"4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"}, ("ApiId",)),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents"}, ("TableName",)),
    "WebhookRelay": (
        {
            "trouble",
            "items_failed",
            "message_parked",
            "due_lag_seconds",
            "oldest_waiting_seconds",
            "received",
            "refused",
            "attempts",
            "delivered",
        },
        ("Stack",),
    ),
}


# Of the parameters that conditions ask for.
DEFAULTS = {
    "Alarms": "essential",
    "IngestFunctionUrl": "false",
    "IngestReservedConcurrency": "0",
    "AWS::StackName": "relay",
    "ProcessConcurrency": 20,
    "DeliverConcurrency": 50,
}


@pytest.fixture(scope="module")
def all_alarms(sam) -> dict[str, Alarm]:
    return {alarm.name: alarm for alarm in alarms(sam.translated(), PARAMETERS)}


@dataclass
class Course:
    """What is reported of a metric in each minute, as a function of the minutes before now; None: nothing is."""

    metric: Metric
    value: Callable[[int], float | None]


def aws(namespace: str, name: str, dimension: str, of: str) -> Callable[[Callable[[int], float | None]], Course]:
    return lambda value: Course(Metric(namespace, name, ((dimension, of),)), value)


def constantly(value: float) -> Callable[[int], float]:
    return lambda _: value


def queue(name: str, visible: float, hidden: float, deleted: Callable[[int], float]) -> list[Course]:
    metric = lambda which: aws("AWS/SQS", which, "QueueName", f"{name}.QueueName")  # noqa: E731
    return [
        metric("ApproximateNumberOfMessagesVisible")(constantly(visible)),
        metric("ApproximateNumberOfMessagesNotVisible")(constantly(hidden)),
        metric("NumberOfMessagesDeleted")(deleted),
    ]


def dead_updates(value: Callable[[int], float | None]) -> list[Course]:
    return [aws("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "LiveDeadLetters.QueueName")(value)]


def of_function(name: str, metric: str, value: Callable[[int], float | None]) -> list[Course]:
    return [aws("AWS/Lambda", metric, "FunctionName", f"{name}Function")(value)]


def of_relay(metric: str, value: Callable[[int], float | None]) -> list[Course]:
    return [aws("WebhookRelay", metric, "Stack", "relay")(value)]


def requests(received: float, refused: float) -> list[Course]:
    return of_relay("received", constantly(received)) + of_relay("refused", constantly(refused))


def deliveries(attempts: float, delivered: float) -> list[Course]:
    return of_relay("attempts", constantly(attempts)) + of_relay("delivered", constantly(delivered))


def of_table(metric: str, value: Callable[[int], float | None]) -> list[Course]:
    return [aws("AWS/DynamoDB", metric, "TableName", "Table")(value)]


def of_api(value: Callable[[int], float | None]) -> list[Course]:
    return [aws("AWS/ApiGateway", "5xx", "ApiId", "HttpApi")(value)]


def once(minutes_ago: int, value: float = 1, otherwise: float | None = 0) -> Callable[[int], float | None]:
    return lambda before: value if before == minutes_ago else otherwise


FUNCTIONS = ("Ingest", "Process", "Deliver", "Redeliver", "Sweep", "Api", "Live")
# For each alarm: courses that are healthy, and courses that have to be heard.
COURSES = {
    "InboxStuckAlarm": (
        # A busy queue, whose messages go in the minute in which they come.
        [queue("Inbox", 3, 40, constantly(1200))],
        [
            # One message that nobody manages to process, on a queue where nothing else happens; SQS's age metric would leave it out.
            queue("Inbox", 0, 1, constantly(0)),
            queue("Inbox", 90_000, 200, constantly(1200)),
        ],
    ),
    "OutboxStuckAlarm": (
        # A subscriber that takes each call for 300 s.
        [queue("Outbox", 0, 1, lambda before: float(before % 5 == 0)), queue("Outbox", 2, 300, constantly(600))],
        [queue("Outbox", 5, 0, constantly(0)), queue("Outbox", 50_000, 500, constantly(900))],
    ),
    "DeadLettersStuckAlarm": (
        [queue("DeadLetters", 1, 1, constantly(2)), queue("DeadLetters", 0, 0, once(3, 5))],
        [queue("DeadLetters", 0, 1, constantly(0)), queue("DeadLetters", 1, 0, constantly(0))],
    ),
    # Printed while there is trouble, and else not at all.
    "TroubleAlarm": (
        [of_relay("trouble", lambda before: None), of_relay("trouble", lambda before: 1 if 10 < before else None)],
        [of_relay("trouble", once(1, 1, None)), of_relay("trouble", constantly(1))],
    ),
    "LiveDeadLettersAlarm": ([dead_updates(constantly(0))], [dead_updates(constantly(1)), dead_updates(once(1, 3, 0))]),
    "ItemsFailedAlarm": (
        [of_relay("items_failed", once(2, 10, None))],
        [of_relay("items_failed", lambda before: 1 if before % 5 == 0 else None)],
    ),
    "MessageParkedAlarm": ([of_relay("message_parked", constantly(0))], [of_relay("message_parked", once(1, 1, None))]),
    "DueLagAlarm": (
        [
            of_relay("due_lag_seconds", constantly(55)),
            of_relay("due_lag_seconds", once(1, 4000)),
            # What is not late is not reported.
            of_relay("due_lag_seconds", once(2, 59, None)),
        ],
        [of_relay("due_lag_seconds", constantly(301))],
    ),
    "ServerErrorsAlarm": ([of_api(constantly(0))], [of_api(once(1, 1, None))]),
    "SweepAlarm": (
        # Lambda reports no error for each round that succeeds. One that fails is made good by the next.
        [of_function("Sweep", "Errors", constantly(0)), of_function("Sweep", "Errors", once(2))],
        [
            of_function("Sweep", "Errors", constantly(1)),
            of_function("Sweep", "Errors", lambda before: float(before <= 3)),
            # Every fourth round.
            of_function("Sweep", "Errors", lambda before: float(before % 4 == 1)),
            # No round at all, and no error.
            of_function("Sweep", "Errors", lambda before: 0 if before >= 11 else None),
        ],
    ),
    "RefusalsAlarm": (
        [
            # A scanner that tries a source's name among much traffic, and then a sender that is alone and well.
            requests(received=100, refused=4),
            requests(received=2, refused=0),
            # A relay in which nothing happens reports nothing.
            of_relay("received", lambda before: None) + of_relay("refused", lambda before: None),
            # Half an hour in which one thing went wrong at once.
            of_relay("received", constantly(1)) + of_relay("refused", once(20, 300, 0)),
        ],
        [
            requests(received=0, refused=1),
            # One of five senders.
            requests(received=4, refused=1),
            # Again and again, each time later.
            of_relay("received", constantly(0))
            + of_relay("refused", lambda before: 6.0 if before in (2, 8, 22) else 0.0),
        ],
    ),
    "NothingDeliveredAlarm": (
        [
            deliveries(attempts=40, delivered=1),
            deliveries(attempts=0, delivered=0),
            of_relay("attempts", once(3, 50, 0)) + of_relay("delivered", constantly(0)),
            of_relay("attempts", once(3, 50, None)) + of_relay("delivered", once(3, 0, None)),
        ],
        [deliveries(attempts=1, delivered=0), deliveries(attempts=900, delivered=0)],
    ),
    "OldestWaitingAlarm": (
        [
            # A long retry, which the sweep alone rings for.
            of_relay("oldest_waiting_seconds", lambda before: 59.0 if before % 2 else 0.0),
            of_relay("oldest_waiting_seconds", constantly(480)),
        ],
        [
            of_relay("oldest_waiting_seconds", constantly(901)),
            # It is seen at some rounds only.
            of_relay("oldest_waiting_seconds", once(40, 960, 0)),
        ],
    ),
    **{
        f"{name}ErrorsAlarm": ([of_function(name, "Errors", constantly(0))], [of_function(name, "Errors", once(1, 1, None))])
        for name in FUNCTIONS
        if name != "Sweep"  # SweepAlarm.
    },
    **{
        f"{name}ThrottlesAlarm": (
            [of_function(name, "Throttles", constantly(0))],
            [of_function(name, "Throttles", once(1, 1, None))],
        )
        for name in FUNCTIONS
    },
    **{
        f"{name}ConcurrencyAlarm": (
            # A peak of some minutes, then as usual.
            [of_function(name, "ConcurrentExecutions", lambda before, most=most: most if before in (7, 8) else most // 5)],
            [of_function(name, "ConcurrentExecutions", constantly(most))],
        )
        for name, most in (("Process", 20), ("Deliver", 50), ("Ingest", 10))
    },
    **{
        f"Table{kind}ThrottlesAlarm": (
            # Capacity grows while a first burst is refused.
            [of_table(f"{kind}ThrottleEvents", once(7, 500, None))],
            [of_table(f"{kind}ThrottleEvents", constantly(1))],
        )
        for kind in ("Read", "Write")
    },
}


def data_of(courses: list[Course], minutes: int = 60, until: int = 0) -> Data:
    """The last hour, but for the last `until` minutes."""
    data = Data()
    for course in courses:
        for before in range(until + 1, minutes + 1):
            value = course.value(before)
            if value is not None:
                data.put(course.metric, NOW - before * MINUTE, value)
    return data


def test_every_alarm_is_tried_whichever_are_deployed(all_alarms, sam):
    assert set(COURSES) == set(all_alarms)
    translated = sam.translated()
    deployed = lambda **given: {alarm.name for alarm in alarms(translated, DEFAULTS | given, only_deployed=True)}  # noqa: E731
    assert deployed() == ESSENTIAL
    assert deployed(IngestFunctionUrl="true") == ESSENTIAL | {"IngestErrorsAlarm", "IngestThrottlesAlarm"}
    assert deployed(Alarms="all") == set(COURSES) - {"IngestConcurrencyAlarm"}
    assert deployed(Alarms="all", IngestReservedConcurrency="10") == set(COURSES)


@pytest.mark.parametrize("name", COURSES)
def test_an_alarm_watches_a_metric_that_is_reported(name, all_alarms):
    for metric in all_alarms[name].metrics:
        names, dimensions = DOCUMENTED[metric.namespace]
        assert metric.name in names
        assert tuple(dimension for dimension, _ in metric.dimensions) == dimensions


@pytest.mark.parametrize("name", COURSES)
def test_a_first_deployment_notifies_nobody(name, all_alarms):
    alarm = all_alarms[name]
    state = alarm.state(Data(), NOW)
    assert not alarm.notifies(NO_DATA, state), state
    # Nor does the first minute.
    healthy = COURSES[name][0][0]
    state = alarm.state(data_of(healthy, minutes=1), NOW)
    assert not alarm.notifies(NO_DATA, state), state


@pytest.mark.parametrize("name", COURSES)
def test_an_alarm_is_silent_while_all_goes_well(name, all_alarms):
    for courses in COURSES[name][0]:
        assert all_alarms[name].state(data_of(courses), NOW) == OK


@pytest.mark.parametrize("name", COURSES)
def test_an_alarm_is_heard_when_what_it_watches_goes_wrong(name, all_alarms):
    alarm = all_alarms[name]
    for courses in COURSES[name][1]:
        state = alarm.state(data_of(courses), NOW)
        assert alarm.notifies(OK, state), state
        silent = all(course.value(1) is None for course in courses)
        assert state == (NO_DATA if silent and name == "SweepAlarm" else ALARM)


@pytest.mark.parametrize("name", COURSES)
def test_an_alarm_ends_when_all_goes_well_again(name, all_alarms):
    alarm = all_alarms[name]
    healthy, wrong = COURSES[name][0][0], COURSES[name][1][0]
    since = alarm.seconds // MINUTE
    before = [Course(each.metric, lambda minutes, of=each.value: of(minutes - since)) for each in wrong]
    data = data_of(before, minutes=2 * since, until=since)
    for metric, points in data_of(healthy, minutes=since).points.items():
        data.points[metric] += points
    assert alarm.state(data, NOW) == OK


@pytest.mark.parametrize("name", COURSES)
def test_another_stack_is_not_heard(name, all_alarms):
    """The same trouble under another stack's dimension."""
    for courses in COURSES[name][1]:
        foreign = [
            Course(Metric(each.metric.namespace, each.metric.name, ((dimension, f"other-{of}"),)), each.value)
            for each in courses
            for dimension, of in each.metric.dimensions
        ]
        alarm = all_alarms[name]
        assert not alarm.notifies(NO_DATA, alarm.state(data_of(foreign), NOW))


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of docs/deploying.md, without its head."""
    text = (ROOT / "docs" / "deploying.md").read_text().split(f"## {heading}\n", 1)[1]
    lines = [line for line in text.split("\n#", 1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(cell: str) -> set[str]:
    """The alarms that a cell of the table names: `…ErrorsAlarm` stands for those of all functions but the sweep."""
    found = set()
    for name in re.findall(r"`([^`]+Alarm)`", cell):
        kinds = {one for one in COURSES if name[0] == "…" and one.endswith(name[1:]) and one.removesuffix(name[1:]) in FUNCTIONS}
        found |= kinds if name[0] == "…" else {name}
    return found


def test_the_document_says_of_each_alarm_what_notices_its_cause_without_it():
    """The table names each alarm of `all` once, and for each an essential alarm or that there is none."""
    rows = table("Without `Alarms: all`")
    listed = [name for row in rows for name in sorted(names(row[0]))]
    assert sorted(listed) == sorted(set(COURSES) - ESSENTIAL)
    kinds = set(re.findall(r'=> "(\w+)"', (ROOT / "shared/domain/src/trouble.rs").read_text()))
    for row in rows:
        essential = set(re.findall(r"`(\w+Alarm)`", row[1]))
        assert essential <= ESSENTIAL, row
        assert essential or row[1].startswith("nothing"), row
        named = set(re.findall(r"`([a-z_]+)`", row[1])) - {"all", "ingest"}
        assert named <= kinds and (not named or "TroubleAlarm" in essential), row
    noticed = {kind for row in rows for kind in re.findall(r"`([a-z_]+)`", row[1])}
    assert kinds <= noticed, "a kind of trouble that stands for no alarm"
