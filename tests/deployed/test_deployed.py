"""Journeys through the real binaries, deployed as on AWS. In order: the last one judges all that happened before."""

import json
import time

import standardwebhooks
import svix.webhooks
from sam import BUS, QUEUE
from stack import FUNCTIONS
from world import World

from support.process import wait_until
from support.server import Request


def verified(request: Request, secret: str) -> dict:
    """What was said, once both public libraries agree on who said it, and that not a byte may change."""
    for library in (standardwebhooks.webhooks.Webhook(secret), svix.webhooks.Webhook(secret)):
        library.verify(request.body, request.headers)
        try:
            library.verify(request.body + b" ", request.headers)
        except Exception:
            continue
        raise AssertionError(f"{type(library)} verifies a changed body")
    return json.loads(request.body)


def test_it_answers_as_itself(world: World):
    """A function without code answers 200 in MiniStack, so a status proves nothing: look at what is said."""
    for function in FUNCTIONS:
        code = world.emulator.client("lambda").get_function(FunctionName=f"relay-{function}")["Configuration"]["CodeSize"]
        assert code > 100_000, f"{function} was deployed with {code} bytes of code"
    health = world.call("GET", "/health")
    assert "Mock response" not in health.text, health
    # The emulator speaks plain HTTP, which the bucket refuses until a later test takes its policy off.
    said = json.loads(health.text)
    assert (health.status, said.get("cannot_write", [])) in [(200, []), (503, ["bucket"])], health
    print(f"health {health.status}")


def test_nobody_manages_without_a_key(world: World):
    for headers in ({}, {"authorization": "Bearer rk_admin_" + "x" * 43}):
        answer = world.call("GET", "/v1/webhooks/dead-letter", headers=headers)
        assert answer.status == 401, answer


def test_a_completion_reaches_its_subscriber_once_however_often_it_is_sent(world: World):
    sender = world.source("modal", "acme")
    world.application("acme")
    hook = world.receiver.hook("/hook")
    _, secret = world.endpoint("acme", hook)
    assert secret.startswith("whsec_"), "an endpoint's secret is not in Standard Webhooks' form"

    body = sender.completion("fc-once")
    first = sender.post(body)
    assert first.status == 202, first
    hook.wait_for(1)
    again = sender.post(body)
    assert again.status == 202, again
    world.wait_until_idle()
    ours = [request for request in hook.requests if verified(request, secret)["type"] == "job.succeeded"]
    assert len(ours) == 1, f"{len(ours)} requests for one completion"

    job = verified(ours[0], secret)["data"]["job"]
    assert job["status"] == "succeeded", job
    found = world.manage("GET", "/v1/jobs/fc-once").json
    assert found["id"] == job["id"] and found["status"] == "succeeded", found
    print(f"202 {first.text}, then 202 {again.text}; {ours[0].headers['webhook-id']}")


def test_a_wrong_signature_is_refused(world: World):
    sender = world.source("modal-refused", "acme")
    body = sender.completion("fc-refused")
    for signature in ("sha256=" + "0" * 64, "", "sha256=", "nonsense"):
        answer = sender.post(body, signature)
        assert answer.status == 401, f"{signature!r}: {answer}"


def test_a_body_larger_than_a_message_travels_by_the_bucket(world: World):
    """Two megabytes: more than SQS takes, less than Lambda does."""
    s3, bucket = world.emulator.client("s3"), world.outputs["BucketName"]
    # The emulator speaks plain HTTP, which the bucket refuses. See that it does, then let the functions in.
    try:
        s3.put_object(Bucket=bucket, Key="plain", Body=b"")
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
        refused = "refused over plain HTTP until its policy was taken off"
    else:
        refused = "MiniStack did not enforce its policy"
    s3.delete_bucket_policy(Bucket=bucket)
    # What it found out last is told for five seconds.
    wait_until("all is well", lambda: world.call("GET", "/api/v1/health").status == 204, seconds=15)

    sender = world.source("modal-large", "large")
    world.application("large")
    hook = world.receiver.hook("/large")
    _, secret = world.endpoint("large", hook)
    answer = sender.post(sender.completion("fc-large", structure_file_base64="QUJD" * 500_000))
    assert answer.status == 202, answer
    request = hook.wait_for(1)[0]
    assert verified(request, secret)["data"]["job"]["status"] == "succeeded"
    objects = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    assert any(item["Size"] > 2_000_000 for item in objects), objects
    print(f"{len(request.body)} bytes delivered; the bucket {refused}")


