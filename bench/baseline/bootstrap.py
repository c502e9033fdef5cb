"""A minimal Lambda runtime in Python. The runtime of AWS does more and takes longer."""

import http.client
import json
import os

import handler


def main() -> None:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    prefix = "/2018-06-01/runtime/invocation"
    while True:
        api.request("GET", f"{prefix}/next")
        received = api.getresponse()
        event = json.loads(received.read())
        request = received.headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            body, outcome = handler.handle(event, None), "response"
        except Exception as error:  # noqa: BLE001 (every error is reported to the runtime API)
            body, outcome = {"errorType": type(error).__name__, "errorMessage": str(error)}, "error"
        api.request("POST", f"{prefix}/{request}/{outcome}", json.dumps(body))
        api.getresponse().read()


main()
