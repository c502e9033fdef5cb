#!/usr/bin/env python3
"""Measures the cold start of `ingest` beside that of the same function in Python. See README.md."""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab import places, world
from lab.figures import quantile

SHARE = 0.072  # The share of a CPU that a function with 128 MB of memory has.
PACE = 0.1  # Seconds between warm requests under the quota, so that one request does not throttle the next.
# The least ratio of Python's figure to that of `ingest`. A release build has 45 and 30. Another 40 ms of CPU, which the
# entropy source of aws-lc takes, would leave 7 of the 45.
BOUNDS = {"CPU cold, ms": 15.0, "cold: start to first answer, ms": 5.0}
FORBIDDEN = ("aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys")
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")

OURS, PYTHON = "ours", "python"
FULL, QUOTA = "full", "quota"


@dataclass
class Run:
    """The measurements of one process, from start to end."""

    init_ms: float
    first_ms: float
    cpu_init_ms: float
    cpu_first_ms: float
    cpu_warm_us: float
    peak_mb: float
    throttled_per_warm: float | None = None
    warm_us: list[float] = field(default_factory=list)

    @property
    def cold_ms(self) -> float:
        return self.init_ms + self.first_ms

    @property
    def cpu_cold_ms(self) -> float:
        return self.cpu_init_ms + self.cpu_first_ms


class Laboratory:
    """The surroundings of a function: AWS, Lambda's runtime API, certificates, control group."""

    def __init__(self, binary: Path, few_roots: bool):
        from lab import certificates, process, quota, runtime_api

        self._process = process
        self.state = places.OUT / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "home").mkdir(exist_ok=True)
        chain, key, authority = certificates.make(self.state)
        self._roots = self.state / "roots.pem"
        self._roots.write_bytes(authority if few_roots else authority + public_roots())
        self.api = runtime_api.RuntimeApi()
        self.services = process.Helper("stand_in.py", str(chain), str(key))
        self.ports = self.services.read()
        self.quota, self.quota_note = quota.find(SHARE)
        self.launchers = {FULL: process.Helper("launcher.py", bare=True)}
        if self.quota:
            self.launchers[QUOTA] = process.Helper("launcher.py", bare=True)
            self.quota.enter(self.launchers[QUOTA].pid)
        baseline = str(places.BENCH / "baseline" / "bootstrap.py")
        self.commands = {OURS: [str(binary)], PYTHON: [str(places.VENV / "bin" / "python"), baseline]}

    def close(self) -> None:
        for helper in (*self.launchers.values(), self.services):
            helper.stop()
        if self.quota:
            self.quota.remove()

    def environment(self) -> dict[str, str]:
        """The environment variables of a function: those of Lambda, those of the template, and the endpoints of AWS."""
        endpoints = {
            f"AWS_ENDPOINT_URL_{name}": f"https://localhost:{port}" for name, port in self.ports.items()
        }
        return endpoints | {
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "bench-ingest",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_SESSION_TOKEN": "bench",
            "TABLE_NAME": world.TABLE,
            "BUCKET_NAME": world.BUCKET,
            "INBOX_URL": f"https://localhost:{self.ports['SQS']}/123456789012/bench-inbox",
            "LIVE_QUEUE_URL": f"https://localhost:{self.ports['SQS']}/123456789012/bench-live.fifo",
            "MASTER_KEY_SECRET": world.MASTER_SECRET,
            "PUBLIC_URL": "https://relay.example",
            "SIGNING_SECRET": world.SIGNING_SECRET,
            "SSL_CERT_FILE": str(self._roots),
            "AWS_CA_BUNDLE": str(self._roots),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "HOME": str(self.state / "home"),
        }

    def run(self, who: str, mode: str, warm: int) -> Run:
        """Starts a function, sends one request and then `warm` more, and ends the function."""
        from lab import runtime_api

        log = self.state / f"{who}.log"
        events = [world.event(number) for number in range(warm + 1)]
        quota = self.quota if mode == QUOTA else None
        if quota:
            quota.off()
        launcher = self.launchers[mode]
        asked = {"argv": self.commands[who], "env": self.environment(), "log": str(log)}
        child = launcher.ask(asked)
        try:
            run = self._measure(child, events, quota)
        except (runtime_api.Failed, RuntimeError) as error:
            tail = log.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{who} failed: {error}\n{tail}") from error
        finally:
            launcher.ask({})
            self.api.end()
        calls = self.services.ask({})
        # `ingest` reads the table once more during init, so that the first request finds an open connection.
        wanted = {"GetSecretValue": 1, "GetItem": 2 if who == OURS else 1, "SendMessage": warm + 1}
        if calls != wanted:
            raise SystemExit(f"{who} made the AWS calls {calls}; expected {wanted}")
        return run

    def _measure(self, child: dict, events: list[bytes], quota) -> Run:
        process, api, pid = self._process, self.api, child["pid"]

        api.begin(lambda: process.alive(pid))
        polled = api.poll()
        process.settle(pid)
        cpu_init = process.cpu_ns(pid)
        if quota:
            quota.on()

        first, *rest = events
        api.hand(first)
        cold = self._accepted(api.answer())
        api.poll()
        process.settle(pid)
        cpu_first = process.cpu_ns(pid)

        throttled = quota.throttled() if quota else 0
        answers = []
        if quota:
            for event in rest:
                time.sleep(PACE)
                api.hand(event)
                answers.append(self._accepted(api.answer()))
                api.poll()
        else:
            for event in rest:
                api.hand(event)
            for _ in rest:
                answers.append(self._accepted(api.answer()))
                api.poll()
        process.settle(pid)
        cpu_warm = process.cpu_ns(pid)
        count = len(rest)
        return Run(
            init_ms=(polled - child["started_ns"]) / 1e6,
            first_ms=cold / 1e6,
            cpu_init_ms=cpu_init / 1e6,
            cpu_first_ms=(cpu_first - cpu_init) / 1e6,
            cpu_warm_us=(cpu_warm - cpu_first) / 1e3 / count,
            peak_mb=process.peak_bytes(pid) / 1e6,
            throttled_per_warm=(quota.throttled() - throttled) / count if quota else None,
            warm_us=[nanoseconds / 1e3 for nanoseconds in answers],
        )

    @staticmethod
    def _accepted(answer) -> int:
        """The duration of an answer. Raises RuntimeError if the answer is wrong."""
        if json.loads(answer.body).get("statusCode") != 202:
            raise RuntimeError(f"answered {answer.body[:300].decode(errors='replace')}")
        return answer.answered_ns - answer.handed_ns


