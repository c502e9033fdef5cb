//! Live updates: who may push, what the live function may write, and which log groups it may read.

use serde_json::{Value, json};

use super::{at, holds_and_can_fail, remove, rules};

/// The pattern of one ARN in `LogGroups`. A star stands at the end of a name only, and behind it.
const LOG_GROUP: &str =
    r"arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9._/#-]{1,512}\*?:\*";
/// The actions that the live function may take on them.
const READS_GROUPS: [&str; 3] =
    ["logs:DescribeSubscriptionFilters", "logs:FilterLogEvents", "logs:PutSubscriptionFilter"];
/// The partitions of the table that the live function may write to.
const OWN_ITEMS: [&str; 10] = [
    "ALARMS",
    "AWAKE",
    "CONN#*",
    "LOG#*",
    "LOGGROUP#*",
    "PUSHES",
    "RATE#job_*",
    "TICKET#*",
    "TOPIC#*",
    "WATCHED",
];

/// The statements of each role.
fn statements(template: &Value) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for (name, resource) in rules::object(&template["Resources"]) {
        if resource["Type"] == "AWS::IAM::Role" {
            let policies = rules::each(&resource["Properties"]["Policies"]).into_iter();
            let all = policies.flat_map(|one| rules::each(&one["PolicyDocument"]["Statement"]));
            found.extend(all.map(|statement| (name.as_str(), statement)));
        }
    }
    found
}

/// Only the live function pushes to connections and sets subscription filters, on the groups of the
/// parameter. CloudWatch may call it if there are any, from this account only.
fn groups(template: &Value) -> Vec<String> {
    let named = json!({ "Fn::Split": [",", { "Ref": "LogGroups" }] });
    let allow = json!({ "Effect": "Allow", "Action": READS_GROUPS, "Resource": named });
    let wanted = json!({ "Fn::If": ["HasLogGroups", allow, { "Ref": "AWS::NoValue" }] });
    let mut found = Vec::new();
    let given: Vec<_> = statements(template)
        .into_iter()
        .filter(|(_, one)| one.to_string().contains("LogGroups"))
        .collect();
    if given != [("LiveRole", &wanted)] {
        found.push(format!("log groups are given by {given:?}"));
    }
    let permission = &template["Resources"]["LiveLogGroupsPermission"];
    if permission["Condition"] != "HasLogGroups" {
        found.push("CloudWatch may call without a log group".to_owned());
    }
    if permission["Properties"]["SourceAccount"]["Ref"] != "AWS::AccountId" {
        found.push("CloudWatch may call from another account".to_owned());
    }
    let parameter = &template["Parameters"]["LogGroups"];
    if parameter["Default"] != "" {
        found.push("there are log groups although nobody named any".to_owned());
    }
    let pattern = parameter["AllowedPattern"].as_str().unwrap_or_default();
    if pattern != format!("^$|^{LOG_GROUP}(,{LOG_GROUP})*$") {
        found.push(format!("log groups are named by {pattern}"));
    }
    found
}

/// Only the live function pushes, and it changes no item but those of connections and logs.
fn own_items(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (role, statement) in statements(template) {
        let text = statement.to_string();
        if role != "LiveRole" && text.contains("execute-api:") {
            found.push(format!("{role} may push"));
        }
        let writes = ["Put", "Update", "Delete", "BatchWrite"];
        let writes = writes.iter().any(|how| text.contains(&format!("dynamodb:{how}Item")));
        let only = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        if role == "LiveRole" && writes && *only != json!(OWN_ITEMS) {
            found.push(format!("LiveRole may write to {only}"));
        }
    }
    found
}

/// The queue of live updates has high throughput, and leaves copies of its consumer to clients that
/// connect.
fn throughput(template: &Value) -> Vec<String> {
    let queue = &template["Resources"]["LiveQueue"]["Properties"];
    let mut found = Vec::new();
    if (&queue["DeduplicationScope"], &queue["FifoThroughputLimit"])
        != (&json!("messageGroup"), &json!("perMessageGroupId"))
    {
        found.push("all topics share 300 messages a second".to_owned());
    }
    let live = &template["Resources"]["LiveFunction"]["Properties"];
    let reserved = live["ReservedConcurrentExecutions"]["Fn::If"][1].as_u64().unwrap_or(0);
    let scaling = &live["Events"]["LiveQueue"]["Properties"]["ScalingConfig"];
    let working = scaling["MaximumConcurrency"].as_u64().unwrap_or(reserved);
    if reserved < 2 * working {
        found.push(format!("{working} of {reserved} copies work on the queue"));
    }
    found
}

#[test]
fn log_groups_are_those_of_the_parameter_and_only_live_reads_them() {
    let resource = "SweepRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource";
    holds_and_can_fail(
        groups,
        |t| *at(t, resource) = json!({ "Ref": "LogGroups" }),
        "log groups are given by",
    );
    holds_and_can_fail(
        groups,
        |t| remove(t, "LiveLogGroupsPermission", "Condition"),
        "without a log group",
    );
    holds_and_can_fail(
        groups,
        |t| remove(t, "LiveLogGroupsPermission/Properties", "SourceAccount"),
        "from another account",
    );
    holds_and_can_fail(
        groups,
        |t| t["Parameters"]["LogGroups"]["AllowedPattern"] = json!("^arn:.*$"),
        "log groups are named by ^arn:.*$",
    );
}

#[test]
fn only_live_pushes_and_it_writes_to_its_own_items_only() {
    let action = "ApiRole/Properties/Policies/0/PolicyDocument/Statement/1/Action/0";
    holds_and_can_fail(
        own_items,
        |t| *at(t, action) = json!("execute-api:ManageConnections"),
        "ApiRole may push",
    );
    let writes = "LiveRole/Properties/Policies/0/PolicyDocument/Statement/2";
    holds_and_can_fail(own_items, |t| remove(t, writes, "Condition"), "LiveRole may write to null");
}

#[test]
fn a_busy_topic_slows_no_other_and_keeps_nobody_from_connecting() {
    holds_and_can_fail(
        throughput,
        |t| remove(t, "LiveQueue/Properties", "FifoThroughputLimit"),
        "300 messages a second",
    );
    let mapping = "LiveFunction/Properties/Events/LiveQueue/Properties";
    holds_and_can_fail(
        throughput,
        |t| *at(t, &format!("{mapping}/ScalingConfig/MaximumConcurrency")) = json!(8),
        "8 of 10 copies",
    );
}

#[test]
fn a_topic_whose_worker_died_is_silent_for_twice_the_workers_timeout() {
    holds_and_can_fail(
        rules::visibility,
        |t| *at(t, "LiveFunction/Properties/Timeout") = json!(31),
        "LiveQueue hides messages for 60 s, LiveFunction needs 62 s",
    );
}
