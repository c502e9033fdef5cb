"""Rules about the template that SAM makes of template.yaml, which is what CloudFormation deploys.

SAM gives names to what it adds, and a fixed one stops the second stack of an account and region. Each rule takes the translated
template and returns what is wrong, one line per finding.
"""

import json
import re
from collections.abc import Iterator

# The property by which an account and region (or the world) tell two resources of a type apart. CloudFormation makes a name of its
# own where the property is missing. None: there is no such property.
NAMES = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::ApiGatewayV2::Integration": None,
    "AWS::ApiGatewayV2::Route": None,
    "AWS::ApiGatewayV2::Stage": None,
    "AWS::ApplicationAutoScaling::ScalableTarget": None,
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::EventInvokeConfig": None,
    "AWS::Lambda::EventSourceMapping": None,
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::Permission": None,
    "AWS::Lambda::Url": None,
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::S3::BucketPolicy": None,
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
}
# Their names are the same in all regions of an account, or in all accounts: the stack's name does not make them unique.
WORLDWIDE = ("AWS::IAM::Role", "AWS::S3::Bucket")
STACK = "AWS::StackName"


def references(value: object) -> set[str]:
    """What a value is made of: resources, parameters and pseudo parameters."""
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for name, argument in value.items():
        if name == "Ref":
            found.add(argument)
        elif name == "Fn::GetAtt":
            found.add(argument[0] if isinstance(argument, list) else argument.split(".")[0])
        elif name == "Fn::Sub":
            text = argument if isinstance(argument, str) else argument[0]
            found |= {part.split(".")[0] for part in re.findall(r"\$\{([^!}]+)\}", text)}
            found |= references(argument if isinstance(argument, list) else [])
        else:
            found |= references(argument)
    return found


def physical_names(template: dict) -> list[str]:
    """A resource whose name is fixed can stand in an account and region once."""
    found = []
    for logical, resource in template["Resources"].items():
        kind = resource["Type"]
        if kind not in NAMES:
            found.append(f"{logical}: which property names an {kind} is not known here")
            continue
        name = resource.get("Properties", {}).get(NAMES[kind])
        if name is None:
            continue
        if kind in WORLDWIDE:
            found.append(f"{logical} has a name of its own, which two regions cannot have")
        elif STACK not in references(name):
            found.append(f"{logical} is called {json.dumps(name)} in every stack")
    return found


def exported_names(template: dict) -> list[str]:
    """An export has a name that its region has once."""
    exports = {name: output["Export"]["Name"] for name, output in template["Outputs"].items() if "Export" in output}
    return [f"{name} is exported under a fixed name" for name, called in exports.items() if STACK not in references(called)]


def texts(value: object) -> Iterator[object]:
    """Every text in a value, those of `Fn::Sub` as the function that they are."""
    if isinstance(value, str) or isinstance(value, dict) and "Fn::Sub" in value:
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def written_arns(template: dict) -> list[str]:
    """An ARN that is written by hand names something of this stack: an account has one of what it names otherwise. The
    log groups that may call are the user's."""
    own = set(template["Resources"]) | {STACK}
    found = []
    for logical, resource in template["Resources"].items():
        if logical == "LiveLogGroupsPermission":
            continue
        for text in texts(resource.get("Properties", {})):
            written = json.dumps(text)
            if '"arn:' in written and not references(text) & own:
                found.append(f"{logical} names {written}")
    return found


def alarm_metrics(alarm: dict) -> list[dict]:
    """The metrics of an alarm, each with namespace, name and dimensions."""
    if "Metrics" not in alarm:
        return [alarm]
    return [metric["MetricStat"]["Metric"] for metric in alarm["Metrics"] if "MetricStat" in metric]


def alarms_of_the_stack(template: dict) -> list[str]:
    """An alarm watches this stack alone. Without a dimension of the stack it adds up all of them."""
    own = set(template["Resources"]) | {STACK}
    found = []
    for logical, resource in template["Resources"].items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        for metric in alarm_metrics(resource["Properties"]):
            values = [dimension["Value"] for dimension in metric.get("Dimensions", [])]
            if not any(references(value) & own for value in values):
                found.append(f"{logical} watches {metric['MetricName']} of every stack")
    return found


RULES = (physical_names, exported_names, written_arns, alarms_of_the_stack)
