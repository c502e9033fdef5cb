"""The work of `ingest` as a Python function does it, with the same three calls to AWS at the same moments.

This function has less to do: the signing secret in Secrets Manager is not encrypted, there is one profile, and the grammar of
a request is not checked.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time

import boto3

_sqs = boto3.client("sqs")
_dynamodb = boto3.client("dynamodb")
_secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SIGNING_SECRET"])
_key = base64.b64decode(_secret["SecretString"].removeprefix("whsec_"))
_sources = {}


def handle(event, _context):
    name = event["pathParameters"]["source"]
    source = _source(name)
    if source is None:
        return _reply(401, {"detail": "the signature does not hold"})
    headers = event["headers"]
    body = event["body"].encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    if not _holds(headers, body):
        return _reply(401, {"detail": "the signature does not hold"})
    key = headers["webhook-id"]
    identity = "evt_" + hashlib.sha256(f"event:{name}:{key}".encode()).hexdigest()[:32]
    envelope = {
        "source_id": source["id"],
        "source": name,
        "profile": source["profile"],
        "options": source["options"],
        "application": source["application"],
        "key": key,
        "event": identity,
        "arrival": secrets.token_hex(16),
        "received_at": int(time.time() * 1000),
        "body": {"text": body.decode()},
    }
    _sqs.send_message(QueueUrl=os.environ["INBOX_URL"], MessageBody=json.dumps(envelope))
    return _reply(202, {"status": "accepted", "id": identity})


def _source(name):
    kept = _sources.get(name)
    if kept is None or kept[0] < time.monotonic() - 60:
        key = {"pk": {"S": "SOURCES"}, "sk": {"S": name}}
        found = _dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=key, ConsistentRead=True)
        document = json.loads(found["Item"]["doc"]["S"]) if "Item" in found else None
        kept = _sources[name] = (time.monotonic(), document)
    return kept[1]


def _holds(headers, body):
    identity = headers.get("webhook-id", "")
    at = headers.get("webhook-timestamp", "")
    if not at.isdecimal() or 300 < abs(time.time() - int(at)):
        return False
    mac = hmac.digest(_key, f"{identity}.{at}.".encode() + body, "sha256")
    wanted = "v1," + base64.b64encode(mac).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(wanted, each) for each in given)


def _reply(status, body):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
