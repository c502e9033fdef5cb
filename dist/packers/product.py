"""What is packed: names, version and licence, and the platforms that it is built for."""

import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The build that is handed out: see relay/Cargo.toml.
FEATURES = ["--no-default-features", "--features", "client"]


class Failed(Exception):
    """Nothing can be built, in words for whoever runs `dist/build`."""


@dataclass(frozen=True)
class Product:
    """The command line, as each kind of package describes it."""

    # The name in registries and of files. The program itself is `relay`, which others had first.
    name: str
    version: str
    licence: str
    summary: str
    # Seconds since 1970 of the last commit: the time of every file, so that the same commit gives the same bytes.
    made_at: int

    def stem(self, platform: "Platform") -> str:
        """Name of the platform's archive without its ending."""
        return f"relay-{self.version}-{platform.target}"


@dataclass(frozen=True)
class Platform:
    """A platform, by the names that each kind of package has for it."""

    # rustc's.
    target: str
    # npm's `os` and `cpu`.
    os: str
    cpu: str
    # The platform tag of a wheel. None: it depends on the glibc that the binary needs.
    wheel: str | None

    @property
    def program(self) -> str:
        """File name of the program."""
        return "relay.exe" if self.os == "win32" else "relay"

    @property
    def npm(self) -> str:
        """What npm's name of the platform's package ends with. One per platform: a build for glibc replaces that for musl."""
        return f"{self.os}-{self.cpu}"


# musl is linked statically: such a binary runs on every Linux.
_EVERY_LINUX = "manylinux_2_17_{0}.manylinux2014_{0}.musllinux_1_1_{0}"

PLATFORMS = {
    platform.target: platform
    for platform in (
        Platform("x86_64-unknown-linux-gnu", "linux", "x64", None),
        Platform("x86_64-unknown-linux-musl", "linux", "x64", _EVERY_LINUX.format("x86_64")),
        Platform("aarch64-unknown-linux-musl", "linux", "arm64", _EVERY_LINUX.format("aarch64")),
        Platform("x86_64-apple-darwin", "darwin", "x64", "macosx_10_12_x86_64"),
        Platform("aarch64-apple-darwin", "darwin", "arm64", "macosx_11_0_arm64"),
        Platform("x86_64-pc-windows-msvc", "win32", "x64", "win_amd64"),
    )
}


def host() -> str:
    """rustc's name of this machine. Raises `Failed` if nothing is handed out for it."""
    said = subprocess.run(["rustc", "-vV"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    target = re.search(r"^host: (.+)$", said, re.MULTILINE)[1]
    if target not in PLATFORMS:
        raise Failed(f"nothing is handed out for {target}; choose with --target")
    return target


def read() -> Product:
    """The product, as Cargo.toml and git have it."""
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    shown = subprocess.run(["git", "show", "-s", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True)
    return Product(
        name="webhook-relay",
        version=package["version"],
        licence=package["license"],
        summary="Command line of a webhook relay that runs in your own AWS account",
        made_at=int(shown.stdout),
    )
