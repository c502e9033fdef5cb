"""The emulated AWS and the stack in it."""

import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from sam import REGION, STACK, environment

from support import packages
from support.process import TARGET, Process, free_port, say, wait_until

HERE = Path(__file__).resolve().parent

FUNCTIONS = ("ingest", "process", "deliver", "redeliver", "sweep", "api", "live")
SERVICES = "apigateway,apigatewayv2,cloudformation,dynamodb,events,iam,lambda,logs,monitoring,s3,scheduler,secretsmanager,sqs,sts"


class Emulator:
    """MiniStack on a free port, with an empty state, holding every call against the caller's policies."""

    def __init__(self):
        venv = packages.python("ministack", HERE / "requirements-ministack.txt")
        self._run = TARGET / "deployed" / "run"
        shutil.rmtree(self._run, ignore_errors=True)
        (self._run / "tmp").mkdir(parents=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        env = environment(
            BIND_HOST="127.0.0.1",  # By default it listens to the whole network,
            IOT_MTLS_ENABLED="0",  # and on MQTT's port.
            GATEWAY_PORT=str(port),
            AWS_ENDPOINT_URL=self.url,
            MINISTACK_REGION=REGION,
            SERVICES=SERVICES,
            AUTH="true",
            TMPDIR=str(self._run / "tmp"),  # Where it unpacks the bootstraps.
            STATE_DIR=str(self._run / "state"),
            S3_DATA_DIR=str(self._run / "objects"),
        )
        say(f"MiniStack on {self.url}")
        self._process = Process([str(venv / "bin" / "ministack")], env=env, log=self._run / "ministack.log")
        try:
            wait_until("MiniStack answers", self._healthy, seconds=120)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()
        end_processes_from(self._run)

    def _healthy(self) -> bool:
        if not self._process.running():
            raise AssertionError(f"MiniStack ended:\n{self._process.last_lines()}")
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def client(self, service: str):
        """A boto3 client with the rights of the account's owner."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 2}, read_timeout=70, s3={"addressing_style": "path"}),
        )

    def mend(self) -> None:
        """What MiniStack 1.5.33 makes of this template otherwise than AWS does."""
        functions = self.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
            if limit is not None:
                # It keeps a parameter's number as a string, and its poller stumbles over that.
                scaling = {"MaximumConcurrency": int(limit)}
                functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)
                say(f"MiniStack: gave {mapping['FunctionArn'].rsplit(':', 1)[1]} its concurrency as a number")

    @contextmanager
    def paused(self, function: str) -> Iterator[None]:
        """Meanwhile the function is given no messages."""
        functions = self.client("lambda")
        [mapping] = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def outputs(self, name: str = STACK) -> dict[str, str]:
        [stack] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack["StackStatus"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def log(self, function: str, stack: str = STACK) -> list[str]:
        """What a function has written so far."""
        events = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{stack}-{function}")["events"]
        return [event["message"] for event in events]

    def complaints(self) -> str:
        """The last complaints of each function, and the end of the emulator's own log."""
        lines = []
        for function in FUNCTIONS:
            # A function's own lines are JSON; the platform's are not.
            own = [line for line in self.log(function) if line.startswith("{") and '"level":"INFO"' not in line]
            lines += [f"{function}: {line.strip()}" for line in own[-10:]]
        return "\n".join([*lines, f"{self._process.log}:", self._process.last_lines()])


def end_processes_from(folder: Path) -> None:
    """Ends every process that runs a program from this folder, to which only this run writes."""
    if not sys.platform.startswith("linux"):
        return
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "exe")).is_relative_to(folder):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue  # It ended by itself, or belongs to another user.