def public_roots() -> bytes:
    """The public certificate authorities: botocore's pinned copy, so that every machine reads the same number."""
    import botocore

    return b"\n" + (Path(botocore.__file__).parent / "cacert.pem").read_bytes()


MEASURES = {
    "start to first poll, ms": lambda runs: statistics.median(run.init_ms for run in runs),
    "first request, ms": lambda runs: statistics.median(run.first_ms for run in runs),
    "cold: start to first answer, ms": lambda runs: statistics.median(run.cold_ms for run in runs),
    "warm p50, ms": lambda runs: quantile([us for run in runs for us in run.warm_us], 0.5) / 1e3,
    "warm p99, ms": lambda runs: quantile([us for run in runs for us in run.warm_us], 0.99) / 1e3,
    "CPU to first poll, ms": lambda runs: statistics.median(run.cpu_init_ms for run in runs),
    "CPU of first request, ms": lambda runs: statistics.median(run.cpu_first_ms for run in runs),
    "CPU cold, ms": lambda runs: statistics.median(run.cpu_cold_ms for run in runs),
    "CPU per warm request, ms": lambda runs: statistics.median(run.cpu_warm_us for run in runs) / 1e3,
    "peak memory, MB": lambda runs: statistics.median(run.peak_mb for run in runs),
}
THROTTLED = "throttled periods per warm request"


def summarise(runs: dict[str, list[Run]]) -> dict[str, dict[str, float | None]]:
    """For each measure the figures of `ingest` and of Python, and their ratio."""
    table = {}
    for name, measure in MEASURES.items():
        ours, python = measure(runs[OURS]), measure(runs[PYTHON])
        table[name] = {OURS: ours, PYTHON: python, "ratio": python / ours}
    if runs[OURS][0].throttled_per_warm is not None:
        means = {who: statistics.fmean(run.throttled_per_warm for run in runs[who]) for who in runs}
        table[THROTTLED] = {**means, "ratio": None}
    return table


