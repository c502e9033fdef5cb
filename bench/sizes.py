#!/usr/bin/env python3
"""Prints the size of each function, as a binary and as the zip file that is uploaded. See README.md."""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

from lab import places


def zipped(path: Path) -> int:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "bootstrap")
    return len(buffer.getvalue())


def binaries() -> tuple[str, dict[str, Path]]:
    """The binary of each function: the build to be deployed, or else a release build."""
    deployed = {path.parent.name: path for path in sorted(places.SAM_BUILD.glob("*/bootstrap"))}
    if deployed:
        return "as deployed", deployed
    names = sorted(folder.name for folder in (places.ROOT / "functions").iterdir() if folder.is_dir())
    release = {name: places.RELEASE / name for name in names}
    return "release build", {name: path for name, path in release.items() if path.is_file()}


def main() -> int:
    what, found = binaries()
    if not found:
        print("no build found: run sam build, or cargo build --release --workspace", file=sys.stderr)
        return 1
    width = max(map(len, found))
    print(f"| {what.ljust(max(width, len(what)))} | binary, MB | zip, MB |")
    print(f"|{'-' * (max(width, len(what)) + 2)}|-----------:|--------:|")
    for name, path in found.items():
        binary, archive = path.stat().st_size / 1e6, zipped(path) / 1e6
        print(f"| {name.ljust(max(width, len(what)))} | {binary:10.2f} | {archive:7.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
