"""npm packages: one for each platform with the program, and the main one, which needs whichever fits and starts it."""

import json
from pathlib import Path

from .archive import tar_gz
from .product import PLATFORMS, ROOT, Platform, Product

SHIM = ROOT / "dist" / "npm" / "relay.cjs"


def _write(name: str, product: Product, description: dict, files: list[tuple[str, bytes, int]], out: Path) -> Path:
    package = {
        "name": name,
        "version": product.version,
        "description": product.summary,
        "license": product.licence,
        "preferUnplugged": True,
    } | description
    both = [
        ("package.json", json.dumps(package, indent=2).encode() + b"\n", 0o644),
        ("LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
        ("README.md", (ROOT / "dist" / "README.md").read_bytes(), 0o644),
    ]
    made = out / f"{name}-{product.version}.tgz"
    made.write_bytes(tar_gz([(f"package/{path}", content, mode) for path, content, mode in both + files], product.made_at))
    return made


def _name(product: Product, platform: Platform) -> str:
    return f"{product.name}-{platform.npm}"


def make_platform(product: Product, platform: Platform, binary: Path, out: Path) -> Path:
    """The package of one platform. npm skips it elsewhere."""
    description = {"os": [platform.os], "cpu": [platform.cpu]}
    files = [(f"bin/{platform.program}", binary.read_bytes(), 0o755)]
    return _write(_name(product, platform), product, description, files, out)


def make_main(product: Product, out: Path) -> Path:
    """The package that a user names. Its program finds the platform's, and starts it."""
    needed = sorted({_name(product, platform) for platform in PLATFORMS.values()})
    description = {
        "bin": {"relay": "bin/relay.cjs"},
        "engines": {"node": ">=18"},
        "optionalDependencies": {name: product.version for name in needed},
    }
    return _write(product.name, product, description, [("bin/relay.cjs", SHIM.read_bytes(), 0o755)], out)
