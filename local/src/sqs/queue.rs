//! A queue's attributes: judged when they are set, kept as they were given.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::Deserialize;

use super::{
    error::SqsError,
    limits::{DELAY, MAX_BYTES, VISIBILITY, WAIT},
};
use crate::clients::REGION;

/// The account that every queue belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Numeric attributes: name, what they may be, what they are by default.
const NUMBERS: [(&str, RangeInclusive<i64>, i64); 5] = [
    ("VisibilityTimeout", VISIBILITY, 30),
    ("DelaySeconds", DELAY, 0),
    ("ReceiveMessageWaitTimeSeconds", WAIT, 0),
    ("MessageRetentionPeriod", 60..=1_209_600, 345_600),
    ("MaximumMessageSize", 1024..=1_048_576, MAX_BYTES as i64),
];

/// A queue: its name and what was set on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqsQueue {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Where messages go that were received too often.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    /// The dead-letter queue's name.
    pub(crate) queue: String,
    pub(crate) max_receives: i64,
}

impl SqsQueue {
    /// A queue of this name, if the name is one.
    pub(crate) fn new(name: String) -> Result<SqsQueue, SqsError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.ends_with(".fifo") {
            let message = "FIFO queues are not served locally.";
            return Err(SqsError::simple_queue_service("UnsupportedOperation", message));
        }
        if name.is_empty() || name.len() > 80 || !name.chars().all(plain) {
            let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
            return Err(SqsError::common("InvalidParameterValue", message));
        }
        Ok(SqsQueue { name, attributes: BTreeMap::new() })
    }

    /// Sets attributes; an empty value takes one away.
    pub(crate) fn set(&mut self, attributes: BTreeMap<String, String>) -> Result<(), SqsError> {
        for (name, value) in attributes {
            let fits = match NUMBERS.iter().find(|(number, ..)| *number == name) {
                Some((_, range, _)) => value.parse().is_ok_and(|value| range.contains(&value)),
                None if name == "RedrivePolicy" => {
                    value.is_empty() || parse_redrive_policy(&value).is_some()
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
                    "It is not one that this attribute may have.",
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

    /// A numeric attribute, or its default.
    pub(crate) fn number(&self, name: &str) -> i64 {
        let set = self.attributes.get(name).and_then(|value| value.parse().ok());
        let default = || NUMBERS.iter().find(|(number, ..)| *number == name).map(|number| number.2);
        set.or_else(default).unwrap_or_default()
    }

    /// Every attribute that was set, and the numbers that were not.
    pub(crate) fn all_attributes(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<_, _> = NUMBERS
            .iter()
            .map(|(name, _, default)| ((*name).to_owned(), default.to_string()))
            .collect();
        all.extend(self.attributes.clone());
        all.insert("QueueArn".to_owned(), arn(&self.name));
        all
    }

    /// The redrive policy, if there is one.
    pub(crate) fn redrive(&self) -> Option<RedrivePolicy> {
        self.attributes.get("RedrivePolicy").and_then(|value| parse_redrive_policy(value))
    }
}

/// The name that the world gives a queue.
pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

fn parse_redrive_policy(value: &str) -> Option<RedrivePolicy> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RedrivePolicyJson {
        dead_letter_target_arn: String,
        max_receive_count: Count,
    }
    /// The console sends a number, CloudFormation and old SDKs a string.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_counts_in_numbers_or_in_strings() {
        for count in ["5", "\"5\""] {
            let value =
                format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{count}}}"#, arn("dlq"));
            assert_eq!(
                parse_redrive_policy(&value),
                Some(RedrivePolicy { queue: "dlq".to_owned(), max_receives: 5 })
            );
        }
        for value in ["", "{}", r#"{"deadLetterTargetArn":"a:b","maxReceiveCount":0}"#] {
            assert_eq!(parse_redrive_policy(value), None, "{value}");
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
}
