//! The queues and event buses that deliveries may go to are those of the parameters, for the functions that call
//! endpoints.

use serde_json::{Value, json};

use super::{at, holds_and_can_fail};

const ROLES: [&str; 2] = ["DeliverRole", "ApiRole"];
/// Each parameter, the action that is allowed on its destinations, and the pattern of one ARN. A star in a pattern stands
/// behind a set of characters only.
const DESTINATIONS: [(&str, &str, &str); 2] = [
    (
        "DestinationQueues",
        "sqs:SendMessage",
        r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?",
    ),
    (
        "DestinationEventBuses",
        "events:PutEvents",
        r"arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._-]{1,256}",
    ),
];

/// Roles of functions that call endpoints may send to the destinations of the parameters, if there are any. No other
/// role may, and no statement has a star.
fn destinations(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (parameter, action, arn) in DESTINATIONS {
        let named = json!({ "Fn::Split": [",", { "Ref": parameter }] });
        let allow = json!({ "Effect": "Allow", "Action": action, "Resource": named });
        let wanted =
            json!({ "Fn::If": [format!("Has{parameter}"), allow, { "Ref": "AWS::NoValue" }] });
        let all = template["Resources"].as_object().into_iter().flatten();
        for (role, resource) in all.filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role") {
            let statements = &resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
            let statements = statements.as_array().into_iter().flatten();
            let given: Vec<_> =
                statements.filter(|one| one.to_string().contains(parameter)).collect();
            let right = if ROLES.contains(&role.as_str()) { vec![&wanted] } else { Vec::new() };
            if given != right {
                found.push(format!("{role} is given {given:?} of {parameter}"));
            }
        }
        let declared = &template["Parameters"][parameter];
        if declared["Default"] != "" {
            found.push(format!("{parameter} is something although nobody named any"));
        }
        let pattern = declared["AllowedPattern"].as_str().unwrap_or_default();
        if pattern != format!("^$|^{arn}(,{arn})*$") {
            found.push(format!("{parameter} is named by {pattern}"));
        }
    }
    found
}

#[test]
fn deliveries_go_to_what_was_named_and_to_nothing_else() {
    let statements = "PolicyDocument/Statement";
    for (parameter, ..) in DESTINATIONS {
        let deliver = format!("DeliverRole/Properties/Policies/0/{statements}");
        holds_and_can_fail(
            destinations,
            |t| {
                let all = at(t, &deliver).as_array_mut().expect("statements");
                all.retain(|one| !one.to_string().contains(parameter));
            },
            &format!("DeliverRole is given [] of {parameter}"),
        );
        let ingest = format!("IngestRole/Properties/Policies/0/{statements}/0/Resource");
        holds_and_can_fail(
            destinations,
            |t| *at(t, &ingest) = json!({ "Ref": parameter }),
            "IngestRole is given",
        );
        holds_and_can_fail(
            destinations,
            |t| t["Parameters"][parameter]["AllowedPattern"] = json!("^arn:.*$"),
            &format!("{parameter} is named by ^arn:.*$"),
        );
    }
}
