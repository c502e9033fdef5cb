"""What our own code makes: signatures by `relay sign`, and JSON in a receiver's form, asked of `domain` itself."""

import json
import os
import subprocess

import tools

JSON_FORM = tools.TARGET / "debug" / "examples" / "json_form"


def build() -> None:
    env = dict(os.environ) | {"CARGO_TARGET_DIR": str(tools.TARGET)}
    tools.run("json_form", ["cargo", "build", "--package", "domain", "--example", "json_form"], minutes=15, env=env)


def sign(profile: str, secret: str, name: str, at: int, body: bytes, url: str | None = None) -> dict[str, str]:
    """The headers of a signed request, their names in small letters."""
    command = [tools.RELAY, "sign", "--profile", profile, "--id", name, "--at", str(at), "--body", "@-"]
    command += ["--url", url] if url else []
    env = tools.clean_environment(RELAY_SECRET=secret)
    done = subprocess.run(command, env=env, input=body, capture_output=True, timeout=30)
    if done.returncode != 0:
        raise AssertionError(f"relay sign: {done.stderr.decode(errors='replace')}")
    return dict(line.split(": ", 1) for line in done.stdout.decode().splitlines())


def profiles() -> set[str]:
    """The names of every profile, as `relay sign` gives them to whoever asks for one that is not there."""
    command = [tools.RELAY, "sign", "--profile", "?", "--secret", "?", "--body", "?"]
    done = subprocess.run(command, env=tools.clean_environment(), capture_output=True, timeout=30)
    return set(done.stderr.decode().split("the profiles are: ")[1].strip().split(", "))


def forms(form: str, texts: list[str]) -> list[str | None]:
    """Each document in this form, from one process; None for one that is no JSON to us."""
    return lines([str(JSON_FORM), form], texts)


def lines(command: list[str], texts: list[str]) -> list[str | None]:
    """What one process makes of all of them: a JSON string a line each way, null for what it cannot read."""
    asked = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(command, env=tools.clean_environment(), input=asked.encode(), capture_output=True, timeout=120)
    if done.returncode != 0:
        raise tools.Failed(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-400:]}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(texts):
        raise tools.Failed(f"{command[0]} answered {len(answers)} of {len(texts)}")
    return answers
