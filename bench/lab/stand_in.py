"""A stand-in for AWS over TLS: GetItem of DynamoDB, SendMessage of SQS, GetSecretValue of Secrets Manager. Each service has
a port of its own, as each has a host of its own on AWS. Runs as a process and answers the laboratory in JSON lines."""

import collections
import hashlib
import json
import ssl
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import world  # noqa: E402
from lab.wire import Server, response  # noqa: E402

TYPE = b"application/x-amz-json-1.0"


class Refused(Exception):
    """The request is not one that the stand-in serves."""


class Services:
    """The three services, which count their requests."""

    def __init__(self) -> None:
        self.calls: collections.Counter[str] = collections.Counter()
        self._item = world.item()
        self._secrets = {
            world.MASTER_SECRET: world.MASTER,
            world.SIGNING_SECRET: world.WHSEC,
        }

    def get_item(self, asked: dict) -> dict:
        key = {name: value["S"] for name, value in asked["Key"].items()}
        if asked["TableName"] != world.TABLE or key["pk"] != "SOURCES":
            raise Refused
        # There is no other source. The request that opens the connection during init names one that does not exist.
        return {"Item": self._item} if key["sk"] == world.SOURCE else {}

    def send_message(self, asked: dict) -> dict:
        body = asked["MessageBody"].encode()
        if len(body) < world.BODY_BYTES:
            raise Refused
        return {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": hashlib.md5(body).hexdigest()}

    def get_secret_value(self, asked: dict) -> dict:
        name = asked["SecretId"]
        if name not in self._secrets:
            raise Refused
        arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}"
        return {"ARN": arn, "Name": name, "SecretString": self._secrets[name]}

    def handler(self, operation: str, answer):
        """Serves one signed operation and refuses any other."""

        def handle(method: bytes, _path: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
            self.calls[operation] += 1
            target = headers.get(b"x-amz-target", b"").decode().rpartition(".")[2]
            signed = headers.get(b"authorization", b"").startswith(b"AWS4-HMAC-SHA256 ")
            try:
                if method != b"POST" or target != operation or not signed:
                    raise Refused
                said = answer(json.loads(body))
            except (Refused, KeyError, ValueError):
                self.calls["refused"] += 1
                return response(b"400 Bad Request", b'{"__type":"ValidationException"}', TYPE)
            request = b"x-amzn-RequestId: %b\r\n" % str(uuid.uuid4()).encode()
            return response(b"200 OK", json.dumps(said).encode(), TYPE, request)

        return handle


def main(chain: str, key: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, key)
    services = Services()
    operations = {
        "DYNAMODB": ("GetItem", services.get_item),
        "SQS": ("SendMessage", services.send_message),
        "SECRETS_MANAGER": ("GetSecretValue", services.get_secret_value),
    }
    servers = {
        service: Server(services.handler(operation, answer), tls)
        for service, (operation, answer) in operations.items()
    }
    ports = {service: server.port for service, server in servers.items()}
    print(json.dumps(ports), flush=True)
    for _ in sys.stdin:  # Each line asks for the requests since the line before.
        calls, services.calls = services.calls, collections.Counter()
        print(json.dumps(calls), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
