//! The front door may change little: a rate, a lock, a token, lines of a log, and the counts of what it
//! refused. Strangers talk to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{at, holds_and_can_fail, remove, rules};

/// The partitions that `ingest` may use, by action.
fn wanted() -> BTreeMap<&'static str, Value> {
    let changes = json!(["LOG#*", "RATE#*", "REFUSED", "REFUSED#*", "SOURCES", "TOKEN#*"]);
    BTreeMap::from([
        ("dynamodb:UpdateItem", changes),
        ("dynamodb:PutItem", json!(["LOG#*"])),
        ("dynamodb:DeleteItem", json!(["LOG#*"])),
        ("dynamodb:Query", json!(["LOG#*", "WATCHED"])),
    ])
}

/// `ingest` writes to the partitions of its own work, and lists no other.
fn partitions(template: &Value) -> Vec<String> {
    let policies = &template["Resources"]["IngestRole"]["Properties"]["Policies"];
    let statements = rules::each(policies).into_iter();
    let statements = statements.flat_map(|one| rules::each(&one["PolicyDocument"]["Statement"]));
    let (wanted, mut found) = (wanted(), Vec::new());
    let mut seen = BTreeMap::new();
    for statement in statements {
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        for action in rules::each(&statement["Action"]).into_iter().filter_map(Value::as_str) {
            let item = action.starts_with("dynamodb:") && action != "dynamodb:GetItem";
            if item && seen.insert(action, keys).is_some() {
                found.push(format!("ingest is given {action} twice"));
            }
        }
    }
    for (action, keys) in &seen {
        match wanted.get(action) {
            Some(wanted) if wanted == *keys => (),
            Some(_) => found.push(format!("ingest may {action} in {keys}")),
            None => found.push(format!("ingest may {action}")),
        }
    }
    let missing = wanted.keys().filter(|action| !seen.contains_key(*action));
    found.extend(missing.map(|action| format!("ingest may not {action}")));
    found
}

#[test]
fn ingest_changes_the_items_of_its_own_work_and_no_others() {
    let statement = |number: usize| {
        format!("IngestRole/Properties/Policies/0/PolicyDocument/Statement/{number}")
    };
    holds_and_can_fail(
        partitions,
        |t| remove(t, &statement(2), "Condition"),
        "ingest may dynamodb:UpdateItem in null",
    );
    holds_and_can_fail(
        partitions,
        |t| *at(t, &format!("{}/Action/1", statement(3))) = json!("dynamodb:BatchWriteItem"),
        "ingest may dynamodb:BatchWriteItem",
    );
}
