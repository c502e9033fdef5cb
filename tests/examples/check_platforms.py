"""Replicate, RunPod and fal: how a job is asked for so that its end arrives."""

import importlib.util
import json
import os

import tools
from stub import Platform, send
from world import EXAMPLES, Case, new_secret, relay


def example(name: str):
    """The file as a module: `run` and `submit` are no names to import by."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Platforms(Case):
    def setUp(self) -> None:
        super().setUp()
        self.platform = Platform(new_secret())
        self.addCleanup(self.platform.close)
        keys = ("REPLICATE_API_TOKEN", "RUNPOD_API_KEY", "FAL_KEY")
        apis = ("REPLICATE_API", "RUNPOD_API", "FAL_API")
        self.source = f"{self.name}-p"
        os.environ.update(dict.fromkeys(keys, "platform-key") | dict.fromkeys(apis, self.platform.url))

    def test_replicate_is_told_where_to_post_and_its_signature_is_enough(self) -> None:
        replicate = example("replicate/predict")
        replicate.connect(self.source, self.name)
        job = replicate.run("5c7d5dc6", {"prompt": "a cat"}, "batch-7", self.source)
        _, _, headers, asked = self.platform.asked[0]
        self.assertEqual(headers["authorization"], "Bearer platform-key")
        self.assertEqual(asked["webhook_events_filter"], ["start", "completed"])
        self.assertEqual(self.job(job)["status"], "pending")
        self.assertEqual(self.platform.replicate_ends(job), 202)
        (told,) = self.heard("job.succeeded", job)
        self.assertEqual(told["data"]["result"], ["https://replicate.delivery/x.png"])
        self.assertEqual(told["data"]["job"]["batch_id"], "batch-7")

    def test_a_prediction_that_is_quicker_than_its_registration_is_attached(self) -> None:
        replicate = example("replicate/predict")
        replicate.connect(self.source, self.name)
        register = replicate.relay_jobs.register

        def late(job_id: str, *args: object, **more: object) -> dict:
            self.assertEqual(self.platform.replicate_ends(job_id), 202)
            self.heard("job.succeeded", job_id)
            return register(job_id, *args, **more)

        replicate.relay_jobs.register = late
        self.addCleanup(setattr, replicate.relay_jobs, "register", register)
        job = replicate.run("5c7d5dc6", {"prompt": "a cat"}, "batch-7", self.source)
        self.assertEqual((self.job(job)["status"], self.job(job)["batch_id"]), ("succeeded", "batch-7"))

    def test_fal_is_told_where_to_post_and_its_published_key_is_enough(self) -> None:
        fal = example("fal/submit")
        fal.connect("fal-ai/flux", self.source, self.name, jwks_url=f"{self.platform.url}/.well-known/jwks.json")
        job = fal.run("fal-ai/flux/dev", {"prompt": "a cat"}, "batch-7", self.source)
        self.assertEqual(self.platform.asked[0][2]["authorization"], "Key platform-key")
        self.assertEqual(self.platform.fal_ends(job), 202)
        (told,) = self.heard("job.succeeded", job)
        self.assertEqual(told["data"]["result"], {"seed": 7})
        self.assertEqual(told["data"]["job"]["batch_id"], "batch-7")

    def test_runpod_is_let_in_by_its_token_and_not_believed_by_it(self) -> None:
        runpod = example("runpod/run")
        callback = runpod.connect("ep1", self.source, self.name)
        # Nobody waits a minute in a test. What a `PUT` leaves out it takes back, but for what is secret.
        known = relay().call("GET", f"/v1/sources/{self.source}")
        kept = {key: known[key] for key in ("profile", "application", "platform")}
        relay().call("PUT", f"/v1/sources/{self.source}", kept | {"poll": {"interval_seconds": 1}})
        job = runpod.run("ep1", {"prompt": "a cat"}, "batch-7", callback=callback, source=self.source)
        self.assertEqual(self.platform.asked[0][1], "/v2/ep1/run")
        self.platform.ended[job] = {"id": job, "status": "IN_PROGRESS"}
        # Somebody who has the address and is not RunPod.
        forged = json.dumps({"id": job, "status": "COMPLETED", "output": "forged"}).encode()
        self.assertEqual(send(callback[:-1] + ("0" if callback[-1] != "0" else "1"), {}, forged), 401)
        self.assertEqual(send(callback, {}, forged), 200)

        def hints() -> list:
            events = relay().call("GET", "/v1/events")["data"]
            return [e for e in events if e["source"] == self.source and e["key"].startswith("hint:")]

        (hint,) = tools.wait_until("it is an event", hints, 20)
        self.assertEqual(hint["outcome"], "noted")
        self.assertIn(self.job(job)["status"], ("pending", "running"))
        # The platform itself ends it, and says so when it is asked.
        self.assertEqual(self.platform.runpod_ends(job), 200)
        (told,) = self.heard("job.succeeded", job)
        self.assertEqual(told["data"]["result"], {"text": "a cat"})
