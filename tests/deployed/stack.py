"""The emulated AWS and the stack in it."""

import shutil
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

import tools
from tools import WORK, say

STACK = "relay"
FUNCTIONS = ("ingest", "process", "deliver", "redeliver", "sweep", "api")
SERVICES = (
    "apigateway,apigatewayv2,cloudformation,dynamodb,events,iam,lambda,logs,monitoring,s3,scheduler,secretsmanager,sqs,sts"
)


class Emulator:
    """MiniStack on a free port, with an empty state, holding every call against the caller's policies."""

    def __init__(self, venv: Path):
        self._run = WORK / "run"
        shutil.rmtree(self._run, ignore_errors=True)
        (self._run / "tmp").mkdir(parents=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        env = tools.environment(
            BIND_HOST="127.0.0.1",  # By default it listens to the whole network,
            IOT_MTLS_ENABLED="0",  # and on MQTT's port.
            GATEWAY_PORT=str(port),
            AWS_ENDPOINT_URL=self.url,
            MINISTACK_REGION=tools.REGION,
            SERVICES=SERVICES,
            AUTH="true",
            TMPDIR=str(self._run / "tmp"),  # Where it unpacks the bootstraps.
            STATE_DIR=str(self._run / "state"),
            S3_DATA_DIR=str(self._run / "objects"),
        )
        say(f"MiniStack on {self.url}")
        self._process = tools.Process([str(venv / "bin" / "ministack")], env, self._run / "ministack.log")
        try:
            tools.wait_until("MiniStack answers", self._healthy, seconds=120)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()
        tools.end_processes_from(self._run)

    def _healthy(self) -> bool:
        if not self._process.running():
            raise tools.Failed(f"MiniStack ended:\n{self._process.last_lines()}")
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
            region_name=tools.REGION,
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

    def outputs(self) -> dict[str, str]:
        [stack] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack["StackStatus"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def log(self, function: str) -> list[str]:
        """What a function has written so far."""
        events = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{STACK}-{function}")["events"]
        return [event["message"] for event in events]

    def show_complaints(self) -> None:
        """What the functions complained of, and how the emulator itself ended."""
        for function in FUNCTIONS:
            # Its own lines are JSON; the platform's are not.
            complaints = [line for line in self.log(function) if line.startswith("{") and '"level":"INFO"' not in line]
            if complaints:
                say(f"\nThe last complaints of {function}:")
            for line in complaints[-10:]:
                say(line.strip())
        say(f"\nThe end of {self._process.log}:\n{self._process.last_lines()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

