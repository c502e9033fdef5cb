//! The queues that deliveries may go to are those of the parameter, for the functions that call endpoints.

use serde_json::{Value, json};

use super::{at, holds_and_can_fail};

const ROLES: [&str; 2] = ["DeliverRole", "ApiRole"];

/// Who calls endpoints may send to the parameter's queues, if there are any; nobody else may, and each of them names a
/// queue without a star.
fn queues(template: &Value) -> Vec<String> {
    let queues = json!({ "Fn::Split": [",", { "Ref": "DestinationQueues" }] });
    let allow = json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queues });
    let wanted = json!({ "Fn::If": ["HasDestinationQueues", allow, { "Ref": "AWS::NoValue" }] });
    let mut found = Vec::new();
    let all = template["Resources"].as_object().into_iter().flatten();
    for (role, resource) in all.filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role") {
        let statements = &resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        let statements = statements.as_array().into_iter().flatten();
        let given: Vec<_> =
            statements.filter(|one| one.to_string().contains("DestinationQueues")).collect();
        let right = if ROLES.contains(&role.as_str()) { vec![&wanted] } else { Vec::new() };
        if given != right {
            found.push(format!("{role} is given {given:?}"));
        }
    }
    let parameter = &template["Parameters"]["DestinationQueues"];
    if parameter["Default"] != "" {
        found.push("queues are destinations although nobody named them".to_owned());
    }
    // Its only stars stand behind sets of characters that have none.
    let pattern = parameter["AllowedPattern"].as_str().unwrap_or_default();
    let arn = r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?";
    if pattern != format!("^$|^{arn}(,{arn})*$") {
        found.push(format!("a queue is named by {pattern}"));
    }
    found
}

#[test]
fn deliveries_go_to_the_queues_that_were_named_and_to_no_others() {
    let statements = "PolicyDocument/Statement";
    let deliver = format!("DeliverRole/Properties/Policies/0/{statements}");
    holds_and_can_fail(
        queues,
        |t| {
            let all = at(t, &deliver).as_array_mut().expect("statements");
            all.retain(|one| !one.to_string().contains("DestinationQueues"));
        },
        "DeliverRole is given []",
    );
    let ingest = format!("IngestRole/Properties/Policies/0/{statements}/0/Resource");
    holds_and_can_fail(
        queues,
        |t| *at(t, &ingest) = json!({ "Ref": "DestinationQueues" }),
        "IngestRole is given",
    );
    holds_and_can_fail(
        queues,
        |t| t["Parameters"]["DestinationQueues"]["AllowedPattern"] = json!("^arn:.*$"),
        "a queue is named by ^arn:.*$",
    );
}
