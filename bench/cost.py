#!/usr/bin/env python3
"""Turns counted units into dollars and writes docs/cost.md.

    python3 bench/cost.py            writes docs/cost.md from bench/counts.json, and prints targets
    python3 bench/cost.py --check    exits 1 if docs/cost.md is not what this writes
    python3 bench/cost.py --print    prints the page

The counts come from `UPDATE_UNITS=1 cargo test -p tests --test it units::`. Prices and assumptions are the
two tables below; sizes of functions and batches are read from template.yaml."""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "cost.md"
COUNTS = ROOT / "bench" / "counts.json"

# List prices of us-east-1 in dollars, without any free tier, as of PRICED.
PRICED = "November 2026"
PRICES = {
    "write unit, on demand": 0.625e-6,
    "read unit, on demand": 0.125e-6,
    "write unit, provisioned, an hour": 0.00065,
    "read unit, provisioned, an hour": 0.00013,
    "GB in DynamoDB, a month": 0.25,
    "HTTP API request": 1.00e-6,
    "SQS request": 0.40e-6,
    "SQS FIFO request": 0.50e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB-second, x86_64": 0.0000166667,
    "Lambda GB-second, arm64": 0.0000133334,
    "S3 PUT": 5.00e-6,
    "S3 GET": 0.40e-6,
    "GB in S3, a month": 0.023,
    "GB of logs": 0.50,
    "GB out": 0.09,
    "secret, a month": 0.40,
    "alarm metric, a month": 0.10,
    "custom metric, a month": 0.30,
    "invocation by a schedule": 1.00e-6,
}

# What was not counted. Durations are billed milliseconds of an invocation in use, at the memory of template.yaml.
ASSUMED = {
    "ingest, ms": 10,
    "process, ms for a full batch": 100,
    "deliver, ms for a full batch": 200,
    "redeliver, ms for a full batch": 100,
    "api, ms": 15,
    "sweep, ms an idle minute beside its calls": 20,
    "sweep, ms for each call of an idle minute, one after another": 10,
    "bytes of log for each event that is accepted": 0,
    "bytes of log for each attempt": 350,
    "bytes out for each attempt beside the body": 2500,
    "share of provisioned capacity that is used": 0.7,
    "receives a minute of an idle mapping": 15,
}

# Metrics of the relay's own that a round of the sweep emits while something happens: functions/sweep/src/lateness.rs, gauge.rs.
# A round in which nothing happens emits none.
CUSTOM_METRICS = 10
MINUTES = 30 * 24 * 60
# What DynamoDB adds to each item and index entry for storage.
OVERHEAD = 100
# What the free tier that does not end takes off an idle month at most.
FREE_REQUESTS, FREE_ALARMS, FREE_SCHEDULED = 1e6, 10, 14e6
# Conditions of alarms that hold by which setting of the template. Not among them: with a reservation there is one more.
ALARMS = {"essential": {None}, "all": {None, "AllAlarms", "WatchesFrontDoor"}}
SERVICES = ["front", "Lambda", "SQS", "writes", "reads", "S3", "logs", "data out"]


@dataclass
class Template:
    """What template.yaml says about sizes."""

    memory: dict[str, int] = field(default_factory=dict)
    batch: int = 10
    # Metrics that alarms watch, by the condition of the alarm.
    alarm_metrics: dict[str | None, int] = field(default_factory=dict)
    mappings: int = 0
    fifo_mappings: int = 0

    @classmethod
    def read(cls) -> "Template":
        text = (ROOT / "template.yaml").read_text()
        found = cls()
        for block in re.split(r"\n  (?=\w+:\n)", text):
            binary = re.search(r"Binary: (\w+)", block)
            memory = re.search(r"MemorySize: (\d+)", block)
            if binary and memory:
                found.memory[binary[1]] = int(memory[1])
            if "Type: AWS::CloudWatch::Alarm" in block:
                condition = re.search(r"^    Condition: (\w+)", block, re.M)
                condition = condition and condition[1]
                metrics = max(1, len(re.findall(r"MetricName:", block)))
                found.alarm_metrics[condition] = found.alarm_metrics.get(condition, 0) + metrics
            queues = re.findall(r"Queue: !GetAtt (\w+)\.Arn", block) if binary else []
            found.mappings += sum("Live" not in queue for queue in queues)
            found.fifo_mappings += sum("Live" in queue for queue in queues)
        sizes = {int(size) for size in re.findall(r"BatchSize: (\d+)", text)}
        found.batch = min(sizes)
        return found


