"""Two relays in one account and region, as staging and production are; and one that comes back after its stack was deleted.

In order: the second relay is deployed, gets into trouble, is deleted and is imported.
"""

import json

import pytest
from alarms import ALARM, OK, Alarm, Data, alarms
from rules import NAMES
from sam import STACK
from stack import FUNCTIONS, Emulator
from test_deployed import verified
from world import World

from support.process import Failed, wait_until

SECOND = f"{STACK}-second"
MINUTE = 60


@pytest.fixture(scope="module")
def worlds(sam, built, receiver):
    """Two stacks, deployed into an AWS that knew nothing."""
    with Emulator() as emulator:
        for stack in (STACK, SECOND):
            sam.deploy(emulator.url, stack)
        emulator.mend()
        yield [World(emulator, receiver, stack) for stack in (STACK, SECOND)]


def test_the_stacks_have_nothing_in_common(worlds):
    cloudformation = worlds[0].emulator.client("cloudformation")
    resources = []
    for world in worlds:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=world.stack)
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
        named = [one for one in listed if NAMES[one["ResourceType"]]]
        resources.append({(one["ResourceType"], one["PhysicalResourceId"]) for one in named})
    first, second = resources
    assert len(first) == len(second) > 20
    assert not first & second
    schedules = worlds[0].emulator.client("scheduler").list_schedules()["Schedules"]
    assert {f"{world.stack}-sweep" for world in worlds} <= {schedule["Name"] for schedule in schedules}


def test_each_relay_accepts_and_delivers_its_own(worlds):
    """Both have a source, an application and a job of the same names."""
    senders, hooks, signing = [], [], []
    for world in worlds:
        senders.append(world.source("modal", "acme"))
        world.application("acme")
        hooks.append(world.receiver.hook(f"/{world.stack}"))
        signing.append(world.endpoint("acme", hooks[-1])[1])
    first, second = worlds
    for sender, score in zip(senders, (1.5, 2.5)):
        assert sender.post(sender.completion("fc-shared", affinity=score)).status == 202
    for world, hook, secret, score in zip(worlds, hooks, signing, (1.5, 2.5)):
        request = hook.wait_for(1)[0]
        assert verified(request, secret)["data"]["result"]["affinity"] == score
        world.wait_until_idle()
        assert len(hook.requests) == 1
    # One's key and one's secret are worth nothing at the other.
    refused = second.call("GET", "/v1/jobs", headers={"authorization": f"Bearer {first.admin_key}"})
    assert refused.status == 401, refused
    body = senders[0].completion("fc-foreign")
    foreign = type(senders[0])(second, "modal", senders[0].secret)
    assert foreign.post(body).status == 401


def emf(world: World, metric: str) -> list[str]:
    """The lines in the embedded metric format with this metric, as the functions of a stack printed them."""
    lines = []
    for function in FUNCTIONS:
        found = [line.strip() for line in world.emulator.log(function, world.stack) if f'"{metric}"' in line]
        lines += [line for line in found if line.startswith('{"_aws"') or '"_aws":' in line]
    return lines


def alarm(sam, name: str, stack: str) -> Alarm:
    parameters = {"AWS::StackName": stack, "ProcessConcurrency": 20, "DeliverConcurrency": 50}
    return next(one for one in alarms(sam.translated(), parameters) if one.name == name)


def heard(sam, name: str, stack: str, lines: list[str]) -> bool:
    """Whether the stack's alarm is heard if these lines go on for as long as it looks back."""
    now, it = 1_000_000 * MINUTE, alarm(sam, name, stack)
    data = Data()
    for minutes in range(1, it.seconds // MINUTE + 1):
        for line in lines:
            data.put_line(line, now - minutes * MINUTE)
    state = it.state(data, now)
    assert state in (OK, ALARM)
    return it.notifies(OK, state)


def test_what_a_relay_prints_is_heard_by_its_own_alarms_alone(worlds, sam):
    _, second = worlds
    sqs, inbox = second.emulator.client("sqs"), second.outputs["InboxUrl"]
    known = second.dead_letters()
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=inbox, MessageBody="{ this is no event")
    second.wait_for_dead_letter(known)
    for name, metric in (("ItemsFailedAlarm", "items_failed"), ("MessageParkedAlarm", "message_parked"), ("TroubleAlarm", "trouble")):
        lines = emf(second, metric)
        assert lines, f"nothing was printed of {metric}"
        assert heard(sam, name, SECOND, lines)
        assert not heard(sam, name, STACK, lines)