def test_a_poisoned_message_ends_as_a_dead_letter(world: World):
    known, poison = world.dead_letters(), "{ this is no event"
    sqs = world.emulator.client("sqs")
    inbox = world.outputs["InboxUrl"]
    # Five receives, three minutes apart, are the template's. A second apart they are the same five.
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"VisibilityTimeout": "1"})
    try:
        sqs.send_message(QueueUrl=inbox, MessageBody=poison)
        letter = world.wait_for_dead_letter(known)
        assert letter["kind"] == "message", letter
        # Put back, it dies again, in the letter that it has.
        path = f"/v1/webhooks/dead-letter/{letter['id']}"
        assert world.manage("POST", f"{path}/retry").json["retry_success"] is True
        died = lambda: world.manage("GET", path).json["retry_success"] is False  # noqa: E731
        wait_until("the message died again", died)
        assert world.manage("GET", path).json["body"] == poison
        world.wait_until_idle()
        assert world.dead_letters().keys() == known.keys() | {letter["id"]}
    finally:
        sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"VisibilityTimeout": "180"})
    assert world.manage("DELETE", path).json == {"deleted": True, "id": letter["id"]}
    assert world.dead_letters().keys() == known.keys()
    print(f"{letter['id']}: {letter['error_message']} (with the inbox's visibility at 1 s)")


def test_a_dead_letter_is_delivered_when_its_subscriber_is_up_again(world: World):
    sender = world.source("modal-down", "down")
    world.application("down")
    hook = world.receiver.hook("/down", answer=500)
    _, secret = world.endpoint("down", hook, delays=[1])

    known = world.dead_letters()
    assert sender.post(sender.completion("fc-down")).status == 202
    letter = world.wait_for_dead_letter(known)
    assert letter["webhook_url"] == hook.url, letter
    world.wait_until_idle()
    failed = len(hook.requests)

    hook.answer = 200
    retried = world.manage("POST", f"/v1/webhooks/dead-letter/{letter['id']}/retry").json
    assert retried["id"] == letter["id"], retried
    hook.wait_for(failed + 1)
    world.wait_until_idle()
    assert len(hook.requests) == failed + 1, f"{len(hook.requests) - failed} requests after one retry"
    ids = {request.headers["webhook-id"] for request in hook.requests}
    assert len(ids) == 1, f"one delivery went out under {ids}"
    verified(hook.requests[-1], secret)
    settled = lambda: world.dead_letters().get(letter["id"], {"retry_success": True})["retry_success"]  # noqa: E731
    wait_until("the dead letter says that its retry succeeded", settled)
    print(f"{failed} attempts failed ({letter['attempts']} recorded), one retry arrived")


def test_dead_letters_are_put_back_by_filter(world: World):
    sender = world.source("modal-outage", "outage")
    world.application("outage")
    hook = world.receiver.hook("/outage", answer=503)
    _, secret = world.endpoint("outage", hook, delays=[1])
    for name in ("fc-outage-1", "fc-outage-2"):
        known = world.dead_letters()
        assert sender.post(sender.completion(name)).status == 202
        world.wait_for_dead_letter(known)
    world.wait_until_idle()
    failed = len(hook.requests)

    hook.answer = 200
    wanted = {"filter": {"application": "outage"}}
    path = "/v1/webhooks/dead-letter/redrive"
    assert world.manage("POST", path, wanted | {"dry_run": True}).json["matched"] == 2
    task = world.manage("POST", path, wanted).json["status_url"]
    finished = lambda: world.manage("GET", task).json["state"] == "finished"  # noqa: E731
    wait_until("the task is finished", finished)
    requests = hook.wait_for(failed + 2)[failed:]
    for request in requests:
        verified(request, secret)
    ids = {request.headers["webhook-id"] for request in requests}
    assert len(ids) == 2 and ids == {request.headers["webhook-id"] for request in hook.requests}
    world.wait_until_idle()
    assert len(hook.requests) == failed + 2, f"{len(hook.requests) - failed} requests after one redrive"
    print(f"{failed} attempts failed, {world.manage('GET', task).json['redriven']} letters were put back")


