"""`sam`, called as for AWS but for the endpoint. The standard library only, so that `--lint` needs no emulator."""

import platform
from pathlib import Path

import tools
from tools import ROOT, WORK, say

BUILT = WORK / "build"
# Where deliveries may go beside HTTP.
QUEUE = f"arn:aws:sqs:{tools.REGION}:000000000000:beside"
BUS = f"arn:aws:events:{tools.REGION}:000000000000:event-bus/beside"


def machine() -> str:
    """The architecture of this machine, in Lambda's words."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


class Sam:
    """`sam` with the settings of samconfig.toml."""

    def __init__(self, venv: Path):
        self._sam = str(venv / "bin" / "sam")
        path = f"{venv / 'bin'}:{tools.environment()['PATH']}"
        self._env = tools.environment(
            PATH=path, SAM_CLI_TELEMETRY="0", __SAM_CLI_APP_DIR=str(WORK / "sam"), SAM_CLI_POLL_DELAY="1"
        )
        self._config = ["--config-file", str(ROOT / "samconfig.toml")]
        self._template = ["--template", str(ROOT / "template.yaml")]

    def lint(self) -> None:
        """Whether CloudFormation and SAM understand the template."""
        say("sam validate --lint")
        command = [self._sam, "validate", *self._config, *self._template, "--lint"]
        tools.run("sam-validate", command, self._env, minutes=5)

    def build(self, debug: bool) -> None:
        """Builds every function for this machine, whatever AWS would run it on: the emulator runs it here."""
        say(f"sam build for {machine()}")
        command = [self._sam, "build", *self._config, *self._template, "--build-dir", str(BUILT)]
        env = self._env | ({"SAM_BUILD_MODE": "debug"} if debug else {})
        tools.run("sam-build", [*command, "--parameter-overrides", f"Architecture={machine()}"], env, minutes=60)

    def deploy(self, endpoint: str) -> None:
        """Deploys what was built to whoever answers there as AWS."""
        say("sam deploy")
        overrides = {
            "Architecture": machine(),
            "AllowedNetworks": "127.0.0.0/8",  # The receiver of this test listens there.
            "DestinationQueues": QUEUE,
            "DestinationEventBuses": BUS,
        }
        command = [self._sam, "deploy", *self._config, "--template", str(BUILT / "template.yaml"), "--no-progressbar"]
        overridden = [f"{name}={value}" for name, value in overrides.items()]
        env = self._env | {"AWS_ENDPOINT_URL": endpoint}
        tools.run("sam-deploy", [*command, "--parameter-overrides", *overridden], env, minutes=10)
