//! Bounds of the document's request bodies and queries, compared with the constants that the checks
//! use: attributes of schemas take literals only, which could drift from what is checked.

use domain::{
    endpoint::{CircuitBreaker, MAX_PLAIN_SECRET},
    headers, id,
    live::token,
    log, poll, portal, retry,
    secret::{DEFAULT_OVERLAP, MAX_OVERLAP},
    source::MAX_TOLERANCE,
    task::MAX_RATE,
};
use manage::{
    applications, batches, endpoints, event_types, keys, messages, names, publication,
    registrar_fields, registration, webhooks,
};
use serde_json::Value;

/// Keywords of a schema that bound or fill a value.
const KEYWORDS: [&str; 7] =
    ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default"];

/// The bound that is checked for a field of a request body, by schema, field and keyword. A field
/// without a schema has the bound in every schema.
fn bounds() -> Vec<(&'static str, &'static str, &'static str, i128)> {
    let size = |size: usize| i128::try_from(size).expect("small");
    let mut bounds = Vec::new();
    let mut add =
        |schema, field, least: Option<(&'static str, i128)>, most: (&'static str, i128)| {
            bounds.extend(least.map(|(keyword, least)| (schema, field, keyword, least)));
            bounds.push((schema, field, most.0, most.1));
        };
    let length = |most: usize| ("maxLength", size(most));
    let (some, one) = (Some(("minLength", 1)), Some(("minimum", 1)));
    let at_most = |most: i128| ("maximum", most);
    for schema in ["ApplicationIn", "ApplicationPatch"] {
        add(schema, "uid", some, length(applications::MAX_UID));
    }
    for schema in ["EndpointIn", "EndpointUpdate", "EndpointPatch"] {
        add(schema, "uid", some, length(endpoints::MAX_UID));
        add(schema, "channels", None, ("maxItems", size(endpoints::MAX_CHANNELS)));
    }
    for field in ["maxRetries", "max_retries"] {
        add("", field, Some(("minimum", 0)), at_most(retry::MAX_RETRIES.into()));
    }
    for field in ["timeoutSeconds", "timeout"] {
        let least = ("minimum", i128::from(retry::MIN_TIMEOUT));
        add("", field, Some(least), at_most(retry::MAX_TIMEOUT.into()));
    }
    add("", "delays", Some(("minItems", 1)), ("maxItems", size(retry::MAX_DELAYS)));
    for field in ["retryOn", "retry_on", "giveUpOn", "give_up_on", "successOn", "success_on"] {
        add("", field, None, ("maxItems", size(retry::MAX_STATUSES)));
    }
    for field in ["forwardHeaders", "forward_headers"] {
        add("", field, None, ("maxItems", size(headers::MAX_FORWARDED)));
    }
    add("Breaker", "threshold", one, at_most(CircuitBreaker::MAX_THRESHOLD.into()));
    add("Breaker", "recoverySeconds", one, at_most(CircuitBreaker::MAX_RECOVERY.into()));
    let overlap = at_most(MAX_OVERLAP.as_secs().into());
    add("EndpointSecretRotateIn", "gracePeriodSeconds", Some(("minimum", 0)), overlap);
    let overlap = ("default", DEFAULT_OVERLAP.as_secs().into());
    add("EndpointSecretRotateIn", "gracePeriodSeconds", None, overlap);
    add("WebhookIn", "secret", None, length(MAX_PLAIN_SECRET));
    add("WebhookIn", "max_retries", None, ("default", webhooks::DEFAULT_RETRIES.into()));
    add("WebhookIn", "timeout", None, ("default", retry::DEFAULT_TIMEOUT.into()));
    add("LinesIn", "stream", some, length(log::MAX_STREAM));
    add("LinesIn", "first_seq", None, ("minimum", 1));
    add("LinesIn", "lines", Some(("minItems", 1)), ("maxItems", size(log::MAX_LINES)));
    let least = ("minimum", token::MIN_LIFE.as_secs().into());
    add("LiveTokenIn", "ttl", Some(least), at_most(token::MAX_LIFE.as_secs().into()));
    let life = ("default", token::DEFAULT_LIFE.as_secs().into());
    add("LiveTokenIn", "ttl", None, life);
    add("LiveTokenIn", "project", some, length(id::MAX_EXTERNAL_ID));
    for schema in ["JobIn", "BatchIn"] {
        add(schema, "id", None, length(registrar_fields::MAX_ID));
        add(schema, "external_id", None, length(registrar_fields::MAX_ID));
    }
    add("AppPortalAccessIn", "expiry", one, at_most(portal::MAX_LIFE.as_secs().into()));
    let life = ("default", portal::DEFAULT_LIFE.as_secs().into());
    add("AppPortalAccessIn", "expiry", None, life);
    add("AppPortalAccessIn", "sessionId", some, length(portal::MAX_SESSION_ID));
    add("AppPortalAccessIn", "featureFlags", None, ("maxItems", size(portal::MAX_FLAGS)));
    let schema = "ApplicationTokenExpireIn";
    let wait = at_most(portal::MAX_LIFE.as_secs().into());
    add(schema, "expiry", Some(("minimum", 0)), wait);
    add(schema, "expiry", None, ("default", 0));
    add(schema, "sessionIds", None, ("maxItems", size(portal::MAX_ENDINGS)));
    add("JobIn", "deadline_seconds", one, at_most(registration::MAX_DEADLINE.into()));
    add("SourceIn", "deadline_seconds", one, at_most(poll::MAX_DEADLINE.into()));
    add("SourceIn", "tolerance_seconds", one, at_most(MAX_TOLERANCE.into()));
    let priority = i128::from(batches::MAX_PRIORITY);
    add("BatchIn", "priority", Some(("minimum", -priority)), at_most(priority));
    add("BatchIn", "progress_every", one, at_most(batches::MAX_SIZE.into()));
    add("BatchIn", "progress_percent", one, at_most(100));
    for schema in ["BatchIn", "CloseIn"] {
        add(schema, "size", Some(("minimum", 0)), at_most(batches::MAX_SIZE.into()));
    }
    add("KeyIn", "name", some, length(keys::MAX_NAME));
    add("", "rate", one, at_most(MAX_RATE.into()));
    add("MessageIn", "channels", None, ("maxItems", size(publication::MAX_CHANNELS)));
    add("MessageIn", "tags", None, ("maxItems", size(publication::MAX_TAGS)));
    add("MessageIn", "eventId", some, length(messages::MAX_EVENT_ID));
    let days = (publication::MIN_RETENTION_DAYS, publication::MAX_RETENTION_DAYS);
    let least = ("minimum", i128::from(days.0));
    add("MessageIn", "payloadRetentionPeriod", Some(least), at_most(days.1.into()));
    let hours = (publication::MIN_RETENTION_HOURS, publication::MAX_RETENTION_HOURS);
    let least = ("minimum", i128::from(hours.0));
    add("MessageIn", "payloadRetentionHours", Some(least), at_most(hours.1.into()));
    add("BulkExpungeContentsIn", "ids", None, ("maxItems", size(messages::MAX_EXPUNGED)));
    add("EventTypeIn", "name", None, length(names::MAX_EVENT_TYPE));
    add("", "eventType", None, length(names::MAX_EVENT_TYPE));
    add("", "groupName", None, length(event_types::MAX_LABEL));
    // Bounds that follow from the type, or that say that something must be there at all.
    add("", "name", None, ("minLength", 1));
    add("", "throttleRate", None, ("minimum", 1));
    add("", "rateLimit", None, ("minimum", 0));
    add("", "exampleIndex", None, ("minimum", 0));
    add("", "statusCodeClass", None, ("minimum", 0));
    add("BulkReplayIn", "status", Some(("minimum", 0)), at_most(3));
    bounds
}

