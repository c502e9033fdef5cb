//! What stands in the template and runs locally too, and how the table is paid for.

use local::{QueueTimes, ResourceNames, resources};
use serde_json::{Value, json};

use super::{
    at, holds_and_can_fail, remove,
    rules::{dead_letter_target, object, queues, resources as declared_as},
};

/// The stack's name under which the template's resources are the local ones.
const STACK: &str = "relay";

/// The local table has the keys, indexes and time to live of the deployed one.
fn table_is_local(template: &Value) -> Vec<String> {
    let tables = declared_as(template, "AWS::DynamoDB::Table");
    let [(name, declared)] = &tables[..] else {
        return vec![format!("{} tables instead of one", tables.len())];
    };
    let mut local = resources::table(STACK);
    local["TimeToLiveSpecification"] =
        resources::time_to_live(STACK)["TimeToLiveSpecification"].clone();
    object(&local)
        .filter(|(property, value)| {
            named(&on_demand(&declared[property.as_str()]).unwrap_or_default()) != **value
        })
        .map(|(property, value)| format!("{name}: {property} is {value} locally"))
        .collect()
}

/// A value as it is without provisioned capacity; `None` if it is not there then.
fn on_demand(value: &Value) -> Option<Value> {
    match value {
        Value::Object(of) => match of.get("Fn::If") {
            Some(chosen) if chosen[0] == "IsProvisioned" => {
                let otherwise = &chosen[2];
                (otherwise["Ref"] != "AWS::NoValue").then(|| on_demand(otherwise))?
            }
            _ => {
                let each = of.iter().filter_map(|(name, it)| Some((name.clone(), on_demand(it)?)));
                Some(Value::Object(each.collect()))
            }
        },
        Value::Array(of) => Some(of.iter().filter_map(on_demand).collect()),
        other => Some(other.clone()),
    }
}

/// The local queues are the deployed ones, with the same times.
fn queues_are_local(template: &Value) -> Vec<String> {
    let name_of = |queue: &Value| named(&queue["QueueName"]);
    let declared: Vec<Value> = queues(template)
        .into_iter()
        .map(|(_, queue)| {
            let target = dead_letter_target(queue);
            json!({
                "name": name_of(queue),
                "fifo": queue["FifoQueue"] == true,
                "visibility": queue["VisibilityTimeout"],
                "retention": queue["MessageRetentionPeriod"],
                "dead letters": target.map(|t| name_of(&template["Resources"][t]["Properties"])),
                "receives": queue["RedrivePolicy"]["maxReceiveCount"],
            })
        })
        .collect();
    let local: Vec<Value> = resources::queues(&ResourceNames::default(), &QueueTimes::default())
        .into_iter()
        .map(|queue| {
            let (dead_letters, receives) = queue.redrive.unzip();
            json!({
                "name": queue.name,
                "fifo": queue.fifo,
                "visibility": queue.visibility_timeout,
                "retention": queue.retention,
                "dead letters": dead_letters,
                "receives": receives,
            })
        })
        .collect();
    let not_in = |these: &[Value], those: &[Value], only: &str| {
        let differing = these.iter().filter(|queue| !those.contains(queue));
        differing.map(|queue| format!("{only}: {queue}")).collect::<Vec<_>>()
    };
    let mut found = not_in(&declared, &local, "in the template only");
    found.extend(not_in(&local, &declared, "locally only"));
    found
}

/// A name with the stack's name filled in.
fn named(value: &Value) -> Value {
    match value {
        Value::Object(_) if value["Ref"] == "AWS::StackName" => json!(STACK),
        Value::Object(_) => match value["Fn::Sub"].as_str() {
            Some(text) => json!(text.replace("${AWS::StackName}", STACK)),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// With provisioned capacity, the reads and writes of the table and of each index follow their load.
fn scaled(template: &Value) -> Vec<String> {
    let indexes = &template["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"];
    let indexes = indexes.as_array().into_iter().flatten();
    let mut wanted = vec![("table", "table/${Table}".to_owned())];
    wanted.extend(indexes.map(|index| {
        let name = index["IndexName"].as_str().unwrap_or_default();
        ("index", format!("table/${{Table}}/index/{name}"))
    }));
    let ranges = declared_as(template, "AWS::ApplicationAutoScaling::ScalableTarget");
    let policies = declared_as(template, "AWS::ApplicationAutoScaling::ScalingPolicy");
    let mut found = Vec::new();
    for (kind, resource) in wanted {
        for unit in ["Read", "Write"] {
            let dimension = format!("dynamodb:{kind}:{unit}CapacityUnits");
            let range = ranges.iter().find(|(_, range)| {
                range["ResourceId"]["Fn::Sub"] == resource
                    && range["ScalableDimension"] == dimension
            });
            let follows = range.is_some_and(|(name, _)| {
                policies.iter().any(|(_, policy)| policy["ScalingTargetId"]["Ref"] == *name)
            });
            if !follows {
                found.push(format!("{unit}s of {resource} stay as they are"));
            }
        }
    }
    found
}

/// The front door's own URL needs two permissions, and is there only if the owner asks.
fn opened(template: &Value) -> Vec<String> {
    let resources = object(&template["Resources"]);
    let ours = |it: &Value| it["Condition"] == "HasIngestFunctionUrl";
    let permissions = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"];
    let allowed = |action: &str| {
        let mut all = declared_as(template, "AWS::Lambda::Permission").into_iter();
        all.any(|(_, it)| it["Principal"] == "*" && it["Action"] == action)
    };
    let mut found: Vec<_> =
        permissions.into_iter().filter(|it| !allowed(it)).map(str::to_owned).collect();
    for (name, resource) in resources {
        let open =
            resource["Properties"]["Principal"] == "*" || resource["Type"] == "AWS::Lambda::Url";
        if open && !ours(resource) {
            found.push(format!("{name} is open to everybody"));
        }
    }
    found
}

#[test]
fn the_table_is_the_one_that_runs_locally() {
    holds_and_can_fail(
        table_is_local,
        |t| {
            *at(t, "Table/Properties/GlobalSecondaryIndexes/0/Projection/ProjectionType") =
                json!("ALL")
        },
        "GlobalSecondaryIndexes",
    );
    holds_and_can_fail(
        table_is_local,
        |t| *at(t, "Table/Properties/TimeToLiveSpecification/AttributeName") = json!("expires"),
        "TimeToLiveSpecification",
    );
}

#[test]
fn the_queues_are_the_ones_that_run_locally() {
    holds_and_can_fail(
        queues_are_local,
        |t| *at(t, "Outbox/Properties/RedrivePolicy/maxReceiveCount") = json!(3),
        "relay-outbox",
    );
    holds_and_can_fail(queues_are_local, |t| remove(t, "", "Inbox"), "relay-inbox");
}

#[test]
fn provisioned_capacity_follows_the_load_of_the_table_and_of_every_index() {
    holds_and_can_fail(
        scaled,
        |t| remove(t, "", "ListingWritesScaling"),
        "Writes of table/${Table}/index/listing",
    );
}

#[test]
fn the_front_doors_own_url_is_there_only_if_the_owner_asks() {
    holds_and_can_fail(
        opened,
        |t| remove(t, "", "IngestDirectPermission"),
        "lambda:InvokeFunction",
    );
    holds_and_can_fail(
        opened,
        |t| remove(t, "IngestDirectUrl", "Condition"),
        "IngestDirectUrl is open to everybody",
    );
}
