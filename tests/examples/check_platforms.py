"""Replicate: how a job is asked for so that its end arrives."""

import importlib.util
import os

from stub import Platform
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
        os.environ.update(dict.fromkeys(keys, "platform-key") | dict.fromkeys(apis, self.platform.url))

    def test_replicate_is_told_where_to_post_and_its_signature_is_enough(self) -> None:
        replicate = example("replicate/predict")
        replicate.connect(self.name, self.name)
        job = replicate.run("5c7d5dc6", {"prompt": "a cat"}, "batch-7", self.name)
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
        replicate.connect(self.name, self.name)
        register = replicate.relay_jobs.register

        def late(job_id: str, *args: object, **more: object) -> dict:
            self.assertEqual(self.platform.replicate_ends(job_id), 202)
            self.heard("job.succeeded", job_id)
            return register(job_id, *args, **more)

        replicate.relay_jobs.register = late
        self.addCleanup(setattr, replicate.relay_jobs, "register", register)
        job = replicate.run("5c7d5dc6", {"prompt": "a cat"}, "batch-7", self.name)
        self.assertEqual((self.job(job)["status"], self.job(job)["batch_id"]), ("succeeded", "batch-7"))