@dataclass
class Case:
    """One kind of work, in dollars for one."""

    name: str
    dollars: dict[str, float]
    stored: float

    @property
    def total(self) -> float:
        return sum(self.dollars.values())


class Bill:
    """Prices what was counted."""

    def __init__(self, counts: dict, template: Template, processor: str = "x86_64") -> None:
        self.counts, self.template, self.processor = counts, template, processor
        self.front = PRICES["HTTP API request"]
        self.write = PRICES["write unit, on demand"]
        self.read = PRICES["read unit, on demand"]

    def lean(self) -> "Bill":
        """The same with provisioned capacity and a function URL in place of the HTTP API."""
        lean = Bill(self.counts, self.template, self.processor)
        used = ASSUMED["share of provisioned capacity that is used"] * 3600
        lean.front = 0.0
        lean.write = PRICES["write unit, provisioned, an hour"] / used
        lean.read = PRICES["read unit, provisioned, an hour"] / used
        return lean

    def invocations(self, function: str, number: float, ms: float) -> float:
        gigabytes = self.template.memory[function] / 1024
        second = PRICES[f"Lambda GB-second, {self.processor}"]
        return number * (PRICES["Lambda request"] + gigabytes * ms / 1000 * second)

    def case(self, name: str, row: str, *, front: str = "ingest", accepted: float = 1, attempts: float = 0,
             body: int = 1024, parked: float = 0) -> Case:
        """Prices a row of the counts: so many events accepted at a front door, so many attempts made."""
        counted = self.counts[row]
        batch = self.template.batch
        written = sum(counted["written"].values())
        # Invocations of one event each were counted; in use a batch shares the write of figures.
        written += counted["shared"] / batch
        calls = counted["calls"]
        sends = calls.get("SQS SendMessage", 0) + calls.get("SQS SendMessageBatch", 0)
        lambdas = 0.0
        if accepted:
            ms = ASSUMED["ingest, ms" if front == "ingest" else "api, ms"]
            lambdas += self.invocations(front, accepted, ms)
        if accepted and front == "ingest":
            lambdas += self.invocations("process", accepted / batch, ASSUMED["process, ms for a full batch"])
        lambdas += self.invocations("deliver", attempts / batch, ASSUMED["deliver, ms for a full batch"])
        lambdas += self.invocations("redeliver", parked / batch, ASSUMED["redeliver, ms for a full batch"])
        logged = accepted * ASSUMED["bytes of log for each event that is accepted"]
        logged += attempts * ASSUMED["bytes of log for each attempt"]
        out = attempts * (body + ASSUMED["bytes out for each attempt beside the body"])
        dollars = {
            "front": accepted * self.front,
            "Lambda": lambdas,
            # Each message that was sent is received and deleted in batches.
            "SQS": sends * (1 + 2 / batch) * PRICES["SQS request"],
            "writes": written * self.write,
            "reads": counted["read"] * self.read,
            "S3": calls.get("S3 PUT", 0) * PRICES["S3 PUT"] + calls.get("S3 GET", 0) * PRICES["S3 GET"],
            "logs": logged / 1e9 * PRICES["GB of logs"],
            "data out": out / 1e9 * PRICES["GB out"],
        }
        stored = counted["stored"]
        table = stored["table bytes"] + stored["index bytes"]
        table += OVERHEAD * (stored["items"] + stored["entries"])
        month = table / 1e9 * PRICES["GB in DynamoDB, a month"]
        # A body in S3 stays fifteen days longer than its event.
        month += stored["object bytes"] / 1e9 * PRICES["GB in S3, a month"] * 1.5
        return Case(name, dollars, month)

    def cases(self) -> list[Case]:
        one = dict(attempts=1)
        cases = [
            self.case("job, no endpoint", "job, no endpoint"),
            self.case("**job, 1 endpoint**", "job, 1 endpoint", **one),
            self.case("event without a job, 1 endpoint", "no job, 1 endpoint", **one),
            self.case("published message, 1 endpoint", "published, 1 endpoint", front="api", **one),
            self.case("job, 3 endpoints", "job, 3 endpoints", attempts=3),
            self.case("job, 90 endpoints", "job, 90 endpoints", attempts=90),
            self.case("256 B job, 1 endpoint", "job of 256 B, 1 endpoint", body=256, **one),
            self.case("4 KB job, 1 endpoint", "job of 4 KB, 1 endpoint", body=4096, **one),
            self.case("9 KB job, 1 endpoint", "job of 9 KB, 1 endpoint", body=9216, **one),
            self.case("64 KB job, 1 endpoint", "job of 64 KB, 1 endpoint", body=65536, **one),
            self.case("job of a batch of 100, no endpoint", "job of a batch of 100"),
            self.case("duplicate", "duplicate"),
            self.case("a retry, the first", "retry 1", accepted=0, **one),
            self.case("a retry, the ninth", "retry 9", accepted=0, **one),
            self.case("job whose ten attempts fail, parked", "ladder, short answers", attempts=10, parked=1),
            self.case("the same, answers of 1 KB", "ladder, 1 KB answers", attempts=10, parked=1),
            self.case("letter that is put back", "redriven letter", accepted=0, parked=0.1, **one),
        ]
        return cases

    def watched(self, alarms: str) -> int:
        """The metrics that alarms watch with a setting of `Alarms`."""
        return sum(count for condition, count in self.template.alarm_metrics.items() if condition in ALARMS[alarms])

    def idle(self, alarms: str = "essential", secrets: int = 2) -> dict[str, float]:
        """What a month costs in which nothing happens."""
        minute, template = self.counts["idle minute"], self.template
        receives = MINUTES * ASSUMED["receives a minute of an idle mapping"]
        calls = sum(minute["calls"].values())
        ms = ASSUMED["sweep, ms an idle minute beside its calls"]
        ms += ASSUMED["sweep, ms for each call of an idle minute, one after another"] * calls
        written = sum(minute["written"].values()) + minute["shared"]
        # One of the four is a FIFO queue; all are priced as if they were.
        asked = minute["calls"].get("SQS GetQueueAttributes", 0)
        metrics = self.watched(alarms)
        return {
            f"polling of {template.mappings} queues": receives * template.mappings * PRICES["SQS request"],
            "polling of the FIFO queue": receives * template.fifo_mappings * PRICES["SQS FIFO request"],
            f"{'two secrets' if secrets == 2 else 'one secret'}": secrets * PRICES["secret, a month"],
            f"{metrics} metrics that alarms watch": metrics * PRICES["alarm metric, a month"],
            "sweep, its schedule": MINUTES * PRICES["invocation by a schedule"],
            "sweep, Lambda": self.invocations("sweep", MINUTES, ms),
            "sweep, reads": MINUTES * minute["read"] * self.read,
            "sweep, writes": MINUTES * written * self.write,
            "sweep, asking queues what they hold": MINUTES * asked * PRICES["SQS FIFO request"],
        }

    def free(self, idle: dict[str, float], alarms: str = "essential") -> float:
        """What AWS's free tier that does not end takes off it."""
        polling = sum(cost for name, cost in idle.items() if "polling" in name)
        free = min(FREE_REQUESTS * PRICES["SQS request"], polling)
        free += min(FREE_ALARMS, self.watched(alarms)) * PRICES["alarm metric, a month"]
        return free + min(FREE_SCHEDULED, MINUTES) * PRICES["invocation by a schedule"]


