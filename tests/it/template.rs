//! Rules about `template.yaml` that a linter cannot know: they tie the template to the code, to the
//! folders and to the local resources. Each is shown to hold, and shown to notice when it is broken.

mod alarms;
mod bounds;
mod destinations;
mod ingest;
mod kept;
mod live;
mod local;
mod reading;
mod rules;

use reading::{folders, parse, template, text};
use serde_json::{Value, json};

/// Seconds a call to a subscriber may take at most.
const LONGEST_CALL: u64 = domain::retry::MAX_TIMEOUT as u64;
/// Seconds a delivery stays claimed at most.
const CLAIM_LEASE: u64 = LONGEST_CALL + domain::retry::LEASE_MARGIN.as_secs();

/// The rule finds nothing in the template, and finds `complaint` once `break_it` has been at it.
fn holds_and_can_fail(
    rule: impl Fn(&Value) -> Vec<String>,
    break_it: impl FnOnce(&mut Value),
    complaint: &str,
) {
    let mut template = template();
    assert_eq!(rule(&template), Vec::<String>::new());
    break_it(&mut template);
    let found = rule(&template);
    assert!(found.iter().any(|line| line.contains(complaint)), "{complaint:?} not in {found:?}");
}

/// The value at a JSON pointer below `Resources` (all of them if it is empty), which must exist: a
/// break that misses its target would prove nothing.
fn at<'a>(template: &'a mut Value, path: &str) -> &'a mut Value {
    let pointer = format!("/Resources/{path}");
    template.pointer_mut(pointer.trim_end_matches('/')).expect(&pointer)
}

/// Takes a property away; it must have been there.
fn remove(template: &mut Value, path: &str, property: &str) {
    let taken = at(template, path).as_object_mut().and_then(|object| object.remove(property));
    assert!(taken.is_some(), "{path} has no {property}");
}

#[test]
fn short_forms_are_read_as_the_functions_they_stand_for() {
    let yaml = r#"
        a: !Ref Table
        b: !GetAtt Table.Arn
        c: [!Sub "${Table.Arn}/*", !If [HasTopic, [!Ref Topic], !Ref AWS::NoValue]]
        d: !Equals [{x: 1, y: true}, "1"]
    "#;
    assert_eq!(
        parse(yaml),
        Ok(json!({
            "a": {"Ref": "Table"},
            "b": {"Fn::GetAtt": ["Table", "Arn"]},
            "c": [
                {"Fn::Sub": "${Table.Arn}/*"},
                {"Fn::If": ["HasTopic", [{"Ref": "Topic"}], {"Ref": "AWS::NoValue"}]},
            ],
            "d": {"Fn::Equals": [{"x": 1, "y": true}, "1"]},
        }))
    );
}

#[test]
fn every_queue_event_reports_failures_item_by_item() {
    holds_and_can_fail(
        rules::item_failures,
        |t| {
            remove(
                t,
                "DeliverFunction/Properties/Events/Outbox/Properties",
                "FunctionResponseTypes",
            )
        },
        "DeliverFunction/Outbox",
    );
}

#[test]
fn a_queue_has_a_dead_letter_queue_or_is_one() {
    holds_and_can_fail(
        rules::dead_letter_queues,
        |t| remove(t, "Inbox/Properties", "RedrivePolicy"),
        "Inbox has no dead-letter queue",
    );
}

#[test]
fn every_dead_letter_queue_is_emptied_by_a_function() {
    holds_and_can_fail(
        rules::dead_letters_are_parked,
        |t| remove(t, "RedeliverFunction/Properties/Events", "DeadLetters"),
        "DeadLetters",
    );
}

#[test]
fn a_message_stays_hidden_for_six_times_its_consumers_timeout() {
    holds_and_can_fail(
        rules::visibility,
        |t| *at(t, "DeliverFunction/Properties/Timeout") = json!(361),
        "Outbox hides messages for 2160 s, DeliverFunction needs 2166 s",
    );
}

#[test]
fn a_call_ends_before_its_claim_and_the_claim_before_its_function() {
    holds_and_can_fail(
        |t| rules::lease(t, LONGEST_CALL, CLAIM_LEASE),
        |t| *at(t, "DeliverFunction/Properties/Timeout") = json!(330),
        "DeliverFunction ends after 330 s",
    );
    let found = rules::lease(&template(), CLAIM_LEASE, CLAIM_LEASE);
    assert_eq!(found, ["a call may take 330 s, its claim ends after 330 s"]);
}

#[test]
fn a_sweep_ends_before_the_next_one_begins() {
    holds_and_can_fail(
        rules::sweep_interval,
        |t| *at(t, "SweepFunction/Properties/Timeout") = json!(60),
        "SweepFunction may run for 60 s",
    );
    let schedule = "SweepFunction/Properties/Events/EveryMinute/Properties/ScheduleExpression";
    holds_and_can_fail(
        rules::sweep_interval,
        |t| *at(t, schedule) = json!("rate(1 hour)"),
        "SweepFunction runs by",
    );
}

#[test]
fn no_policy_allows_any_action() {
    holds_and_can_fail(
        rules::wildcards,
        |t| {
            *at(t, "SweepRole/Properties/Policies/0/PolicyDocument/Statement/1/Action") =
                json!("dynamodb:*")
        },
        "SweepRole allows dynamodb:*",
    );
}

