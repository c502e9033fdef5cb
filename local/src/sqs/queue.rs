//! A queue and its attributes, which are validated when they are set and stored as text.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::Deserialize;
use serde_json::json;

use super::{
    error::SqsError,
    limits::{DELAY, MAX_BYTES, VISIBILITY, WAIT},
};
use crate::clients::REGION;

/// The AWS account id of every queue.
pub(crate) const ACCOUNT: &str = "000000000000";

/// The numeric attributes: name, allowed range, default. Times are in seconds, sizes in bytes.
const NUMBERS: [(&str, RangeInclusive<i64>, i64); 5] = [
    ("VisibilityTimeout", VISIBILITY, 30),
    ("DelaySeconds", DELAY, 0),
    ("ReceiveMessageWaitTimeSeconds", WAIT, 0),
    ("MessageRetentionPeriod", 60..=1_209_600, 345_600),
    ("MaximumMessageSize", 1024..=1_048_576, MAX_BYTES as i64),
];

/// The end of every FIFO queue's name.
const FIFO: &str = ".fifo";

/// The attributes that only FIFO queues have, with the values that they allow. The first is the default.
const FIFO_ONLY: [(&str, &[&str]); 4] = [
    ("FifoQueue", &["true"]),
    ("ContentBasedDeduplication", &["false", "true"]),
    ("DeduplicationScope", &["queue", "messageGroup"]),
    ("FifoThroughputLimit", &["perQueue", "perMessageGroupId"]),
];

/// A queue: its name and the attributes that were set on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqsQueue {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// The redrive policy of a queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    /// The name of the dead-letter queue.
    pub(crate) queue: String,
    /// Receives after which a message moves to the dead-letter queue, 1 to 1,000.
    pub(crate) max_receives: i64,
}

impl RedrivePolicy {
    /// Parses the JSON of a redrive policy; `None` if the text is none.
    fn parse(value: &str) -> Option<RedrivePolicy> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct RedrivePolicyJson {
            dead_letter_target_arn: String,
            max_receive_count: Count,
        }
        /// `maxReceiveCount`: the AWS console sends a number, CloudFormation and old SDKs send a string.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Count {
            Number(i64),
            Text(String),
        }
        let policy: RedrivePolicyJson = serde_json::from_str(value).ok()?;
        let queue = policy.dead_letter_target_arn.rsplit(':').next()?.to_owned();
        let max_receives = match policy.max_receive_count {
            Count::Number(count) => count,
            Count::Text(count) => count.parse().ok()?,
        };
        (1..=1000).contains(&max_receives).then_some(RedrivePolicy { queue, max_receives })
    }

    /// The policy as JSON.
    pub(crate) fn json(&self) -> String {
        json!({ "deadLetterTargetArn": arn(&self.queue), "maxReceiveCount": self.max_receives })
            .to_string()
    }
}

impl SqsQueue {
    /// Makes a queue with these attributes.
    ///
    /// # Errors
    /// `InvalidParameterValue` if the name is not 1 to 80 letters, digits, hyphens and underscores, the
    /// last five of which are `.fifo` if and only if `FifoQueue` is `true`; the errors of
    /// [`set`](Self::set).
    pub(crate) fn create(
        name: String,
        attributes: BTreeMap<String, String>,
    ) -> Result<SqsQueue, SqsError> {
        let fifo = attributes.get("FifoQueue").is_some_and(|value| value == "true");
        let stem = if fifo { name.strip_suffix(FIFO) } else { Some(name.as_str()) };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let fits = |stem: &str| !stem.is_empty() && name.len() <= 80 && stem.chars().all(plain);
        if !stem.is_some_and(fits) {
            let message = if fifo {
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
                 underscores, must end with .fifo suffix and be 1 to 80 in length."
            } else {
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
            };
            return Err(SqsError::common("InvalidParameterValue", message));
        }
        let mut queue = SqsQueue { name, attributes: BTreeMap::new() };
        queue.set(attributes)?;
        Ok(queue)
    }

