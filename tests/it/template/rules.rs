//! The rules. Each takes the template and answers with what is wrong, one line per finding.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Begin of the ARNs of APIs.
const API_ARN: &str = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}";

pub(super) fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let all = template["Resources"].as_object().into_iter().flatten();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
        .collect()
}

fn functions(template: &Value) -> Vec<(&str, &Value)> {
    resources(template, "AWS::Serverless::Function")
}

pub(super) fn queues(template: &Value) -> Vec<(&str, &Value)> {
    resources(template, "AWS::SQS::Queue")
}

pub(super) fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// One or many, as IAM has it.
pub(super) fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// The binary that a function's builder is asked for.
fn binary<'a>(template: &'a Value, function: &str) -> &'a str {
    template["Resources"][function]["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap_or("")
}

/// Every SQS event source: the function, the event's name, the queue and the event's properties.
pub(super) fn queue_events(template: &Value) -> Vec<(&str, &str, &str, &Value)> {
    let mut events = Vec::new();
    for (function, properties) in functions(template) {
        for (name, event) in
            object(&properties["Events"]).filter(|(_, event)| event["Type"] == "SQS")
        {
            let queue = event["Properties"]["Queue"]["Fn::GetAtt"][0].as_str().unwrap_or("");
            events.push((function, name.as_str(), queue, &event["Properties"]));
        }
    }
    events
}

pub(super) fn dead_letter_target(queue: &Value) -> Option<&str> {
    queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str()
}