#[test]
fn no_policy_allows_an_action_on_any_resource() {
    let resource = "SweepRole/Properties/Policies/0/PolicyDocument/Statement/1/Resource";
    holds_and_can_fail(
        rules::wildcards,
        |t| *at(t, resource) = json!("*"),
        "SweepRole allows it on",
    );
    // Only a bucket's objects and an API's connections may be meant by a star, not a table's indexes.
    holds_and_can_fail(
        rules::wildcards,
        |t| *at(t, resource) = json!({"Fn::Sub": "${Table.Arn}/index/*"}),
        "SweepRole allows it on",
    );
}

#[test]
fn a_role_says_itself_what_it_allows() {
    let statement = "SweepRole/Properties/Policies/0/PolicyDocument/Statement/1";
    let all_but = json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": {"Ref": "Table"}});
    holds_and_can_fail(
        rules::wildcards,
        |t| *at(t, statement) = all_but,
        "SweepRole does not name",
    );
    holds_and_can_fail(
        rules::wildcards,
        |t| {
            at(t, "SweepRole/Properties")["ManagedPolicyArns"] =
                json!(["arn:aws:iam::aws:policy/AdministratorAccess"])
        },
        "SweepRole takes managed policies",
    );
    holds_and_can_fail(
        rules::wildcards,
        |t| t["Resources"]["Wide"] = json!({"Type": "AWS::IAM::Policy"}),
        "Wide stands apart from its role",
    );
}

#[test]
fn a_function_names_its_role_because_sam_would_make_a_wide_one() {
    holds_and_can_fail(
        rules::wildcards,
        |t| remove(t, "ApiFunction/Properties", "Role"),
        "ApiFunction leaves its role to SAM",
    );
}

#[test]
fn every_function_folder_has_its_resource_and_its_sample_events() {
    let (functions, mut events) = (folders("functions"), folders("events"));
    // What senders send is nobody's own: each profile has a file, and no function.
    events.remove("senders");
    let rule = |t: &Value| rules::folders_match(t, &functions, &events);
    holds_and_can_fail(rule, |t| remove(t, "", "ApiFunction"), "functions/api has no resource");

    let mut more = functions.clone();
    more.insert("forgotten".to_owned());
    let found = rules::folders_match(&template(), &more, &events);
    assert_eq!(
        found,
        ["functions/forgotten has no resource", "functions/forgotten has no events/forgotten"]
    );

    let mut fewer = functions.clone();
    fewer.remove("api");
    let found = rules::folders_match(&template(), &fewer, &events);
    assert_eq!(
        found,
        ["ApiFunction has no folder functions/api", "events/api has no functions/api"]
    );
}

#[test]
fn a_function_is_called_as_its_folder_and_its_binary() {
    let functions = folders("functions");
    let rule = |t: &Value| rules::folders_match(t, &functions, &functions);
    holds_and_can_fail(
        rule,
        |t| *at(t, "ApiFunction/Properties/CodeUri") = json!("."),
        "ApiFunction is built from \".\"",
    );
    holds_and_can_fail(
        rule,
        |t| *at(t, "ApiFunction/Properties/FunctionName") = json!("api"),
        "ApiFunction is not called ${AWS::StackName}-api",
    );
}

#[test]
fn every_parameter_and_output_is_described() {
    let take = |t: &mut Value, path: &str| {
        let object = t.pointer_mut(path).and_then(Value::as_object_mut).expect(path);
        assert!(object.remove("Description").is_some());
    };
    holds_and_can_fail(rules::described, |t| take(t, "/Parameters/Architecture"), "Architecture");
    holds_and_can_fail(rules::described, |t| take(t, "/Outputs/BaseUrl"), "BaseUrl");
}

#[test]
fn a_secret_reaches_a_function_as_an_arn_only() {
    let variable = "ApiFunction/Properties/Environment/Variables/ADMIN_KEY_SECRET";
    for leak in [
        json!("correct horse battery staple"),
        json!({"Ref": "AlarmTopicArn"}),
        json!({"Fn::Sub": "{{resolve:secretsmanager:${AdminKey}}}"}),
    ] {
        holds_and_can_fail(rules::secrets, |t| *at(t, variable) = leak, "ADMIN_KEY_SECRET");
    }
    // Neither does a secret hide under an innocent name.
    holds_and_can_fail(
        rules::secrets,
        |t| {
            *at(t, "ApiFunction/Properties/Environment/Variables/TABLE_NAME") =
                json!({"Fn::Sub": "{{resolve:secretsmanager:${AdminKey}}}"});
        },
        "TABLE_NAME",
    );
}

#[test]
fn every_log_group_forgets() {
    holds_and_can_fail(
        rules::log_groups,
        |t| remove(t, "ApiLogs/Properties", "RetentionInDays"),
        "ApiLogs is kept for ever",
    );
}

#[test]
fn every_function_writes_to_a_log_group_of_the_template() {
    holds_and_can_fail(
        rules::log_groups,
        |t| remove(t, "ApiFunction/Properties", "LoggingConfig"),
        "ApiFunction has no log group",
    );
}

#[test]
fn a_function_is_given_the_settings_that_its_main_asks_for_and_no_others() {
    let config = text("shared/adapters/src/config.rs");
    let main = |name: &str| text(&format!("functions/{name}/src/main.rs"));
    let variables = "DeliverFunction/Properties/Environment/Variables";
    for setting in ["OUTBOX_URL", "ALLOWED_NETWORKS", "RETENTION_DAYS"] {
        holds_and_can_fail(
            |t| rules::settings(t, &config, main),
            |t| remove(t, variables, setting),
            &format!("DeliverFunction is not given {setting}"),
        );
    }
    holds_and_can_fail(
        |t| rules::settings(t, &config, main),
        |t| at(t, variables)["BATCH_SIZE"] = json!("10"),
        "DeliverFunction is given BATCH_SIZE, which it does not ask for",
    );
}
