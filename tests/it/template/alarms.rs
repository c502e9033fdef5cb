//! Alarms reach the function that notes them, and the API asks every queue how much it holds.

use serde_json::{Value, json};

use super::{
    at, holds_and_can_fail, remove,
    rules::{each, object},
};

/// The rule hands over changes of alarms whose names begin with the stack's, and nobody but that rule may
/// call the function so.
fn handed_over(template: &Value) -> Vec<String> {
    let resources = &template["Resources"];
    let rule = &resources["AlarmRule"]["Properties"];
    let mut found = Vec::new();
    let pattern = json!({
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": { "alarmName": [{ "prefix": { "Fn::Sub": "${AWS::StackName}-" } }] },
    });
    if rule["EventPattern"] != pattern {
        found.push(format!("AlarmRule hands over {}", rule["EventPattern"]));
    }
    let sample = super::text("events/sweep/alarm-state-change.json");
    let sample: Value = serde_json::from_str(&sample).expect("JSON");
    for field in ["source", "detail-type"] {
        if !each(&rule["EventPattern"][field]).contains(&&sample[field]) {
            found.push(format!("the sample has another {field}"));
        }
    }
    let target = json!({ "Fn::GetAtt": ["SweepFunction", "Arn"] });
    if rule["Targets"][0]["Arn"] != target || rule["Targets"].as_array().map(Vec::len) != Some(1) {
        found.push(format!("AlarmRule calls {}", rule["Targets"]));
    }
    let permission = &resources["AlarmPermission"]["Properties"];
    for (property, wanted) in [
        ("FunctionName", json!({ "Ref": "SweepFunction" })),
        ("Principal", json!("events.amazonaws.com")),
        ("SourceArn", json!({ "Fn::GetAtt": ["AlarmRule", "Arn"] })),
    ] {
        if permission[property] != wanted {
            found.push(format!("AlarmPermission has {property} {}", permission[property]));
        }
    }
    found
}

/// The API may ask each queue of the stack how much it holds, and take nothing off any.
fn queues_are_asked(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let policy = &template["Resources"]["ApiRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let statements = each(&policy["Statement"]);
    let may = |action: &str| {
        let with = statements.iter().filter(|one| each(&one["Action"]).contains(&&json!(action)));
        with.flat_map(|one| each(&one["Resource"])).collect::<Vec<_>>()
    };
    let asked = may("sqs:GetQueueAttributes");
    for (name, _) in
        object(&template["Resources"]).filter(|(_, one)| one["Type"] == "AWS::SQS::Queue")
    {
        if !asked.contains(&&json!({ "Fn::GetAtt": [name, "Arn"] })) {
            found.push(format!("ApiRole may not ask {name}"));
        }
    }
    for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"] {
        if !may(action).is_empty() {
            found.push(format!("ApiRole allows {action}"));
        }
    }
    found
}

#[test]
fn a_change_of_an_alarm_is_handed_to_the_sweep() {
    let pattern = "AlarmRule/Properties/EventPattern";
    holds_and_can_fail(handed_over, |t| remove(t, pattern, "detail"), "AlarmRule hands over");
    holds_and_can_fail(
        handed_over,
        |t| *at(t, &format!("{pattern}/source")) = json!(["aws.ec2"]),
        "the sample has another source",
    );
    holds_and_can_fail(
        handed_over,
        |t| {
            *at(t, "AlarmRule/Properties/Targets/0/Arn") =
                json!({ "Fn::GetAtt": ["ApiFunction", "Arn"] })
        },
        "AlarmRule calls",
    );
    holds_and_can_fail(
        handed_over,
        |t| remove(t, "AlarmPermission/Properties", "SourceArn"),
        "AlarmPermission has SourceArn null",
    );
}

#[test]
fn the_api_asks_every_queue_and_takes_nothing_off_any() {
    let statements = "ApiRole/Properties/Policies/0/PolicyDocument/Statement";
    holds_and_can_fail(
        queues_are_asked,
        |t| {
            let statements = at(t, statements).as_array_mut().expect("a list");
            statements.retain(|one| one["Action"] != "sqs:GetQueueAttributes");
        },
        "ApiRole may not ask LiveDeadLetters",
    );
    holds_and_can_fail(
        queues_are_asked,
        |t| {
            let wide =
                json!({ "Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "x" });
            at(t, statements).as_array_mut().expect("a list").push(wide);
        },
        "ApiRole allows sqs:ReceiveMessage",
    );
}