def money(dollars: float) -> str:
    return f"{dollars:.2f}" if dollars < 100 else f"{dollars:.0f}"


def million(dollars: float) -> str:
    return money(dollars * 1e6) if dollars else ""


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page() -> str:
    counts = json.loads(COUNTS.read_text())
    template = Template.read()
    bill = Bill(counts, template)
    lean, arm = bill.lean(), Bill(counts, template, "arm64")
    cases, leaner, armed = bill.cases(), lean.cases(), arm.cases()
    by_service = [
        [case.name, *(million(case.dollars[name]) for name in SERVICES), f"**{million(case.total)}**",
         million(case.stored)]
        for case in cases
    ]
    units = [
        [name, *(f"{value:g}" for value in (row["written"].get("table", 0),
         sum(units for index, units in row["written"].items() if index != "table"),
         sum(row["written"].values()), row["read"], row["shared"]))]
        for name, row in counts.items()
    ]
    idle, all_alarms, one_secret = bill.idle(), bill.idle("all"), bill.idle(secrets=1)
    together = {name: sum(of.values()) for name, of in (("default", idle), ("all", all_alarms), ("one", one_secret))}
    watched = [name for name in all_alarms if "alarms watch" in name]
    main, lean_main, arm_main = (next(c for c in all if "**job" in c.name) for all in (cases, leaner, armed))
    memory = ", ".join(f"{name} {size} MB" for name, size in sorted(template.memory.items()))
    assumed = [[name, f"{value:g}"] for name, value in ASSUMED.items()]
    prices = [[name, f"{price * 1e6:g} per million" if price < 1e-5 else f"{price:g}"]
              for name, price in PRICES.items()]
    longer = [[f"`RetentionDays` {days}", f"{million(main.stored * days / 30)} for storage in place of "
               f"{million(main.stored)}"] for days in (14, 90, 365)]
    return f"""# What it costs

This page is written by `python3 bench/cost.py` from counts; do not change it by hand. All figures are dollars at the list prices of
us-east-1 of {PRICED}, without any free tier.

- A job's completion with one notification costs **${million(main.total)} a million**, and ${million(main.stored)} to keep for 30 days.
- With provisioned capacity and a function URL in place of the HTTP API (`TableCapacity`, `IngestFunctionUrl`), the same costs
  ${million(lean_main.total)}.
- A relay that does nothing costs **${money(together["default"])}** a month; ${money(together["one"])} once it has no first admin key
  (`FirstAdminKey`), and ${money(together["all"])} with all alarms (`Alarms`).

## By case and service

Dollars for a million of each. Bodies have 1 KB where no size is named. Storage for 30 days comes on top of the total.

{table(["case", *SERVICES, "total", "storage"], by_service)}

## A month in which nothing happens

{table(["what", "dollars"], [[name, money(cost)] for name, cost in idle.items()] + [["**together**", f"**{money(together['default'])}**"]])}

- With `Alarms: all` alarms watch {watched[0].split()[0]} metrics, which cost {money(all_alarms[watched[0]])}: {money(together["all"])} together.
- With `FirstAdminKey: false` there is one secret: {money(together["one"])} together.
- The relay's own metrics are reported while something happens, and CloudWatch bills each by the hour in which it is: at most
  {CUSTOM_METRICS} of them, {money(CUSTOM_METRICS * PRICES["custom metric, a month"])} for a month in which something happens in each hour.
- AWS's free tier, which does not end, covers a million requests of SQS, ten alarms and 14 million invocations by schedules a month:
  {money(bill.free(idle))} of these dollars. It is shared by all that the account does.
- What each of these is for, and what it would cost to do without, is in
  [ADR 0074](adr/0074-idle-month.md).

## What a setting changes

Of a job's completion with one notification, by the million:

{table(["setting", "effect"], [
    ["`Architecture` arm64", f"Lambda {million(arm_main.dollars['Lambda'])} in place of {million(main.dollars['Lambda'])}"],
    *longer,
    ["`BodyRetentionDays`", "bodies in S3 alone: $0.023 for a GB and month"],
    ["`LogRetentionDays`", "$0.03 for a GB and month; writing the GB cost $0.50"],
    ["`ProcessConcurrency`, `DeliverConcurrency`", "nothing: they bound how many copies work at once"],
    ["`IngestReservedConcurrency`", "nothing: a reservation is free"],
    ["`KmsKeyArn`", "$1 a month, and $3 a million requests to KMS, of which SQS and S3 make few with their key caches"],
    ["`AlarmTopicArn`", "nothing but the notifications"],
    ["`Alarms` all", f"{money(together['all'] - together['default'])} more a month"],
    ["`FirstAdminKey` false", f"{money(together['default'] - together['one'])} less a month"],
    ["`TableCapacity` provisioned", f"writes {million(lean_main.dollars['writes'])} in place of {million(main.dollars['writes'])}, reads {million(lean_main.dollars['reads'])} in place of {million(main.dollars['reads'])}, if {ASSUMED['share of provisioned capacity that is used']:.0%} of it is used"],
    ["`IngestFunctionUrl`, to which senders post", f"front nothing in place of {million(main.dollars['front'])}"],
])}

## The counts

Units of DynamoDB for one of each, the mean of several. `shared` is what belongs to no event: the figures of an invocation, of which
a batch of ten makes one, and the lease of the sweep.

{table(["work", "written: table", "indexes", "together", "read", "shared"], units)}

## How it was counted

`local`, which stands for AWS in the tests, counts each call by DynamoDB's rules: a write unit for each kilobyte of the larger of old
and new item, two in a transaction; each index what changes in what it projects; a read unit for each 4 KB, half of it where the
read may lag. A test holds the counts against another implementation of these rules. Sends of SQS are counted as they are made;
receives and deletes are taken to be in batches of {template.batch}, as in `template.yaml`. `tests/it/units.rs` does the work and holds each count to a
bound, so that nothing becomes more expensive unseen:

```sh
cargo test -p tests --test it units:: -- --nocapture                           # prints the counts beside their targets
UPDATE_UNITS=1 cargo test -p tests --test it units:: && python3 bench/cost.py   # writes counts and this page anew
```

Memory, from the template: {memory}.

What is assumed, not counted:

{table(["assumption", "value"], assumed)}

Prices:

{table(["what", "dollars"], prices)}

## What was not measured

Nothing on this page was read from an AWS bill. Not in it: the durations of functions on AWS, which are assumed; requests that API
Gateway or Lambda make again; KMS with a key of your own; live updates ([what a watcher costs](live.md#how-soon-and-what-it-costs)); the listing of
events by a page that is open; backups; and the write capacity of a partition that is hot, which is throttled and not billed.
"""


