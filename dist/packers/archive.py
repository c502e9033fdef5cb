"""The archive of a platform: the program, licence, README, list of contents and scripts for shells."""

import gzip
import io
import os
import subprocess
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from .product import ROOT, Failed, Platform, Product

SHELLS = {"bash": "relay.bash", "zsh": "_relay", "fish": "relay.fish", "powershell": "_relay.ps1"}


def completions(binary: Path, platform: Platform) -> dict[str, bytes]:
    """The scripts for shells, by file name. They are the program's own output, so that they fit it; a program of another
    platform is asked nothing, and its archive has none."""
    scripts = {}
    for shell, name in SHELLS.items():
        try:
            done = subprocess.run([binary, "completion", shell], capture_output=True, check=False, timeout=60)
        except OSError:
            return {}
        if done.returncode != 0:
            raise Failed(f"relay completion {shell}: {done.stderr.decode(errors='replace')}")
        scripts[name] = done.stdout
    return scripts


def contents(product: Product, platform: Platform, binary: Path, listed: Path) -> list[tuple[str, bytes, int]]:
    """The files of the archive: path, bytes, mode."""
    stem = product.stem(platform)
    files = [
        (platform.program, binary.read_bytes(), 0o755),
        ("LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
        ("README.md", (ROOT / "dist" / "README.md").read_bytes(), 0o644),
        ("sbom.cdx.json", listed.read_bytes(), 0o644),
    ]
    files += [(f"completions/{name}", script, 0o644) for name, script in completions(binary, platform).items()]
    return [(f"{stem}/{path}", content, mode) for path, content, mode in files]


def make(product: Product, platform: Platform, binary: Path, listed: Path, out: Path) -> Path:
    """A `.tar.gz`, or a `.zip` for Windows."""
    files = contents(product, platform, binary, listed)
    if platform.os == "win32":
        path = out / f"{product.stem(platform)}.zip"
        write_zip(path, files, product.made_at)
        return path
    path = out / f"{product.stem(platform)}.tar.gz"
    path.write_bytes(tar_gz(files, product.made_at))
    return path


def tar_gz(files: list[tuple[str, bytes, int]], made_at: int) -> bytes:
    """A compressed tar of these files. The same files and time give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content, mode in files:
            member = tarfile.TarInfo(path)
            member.size, member.mode, member.mtime = len(content), mode, made_at
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 9, mtime=made_at)


def write_zip(path: Path, files: list[tuple[str, bytes, int]], made_at: int) -> None:
    """A zip of these files, in this order. The same files and time give the same bytes."""
    # Written beside its place, so that no half of a file bears its name.
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as made:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for name, content, mode in files:
                entry = zipfile.ZipInfo(name, time.gmtime(made_at)[:6])
                entry.external_attr = (0o100000 | mode) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, content)
    os.chmod(made.name, 0o644)
    os.replace(made.name, path)
