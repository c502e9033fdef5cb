"""The list of contents (SBOM) of the program, as CycloneDX 1.6: every crate that is linked, with licence and checksum.

cargo itself says what is linked with these features for this platform. Crates that only run at compile time are no part of
the program, and of the list.
"""

import json
import subprocess
import time
import tomllib
import uuid
from pathlib import Path

from .product import FEATURES, ROOT, Failed, Platform, Product

SEPARATOR = "\t"


def _tree(platform: Platform) -> list[tuple[int, str, str, str, str]]:
    """The lines of `cargo tree`: depth, name, version, licence, repository."""
    form = SEPARATOR.join(("", "{p}", "{l}", "{r}", ""))
    command = ["cargo", "tree", "--locked", "--quiet", "--package", "relay", *FEATURES, "--target", platform.target]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", form]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"cargo tree: {done.stderr}")
    lines = []
    for line in done.stdout.splitlines():
        depth, package, licence, repository, _ = line.split(SEPARATOR)
        # `serde v1.0.229`; of our own packages the folder follows, which is nobody's business.
        name, version = package.split()[:2]
        lines.append((int(depth), name, version.removeprefix("v"), licence, repository))
    return lines


def _checksums() -> dict[tuple[str, str], str]:
    """SHA-256 of each crate of the registry, as the lock file has it."""
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(one["name"], one["version"]): one["checksum"] for one in locked if "checksum" in one}


def _component(name: str, version: str, licence: str, repository: str, checksum: str | None) -> dict:
    reference = f"pkg:cargo/{name}@{version}" if checksum else f"relay/{name}@{version}"
    component = {"type": "library", "bom-ref": reference, "name": name, "version": version}
    if licence:
        # Some crates still write the slash of the time before SPDX.
        component["licenses"] = [{"expression": licence.replace(" / ", " OR ").replace("/", " OR ")}]
    if checksum:
        component |= {"purl": reference, "hashes": [{"alg": "SHA-256", "content": checksum}]}
    if repository:
        component["externalReferences"] = [{"type": "vcs", "url": repository}]
    return component


def document(product: Product, platform: Platform) -> dict:
    """The list, as JSON has it."""
    checksums, components, needs, above = _checksums(), {}, {}, []
    for depth, name, version, licence, repository in _tree(platform):
        component = _component(name, version, licence, repository, checksums.get((name, version)))
        reference = component["bom-ref"]
        components.setdefault(reference, component)
        needs.setdefault(reference, set())
        del above[depth:]
        if above:
            needs[above[-1]].add(reference)
        above.append(reference)
    root, *libraries = components.values()
    root |= {"type": "application", "description": product.summary}
    listed = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(product.made_at)),
            "component": root,
            "properties": [{"name": "relay:target", "value": platform.target}],
        },
        "components": sorted(libraries, key=lambda one: one["bom-ref"]),
        "dependencies": [{"ref": one, "dependsOn": sorted(needs[one])} for one in sorted(needs)],
    }
    # The same contents have the same number.
    return listed | {"serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(listed)).urn}


def make(product: Product, platform: Platform, out: Path) -> Path:
    """The list as a file."""
    made = out / f"{product.stem(platform)}.cdx.json"
    made.write_text(json.dumps(document(product, platform), indent=1) + "\n")
    return made
