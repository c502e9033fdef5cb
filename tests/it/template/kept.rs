//! The retention of bodies, and the import of a deleted stack's table and bucket.

use serde_json::{Value, json};

use super::{at, holds_and_can_fail, reading, rules};

/// A delivery made on an event's last day still finds its body; and `adapters::config` refuses to keep
/// less than a delivery's whole ladder, 14 days. Lowering `RetentionDays` alone leaves the bodies of
/// older events, and raising it alone is refused.
fn bodies(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let [events, bodies] = ["RetentionDays", "BodyRetentionDays"]
        .map(|name| rules::each(&template["Parameters"][name]["AllowedValues"]));
    for days in &events {
        let days = days.as_str().unwrap_or("");
        let kept = template["Mappings"]["BodyRetention"][days]["Days"].as_u64();
        if kept != days.parse().ok().map(|days: u64| days + 15) {
            let kept = kept.map_or_else(|| "for ever".to_owned(), |kept| kept.to_string());
            found.push(format!("{days} days: bodies are kept {kept}"));
        }
        if days.parse().is_ok_and(|days: u64| days < 14) {
            found.push(format!("{days} days: a delivery may take longer"));
        }
        if !bodies.iter().any(|kept| *kept == days) {
            found.push(format!("{days} days: no bodies are kept as long"));
        }
        for kept in bodies.iter().filter_map(|kept| kept.as_str()) {
            let shorter = kept.parse::<u64>().ok() < days.parse().ok();
            if shorter == is_allowed(template, days, kept) {
                found.push(format!(
                    "events {days} days, bodies {kept} days: allowed is {}",
                    !shorter
                ));
            }
        }
    }
    let rule = &template["Resources"]["Bodies"]["Properties"]["LifecycleConfiguration"]["Rules"][0];
    let wanted = json!(["BodyRetention", { "Ref": "BodyRetentionDays" }, "Days"]);
    if rule["ExpirationInDays"]["Fn::FindInMap"] != wanted {
        found.push(format!("bodies expire by {}", rule["ExpirationInDays"]));
    }
    found
}

/// Whether the template's `Rules` let these parameters stand together.
fn is_allowed(template: &Value, events: &str, bodies: &str) -> bool {
    let meant = json!([{ "Ref": "RetentionDays" }, events]);
    rules::object(&template["Rules"])
        .filter(|(_, rule)| rule["RuleCondition"]["Fn::Equals"] == meant)
        .flat_map(|(_, rule)| rules::each(&rule["Assertions"]))
        .all(|assertion| {
            rules::each(&assertion["Assert"]["Fn::Contains"][0]).iter().any(|kept| *kept == bodies)
        })
}

/// `kept.yaml` is what an import needs of the template: the table and the bucket, as they are there.
fn imported(template: &Value, kept: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for part in ["Parameters", "Mappings", "Conditions", "Resources"] {
        for (name, declared) in rules::object(&kept[part]) {
            if template[part][name.as_str()] != *declared {
                found.push(format!("{part}/{name} is another one in kept.yaml"));
            }
        }
    }
    for (name, resource) in rules::object(&template["Resources"]) {
        let named = &kept["Resources"][name.as_str()];
        // A secret is not imported but named by a parameter: a new stack must not make a second key.
        let stays = resource["DeletionPolicy"] == "RetainExceptOnCreate" && name != "MasterKey";
        if stays == named.is_null() {
            found.push(format!("{name} belongs to kept.yaml: {stays}"));
        }
    }
    found
}

#[test]
fn a_body_is_kept_fifteen_days_longer_than_its_event() {
    let days = |t: &mut Value, days: u64| {
        *t.pointer_mut("/Mappings/BodyRetention/30/Days").expect("the default retention") =
            json!(days);
    };
    let allowed = |t: &mut Value, days: Value| {
        t["Parameters"]["RetentionDays"]["AllowedValues"] = days;
    };
    holds_and_can_fail(bodies, |t| days(t, 30), "30 days: bodies are kept 30");
    holds_and_can_fail(
        bodies,
        |t| allowed(t, json!(["30", "45"])),
        "45 days: bodies are kept for ever",
    );
    holds_and_can_fail(bodies, |t| allowed(t, json!(["7"])), "7 days: a delivery may take longer");
}

#[test]
fn lowering_the_retention_deletes_no_body_and_raising_it_raises_that_of_bodies() {
    holds_and_can_fail(
        bodies,
        |t| t["Rules"] = json!({}),
        "events 90 days, bodies 30 days: allowed is false",
    );
    holds_and_can_fail(
        bodies,
        |t| *at(t, "Bodies/Properties/LifecycleConfiguration/Rules/0/ExpirationInDays") = json!(45),
        "bodies expire by 45",
    );
}

#[test]
fn what_outlives_the_stack_can_be_imported_as_it_is() {
    let kept = reading::parse(&reading::text("kept.yaml")).expect("YAML");
    let rule = |template: &Value| imported(template, &kept);
    holds_and_can_fail(
        rule,
        |t| *at(t, "Table/Properties/BillingMode") = json!("PROVISIONED"),
        "Resources/Table is another one",
    );
    holds_and_can_fail(
        rule,
        |t| t["Resources"]["More"] = json!({ "DeletionPolicy": "RetainExceptOnCreate" }),
        "More belongs to kept.yaml: true",
    );
}