def targets() -> str:
    """The targets of the issue that these counts come from, and what was reached."""
    bill = Bill(json.loads(COUNTS.read_text()), Template.read())
    cases, lean = ({case.name: case for case in it.cases()} for it in (bill, bill.lean()))
    one, nine = "**job, 1 endpoint**", "9 KB job, 1 endpoint"
    rows = [
        ("a million, job and 1 endpoint", cases[one].total * 1e6, 9, 7),
        ("the same, provisioned, function URL", lean[one].total * 1e6, 5, 4),
        ("30 days of storage of it", cases[one].stored * 1e6, 1.5, 1.5),
        ("a million, 9 KB", cases[nine].total * 1e6, 12, 12),
        ("idle month", sum(bill.idle().values()), 2, 2),
        ("the same without the first admin key", sum(bill.idle(secrets=1).values()), 2, 2),
        ("the same with all alarms", sum(bill.idle("all").values()), 2, 2),
    ]
    met = [[name, money(cost), f"{must:g} / {aim:g}", "aim" if cost <= aim else "must" if cost <= must else "no"]
           for name, cost, must, aim in rows]
    return table(["dollars", "computed", "must / aim", "met"], met)


def main() -> int:
    text = page()
    if "--print" in sys.argv:
        print(text, end="")
        return 0
    if "--check" in sys.argv:
        if PAGE.is_file() and PAGE.read_text() == text:
            return 0
        print("docs/cost.md is not what bench/cost.py writes: run it", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    print(targets())
    return 0


if __name__ == "__main__":
    sys.exit(main())
