"""Journeys through the real binaries, deployed as on AWS. In order: the last one judges all that happened before."""

import base64
import gzip
import json
import time
from datetime import datetime

import pytest
import standardwebhooks
import svix.webhooks
import websocket
from sam import BUS, QUEUE
from stack import FUNCTIONS
from world import World

from support.live import SocketIoClient
from support.process import ROOT, wait_until
from support.server import Request

EVENTS = ROOT / "events" / "live"


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


def test_a_page_hears_the_lines_and_the_end_of_its_job(world: World):
    """A client of the JSON protocol."""
    sender = world.source("modal-page", "page")
    world.application("page")
    job = world.job("modal-page", "job-page", project_id="42")
    with world.live_client(token=world.live_token(job="job-page")) as client:
        session = client.wait_for("hello")[0]["session"]
        began = time.monotonic()
        client.emit("subscribe_logs", job_id="job-page")
        assert client.wait_for("subscribed")[0]["status"] == "started"
        lines = [f"[INFO] step {number}" for number in range(1, 9)]
        for number, line in enumerate(lines, 1):
            world.log("job-page", number, [line])
        client.wait_for_lines(lines)
        caught_up = time.monotonic() - began
        began = time.monotonic()
        world.log("job-page", 9, ["[INFO] step 9"])
        client.wait_for_lines([*lines, "[INFO] step 9"])
        line = time.monotonic() - began
        known = world.live_items()
        assert f"CONN#{session} CONN" in known and len(known) == 2, known
        began = time.monotonic()
        assert sender.post(sender.completion("page")).status == 202
        completed = client.wait_for("job_completed")[0]
        end = time.monotonic() - began
        found = {name: completed[name] for name in ("id", "job_id", "project_id", "batch_id", "status")}
        wanted = {"id": job["id"], "job_id": "job-page", "project_id": "42", "batch_id": "batch-page", "status": "completed"}
        assert found == wanted, completed
        assert completed["result"]["affinity"] == -8.1, completed
    wait_until("nothing is kept of the connection", lambda: not world.live_items())
    assert len(client.heard("job_completed")) == 1 and not client.heard("error"), client.events
    print(f"caught up {caught_up:.1f} s after it subscribed; a line took {line:.2f} s, the end {end:.2f} s")


@pytest.mark.parametrize("kind", ["node", "python"])
def test_an_unchanged_client_of_socket_io_hears_the_same(world: World, kind: str):
    """S1's client, with its own options."""
    source, application, job = f"modal-mesh-{kind}", f"mesh-{kind}", f"job-mesh-{kind}"
    sender = world.source(source, application)
    world.application(application)
    world.job(source, job)
    with SocketIoClient(kind, world.live, world.live_token(job=job)) as client:
        client.wait_for("connect")
        client.emit("subscribe_logs", job_id=job)
        assert client.wait_for("subscribed")[0]["status"] == "started"
        lines = [f"[INFO] element {number}" for number in range(1, 9)]
        for number, line in enumerate(lines, 1):
            world.log(job, number, [line])
        client.wait_for_lines(lines)
        assert sender.post(sender.completion(f"mesh-{kind}")).status == 202
        completed = client.wait_for("job_completed")[0]
        assert (completed["job_id"], completed["status"]) == (job, "completed")
    wait_until("nothing is kept of the connection", lambda: not world.live_items())
    assert len(client.heard("job_completed")) == 1 and not client.heard("error"), client.events


def test_nobody_connects_without_a_right(world: World):
    """AWS answers an upgrade with the status of the function, 401. MiniStack answers 403, so the function is asked, too."""
    ticket = world.manage("POST", "/v1/live/tickets", {}).json["ticket"]
    with world.live_client(ticket=ticket) as client:
        client.wait_for("hello")
    expired = world.live_token(project="42", application="page", ttl=1)
    time.sleep(1.5)
    queries = [{}, {"token": ""}, {"token": "rlv1_x.y"}, {"token": world.admin_key}, {"token": expired}, {"ticket": ticket}]
    upgrade = json.loads((EVENTS / "socket-connect.json").read_text())
    for query in queries:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            world.live_client(**query)
        assert refused.value.status_code == 403, query
        said = world.invoke("live", upgrade | {"queryStringParameters": query})
        assert said == {"statusCode": 401}, (query, said)
    wait_until("nothing is kept of any connection", lambda: not world.live_items())


