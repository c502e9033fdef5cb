"""Replicate, RunPod and fal: how a job is asked for so that its end arrives."""

import importlib.util
import json

from case import EXAMPLES, Case, new_secret
from stub import Platform, send

from support.process import wait_until


def example(name: str):
    """The file as a module: `run` and `submit` are no names to import by."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestPlatforms(Case):
    def prepare(self) -> None:
        self.platform = Platform(new_secret())
        self.cleanup.callback(self.platform.close)
        keys = ("REPLICATE_API_TOKEN", "RUNPOD_API_KEY", "FAL_KEY")
        apis = ("REPLICATE_API", "RUNPOD_API", "FAL_API")
        self.source = f"{self.name}-p"
        for name, value in (dict.fromkeys(keys, "platform-key") | dict.fromkeys(apis, self.platform.url)).items():
            self.monkeypatch.setenv(name, value)

    def test_replicate_is_told_where_to_post_and_its_signature_is_enough(self) -> None:
        replicate = example("replicate/predict")
        replicate.connect(self.source, self.name)
        job = replicate.run("5c7d5dc6", {"prompt": "a cat"}, "batch-7", self.source)
        _, _, headers, asked = self.platform.asked[0]
        assert headers["authorization"] == "Bearer platform-key"
        assert asked["webhook_events_filter"] == ["start", "completed"]
        assert self.job(job)["status"] == "pending"
        assert self.platform.replicate_ends(job) == 202
        (told,) = self.heard("job.succeeded", job)
        assert told["data"]["result"] == ["https://replicate.delivery/x.png"]
        assert told["data"]["job"]["batch_id"] == "batch-7"

    def test_a_prediction_that_is_quicker_than_its_registration_is_attached(self) -> None:
        replicate = example("replicate/predict")
        replicate.connect(self.source, self.name)
        register = replicate.relay_jobs.register

        def late(job_id: str, *args: object, **more: object) -> dict:
            assert self.platform.replicate_ends(job_id) == 202
            self.heard("job.succeeded", job_id)
            return register(job_id, *args, **more)

        replicate.relay_jobs.register = late
        self.cleanup.callback(setattr, replicate.relay_jobs, "register", register)
        job = replicate.run("5c7d5dc6", {"prompt": "a cat"}, "batch-7", self.source)
        assert (self.job(job)["status"], self.job(job)["batch_id"]) == ("succeeded", "batch-7")

    def test_fal_is_told_where_to_post_and_its_published_key_is_enough(self) -> None:
        fal = example("fal/submit")
        fal.connect("fal-ai/flux", self.source, self.name, jwks_url=f"{self.platform.url}/.well-known/jwks.json")
        job = fal.run("fal-ai/flux/dev", {"prompt": "a cat"}, "batch-7", self.source)
        assert self.platform.asked[0][2]["authorization"] == "Key platform-key"
        assert self.platform.fal_ends(job) == 202
        (told,) = self.heard("job.succeeded", job)
        assert told["data"]["result"] == {"seed": 7}
        assert told["data"]["job"]["batch_id"] == "batch-7"

    def test_runpod_is_let_in_by_its_token_and_not_believed_by_it(self) -> None:
        runpod = example("runpod/run")
        callback = runpod.connect("ep1", self.source, self.name)
        # Nobody waits a minute in a test. What a `PUT` leaves out it takes back, but for what is secret.
        known = self.relay.call("GET", f"/v1/sources/{self.source}")
        kept = {key: known[key] for key in ("profile", "application", "platform")}
        self.relay.call("PUT", f"/v1/sources/{self.source}", kept | {"poll": {"interval_seconds": 1}})
        job = runpod.run("ep1", {"prompt": "a cat"}, "batch-7", callback=callback, source=self.source)
        assert self.platform.asked[0][1] == "/v2/ep1/run"
        self.platform.ended[job] = {"id": job, "status": "IN_PROGRESS"}
        # Somebody who has the address and is not RunPod.
        forged = json.dumps({"id": job, "status": "COMPLETED", "output": "forged"}).encode()
        assert send(callback[:-1] + ("0" if callback[-1] != "0" else "1"), {}, forged) == 401
        assert send(callback, {}, forged) == 200

        def hints() -> list:
            events = self.relay.call("GET", "/v1/events")["data"]
            return [e for e in events if e["source"] == self.source and e["key"].startswith("hint:")]

        (hint,) = wait_until("it is an event", hints, 20)
        assert hint["outcome"] == "noted"
        assert self.job(job)["status"] in ("pending", "running")
        # The platform itself ends it, and says so when it is asked.
        assert self.platform.runpod_ends(job) == 200
        (told,) = self.heard("job.succeeded", job)
        assert told["data"]["result"] == {"text": "a cat"}