/// Names of the schemas that request bodies of keyed operations are made of.
fn request_schemas(document: &Value) -> Vec<String> {
    let operations = document["paths"].as_object().expect("paths").values();
    let operations = operations.flat_map(|item| item.as_object().expect("operations").values());
    let keyed = operations.filter(|operation| operation["security"].is_null());
    let mut waiting: Vec<&Value> = keyed.map(|operation| &operation["requestBody"]).collect();
    let mut names = Vec::new();
    while let Some(part) = waiting.pop() {
        let name = part["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        if let Some(name) = name.filter(|name| !names.contains(&(*name).to_owned())) {
            names.push(name.to_owned());
            waiting.push(&document["components"]["schemas"][name]);
        }
        match part {
            Value::Object(fields) => waiting.extend(fields.values()),
            Value::Array(list) => waiting.extend(list),
            _ => (),
        }
    }
    names.sort();
    names
}

#[test]
fn every_bound_of_a_request_body_is_the_one_that_is_checked() {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let bounds = bounds();
    let mut seen = vec![false; bounds.len()];
    for schema in request_schemas(&document) {
        let fields = &document["components"]["schemas"][&schema]["properties"];
        for (field, described) in fields.as_object().into_iter().flatten() {
            for keyword in KEYWORDS {
                let Some(stated) = described[keyword].as_i64() else { continue };
                let is = |one: &(&str, &str, &str, i128)| {
                    (one.0 == schema || one.0.is_empty()) && one.1 == field && one.2 == keyword
                };
                let at = bounds.iter().position(is);
                let at = at.unwrap_or_else(|| panic!("{schema}.{field} has a {keyword} unchecked"));
                assert_eq!(i128::from(stated), bounds[at].3, "{schema}.{field}: {keyword}");
                seen[at] = true;
            }
        }
    }
    let lost: Vec<_> = bounds.iter().zip(seen).filter(|(_, seen)| !seen).collect();
    assert!(lost.is_empty(), "the document does not state {lost:?}");
}

#[test]
fn request_bodies_are_closed_where_unknown_fields_are_refused_and_open_where_they_are_tolerated() {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let schema = |name: &str| &document["components"]["schemas"][name]["additionalProperties"];
    for name in ["JobIn", "BatchIn", "WebhookIn", "SourceIn", "KeyIn", "RedriveIn", "FilterIn"] {
        assert_eq!(*schema(name), Value::Bool(false), "{name}");
    }
    for name in ["EndpointIn", "ApplicationIn", "MessageIn", "Breaker", "EventTypeIn", "JobOut"] {
        assert!(schema(name).is_null(), "{name}");
    }
}