def test_what_lies_beside_it_is_sent_to(world: World):
    """A queue, and a bus with a rule and a queue behind it: the parameters name them, and the roles go by the parameters."""
    sqs, events = world.emulator.client("sqs"), world.emulator.client("events")
    queue = sqs.create_queue(QueueName="beside")["QueueUrl"]
    behind = sqs.create_queue(QueueName="behind-the-bus")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=behind, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name="beside")
    events.put_rule(Name="ours", EventBusName="beside", EventPattern='{"source": ["webhook-relay"]}')
    events.put_targets(Rule="ours", EventBusName="beside", Targets=[{"Id": "1", "Arn": arn}])
    world.application("beside")
    endpoint = "/api/v1/app/beside/endpoint"

    def publish(url: str, kind: str) -> str:
        # To one endpoint each: MiniStack takes SendMessageBatch for an action of its own, which it is not on AWS.
        world.manage("POST", endpoint, {"url": url, "eventTypes": [kind]})
        return world.manage("POST", "/api/v1/app/beside/msg", {"eventType": kind, "payload": {"a": 1}}).json["id"]

    def first(url: str):
        asked = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        return next(iter(asked.get("Messages", [])), None)

    sent = publish(QUEUE, "on.queue")
    message = wait_until("the message is on the queue", lambda: first(queue))
    assert json.loads(message["Body"]) == {"a": 1}, message
    assert message["MessageAttributes"]["webhook-id"]["StringValue"] == sent, message
    put = publish(BUS, "on.bus")
    event = json.loads(wait_until("the event is behind the bus", lambda: first(behind))["Body"])
    assert (event["detail-type"], event["detail"]) == ("on.bus", {"a": 1}), event
    assert event["resources"][0] == put, event
    other = QUEUE.replace(":beside", ":relay-outbox")
    refused = world.call("POST", endpoint, {"url": other}, {"authorization": f"Bearer {world.admin_key}"})
    assert refused.status == 422, refused
    print(f"{sent} on a queue, {put} on a bus")


def test_a_sweep_runs_without_a_fault(world: World):
    answer = world.emulator.client("lambda").invoke(FunctionName="relay-sweep", Payload=b"{}")
    said = answer["Payload"].read().decode()
    assert "FunctionError" not in answer and "Mock response" not in said, said


def test_a_lost_doorbell_is_rung_again_by_the_schedule(world: World):
    """The table is the truth: a delivery whose message is lost is found by the sweep, which nobody calls here."""
    sender = world.source("modal-lost", "lost")
    world.application("lost")
    hook = world.receiver.hook("/lost")
    _, secret = world.endpoint("lost", hook)
    sqs, outbox = world.emulator.client("sqs"), world.outputs["OutboxUrl"]
    with world.emulator.paused("relay-deliver"):
        assert sender.post(sender.completion("fc-lost")).status == 202
        wait_until("the outbox is rung", lambda: world.waiting(outbox) == 1)
        sqs.purge_queue(QueueUrl=outbox)
        wait_until("the message is lost", lambda: world.waiting(outbox) == 0)
    began = time.monotonic()
    request = hook.wait_for(1, seconds=300)[0]
    assert verified(request, secret)["data"]["job"]["status"] == "succeeded"
    print(f"delivered {time.monotonic() - began:.0f} s after its message was lost")


def test_no_function_was_refused_anything_it_asked_for(world: World):
    """Last, over everything that happened: each role allows what its function does."""
    refused = []
    for function in FUNCTIONS:
        # The bucket's policy, which refuses plain HTTP, is not the function's role.
        log = [line for line in world.emulator.log(function) if "in a resource-based policy" not in line]
        refused += [line for line in log if "AccessDenied" in line]
    assert not refused, "\n".join(refused[:10])
