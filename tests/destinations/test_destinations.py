"""Queues and event buses as endpoints.

The queues are of `relay dev`'s own SQS, made by boto3 after the relay was told to send to them. The bus is one of moto's
EventBridge, with a rule that follows the documents, and a queue behind the rule. The tests of each are one story, in order.
"""

import json
import logging

import boto3
import pytest
from moto.server import ThreadedMotoServer
from standardwebhooks import Webhook, WebhookVerificationError

from support.process import wait_until
from support.relay import Relay

QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"
FIFO = "arn:aws:sqs:us-east-1:000000000000:orders.fifo"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/jobs"
OTHER = "arn:aws:sqs:us-east-1:000000000000:relay-outbox"


@pytest.fixture(scope="module")
def moto():
    """The address of moto's AWS."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def relay(relay_program, moto):
    """A relay that may send to the queues and to the bus."""
    with Relay(DESTINATION_QUEUES=f"{QUEUE},{FIFO}", DESTINATION_EVENT_BUSES=BUS, AWS_ENDPOINT_URL_EVENTBRIDGE=moto) as relay:
        yield relay


def local_sqs(relay: Relay):
    """boto3 for the relay's SQS, by the file that the relay writes for its functions."""
    text = next(path for path in relay.files() if path.name == "env").read_text()
    variables = dict(line.split("=", 1) for line in text.splitlines())
    return boto3.client(
        "sqs",
        endpoint_url=variables["AWS_ENDPOINT_URL_SQS"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def emulated(service: str, url: str):
    """boto3 for moto."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def taken(sqs, queue: str) -> dict:
    """The next message of a queue, which is deleted."""

    def receive() -> dict | None:
        received = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], WaitTimeSeconds=1)
        return next(iter(received.get("Messages", [])), None)

    message = wait_until("a message is on the queue", receive, 30)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return message


class Application:
    """An application with one endpoint."""

    def __init__(self, relay: Relay, uid: str, url: str, **more: object):
        self._relay = relay
        self._path = f"/api/v1/app/{uid}"
        self.endpoints = f"{self._path}/endpoint"
        if uid != "default":
            relay.call("POST", "/api/v1/app", {"name": uid, "uid": uid})
        self.id = relay.call("GET", self._path)["id"]
        self.endpoint = relay.call("POST", self.endpoints, {"url": url, "delays": [1] * 5, **more})["id"]

    def publish(self, payload: dict, kind: str = "invoice.paid") -> str:
        return self._relay.call("POST", f"{self._path}/msg", {"eventType": kind, "payload": payload})["id"]

    def attempts(self, message: str) -> list[dict]:
        """Every attempt at the message, newest first, once there is one."""
        path = f"{self._path}/attempt/msg/{message}"
        return wait_until("an attempt is recorded", lambda: self._relay.call("GET", path)["data"], 30)


class QueueStory:
    """An endpoint that is a queue. The queue is made after the first attempt."""

    def __init__(self, relay: Relay):
        self.application = Application(relay, "default", QUEUE, headers={"X-Tenant": "a"})
        self.early = self.application.publish({"number": 1})
        self.secret = relay.call("GET", f"{self.application.endpoints}/{self.application.endpoint}/secret")["key"]
        self._sqs = local_sqs(relay)
        self._messages: list[tuple[str, dict]] = []

    def message(self, number: int) -> tuple[str, dict, dict]:
        """The message of this number: its id, what is on the queue, and its attributes as headers."""
        if not self._messages:
            queue = self._sqs.create_queue(QueueName="orders")["QueueUrl"]
            self._messages.append((self.early, taken(self._sqs, queue)))
            second = self.application.publish({"number": 2, "name": "é"})
            self._messages.append((second, taken(self._sqs, queue)))
        name, message = self._messages[number - 1]
        return name, message, {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


@pytest.fixture(scope="module")
def queue(relay) -> QueueStory:
    return QueueStory(relay)


def test_a_queue_that_does_not_exist_answers_404(queue: QueueStory):
    assert queue.application.attempts(queue.early)[-1]["responseStatusCode"] == 404


@pytest.mark.parametrize("number", [1, 2])
def test_a_message_is_on_the_queue_under_its_id(queue: QueueStory, number: int):
    name, _, headers = queue.message(number)
    assert headers["webhook-id"] == name


@pytest.mark.parametrize("number", [1, 2])
def test_it_has_the_endpoints_own_header(queue: QueueStory, number: int):
    assert queue.message(number)[2]["x-tenant"] == "a"


@pytest.mark.parametrize("number", [1, 2])
def test_its_signature_holds_and_not_for_a_changed_body(queue: QueueStory, number: int):
    _, message, headers = queue.message(number)
    Webhook(queue.secret).verify(message["Body"], headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(queue.secret).verify(message["Body"] + " ", headers)


def test_a_queue_of_the_relays_own_is_refused(relay, queue: QueueStory):
    headers = relay.authorization | {"Content-Type": "application/json"}
    status, answer = relay.send("POST", queue.application.endpoints, b'{"url":"%s"}' % OTHER.encode(), headers)
    assert status == 422 and "DestinationQueues" in str(answer)


def test_a_fifo_queue_has_a_group_for_each_endpoint_and_an_id_for_each_delivery(relay):
    sqs = local_sqs(relay)
    queue = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    application = Application(relay, "in-order", FIFO)
    for number in range(2):
        message = application.publish({"number": number})
        assert application.attempts(message)[0]["responseStatusCode"] == 200
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])["Messages"]
    assert [json.loads(message["Body"])["number"] for message in received] == [0, 1]
    attributes = [message["Attributes"] for message in received]
    assert {it["MessageGroupId"] for it in attributes} == {application.endpoint}
    assert len({it["MessageDeduplicationId"] for it in attributes}) == 2
    assert attributes[0]["SequenceNumber"] < attributes[1]["SequenceNumber"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


PAYLOAD = {"number": 1, "name": "é", "nested": {"price": 1.5}}


class BusStory:
    """An endpoint that is a bus, a rule for its invoices, and a queue behind the rule."""

    def __init__(self, relay: Relay, moto: str):
        self.application = Application(relay, "on-a-bus", BUS)
        bridge, sqs = emulated("events", moto), emulated("sqs", moto)
        bridge.create_event_bus(Name="jobs")
        queue = sqs.create_queue(QueueName="behind-the-bus")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = {"source": ["webhook-relay"], "detail-type": [{"prefix": "invoice."}], "resources": [self.application.id]}
        bridge.put_rule(Name="ours", EventBusName="jobs", EventPattern=json.dumps(pattern))
        bridge.put_targets(Rule="ours", EventBusName="jobs", Targets=[{"Id": "1", "Arn": arn}])
        self.application.publish(PAYLOAD, "order.paid")
        self.sent = self.application.publish(PAYLOAD)
        self.event = json.loads(taken(sqs, queue)["Body"])


@pytest.fixture(scope="module")
def bus(relay, moto) -> BusStory:
    return BusStory(relay, moto)


def test_a_rule_matches_the_event_by_its_type_and_its_application(bus: BusStory):
    assert bus.event["detail-type"] == "invoice.paid"


def test_the_events_detail_is_the_body(bus: BusStory):
    assert bus.event["detail"] == PAYLOAD


def test_the_events_resources_name_message_endpoint_and_application(bus: BusStory):
    assert bus.event["resources"] == [bus.sent, bus.application.endpoint, bus.application.id]


def test_the_attempt_names_the_events_id(bus: BusStory):
    assert bus.application.attempts(bus.sent)[0]["response"] == f"event {bus.event['id']}"


def test_a_body_too_large_for_an_entry_is_a_dead_letter_after_one_attempt(relay, bus: BusStory):
    # It fits into the request, and not into the entry.
    lost = bus.application.publish({"a": "x" * 1_048_490}).replace("msg_", "evt_")

    def letters() -> list[dict]:
        listed = relay.call("GET", "/v1/webhooks/dead-letter")["data"]
        return [letter for letter in listed if letter["event_id"] == lost]

    assert wait_until("it is a dead letter", letters, 30)[0]["attempts"] == 1