/// One poisoned message must not take nine good ones with it.
pub(crate) fn item_failures(template: &Value) -> Vec<String> {
    queue_events(template)
        .into_iter()
        .filter(|(.., event)| event["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]))
        .map(|(function, event, ..)| format!("{function}/{event} fails whole batches"))
        .collect()
}

/// Nothing that was accepted may vanish after its last receive.
pub(crate) fn dead_letter_queues(template: &Value) -> Vec<String> {
    let queues = queues(template);
    let targets: BTreeSet<&str> =
        queues.iter().filter_map(|(_, queue)| dead_letter_target(queue)).collect();
    let lacking = queues.iter().filter(|(name, queue)| {
        !targets.contains(name)
            && dead_letter_target(queue)
                .is_none_or(|target| queues.iter().all(|(q, _)| *q != target))
    });
    lacking.map(|(name, _)| format!("{name} has no dead-letter queue")).collect()
}

/// A dead-letter queue is a way and no end: what stays in it is gone after 14 days. Live updates, on the
/// FIFO queue, are hints about changes that the table holds: what died of them is lost without harm.
pub(crate) fn dead_letters_are_parked(template: &Value) -> Vec<String> {
    let consumed: BTreeSet<&str> =
        queue_events(template).into_iter().map(|(_, _, queue, _)| queue).collect();
    queues(template)
        .into_iter()
        .filter(|(_, queue)| queue["FifoQueue"] != true)
        .filter_map(|(_, queue)| dead_letter_target(queue))
        .filter(|target| !consumed.contains(target))
        .map(|target| format!("no function consumes {target}"))
        .collect()
}

/// Lambda's own advice: the mapping retries a throttled batch for that long. A FIFO queue hands out
/// nothing of a group whose message is hidden, so there it is twice the timeout.
pub(crate) fn visibility(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (function, _, queue, _) in queue_events(template) {
        let timeout = template["Resources"][function]["Properties"]["Timeout"].as_u64();
        let hidden = template["Resources"][queue]["Properties"]["VisibilityTimeout"].as_u64();
        let (Some(timeout), Some(hidden)) = (timeout, hidden) else {
            found.push(format!("{function} or {queue} leaves its time to a default"));
            continue;
        };
        let fifo = template["Resources"][queue]["Properties"]["FifoQueue"] == true;
        let needed = if fifo { 2 * timeout } else { 6 * timeout };
        if hidden < needed {
            found.push(format!(
                "{queue} hides messages for {hidden} s, {function} needs {needed} s"
            ));
        }
    }
    found
}

/// Nobody claims a delivery whose call may still be under way.
pub(crate) fn lease(template: &Value, longest_call: u64, claim_lease: u64) -> Vec<String> {
    let mut found = Vec::new();
    if longest_call >= claim_lease {
        found.push(format!(
            "a call may take {longest_call} s, its claim ends after {claim_lease} s"
        ));
    }
    let timeout = template["Resources"]["DeliverFunction"]["Properties"]["Timeout"].as_u64();
    if timeout.is_none_or(|timeout| timeout <= claim_lease) {
        let timeout = timeout.unwrap_or_default();
        found.push(format!(
            "DeliverFunction ends after {timeout} s, the claim after {claim_lease} s"
        ));
    }
    let api = &template["Resources"]["ApiFunction"]["Properties"]["Environment"]["Variables"];
    let told = api["DELIVER_TIMEOUT_SECONDS"].as_str().and_then(|text| text.parse::<u64>().ok());
    if told != timeout {
        found.push(format!("ApiFunction takes DeliverFunction to end after {told:?} s"));
    }
    found
}

/// The sweep runs every minute, one at a time.
pub(crate) fn sweep_interval(template: &Value) -> Vec<String> {
    let sweep = &template["Resources"]["SweepFunction"]["Properties"];
    let schedule = &sweep["Events"]["EveryMinute"]["Properties"]["ScheduleExpression"];
    let mut found = Vec::new();
    if schedule != "rate(1 minute)" {
        found.push(format!("SweepFunction runs by {schedule}"));
    }
    if sweep["Timeout"].as_u64().is_none_or(|timeout| timeout >= 60) {
        found.push(format!("SweepFunction may run for {} s", sweep["Timeout"]));
    }
    found
}

/// A statement without its condition: the branch that applies if the condition holds.
fn chosen(statement: &Value) -> &Value {
    statement["Fn::If"].get(1).unwrap_or(statement)
}

/// A role allows named actions on named resources; a star may stand for a bucket's objects, and for the
/// connections of a WebSocket API. (A log group's ARN ends in `:*` by itself.)
pub(crate) fn wildcards(template: &Value) -> Vec<String> {
    let buckets = resources(template, "AWS::S3::Bucket");
    let objects = buckets.iter().map(|(name, _)| format!("${{{name}.Arn}}/*"));
    let sockets = resources(template, "AWS::ApiGatewayV2::Api").into_iter();
    let sockets = sockets.filter(|(_, api)| api["ProtocolType"] == "WEBSOCKET");
    let connections =
        sockets.map(|(name, _)| format!("{API_ARN}:${{{name}}}/live/*/@connections/*"));
    let many: Vec<Value> =
        objects.chain(connections).map(|text| json!({ "Fn::Sub": text })).collect();
    let elsewhere = ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"];
    let mut found: Vec<String> = elsewhere
        .iter()
        .flat_map(|kind| resources(template, kind))
        .map(|(name, _)| format!("{name} stands apart from its role"))
        .collect();
    for (role, properties) in resources(template, "AWS::IAM::Role") {
        if !properties["ManagedPolicyArns"].is_null() {
            found.push(format!("{role} takes managed policies"));
        }
        let policies = each(&properties["Policies"]).into_iter();
        let statements = policies.flat_map(|policy| each(&policy["PolicyDocument"]["Statement"]));
        for statement in statements.map(chosen).filter(|statement| statement["Effect"] != "Deny") {
            let actions = each(&statement["Action"]);
            for action in &actions {
                if action.as_str().is_none_or(|action| action.contains('*')) {
                    found.push(format!("{role} allows {}", action.as_str().unwrap_or("?")));
                }
            }
            let named = each(&statement["Resource"]);
            if actions.is_empty() || named.is_empty() {
                found.push(format!("{role} does not name what it allows: {statement}"));
            }
            for resource in named {
                if resource.to_string().contains('*') && !many.contains(resource) {
                    found.push(format!("{role} allows it on {resource}"));
                }
            }
        }
    }
    for (function, properties) in functions(template) {
        let role = properties["Role"]["Fn::GetAtt"][0].as_str().unwrap_or("");
        if template["Resources"][role]["Type"] != "AWS::IAM::Role" {
            found.push(format!("{function} leaves its role to SAM"));
        }
    }
    found
}

/// Folder = package = binary = function = folder of sample events, both ways.
pub(crate) fn folders_match(
    template: &Value,
    folders: &BTreeSet<String>,
    events: &BTreeSet<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut deployed = BTreeSet::new();
    for (function, properties) in functions(template) {
        let name = binary(template, function);
        deployed.insert(name.to_owned());
        if !folders.contains(name) {
            found.push(format!("{function} has no folder functions/{name}"));
        }
        if properties["CodeUri"] != format!("functions/{name}") {
            found.push(format!("{function} is built from {}", properties["CodeUri"]));
        }
        let called = format!("${{AWS::StackName}}-{name}");
        if properties["FunctionName"]["Fn::Sub"] != called {
            found.push(format!("{function} is not called {called}"));
        }
    }
    let missing = |from: &BTreeSet<String>, to: &BTreeSet<String>, what: fn(&str) -> String| {
        from.difference(to).map(|name| what(name)).collect::<Vec<_>>()
    };
    found.extend(missing(folders, &deployed, |name| format!("functions/{name} has no resource")));
    found.extend(missing(folders, events, |name| format!("functions/{name} has no events/{name}")));
    found.extend(missing(events, folders, |name| format!("events/{name} has no functions/{name}")));
    found
}

/// Every parameter and every output has a description: a deployer sees nothing else of them.
pub(crate) fn described(template: &Value) -> Vec<String> {
    let all = object(&template["Parameters"]).chain(object(&template["Outputs"]));
    all.filter(|(_, entry)| entry["Description"].as_str().is_none_or(str::is_empty))
        .map(|(name, _)| format!("{name} is not described"))
        .collect()
}

/// A variable is readable by everybody who may look at the function, and so is a parameter.
pub(crate) fn secrets(template: &Value) -> Vec<String> {
    let mut arns: Vec<Value> = resources(template, "AWS::SecretsManager::Secret")
        .into_iter()
        .map(|(name, _)| json!({ "Fn::GetAtt": [name, "Id"] }))
        .collect();
    // Or the one of a former stack, whose ARN a parameter is.
    let own = json!({ "Fn::GetAtt": ["MasterKey", "Id"] });
    arns.push(json!({ "Fn::If": ["HasMasterKey", { "Ref": "MasterKeyArn" }, own] }));
    // Or none, once there are other keys.
    let first = json!({ "Fn::GetAtt": ["AdminKey", "Id"] });
    arns.push(json!({ "Fn::If": ["HasFirstAdminKey", first, ""] }));
    let mut found = Vec::new();
    for (function, properties) in functions(template) {
        for (name, value) in object(&properties["Environment"]["Variables"]) {
            let secret = ["SECRET", "KEY", "TOKEN", "PASSWORD"];
            let named_so = name.split('_').any(|word| secret.contains(&word));
            let resolved = value.to_string().contains("{{resolve:");
            if resolved || (named_so && !arns.contains(value)) {
                found.push(format!("{function} is given the value of {name}"));
            }
        }
    }
    found
}

/// Logs cost by the gigabyte, and a group that Lambda makes by itself is kept for ever.
pub(crate) fn log_groups(template: &Value) -> Vec<String> {
    let groups = resources(template, "AWS::Logs::LogGroup");
    let mut found: Vec<String> = groups
        .iter()
        .filter(|(_, group)| group["RetentionInDays"].is_null())
        .map(|(name, _)| format!("{name} is kept for ever"))
        .collect();
    for (function, properties) in functions(template) {
        let group = properties["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap_or("");
        if groups.iter().all(|(name, _)| *name != group) {
            found.push(format!("{function} has no log group"));
        }
    }
    found
}

/// The template gives each function exactly the variables that its `main` reads, by name or through a
/// function of `adapters::config`.
pub(crate) fn settings(
    template: &Value,
    config: &str,
    main: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut found = Vec::new();
    for (function, properties) in functions(template) {
        let source = main(binary(template, function));
        let mut asked_for: BTreeSet<&str> = quoted(&source).collect();
        for reader in config.split("pub fn ").skip(1) {
            let name = reader.split(['(', '<']).next().unwrap_or_default();
            if source.contains(&format!("config::{name}(")) {
                asked_for.extend(quoted(reader));
            }
        }
        let given = &properties["Environment"]["Variables"];
        let missing = asked_for.iter().filter(|name| given[name].is_null());
        found.extend(missing.map(|name| format!("{function} is not given {name}")));
        let spare = object(given).filter(|(name, _)| !asked_for.contains(name.as_str()));
        found.extend(
            spare.map(|(name, _)| format!("{function} is given {name}, which it does not ask for")),
        );
    }
    found
}

/// The settings named in a piece of Rust: in quotes, all capitals. Lambda sets
/// AWS_… itself. (Between quotes is every second piece; no piece read here has an escaped one.)
fn quoted(source: &str) -> impl Iterator<Item = &str> {
    let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let setting = move |name: &&str| {
        !name.is_empty() && name.chars().all(capital) && !name.starts_with("AWS_")
    };
    source.split('"').skip(1).step_by(2).filter(setting)
}
