"""The rules hold for the template that SAM makes of ours, and each notices what it is there for."""

import copy

import pytest
import rules


@pytest.fixture(scope="module")
def translated(sam) -> dict:
    return sam.translated()


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule, translated):
    assert rule(translated) == []


def named(logical: str, property_: str, value: object):
    return lambda template: template["Resources"][logical]["Properties"].update({property_: value})


def without_dimension(template: dict) -> None:
    template["Resources"]["SweepAlarm"]["Properties"]["Dimensions"] = []


def of_the_account(template: dict) -> None:
    metrics = template["Resources"]["ProcessConcurrencyAlarm"]["Properties"]["Metrics"]
    metrics[1]["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "Stage", "Value": "live"}]


def exported(template: dict) -> None:
    template["Outputs"]["BaseUrl"]["Export"] = {"Name": "relay-url"}


def unknown(template: dict) -> None:
    template["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "relay"}}


FIXED = {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:relay-inbox"}
BROKEN = {
    # What SAM does if the schedule has no name of its own.
    "a schedule's name": (rules.physical_names, named("SweepFunctionEveryMinute", "Name", "SweepFunctionEveryMinute")),
    "a function's name": (rules.physical_names, named("ApiFunction", "FunctionName", "relay-api")),
    "a queue's name, by region": (rules.physical_names, named("Inbox", "QueueName", {"Fn::Sub": "inbox-${AWS::Region}"})),
    "an alarm's name": (rules.physical_names, named("SweepAlarm", "AlarmName", "sweep-errors")),
    "a role's name": (rules.physical_names, named("ApiRole", "RoleName", {"Fn::Sub": "${AWS::StackName}-api"})),
    "a type that is new": (rules.physical_names, unknown),
    "an export": (rules.exported_names, exported),
    "an ARN": (rules.written_arns, named("DeadLetters", "RedriveAllowPolicy", {"sourceQueueArns": [FIXED]})),
    "an alarm without dimensions": (rules.alarms_of_the_stack, without_dimension),
    "an alarm over the account": (rules.alarms_of_the_stack, of_the_account),
}


@pytest.mark.parametrize("rule, break_it", BROKEN.values(), ids=BROKEN.keys())
def test_a_rule_notices(rule, break_it, translated):
    template = copy.deepcopy(translated)
    break_it(template)
    assert len(rule(template)) == 1
