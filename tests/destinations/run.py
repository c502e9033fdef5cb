#!/usr/bin/env python3
"""A queue as an endpoint: what boto3 takes off it is verified by the Standard Webhooks library, attributes as headers.

    python3 tests/destinations/run.py

The queue is one of `relay dev`'s own SQS, made by boto3 before the relay is told to send to it, and once before it is there.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "verifiers"))

import tools  # noqa: E402
from relay import Relay  # noqa: E402

ARN = "arn:aws:sqs:us-east-1:000000000000:orders"
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


def main() -> int:
    tools.begin_in_venv(HERE, __file__)
    tools.build()
    with Relay(DESTINATION_QUEUES=ARN) as relay:
        try:
            journey(relay)
        except BaseException:
            relay.show_last_lines()
            raise
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except tools.Failed as error:
        print(f"FAILED  {error}", flush=True)
        sys.exit(1)
