"""Signatures by `relay sign`, and JSON in a receiver's form by `domain` itself."""

import json
import subprocess

from support.packages import JSON_FORM, RELAY
from support.process import clean_environment


def sign(profile: str, secret: str, name: str, at: int, body: bytes, url: str | None = None) -> dict[str, str]:
    """The headers of a signed request, their names in small letters."""
    command = [RELAY, "sign", "--profile", profile, "--id", name, "--at", str(at), "--body", "@-"]
    command += ["--url", url] if url else []
    done = subprocess.run(command, env=clean_environment(RELAY_SECRET=secret), input=body, capture_output=True, timeout=30)
    assert done.returncode == 0, f"relay sign: {done.stderr.decode(errors='replace')}"
    return dict(line.split(": ", 1) for line in done.stdout.decode().splitlines())


def profiles() -> set[str]:
    """The names of all profiles, which `relay sign` lists when it is asked for an unknown one."""
    command = [RELAY, "sign", "--profile", "?", "--secret", "?", "--body", "?"]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, timeout=30)
    return set(done.stderr.decode().split("the profiles are: ")[1].strip().split(", "))


def forms(form: str, texts: list[str]) -> list[str | None]:
    """Each document in this form, from one process; None for a document that is no JSON to the relay."""
    return lines([str(JSON_FORM), form], texts)


def lines(command: list[str], texts: list[str]) -> list[str | None]:
    """The answers of one process to all texts: a JSON string a line each way, null for a text that it cannot read."""
    asked = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(command, env=clean_environment(), input=asked.encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr.decode(errors='replace')[-400:]}"
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(texts), f"{command[0]} answered {len(answers)} of {len(texts)}"
    return answers
