#!/usr/bin/env python3
"""Queues and event buses as endpoints.

    python3 tests/destinations/run.py

The queue is one of `relay dev`'s own SQS, made by boto3 after the relay was told to send to it: what boto3 takes off it is
verified by the Standard Webhooks library, attributes as headers. The bus is one of moto's EventBridge, with a rule that
matches what the documents say and a queue behind it.
"""

import json
import logging
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "verifiers"))

import tools  # noqa: E402
from relay import Relay  # noqa: E402

ARN = "arn:aws:sqs:us-east-1:000000000000:orders"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/jobs"
OTHER = "arn:aws:sqs:us-east-1:000000000000:relay-outbox"
ENDPOINTS = "/api/v1/app/default/endpoint"


def check(what: str, holds: bool) -> None:
    if not holds:
        raise tools.Failed(what)
    tools.say(f"ok      {what}")


def client(relay: Relay):
    """boto3 for the relay's SQS, from the file that says what its functions are told."""
    import boto3

    said = next(path for path in relay.files() if path.name == "env").read_text()
    told = dict(line.split("=", 1) for line in said.splitlines())
    return boto3.client(
        "sqs",
        endpoint_url=told["AWS_ENDPOINT_URL_SQS"],
        region_name=told["AWS_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    )


def emulated(service: str, url: str):
    """boto3 for moto."""
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def publish(relay: Relay, payload: dict) -> str:
    return relay.call("POST", "/api/v1/app/default/msg", {"eventType": "invoice.paid", "payload": payload})["id"]


def taken(sqs, queue: str) -> dict:
    """The next message, which is then gone."""

    def receive() -> dict | None:
        asked = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], WaitTimeSeconds=1)
        return next(iter(asked.get("Messages", [])), None)

    message = tools.wait_until("a message is on the queue", receive, 30)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return message


def journey(relay: Relay) -> None:
    from standardwebhooks import Webhook, WebhookVerificationError

    sqs = client(relay)
    endpoint = relay.call("POST", ENDPOINTS, {"url": ARN, "delays": [1, 1, 1, 1, 1], "headers": {"X-Tenant": "a"}})
    secret = relay.call("GET", f"{ENDPOINTS}/{endpoint['id']}/secret")["key"]
    early = publish(relay, {"number": 1})

    def tried() -> list:
        return relay.call("GET", f"/api/v1/app/default/attempt/msg/{early}")["data"]

    attempts = tools.wait_until("the first attempt is recorded", tried, 30)
    check("a queue that is not there answers 404", attempts[-1]["responseStatusCode"] == 404)
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    messages = [taken(sqs, queue)]
    second = publish(relay, {"number": 2, "name": "é"})
    messages.append(taken(sqs, queue))
    for id, message in zip((early, second), messages):
        headers = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        check(f"{id} is on the queue under its id", headers["webhook-id"] == id)
        check("with the endpoint's own header", headers["x-tenant"] == "a")
        Webhook(secret).verify(message["Body"], headers)
        try:
            Webhook(secret).verify(message["Body"] + " ", headers)
            check("a changed body is refused", False)
        except WebhookVerificationError:
            check("its signature holds, and not for a changed body", True)
    headers = {"Authorization": f"Bearer {relay.admin}", "Content-Type": "application/json"}
    status, answer = relay.send("POST", ENDPOINTS, b'{"url":"%s"}' % OTHER.encode(), headers)
    check("a queue of the relay's own is refused", status == 422 and "DestinationQueues" in str(answer))


def buses(relay: Relay, moto: str) -> None:
    relay.call("POST", "/api/v1/app", {"name": "on a bus", "uid": "on-a-bus"})
    application = relay.call("GET", "/api/v1/app/on-a-bus")["id"]
    endpoints = "/api/v1/app/on-a-bus/endpoint"
    endpoint = relay.call("POST", endpoints, {"url": BUS, "delays": [1, 1, 1, 1, 1]})
    bridge, sqs = emulated("events", moto), emulated("sqs", moto)
    bridge.create_event_bus(Name="jobs")
    queue = sqs.create_queue(QueueName="behind-the-bus")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["webhook-relay"], "detail-type": [{"prefix": "invoice."}], "resources": [application]}
    bridge.put_rule(Name="ours", EventBusName="jobs", EventPattern=json.dumps(pattern))
    bridge.put_targets(Rule="ours", EventBusName="jobs", Targets=[{"Id": "1", "Arn": arn}])
    payload = {"number": 1, "name": "é", "nested": {"price": 1.5}}
    messages = "/api/v1/app/on-a-bus/msg"
    for kind in ("order.paid", "invoice.paid"):
        sent = relay.call("POST", messages, {"eventType": kind, "payload": payload})["id"]
    event = json.loads(taken(sqs, queue)["Body"])
    check("a rule matches the event by its type and its application", event["detail-type"] == "invoice.paid")
    check("its detail is the body", event["detail"] == payload)
    check("its resources say what it is", event["resources"] == [sent, endpoint["id"], application])

    def tried() -> list:
        return relay.call("GET", f"/api/v1/app/on-a-bus/attempt/msg/{sent}")["data"]

    attempt = tools.wait_until("the attempt is recorded", tried, 30)[0]
    check("its attempt says under which id", attempt["response"] == f"event {event['id']}")
    # Its request has room for it, and its entry has not.
    large = {"eventType": "invoice.paid", "payload": {"a": "x" * 1_048_490}}
    lost = relay.call("POST", messages, large)["id"]
    letters = lambda: [  # noqa: E731
        letter for letter in relay.call("GET", "/v1/webhooks/dead-letter")["data"] if letter["event_id"] == lost.replace("msg_", "evt_")
    ]
    letter = tools.wait_until("what is too large is a dead letter", letters, 30)[0]
    check("after one attempt", letter["attempts"] == 1)


def main() -> int:
    tools.begin_in_venv(HERE, __file__)
    from moto.server import ThreadedMotoServer

    tools.build()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    told = {"DESTINATION_EVENT_BUSES": BUS, "AWS_ENDPOINT_URL_EVENTBRIDGE": f"http://{host}:{port}"}
    try:
        with Relay(DESTINATION_QUEUES=ARN, **told) as relay:
            try:
                journey(relay)
                buses(relay, told["AWS_ENDPOINT_URL_EVENTBRIDGE"])
            except BaseException:
                relay.show_last_lines()
                raise
    finally:
        moto.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except tools.Failed as error:
        print(f"FAILED  {error}", flush=True)
        sys.exit(1)