def test_a_connection_ends_with_its_right(world: World):
    with world.live_client(token=world.live_token(project="42", application="page", ttl=5)) as client:
        ends_at = datetime.fromisoformat(client.wait_for("hello")[0]["expires_at"]).timestamp()
        client.emit("ping")
        client.wait_for("pong")
        wait_until("its right has ended", lambda: ends_at < time.time())
        client.emit("ping")
        assert client.wait_for("error")[0]["code"] == "unauthorized"
        wait_until("the relay closes the connection", client.ended)
    assert len(client.heard("pong")) == 1
    wait_until("nothing is kept of the connection", lambda: not world.live_items())


def test_lines_of_cloudwatch_are_those_of_a_job(world: World):
    """The ids of CloudWatch's events are digits. MiniStack's have letters, so the function is sent a sample of CloudWatch's."""
    job = "fc-01HZX"
    world.source("modal-watched", "watched")
    world.application("watched")
    world.job("modal-watched", job)
    event = json.loads((EVENTS / "cloudwatch-lines.json").read_text())
    brought = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    # MiniStack's account, which the parameter LogGroups names.
    brought["owner"] = "000000000000"
    event = {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(brought).encode())).decode()}}
    lines = ["[INFO] loading the mesh", "100%"]
    logs, group = world.emulator.client("logs"), brought["logGroup"]
    logs.create_log_group(logGroupName=group)
    with world.live_client(token=world.live_token(job=job)) as client:
        client.wait_for("hello")
        client.emit("subscribe_logs", job_id=job)
        client.wait_for("subscribed")
        filters = lambda: logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]  # noqa: E731
        [found] = wait_until("the function has the group's lines sent to it", filters)
        assert found["destinationArn"].endswith(":function:relay-live"), found
        for _ in range(2):
            assert world.invoke("live", event) is None
        client.wait_for_lines(lines)
    listed = world.manage("GET", f"/v1/jobs/{job}/logs").json["data"]
    assert [line["message"] for line in listed] == lines, listed


def test_a_sweep_runs_without_a_fault(world: World):
    world.invoke("sweep", {})


def test_a_lost_doorbell_is_rung_again_by_the_schedule(world: World):
    """A published message is due from the beginning: if its doorbell is lost, the sweep finds it, which nobody calls here."""
    world.application("lost")
    hook = world.receiver.hook("/lost")
    _, secret = world.endpoint("lost", hook)
    sqs, outbox = world.emulator.client("sqs"), world.outputs["OutboxUrl"]
    with world.emulator.paused("relay-deliver"):
        world.manage("POST", "/api/v1/app/lost/msg", {"eventType": "invoice.paid", "payload": {"number": 1}})
        wait_until("the outbox is rung", lambda: world.waiting(outbox) == 1)
        sqs.purge_queue(QueueUrl=outbox)
        wait_until("the message is lost", lambda: world.waiting(outbox) == 0)
    began = time.monotonic()
    request = hook.wait_for(1, seconds=300)[0]
    assert verified(request, secret) == {"number": 1}
    print(f"delivered {time.monotonic() - began:.0f} s after its message was lost")


def test_no_function_was_refused_anything_it_asked_for(world: World):
    """Last, over everything that happened: each role allows what its function does, and no live update failed three times."""
    assert world.waiting(world.outputs["LiveDeadLettersUrl"]) == 0
    refused = []
    for function in FUNCTIONS:
        # The bucket's policy, which refuses plain HTTP, is not the function's role.
        log = [line for line in world.emulator.log(function) if "in a resource-based policy" not in line]
        refused += [line for line in log if "AccessDenied" in line or "is not authorized to perform" in line]
    assert not refused, "\n".join(refused[:10])
