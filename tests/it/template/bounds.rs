//! What bounds the functions: how many run at once, how often a message is tried, and how long a round
//! of the sweep may hold its lease.

use std::time::Duration;

use serde_json::{Value, json};

use super::{at, holds_and_can_fail, remove, rules};

/// Every queue's consumer has a most, so that no backlog takes the account's concurrency from the front
/// door.
fn capped(template: &Value) -> Vec<String> {
    let capped = |event: &Value| {
        let most = &event["ScalingConfig"]["MaximumConcurrency"];
        most.is_u64() || most["Ref"].is_string()
    };
    rules::queue_events(template)
        .into_iter()
        .filter(|(.., event)| !capped(event))
        .map(|(function, event, ..)| format!("{function}/{event} takes what it gets"))
        .collect()
}

/// A consumer of queues may run in circles: its messages count their hops themselves.
fn circles(template: &Value) -> Vec<String> {
    rules::queue_events(template)
        .into_iter()
        .filter(|(function, ..)| {
            template["Resources"][function]["Properties"]["RecursiveLoop"] != "Allow"
        })
        .map(|(function, ..)| format!("{function} is stopped after 16 rounds of a busy queue"))
        .collect()
}

/// The inbox is tried for days, each time after a longer wait.
fn patience(template: &Value) -> Vec<String> {
    let inbox = &template["Resources"]["Inbox"]["Properties"];
    let receives = inbox["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap_or(0);
    let tried: Duration = (1..=receives as u32).map(domain::retry::hidden_after).sum();
    let kept = inbox["MessageRetentionPeriod"].as_u64().unwrap_or(0);
    let days = 86_400;
    let mut found = Vec::new();
    if tried.as_secs() < 2 * days {
        found.push(format!("the inbox gives up after {} s", tried.as_secs()));
    }
    if kept < tried.as_secs() + 7 * days {
        found.push(format!("SQS forgets after {kept} s what is tried for {} s", tried.as_secs()));
    }
    let policies = &template["Resources"]["ProcessRole"]["Properties"]["Policies"];
    if !policies.to_string().contains("sqs:ChangeMessageVisibility") {
        found.push("process may not hide what it could not process".to_owned());
    }
    found
}

/// A round's lease ends when its function does.
fn leased(template: &Value) -> Vec<String> {
    let timeout = &template["Resources"]["SweepFunction"]["Properties"]["Timeout"];
    let lease = sweep::LEASE.as_secs();
    match timeout.as_u64() == Some(lease) {
        true => Vec::new(),
        false => vec![format!("SweepFunction ends after {timeout} s, its lease after {lease} s")],
    }
}

/// A gate at which nothing waits outlives every invocation that may bring a delivery to it.
fn outlived(template: &Value) -> Vec<String> {
    let most = domain::gate::EMPTY_FOR.as_secs();
    let lasts = |function: &&str| {
        let timeout = &template["Resources"][*function]["Properties"]["Timeout"];
        timeout.as_u64().is_none_or(|timeout| most <= timeout)
    };
    let long = ["DeliverFunction", "ApiFunction"].into_iter().filter(lasts);
    long.map(|function| format!("{function} may outlive a gate, which is kept for {most} s"))
        .collect()
}

/// The front door, the sweep and live updates keep their copies where the account allows it.
fn reserved(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (function, copies) in [
        ("IngestFunction", json!({ "Ref": "IngestReservedConcurrency" })),
        ("SweepFunction", json!(2)),
        ("LiveFunction", json!(10)),
    ] {
        let given = &template["Resources"][function]["Properties"]["ReservedConcurrentExecutions"];
        let wanted =
            json!({ "Fn::If": ["HasReservedConcurrency", copies, { "Ref": "AWS::NoValue" }] });
        if *given != wanted {
            found.push(format!("{function} reserves {given}"));
        }
    }
    if template["Parameters"]["IngestReservedConcurrency"]["Default"] != 0 {
        found.push("a new account cannot reserve anything".to_owned());
    }
    found
}

#[test]
fn no_consumer_of_a_queue_takes_all_that_the_account_has() {
    holds_and_can_fail(
        capped,
        |t| remove(t, "ProcessFunction/Properties/Events/Inbox/Properties", "ScalingConfig"),
        "ProcessFunction/Inbox takes what it gets",
    );
}

#[test]
fn a_consumer_of_a_busy_queue_is_not_stopped_for_running_in_circles() {
    holds_and_can_fail(
        circles,
        |t| remove(t, "DeliverFunction/Properties", "RecursiveLoop"),
        "DeliverFunction is stopped",
    );
}

#[test]
fn an_accepted_request_outlasts_days_of_trouble() {
    holds_and_can_fail(
        patience,
        |t| *at(t, "Inbox/Properties/RedrivePolicy/maxReceiveCount") = json!(5),
        "the inbox gives up after 155 s",
    );
    holds_and_can_fail(
        patience,
        |t| *at(t, "Inbox/Properties/MessageRetentionPeriod") = json!(345_600),
        "SQS forgets",
    );
    holds_and_can_fail(
        patience,
        |t| *at(t, "ProcessRole/Properties/Policies") = json!([]),
        "may not hide",
    );
}

#[test]
fn a_sweep_ends_with_its_lease() {
    holds_and_can_fail(
        leased,
        |t| *at(t, "SweepFunction/Properties/Timeout") = json!(58),
        "SweepFunction ends after 58 s, its lease after 55 s",
    );
}

#[test]
fn a_gate_outlives_those_who_come_to_it() {
    holds_and_can_fail(
        outlived,
        |t| *at(t, "DeliverFunction/Properties/Timeout") = json!(900),
        "DeliverFunction may outlive a gate",
    );
}

#[test]
fn copies_are_reserved_for_the_front_door_the_sweep_and_live_updates_if_the_owner_asks() {
    holds_and_can_fail(
        reserved,
        |t| *at(t, "SweepFunction/Properties/ReservedConcurrentExecutions") = json!(1),
        "SweepFunction reserves 1",
    );
    holds_and_can_fail(
        reserved,
        |t| t["Parameters"]["IngestReservedConcurrency"]["Default"] = json!(50),
        "a new account",
    );
}
