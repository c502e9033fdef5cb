"""What each sender says, as text and not as Python's dictionaries: a float that ends in .0, escapes and letters beyond
ASCII must come through to the byte, and no JSON library writes these bodies as they stand here."""

import json
from datetime import datetime, timezone
from urllib.parse import urlencode

NASTY = '{"amount":1.0,"tax":0.190,"big":12345678901234567890,"e":2E1,"name":"Zoë – 葡萄糖 🧬 \\u00e9\\/","n":[1.0,-0.5]}'


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def standard(name: str, at: int) -> str:
    return f'{{"type":"invoice.paid","number":"{name}","data":{NASTY}}}'


def replicate(name: str, at: int) -> str:
    return f'{{"id":"{name}","version":"v1","status":"succeeded","input":{{}},"output":{NASTY},"error":null,"logs":""}}'


def openai(name: str, at: int) -> str:
    return (
        f'{{"id":"evt_{name}","object":"event","created_at":{at},"type":"response.completed",'
        f'"data":{{"id":"resp_{name}"}},"more":{NASTY}}}'
    )


def github(name: str, at: int) -> str:
    return f'{{"action":"completed","workflow_run":{{"id":1.0,"name":"{name}"}},"more":{NASTY}}}'


def stripe(name: str, at: int) -> str:
    return f'{{"id":"evt_{name}","object":"event","type":"invoice.paid","created":{at},"data":{{"object":{NASTY}}}}}'


def slack(name: str, at: int) -> str:
    return (
        f'{{"token":"XXYYZZ","team_id":"T1","type":"event_callback","event_id":"Ev{name}","event_time":{at},'
        f'"event":{{"type":"app_mention","text":{json.dumps(name)}}},"more":{NASTY}}}'
    )


def shopify(name: str, at: int) -> str:
    return f'{{"id":820982911946154508,"name":"{name}","total_price":"19.90","more":{NASTY}}}'


def twilio(name: str, at: int) -> str:
    return urlencode({"MessageSid": f"SM{name}", "MessageStatus": "delivered", "To": "+15551234567", "Body": "Zoë & 葡"})


def fal(name: str, at: int) -> str:
    return f'{{"request_id":"{name}","gateway_request_id":"{name}","status":"OK","payload":{NASTY}}}'


def baseten(name: str, at: int) -> str:
    return (
        f'{{"request_id":"{name}","model_id":"m1","deployment_id":"d1","type":"async_request_completed",'
        f'"time":"{_iso(at)}","data":{NASTY},"errors":[]}}'
    )


def beam(name: str, at: int) -> str:
    return f'{{"data":{{"result":{NASTY},"name":"{name}"}}}}'


def omtx(name: str, at: int) -> str:
    return (
        f'{{"call_id":"{name}","status":"success","result":{NASTY},'
        f'"metadata":{{"job_id":"job-{name}","timestamp":"{_iso(at)}"}}}}'
    )


def mesh(name: str, at: int) -> str:
    return f'{{"job_id":"{name}","status":"completed","result":{{"success":true,"quality_metrics":{NASTY}}}}}'


def cloud_event(name: str, at: int) -> str:
    return f'{{"specversion":"1.0","id":"{name}","type":"task.completed","source":"beam","data":{NASTY}}}'


def hokusai(name: str, at: int) -> str:
    return f'{{"model_id":"m1","idempotency_key":"{name}","registered_version":"1","baseline_metrics":{NASTY}}}'


def batch(name: str, at: int) -> str:
    return f'{{"id":"{name}","object":"batch","status":"completed","created_at":{at},"metadata":{NASTY}}}'


def wepp(name: str, at: int) -> str:
    return f'{{"event":"job.success","job_id":"{name}","runid":"run-1","timestamp":{at}.250,"result":{NASTY}}}'


def omtx_out(name: str, at: int) -> str:
    return f'{{"event":"job.completed","job_id":"{name}","data":{NASTY}}}'
