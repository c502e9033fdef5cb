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
    let sample = super::text("events/live/alarm-state-change.json");
    let sample: Value = serde_json::from_str(&sample).expect("JSON");
    for field in ["source", "detail-type"] {
        if !each(&rule["EventPattern"][field]).contains(&&sample[field]) {
            found.push(format!("the sample has another {field}"));
        }
    }
    let target = json!({ "Fn::GetAtt": ["LiveFunction", "Arn"] });
    if rule["Targets"][0]["Arn"] != target || rule["Targets"].as_array().map(Vec::len) != Some(1) {
        found.push(format!("AlarmRule calls {}", rule["Targets"]));
    }
    let permission = &resources["AlarmPermission"]["Properties"];
    for (property, wanted) in [
        ("FunctionName", json!({ "Ref": "LiveFunction" })),
        ("Principal", json!("events.amazonaws.com")),
        ("SourceArn", json!({ "Fn::GetAtt": ["AlarmRule", "Arn"] })),
    ] {
        if permission[property] != wanted {
            found.push(format!("AlarmPermission has {property} {}", permission[property]));
        }
    }
    found
}

/// Nothing but its schedule calls the sweep, whose silence an alarm watches: another call would end it.
fn called_by_its_schedule_alone(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let sweep = json!({ "Fn::GetAtt": ["SweepFunction", "Arn"] });
    for (name, resource) in object(&template["Resources"]) {
        let properties = &resource["Properties"];
        let permits = resource["Type"] == "AWS::Lambda::Permission"
            && properties["FunctionName"] == json!({ "Ref": "SweepFunction" });
        let targets = each(&properties["Targets"]).iter().any(|target| target["Arn"] == sweep);
        if permits || targets {
            found.push(format!("{name} calls the sweep"));
        }
    }
    let events = object(&template["Resources"]["SweepFunction"]["Properties"]["Events"]);
    let others = events.filter(|(_, event)| event["Type"] != "ScheduleV2");
    found.extend(others.map(|(name, _)| format!("{name} calls the sweep")));
    found
}

/// Without the parameter `Alarms` there are those that together notice every trouble, which cost three
/// metrics; whatever else alarms watch has a condition.
fn few_by_default(template: &Value) -> Vec<String> {
    let alarms = object(&template["Resources"])
        .filter(|(_, one)| one["Type"] == "AWS::CloudWatch::Alarm")
        .filter(|(_, one)| one["Condition"].is_null());
    let names: Vec<_> = alarms
        .map(|(name, one)| match one["Properties"]["Metrics"].as_array() {
            Some(metrics) => format!("{name} of {} metrics", metrics.len()),
            None => name.clone(),
        })
        .collect();
    let mut found = Vec::new();
    if names != ["ServerErrorsAlarm", "SweepAlarm", "TroubleAlarm"] {
        found.push(format!("the essential alarms are {names:?}"));
    }
    if template["Parameters"]["Alarms"]["Default"] != "essential" {
        found.push("all alarms are the default".to_owned());
    }
    found
}

/// The sweep may ask how much the queues hold that it watches, and read all that is due at once.
fn watches(template: &Value) -> Vec<String> {
    let policy = &template["Resources"]["SweepRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let may = |action: &str, resource: Value| {
        each(&policy["Statement"]).iter().any(|one| {
            each(&one["Action"]).contains(&&json!(action))
                && each(&one["Resource"]).contains(&&resource)
        })
    };
    let mut found = Vec::new();
    for queue in ["Inbox", "Outbox", "DeadLetters", "LiveDeadLetters"] {
        if !may("sqs:GetQueueAttributes", json!({ "Fn::GetAtt": [queue, "Arn"] })) {
            found.push(format!("SweepRole may not ask {queue}"));
        }
    }
    if !may("dynamodb:Scan", json!({ "Fn::Sub": "${Table.Arn}/index/due" })) {
        found.push("SweepRole may not read what is due at once".to_owned());
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
fn a_change_of_an_alarm_is_handed_to_live() {
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

#[test]
fn nothing_but_its_schedule_calls_the_sweep() {
    let sweep = json!({ "Fn::GetAtt": ["SweepFunction", "Arn"] });
    holds_and_can_fail(
        called_by_its_schedule_alone,
        |t| *at(t, "AlarmRule/Properties/Targets/0/Arn") = sweep,
        "AlarmRule calls the sweep",
    );
    holds_and_can_fail(
        called_by_its_schedule_alone,
        |t| {
            *at(t, "AlarmPermission/Properties/FunctionName") = json!({ "Ref": "SweepFunction" });
        },
        "AlarmPermission calls the sweep",
    );
}

#[test]
fn a_relay_has_few_alarms_unless_all_are_asked_for() {
    holds_and_can_fail(
        few_by_default,
        |t| remove(t, "DueLagAlarm", "Condition"),
        "the essential alarms are",
    );
    holds_and_can_fail(
        few_by_default,
        |t| t["Parameters"]["Alarms"]["Default"] = json!("all"),
        "all alarms are the default",
    );
}

#[test]
fn the_sweep_may_look_at_what_it_watches() {
    let statements = "SweepRole/Properties/Policies/0/PolicyDocument/Statement";
    for (action, complaint) in [
        ("sqs:GetQueueAttributes", "SweepRole may not ask LiveDeadLetters"),
        ("dynamodb:Scan", "SweepRole may not read what is due at once"),
    ] {
        holds_and_can_fail(
            watches,
            |t| {
                let statements = at(t, statements).as_array_mut().expect("a list");
                statements.retain(|one| one["Action"] != action);
            },
            complaint,
        );
    }
}