def test_a_sweep_that_is_late_is_heard(worlds, sam):
    """A delivery that has been due for ten minutes when the sweep comes, because its item says so."""
    _, second = worlds
    second.application("late")
    hook = second.receiver.hook("/late")
    second.endpoint("late", hook)
    dynamodb, table = second.emulator.client("dynamodb"), second.outputs["TableName"]
    sqs, outbox = second.emulator.client("sqs"), second.outputs["OutboxUrl"]
    with second.emulator.paused(f"{SECOND}-deliver"):
        second.manage("POST", "/api/v1/app/late/msg", {"eventType": "invoice.paid", "payload": {"number": 1}})
        wait_until("the outbox is rung", lambda: second.waiting(outbox) == 1)
        sqs.purge_queue(QueueUrl=outbox)
        items = dynamodb.scan(TableName=table, FilterExpression="begins_with(sk, :dlv) AND attribute_exists(due_at)",
                              ExpressionAttributeValues={":dlv": {"S": "DLV#"}})["Items"]  # fmt: skip
        [item] = items
        dynamodb.update_item(
            TableName=table,
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET due_at = due_at - :late",
            ExpressionAttributeValues={":late": {"N": str(10 * MINUTE * 1000)}},
        )
    hook.wait_for(1, seconds=150)
    late = [line for line in emf(second, "due_lag_seconds") if json.loads(line)["due_lag_seconds"] > 300]
    assert late, "no round of the sweep says that it was late"
    assert heard(sam, "DueLagAlarm", SECOND, late[:1])
    assert not heard(sam, "DueLagAlarm", STACK, late[:1])
    # A round that finds nothing late says nothing.
    assert not heard(sam, "DueLagAlarm", SECOND, [])


def test_the_retention_of_bodies_cannot_be_shorter_than_that_of_events(worlds, sam):
    _, second = worlds
    with pytest.raises(Failed, match="BodyRetentionDays must be at least RetentionDays"):
        sam.deploy(second.emulator.url, SECOND, RetentionDays="90")
    second.emulator.outputs(SECOND)  # It stands as it did.


def test_a_deleted_stack_comes_back_with_its_data_and_its_secrets(worlds, sam):
    """As docs/deploying.md has it: the table and the bucket are imported, and the new functions take the old master key."""
    first, second = worlds
    emulator, outputs = second.emulator, second.outputs
    hook = second.receiver.hook(f"/{SECOND}")
    before, [request] = len(hook.requests), hook.requests[:1]
    job = second.manage("GET", "/v1/jobs/fc-shared").json
    [endpoint] = second.manage("GET", "/api/v1/app/acme/endpoint").json["data"]
    secret = second.manage("GET", f"/api/v1/app/acme/endpoint/{endpoint['id']}/secret").json["key"]

    cloudformation = emulator.client("cloudformation")
    cloudformation.delete_stack(StackName=SECOND)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=SECOND, WaiterConfig={"Delay": 1})
    assert outputs["TableName"] in emulator.client("dynamodb").list_tables()["TableNames"]
    assert outputs["BucketName"] in [bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]]
    emulator.client("secretsmanager").get_secret_value(SecretId=outputs["MasterKeySecretArn"])

    imported = {
        "Table": ("AWS::DynamoDB::Table", {"TableName": outputs["TableName"]}),
        "Bodies": ("AWS::S3::Bucket", {"BucketName": outputs["BucketName"]}),
    }
    cloudformation.create_change_set(
        StackName=SECOND,
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=sam.kept(),
        ResourcesToImport=[
            {"LogicalResourceId": name, "ResourceType": kind, "ResourceIdentifier": identifier}
            for name, (kind, identifier) in imported.items()
        ],
    )
    cloudformation.get_waiter("change_set_create_complete").wait(StackName=SECOND, ChangeSetName="import")
    cloudformation.execute_change_set(StackName=SECOND, ChangeSetName="import")
    cloudformation.get_waiter("stack_import_complete").wait(StackName=SECOND, WaiterConfig={"Delay": 1})
    sam.deploy(emulator.url, SECOND, MasterKeyArn=outputs["MasterKeySecretArn"])
    emulator.mend()

    back = World(emulator, second.receiver, SECOND)
    assert back.outputs["TableName"] == outputs["TableName"]
    assert back.outputs["BucketName"] == outputs["BucketName"]
    assert back.outputs["MasterKeySecretArn"] == outputs["MasterKeySecretArn"]
    assert back.manage("GET", "/v1/jobs/fc-shared").json == job
    assert back.manage("GET", f"/api/v1/app/acme/endpoint/{endpoint['id']}/secret").json["key"] == secret
    # The old endpoint is signed to with its old secret.
    message = {"eventType": "back.again", "payload": {"a": 1}}
    back.manage("POST", "/api/v1/app/acme/msg", message)
    [_, again] = [request, hook.wait_for(before + 1)[-1]]
    verified(again, secret)
    assert first.manage("GET", "/v1/jobs/fc-shared").status == 200
