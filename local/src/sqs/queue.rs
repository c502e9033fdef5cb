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
    /// Makes a queue without attributes.
    ///
    /// # Errors
    /// `UnsupportedOperation` for a FIFO queue, `InvalidParameterValue` if the name is not 1 to 80
    /// letters, digits, hyphens and underscores.
    pub(crate) fn new(name: String) -> Result<SqsQueue, SqsError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.ends_with(".fifo") {
            let message = "The local SQS does not support FIFO queues.";
            return Err(SqsError::simple_queue_service("UnsupportedOperation", message));
        }
        if name.is_empty() || name.len() > 80 || !name.chars().all(plain) {
            let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
            return Err(SqsError::common("InvalidParameterValue", message));
        }
        Ok(SqsQueue { name, attributes: BTreeMap::new() })
    }

    /// Sets attributes. An empty value removes an attribute.
    ///
    /// # Errors
    /// `InvalidParameterValue` for an unknown attribute or a value that it does not allow.
    pub(crate) fn set(&mut self, attributes: BTreeMap<String, String>) -> Result<(), SqsError> {
        for (name, value) in attributes {
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
        Ok(())
    }

    /// The value of a numeric attribute, or its default.
    pub(crate) fn number(&self, name: &str) -> i64 {
        let set = self.attributes.get(name).and_then(|value| value.parse().ok());
        let default = || NUMBERS.iter().find(|(number, ..)| *number == name).map(|number| number.2);
        set.or_else(default).unwrap_or_default()
    }

    /// All attributes: those that were set, the defaults of the numeric ones, and the queue's ARN.
    pub(crate) fn all_attributes(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<_, _> = NUMBERS
            .iter()
            .map(|(name, _, default)| ((*name).to_owned(), default.to_string()))
            .collect();
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
        let mut queue = SqsQueue::new("q".to_owned()).expect("a name");
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
