"""A Python wheel with the program: `pip install`, `uv tool install` and `uvx` put it among the programs of an environment."""

import base64
import hashlib
import re
from pathlib import Path

from .archive import write_zip
from .product import ROOT, Failed, Platform, Product

# The oldest glibc that a wheel may name, that of manylinux2014.
OLDEST = 17


def tag(platform: Platform, binary: bytes) -> str:
    """The platform tag: of a program that links glibc, the newest version that any of its symbols needs."""
    if platform.wheel is not None:
        return platform.wheel
    needed = [int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", binary)]
    if not needed:
        raise Failed(f"the program for {platform.target} does not link glibc; build it for musl instead")
    machine = platform.target.split("-")[0]
    return f"manylinux_2_{max(OLDEST, *needed)}_{machine}"


def _record(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"


def make(product: Product, platform: Platform, binary: Path, listed: Path, out: Path) -> Path:
    """The wheel."""
    name, program = product.name.replace("-", "_"), binary.read_bytes()
    stem, tags = f"{name}-{product.version}", tag(platform, program)
    info = f"{stem}.dist-info"
    metadata = (
        f"Metadata-Version: 2.4\nName: {product.name}\nVersion: {product.version}\nSummary: {product.summary}\n"
        f"License-Expression: {product.licence}\nLicense-File: LICENSE\nDescription-Content-Type: text/markdown\n\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: dist/build\nRoot-Is-Purelib: false\n"
    wheel += "".join(f"Tag: py3-none-{one}\n" for one in tags.split("."))
    files = [
        (f"{stem}.data/scripts/{platform.program}", program, 0o755),
        (f"{info}/METADATA", metadata.encode() + (ROOT / "dist" / "README.md").read_bytes(), 0o644),
        (f"{info}/WHEEL", wheel.encode(), 0o644),
        (f"{info}/licenses/LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
        (f"{info}/sboms/relay.cdx.json", listed.read_bytes(), 0o644),
    ]
    lines = [f"{path},{_record(content)}\n" for path, content, _ in files]
    record = f"{info}/RECORD"
    files.append((record, "".join([*lines, f"{record},,\n"]).encode(), 0o644))
    made = out / f"{stem}-py3-none-{tags}.whl"
    write_zip(made, files, product.made_at)
    return made
