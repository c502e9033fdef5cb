"""`GET /metrics` of a relay that has worked, read by Prometheus's own parser of OpenMetrics, and beside it what `/v1/stats` and
`/v1/refusals` say of the same requests."""

import hashlib
import hmac
import json
import time
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.process import wait_until
from support.receiver import Receiver
from support.relay import Relay

SECRET = "0123456789abcdef0123456789abcdef"
EVENTS = 5


def completion(relay: Relay, number: int, secret: str) -> int:
    """The status of a completion of Modal that is signed with this secret."""
    body = json.dumps({"call_id": f"c{number}", "status": "success", "metadata": {"job_id": f"j{number}"}}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Modal-Signature": f"sha256={signature}", "X-Modal-Timestamp": str(int(time.time()))}
    return relay.send("POST", "/in/modal", body, headers | {"Content-Type": "application/json"})[0]


def scrape(relay: Relay) -> tuple[str, str]:
    """The media type and the text of a scrape."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(relay.url + "/metrics", headers=relay.authorization)
    with opener.open(request, timeout=15) as response:
        return response.headers["content-type"], response.read().decode()


def samples(text: str) -> dict[str, float]:
    """The samples of the application `acme`, by name and further labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            if labels.pop("application") == "acme":
                found[sample.name + "".join(f" {name}={value}" for name, value in labels.items())] = sample.value
    return found


@pytest.fixture(scope="module")
def worked(relay: Relay, receiver: Receiver) -> dict[str, float]:
    """The samples once the relay has delivered, failed and refused."""
    relay.call("PUT", "/v1/sources/modal", {"profile": "modal-omtx", "secrets": [SECRET], "application": "acme"})
    for path, status in [("/good", 200), ("/bad", 500)]:
        hook = receiver.hook(path, answer=status)
        relay.call("POST", "/api/v1/app/acme/endpoint", {"url": hook.url, "delays": [86_400]})
    for number in range(EVENTS):
        assert completion(relay, number, SECRET) == 202
    assert completion(relay, 99, "another-secret-of-enough-length-0") == 401

    def complete() -> dict[str, float] | None:
        found = samples(scrape(relay)[1])
        whole = found["relay_attempts_total"] == 2 * EVENTS and found["relay_refused_total"] == 1
        return found if whole else None

    return wait_until("everything is counted", complete, 30)


def test_the_parser_of_prometheus_reads_every_family_with_its_type_and_unit(relay: Relay, worked: dict[str, float]):
    kind, text = scrape(relay)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {family.type for family in families.values()} == {"counter", "histogram"}
    assert families["relay_delivery_seconds"].unit == "seconds"
    assert len(families) == 11


def test_the_counters_are_what_happened(worked: dict[str, float]):
    assert worked["relay_received_total"] == EVENTS
    assert worked["relay_announced_total"] == EVENTS
    assert worked["relay_delivered_total"] == EVENTS
    assert worked["relay_failed_total class=status"] == EVENTS
    assert worked["relay_delivery_seconds_count"] == EVENTS
    assert worked["relay_first_attempt_seconds_count"] == 2 * EVENTS
    assert 0 < worked["relay_delivery_seconds_sum"] < 60 * EVENTS


def test_a_second_scrape_has_no_smaller_counter(relay: Relay, worked: dict[str, float]):
    again = samples(scrape(relay)[1])
    assert all(worked[name] <= again[name] for name in worked)


def test_the_series_and_the_refusals_say_the_same(relay: Relay, worked: dict[str, float]):
    series = relay.call("GET", "/v1/stats?application=acme")["series"]
    assert sum(series["delivered"]) == EVENTS
    assert sum(series["failed"]["status"]) == EVENTS
    assert sum(series["refused"]) == 1
    refused = relay.call("GET", "/v1/sources/modal/refusals")
    assert [sample["reason"] for sample in refused["samples"]] == ["mismatch"]
    assert "does not match the secret of the source (kept since " in refused["samples"][0]["sentence"]
    assert SECRET not in json.dumps(refused)
