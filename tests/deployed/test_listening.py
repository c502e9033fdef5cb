"""`relay listen` beside the deployed stack."""

import json
import subprocess

from front import front_door
from world import World

from support.packages import RELAY
from support.process import clean_environment, wait_until


def test_a_program_that_listens_hears_what_comes_and_what_waited_while_it_was_killed(world: World):
    world.application("listened")
    heard = world.receiver.hook("/heard")
    with front_door(world) as url:
        env = clean_environment(RELAY_URL=url, RELAY_KEY=world.admin_key)
        command = [RELAY, "listen", "--name", "ann", "--application", "listened", "--forward-to", heard.url, "--output", "json"]

        def publish(number: int) -> str:
            message = {"eventType": "invoice.paid", "payload": {"number": number}}
            return world.manage("POST", "/api/v1/app/listened/msg", message).json["id"]

        def listens(*more: str) -> subprocess.Popen:
            program = subprocess.Popen([*command, *more], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            said = iter(program.stderr.readline, "")
            assert any("istening" in line for line in said), program.poll()
            return program

        with listens() as program:
            first = publish(1)
            heard.wait_for(1)
            line = json.loads(program.stdout.readline())
            assert line["event_id"].removeprefix("evt_") == first.removeprefix("msg_"), line
            program.kill()
        wait_until("nothing is kept of the connection", lambda: not world.live_items())
        second = publish(2)
        with listens("--once") as program:
            requests = heard.wait_for(2)
            assert program.wait(60) == 0, program.stderr.read()
        numbers = [json.loads(request.body)["number"] for request in requests]
        assert numbers == [1, 2], numbers
        attempts = f"/api/v1/app/listened/attempt/msg/{second}"
        delivered = lambda: world.manage("GET", attempts).json["data"]  # noqa: E731
        wait_until("its attempt is concluded", lambda: [it["status"] for it in delivered()] == [0])