def show(summary: dict[str, dict], binary_mb: float) -> str:
    def number(value: float | None) -> str:
        if value is None:
            return "—"
        return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"

    titles = {FULL: "full CPU", QUOTA: f"{SHARE} CPU"}
    head = ["", *(f"{who}, {titles[mode]}" for mode in summary for who in (OURS, PYTHON, "ratio"))]
    rows = []
    for name in dict.fromkeys(name for table in summary.values() for name in table):
        cells = [name]
        for table in summary.values():
            row = table.get(name, {OURS: None, PYTHON: None, "ratio": None})
            ratio = row["ratio"]
            cells += [number(row[OURS]), number(row[PYTHON]), "—" if ratio is None else f"{ratio:.1f}×"]
        rows.append(cells)
    rows.append(["binary, MB", number(binary_mb), *[""] * (len(head) - 2)])
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if index else "-") for index, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def forbidden_crates() -> list[str]:
    """The functions that link aws-lc in a release build."""
    found = []
    targets = [argument for target in TARGETS for argument in ("--target", target)]
    for folder in sorted((places.ROOT / "functions").iterdir()):
        if not (folder / "Cargo.toml").is_file():
            continue
        command = ["cargo", "tree", "-p", folder.name, "-e", "normal", "--prefix", "none", *targets]
        tree = subprocess.run(command, cwd=places.ROOT, check=True, capture_output=True, text=True)
        crates = {line.split()[0] for line in tree.stdout.splitlines() if line}
        found += [f"{folder.name} links {crate}" for crate in FORBIDDEN if crate in crates]
    return found


def judge(summary: dict[str, dict]) -> list[str]:
    """The faults of this build. Judges ratios within one run, never times."""
    faults = forbidden_crates()
    for name, bound in BOUNDS.items():
        ratio = summary[FULL][name]["ratio"]
        if ratio < bound:
            faults.append(f"{name}: Python takes only {ratio:.1f} times as much, not {bound:.0f}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", help="binary to measure (default: the deployed build, else a release build)")
    parser.add_argument("--runs", type=int, help="processes started per column (default: 20, or 5 with --quick)")
    parser.add_argument("--quick", action="store_true", help="make fewer runs with fewer requests; takes about 20 seconds")
    parser.add_argument("--check", action="store_true", help="measure quickly at full CPU; exit with 1 if ingest is too slow")
    parser.add_argument("--few-roots", action="store_true", help="trust one certificate authority instead of the public ones")
    arguments = parser.parse_args()
    places.enter_venv()

    quick = arguments.quick or arguments.check
    runs = arguments.runs or (5 if quick else 20)
    warm = {FULL: 50 if quick else 200, QUOTA: 10 if quick else 30}
    binary = places.bootstrap(arguments.bootstrap)
    stat = binary.stat()
    built = datetime.datetime.fromtimestamp(stat.st_mtime, datetime.UTC)

    from lab.process import busy

    busy_before, load_before = busy(), os.getloadavg()[0]
    laboratory = Laboratory(binary, arguments.few_roots)
    try:
        modes = [FULL] if arguments.check or not laboratory.quota else [FULL, QUOTA]
        kept = {mode: {OURS: [], PYTHON: []} for mode in modes}
        for number in range(runs + 1):
            for mode in modes:
                for who in (OURS, PYTHON) if number % 2 else (PYTHON, OURS):
                    run = laboratory.run(who, mode, warm[mode])
                    if number:  # The first run fills caches (disk, Python bytecode) and is not counted.
                        kept[mode][who].append(run)
    finally:
        laboratory.close()
    busy_after, load_after = busy(), os.getloadavg()[0]

    summary = {mode: summarise(kept[mode]) for mode in modes}
    binary_mb = stat.st_size / 1e6
    print(show(summary, binary_mb))
    print(f"\n{places.relative(binary)}, built {built:%Y-%m-%d %H:%M} UTC; medians of {runs} processes each.")
    if not arguments.check:
        print(f"Quota: {laboratory.quota_note}." + ("" if laboratory.quota else " That column is left out."))
    print(
        f"The machine ({os.cpu_count()} CPUs) was {busy_before:.0%} busy before and {busy_after:.0%} after, "
        f"load {load_before:.1f} and {load_after:.1f}."
    )
    if 0.1 < max(busy_before, busy_after):
        print("Another process used the CPU: the times are too long, the ratios are less affected.")

    result = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "binary": {"path": places.relative(binary), "built": built.isoformat(), "bytes": stat.st_size},
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "busy": [busy_before, busy_after],
            "load": [load_before, load_after],
        },
        "few_roots": arguments.few_roots,
        "quota": laboratory.quota_note,
        "summary": summary,
        "runs": {mode: {who: [asdict(run) for run in each] for who, each in kept[mode].items()} for mode in modes},
    }
    out = places.OUT / "cold_start.json"
    out.write_text(json.dumps(result, indent=1))
    print(f"All figures are in {places.relative(out)}.")

    if arguments.check:
        faults = judge(summary)
        for fault in faults:
            print(f"FAULT: {fault}", file=sys.stderr)
        print("check: " + ("failed" if faults else "passed"))
        return 1 if faults else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