    /// Whether the queue is a FIFO queue.
    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO)
    }

    /// Sets attributes. An empty value removes an attribute.
    ///
    /// # Errors
    /// `InvalidAttributeName` for an attribute of FIFO queues on a standard queue, `InvalidAttributeValue`
    /// for a value that such an attribute does not allow. `InvalidParameterValue` for any other attribute
    /// that is unknown or does not allow the value.
    pub(crate) fn set(&mut self, attributes: BTreeMap<String, String>) -> Result<(), SqsError> {
        for (name, value) in attributes {
            if let Some((_, allowed)) = FIFO_ONLY.iter().find(|(own, _)| *own == name) {
                if !self.is_fifo() {
                    let message = format!("Unknown Attribute {name}.");
                    return Err(SqsError::unprefixed("InvalidAttributeName", message));
                }
                if !allowed.contains(&value.as_str()) {
                    return Err(SqsError::attribute_value(&name, ""));
                }
                self.attributes.insert(name, value);
                continue;
            }
            let fits = match NUMBERS.iter().find(|(number, ..)| *number == name) {
                Some((_, range, _)) => value.parse().is_ok_and(|value| range.contains(&value)),
                None if name == "RedrivePolicy" => {
                    value.is_empty() || RedrivePolicy::parse(&value).is_some()
                }
                None => matches!(
                    name.as_str(),
                    "KmsDataKeyReusePeriodSeconds"
                        | "KmsMasterKeyId"
                        | "Policy"
                        | "RedriveAllowPolicy"
                        | "SqsManagedSseEnabled"
                ),
            };
            if !fits {
                return Err(SqsError::invalid_value(
                    &value,
                    &name,
                    "The attribute does not exist or does not allow this value.",
                ));
            }
            if value.is_empty() {
                self.attributes.remove(&name);
            } else {
                self.attributes.insert(name, value);
            }
        }
        let has = |name: &str, value: &str| self.attributes.get(name).is_some_and(|is| is == value);
        if has("FifoThroughputLimit", "perMessageGroupId") && !self.deduplicates_by_group() {
            return Err(SqsError::attribute_value(
                "FifoThroughputLimit",
                " Reason: perMessageGroupId needs the DeduplicationScope messageGroup.",
            ));
        }
        Ok(())
    }

    /// Whether the deduplication ids of this FIFO queue are made of the messages' bodies.
    pub(crate) fn deduplicates_by_content(&self) -> bool {
        self.attributes.get("ContentBasedDeduplication").is_some_and(|value| value == "true")
    }

    /// Whether each message group of this FIFO queue has deduplication ids of its own.
    pub(crate) fn deduplicates_by_group(&self) -> bool {
        self.attributes.get("DeduplicationScope").is_some_and(|value| value == "messageGroup")
    }

    /// The value of a numeric attribute, or its default.
    pub(crate) fn number(&self, name: &str) -> i64 {
        let set = self.attributes.get(name).and_then(|value| value.parse().ok());
        let default = || NUMBERS.iter().find(|(number, ..)| *number == name).map(|number| number.2);
        set.or_else(default).unwrap_or_default()
    }

    /// All attributes: those that were set, the defaults of the numeric ones and of those of FIFO queues,
    /// and the queue's ARN.
    pub(crate) fn all_attributes(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<_, _> = NUMBERS
            .iter()
            .map(|(name, _, default)| ((*name).to_owned(), default.to_string()))
            .collect();
        if self.is_fifo() {
            let defaults = FIFO_ONLY.iter().map(|(name, allowed)| (*name, allowed[0]));
            all.extend(defaults.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        all.extend(self.attributes.clone());
        all.insert("QueueArn".to_owned(), arn(&self.name));
        all
    }

    /// The redrive policy, if one was set.
    pub(crate) fn redrive(&self) -> Option<RedrivePolicy> {
        self.attributes.get("RedrivePolicy").and_then(|value| RedrivePolicy::parse(value))
    }
}

/// The ARN of the queue named `queue`.
pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_redrive_policy_counts_in_numbers_or_in_strings() {
        for count in ["5", "\"5\""] {
            let value =
                format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{count}}}"#, arn("dlq"));
            assert_eq!(
                RedrivePolicy::parse(&value),
                Some(RedrivePolicy { queue: "dlq".to_owned(), max_receives: 5 })
            );
        }
        for value in ["", "{}", r#"{"deadLetterTargetArn":"a:b","maxReceiveCount":0}"#] {
            assert_eq!(RedrivePolicy::parse(value), None, "{value}");
        }
    }

    #[test]
    fn unknown_and_impossible_attributes_are_refused() {
        let mut queue = SqsQueue::create("q".to_owned(), BTreeMap::new()).expect("a queue");
        let mut set = |name: &str, value: &str| {
            queue.set(BTreeMap::from([(name.to_owned(), value.to_owned())])).is_ok()
        };
        assert!(set("VisibilityTimeout", "43200"));
        assert!(!set("VisibilityTimeout", "43201"));
        assert!(!set("VisibilityTimeout", "soon"));
        assert!(!set("FifoQueue", "true"));
        assert_eq!(queue.number("VisibilityTimeout"), 43_200);
        assert_eq!(queue.number("MessageRetentionPeriod"), 345_600);
    }

    #[test]
    fn a_queue_is_a_fifo_queue_by_its_name_and_by_its_attribute() {
        let long = |length: usize| format!("{}.fifo", "x".repeat(length - 5));
        for (name, fifo, fits) in [
            ("q", None, true),
            ("q", Some("true"), false),
            ("q.fifo", Some("true"), true),
            ("q.fifo", None, false),
            ("q.fifo", Some("false"), false),
            (".fifo", Some("true"), false),
            ("q.x.fifo", Some("true"), false),
            (&long(80), Some("true"), true),
            (&long(81), Some("true"), false),
        ] {
            let attributes = fifo.map(|value| ("FifoQueue".to_owned(), value.to_owned()));
            let queue = SqsQueue::create(name.to_owned(), attributes.into_iter().collect());
            assert_eq!(queue.is_ok(), fits, "{name} {fifo:?}");
        }
    }

    #[test]
    fn a_fifo_queue_has_four_attributes_of_its_own() {
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let mut queue =
            SqsQueue::create("q.fifo".to_owned(), one("FifoQueue", "true")).expect("a queue");
        for (name, value) in [
            ("FifoQueue", "true"),
            ("ContentBasedDeduplication", "false"),
            ("DeduplicationScope", "queue"),
            ("FifoThroughputLimit", "perQueue"),
        ] {
            assert_eq!(queue.all_attributes()[name], value);
            assert!(queue.clone().set(one(name, value)).is_ok(), "{name}");
            assert!(queue.clone().set(one(name, "other")).is_err(), "{name}");
            let mut standard = SqsQueue::create("q".to_owned(), BTreeMap::new()).expect("a queue");
            assert!(standard.set(one(name, value)).is_err(), "{name}");
        }
        let mut set = |name, value| queue.set(one(name, value)).is_ok();
        assert!(!set("FifoThroughputLimit", "perMessageGroupId"));
        assert!(set("FifoThroughputLimit", "perQueue"));
        assert!(set("DeduplicationScope", "messageGroup"));
        assert!(set("FifoThroughputLimit", "perMessageGroupId"));
        assert!(!set("DeduplicationScope", "queue"));
    }

    proptest! {
        #[test]
        fn a_redrive_policy_is_parsed_as_it_was_written(
            queue in "[A-Za-z0-9_-]{1,80}",
            max_receives in 1..=1000_i64,
        ) {
            let policy = RedrivePolicy { queue, max_receives };
            prop_assert_eq!(RedrivePolicy::parse(&policy.json()), Some(policy));
        }
    }
}
