//! Metrics, as lines of CloudWatch's embedded metric format: one JSON line on standard output, which
//! CloudWatch Logs turns into metrics without an API call, a permission or a client to link.
//!
//! The only dimension is the stack, so that two stacks of one account and region do not add up. A
//! dimension for the endpoint would make a metric for each endpoint, and every metric is paid for.
//! What a line is about stands beside it as properties, which Logs Insights can ask for.

use std::{
    io::Write,
    sync::{LazyLock, OnceLock},
};

use domain::{time::Timestamp, trouble::Trouble};
use serde_json::{Map, Value, json};
use tracing::debug;

/// The namespace in CloudWatch of all metrics of the relay.
pub const NAMESPACE: &str = "WebhookRelay";

/// The name of the dimension by which metrics of several stacks are told apart.
const STACK: &str = "Stack";

/// The name of the stack that this process belongs to.
static STACK_NAME: OnceLock<String> = OnceLock::new();

/// Names the stack that the metrics of this process belong to. The first name stays. Without one,
/// metrics have no dimension.
pub fn belong_to(stack: String) {
    let _ = STACK_NAME.set(stack);
}

/// The unit of a number, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A time in milliseconds.
    Milliseconds,
    /// A time in seconds.
    Seconds,
    /// A share in per cent.
    Percent,
    /// A value without a unit, such as a state.
    None,
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
}

/// Whether CloudWatch reads what we print.
static IN_LAMBDA: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some());

/// Whether CloudWatch reads the metrics of this process, so that it is worth while to read for them.
pub fn are_read() -> bool {
    *IN_LAMBDA
}

/// Emits metrics that belong together, and what they are about. Outside of Lambda they are a line in
/// the log, for whoever asks for `debug`. A metric that cannot be written stops nothing.
pub fn emit(
    namespace: &str,
    at: Timestamp,
    metrics: &[(&str, Unit, f64)],
    properties: &[(&str, &str)],
) {
    let line = line(namespace, STACK_NAME.get().map(String::as_str), at, metrics, properties);
    if *IN_LAMBDA {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    } else {
        debug!(target: "metrics", "{line}");
    }
}

/// Emits the metric that one alarm watches for all troubles of the relay, and says which it is and what it
/// is about. It is emitted only while there is trouble, so that an idle relay pays for no metric.
pub fn trouble(at: Timestamp, trouble: Trouble, about: &[(&str, &str)]) {
    let mut properties = vec![("kind", trouble.word())];
    properties.extend_from_slice(about);
    emit(NAMESPACE, at, &[("trouble", Unit::Count, 1.0)], &properties);
}

/// The line of the embedded metric format that CloudWatch reads as a metric.
fn line(
    namespace: &str,
    stack: Option<&str>,
    at: Timestamp,
    metrics: &[(&str, Unit, f64)],
    properties: &[(&str, &str)],
) -> Value {
    let directive =
        |(name, unit, _): &(&str, Unit, f64)| json!({ "Name": name, "Unit": unit.word() });
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.0,
            "CloudWatchMetrics": [{
                "Namespace": namespace,
                "Dimensions": [stack.map_or(&[][..], |_| &[STACK])],
                "Metrics": metrics.iter().map(directive).collect::<Vec<_>>(),
            }],
        }),
    );
    line.extend(stack.map(|name| (STACK.to_owned(), json!(name))));
    line.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_two_stacks_differ_in_their_dimension() {
        let of = |stack| {
            line(NAMESPACE, stack, Timestamp(1), &[("items_failed", Unit::Count, 1.0)], &[])
        };
        for name in ["relay", "relay-staging"] {
            let line = of(Some(name));
            assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack"]]));
            assert_eq!(line["Stack"], name);
        }
        assert_eq!(of(None).get("Stack"), None);
    }

    #[test]
    fn a_line_is_what_the_embedded_metric_format_asks_for() {
        let metrics = [
            ("webhook_publish_success", Unit::Count, 1.0),
            ("webhook_retry_count", Unit::Count, 2.0),
        ];
        let line =
            line(NAMESPACE, None, Timestamp(1_700_000_000_123), &metrics, &[("endpoint", "ep_1")]);
        let want = json!({
            "_aws": {
                "Timestamp": 1_700_000_000_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "WebhookRelay",
                    "Dimensions": [[]],
                    "Metrics": [
                        { "Name": "webhook_publish_success", "Unit": "Count" },
                        { "Name": "webhook_retry_count", "Unit": "Count" },
                    ],
                }],
            },
            "endpoint": "ep_1",
            "webhook_publish_success": 1.0,
            "webhook_retry_count": 2.0,
        });
        assert_eq!(line, want);
        assert!(!line.to_string().contains('\n'));
    }
}
