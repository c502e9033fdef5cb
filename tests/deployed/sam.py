"""`sam` and `cargo lambda`, called as for AWS but for the endpoint."""

import json
import os
import platform
import subprocess
from pathlib import Path

from support import packages
from support.process import ROOT, TARGET, WORK, run, say

HERE = Path(__file__).resolve().parent
REGION = "eu-central-1"
STACK = "relay"
BUILT = TARGET / "deployed" / "build"
# Where deliveries may go beside HTTP.
QUEUE = f"arn:aws:sqs:{REGION}:000000000000:beside"
BUS = f"arn:aws:events:{REGION}:000000000000:event-bus/beside"
# Log groups whose lines become logs of jobs.
LOG_GROUPS = f"arn:aws:logs:{REGION}:000000000000:log-group:/modal/jobs/*:*"
# The optimised build of the release takes minutes for each function, and nothing here measures.
QUICK = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}


def environment(**more: str) -> dict[str, str]:
    """What a toolchain needs, and never the caller's AWS profile."""
    keep = ("HOME", "LANG", "PATH", "CARGO_HOME", "RUSTUP_HOME", "HTTPS_PROXY", "NO_PROXY")
    clean = {name: os.environ[name] for name in keep if name in os.environ}
    return clean | {
        "CARGO_TARGET_DIR": str(TARGET),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    } | more  # fmt: skip


def machine() -> str:
    """The architecture of this machine, in Lambda's words."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


class Sam:
    """`sam` with the settings of samconfig.toml. Installs it when it is made."""

    def __init__(self):
        venv = packages.python("sam", HERE / "requirements-sam.txt")
        self._sam = str(venv / "bin" / "sam")
        self._env = environment(
            PATH=f"{venv / 'bin'}:{os.environ['PATH']}",
            SAM_CLI_TELEMETRY="0",
            __SAM_CLI_APP_DIR=str(WORK / "sam" / "app"),
            SAM_CLI_POLL_DELAY="1",
        )
        self._config = ["--config-file", str(ROOT / "samconfig.toml")]
        self._template = ["--template", str(ROOT / "template.yaml")]

    def lint(self) -> None:
        """Fails unless CloudFormation and SAM understand the template."""
        command = [self._sam, "validate", *self._config, *self._template, "--lint"]
        run("sam-validate", command, env=self._env, minutes=5)

    def translated(self) -> dict:
        """The template that SAM makes of template.yaml, which is what CloudFormation deploys."""
        return json.loads(self._python("translate.py", ROOT / "template.yaml"))

    def kept(self) -> str:
        """kept.yaml, the part of the template that an import takes."""
        return (ROOT / "kept.yaml").read_text()

    def _python(self, script: str, *arguments: Path | str) -> bytes:
        """What a script of this folder prints, run beside SAM's own code."""
        command = [str(Path(self._sam).parent / "python"), str(HERE / script), *map(str, arguments)]
        return subprocess.run(command, env=self._env, check=True, stdout=subprocess.PIPE).stdout

    def build(self) -> None:
        """Builds every function for this machine, with little optimisation: the emulator runs it here."""
        say(f"sam build for {machine()}")
        command = [self._sam, "build", *self._config, *self._template, "--build-dir", str(BUILT)]
        command += ["--parameter-overrides", f"Architecture={machine()}"]
        run("sam-build", command, env=self._env | QUICK, minutes=60)

    def deploy(self, endpoint: str, stack: str = STACK, **parameters: str) -> None:
        """Deploys the build to the AWS at this endpoint. Raises `Failed` if CloudFormation does not complete."""
        say(f"sam deploy of {stack}")
        self._python("emulated.py", BUILT / "template.yaml", BUILT / "emulated.yaml", endpoint)
        overrides = {
            "Architecture": machine(),
            "AllowedNetworks": "127.0.0.0/8",  # The receiver of this test listens there.
            "DestinationQueues": QUEUE,
            "DestinationEventBuses": BUS,
            "LogGroups": LOG_GROUPS,
        } | parameters
        command = [self._sam, "deploy", *self._config, "--template", str(BUILT / "emulated.yaml"), "--no-progressbar"]
        command += ["--stack-name", stack]
        overridden = [f"{name}={value}" for name, value in overrides.items()]
        env = self._env | {"AWS_ENDPOINT_URL": endpoint}
        run("sam-deploy", [*command, "--parameter-overrides", *overridden], env=env, minutes=10)

    def release(self, function: str) -> Path:
        """The bootstrap of one function as it is released, with every optimisation. The command is SAM's own."""
        folder = TARGET / "release-lambda"
        command = ["cargo", "lambda", "build", "--release", "--bin", function, "--lambda-dir", str(folder)]
        run("cargo-lambda", command + (["--arm64"] if machine() == "arm64" else []), env=self._env, minutes=60)
        return folder / function / "bootstrap"
