//! Queues of SQS that deliveries may go to: those that the relay's owner names, in the account and region that the
//! relay itself lives in. Whoever may make an endpoint could otherwise write to the relay's own queues.

use crate::address::Forbidden;

/// A queue, by its ARN: `arn:aws:sqs:<region>:<account>:<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    partition: String,
    region: String,
    account: String,
    name: String,
}

impl Queue {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(':').collect();
        let ["arn", partition, "sqs", region, account, name] = parts[..] else { return None };
        let word = |text: &str, more: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            !text.is_empty() && text.chars().all(fits)
        };
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        let named = word(stem, "-_") && name.len() <= 80;
        if !(partition.starts_with("aws") && word(partition, "-") && word(region, "-")) {
            return None;
        }
        let [partition, region, account, name] =
            [partition, region, account, name].map(str::to_owned);
        (digits && named).then_some(Self { partition, region, account, name })
    }

    /// Its name, by which it is found beside the relay's own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it keeps the order of each group and drops what it was sent already.
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// The queues that deliveries may go to; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    region: String,
    account: String,
    named: Vec<Queue>,
}

/// Something in a list is no queue that the relay could send to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {why}")]
pub struct InvalidQueue {
    text: String,
    why: Forbidden,
}

impl Queues {
    /// Reads a list of ARNs with commas between them, which may be empty, for a relay in this region and account.
    pub fn parse_list(text: &str, region: &str, account: &str) -> Result<Self, InvalidQueue> {
        let (region, account) = (region.to_owned(), account.to_owned());
        let mut queues = Self { region, account, named: Vec::new() };
        for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let invalid = |why| InvalidQueue { text: text.to_owned(), why };
            let queue = Queue::parse(text).ok_or_else(|| invalid(Forbidden::Arn))?;
            if queues.is_elsewhere(&queue) {
                return Err(invalid(Forbidden::Elsewhere));
            }
            queues.named.push(queue);
        }
        Ok(queues)
    }

    /// The queue of this ARN, if deliveries may go to it.
    pub(super) fn find(&self, arn: &str) -> Result<Queue, Forbidden> {
        let queue = Queue::parse(arn).ok_or(Forbidden::Arn)?;
        if !self.account.is_empty() && self.is_elsewhere(&queue) {
            return Err(Forbidden::Elsewhere);
        }
        if self.named.contains(&queue) { Ok(queue) } else { Err(Forbidden::Unlisted) }
    }

    fn is_elsewhere(&self, queue: &Queue) -> bool {
        (&queue.region, &queue.account) != (&self.region, &self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Rule, destination::Destination};

    const LISTED: &str = "arn:aws:sqs:eu-central-1:123456789012:orders, \
        arn:aws:sqs:eu-central-1:123456789012:orders.fifo,";

    fn listed() -> Queues {
        Queues::parse_list(LISTED, "eu-central-1", "123456789012").expect("queues")
    }

    #[test]
    fn a_queue_that_was_named_is_a_destination_and_no_other_is() {
        let rule = Rule { queues: listed(), ..Rule::default() };
        for (name, fifo) in [("orders", false), ("orders.fifo", true)] {
            let arn = format!("arn:aws:sqs:eu-central-1:123456789012:{name}");
            match rule.destination(&arn) {
                Ok(Destination::Queue(queue)) => {
                    assert_eq!((queue.name(), queue.is_fifo()), (name, fifo));
                }
                other => panic!("{arn}: {other:?}"),
            }
        }
        for (arn, why) in [
            ("arn:aws:sqs:eu-central-1:123456789012:relay-outbox", Forbidden::Unlisted),
            ("arn:aws-cn:sqs:eu-central-1:123456789012:orders", Forbidden::Unlisted),
            ("arn:aws:sqs:eu-central-1:123456789013:orders", Forbidden::Elsewhere),
            ("arn:aws:sqs:eu-west-1:123456789012:orders", Forbidden::Elsewhere),
            ("arn:aws:sns:eu-central-1:123456789012:orders", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:123456789012:orders/x", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:123456789012:orders:x", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:123456789012:", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:123456789012:.fifo", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:123456789012:a.b", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:12345678901:orders", Forbidden::Arn),
            ("arn:aws:sqs:eu-central-1:*:orders", Forbidden::Arn),
            ("arn:aws:sqs::123456789012:orders", Forbidden::Arn),
            ("arn:other:sqs:eu-central-1:123456789012:orders", Forbidden::Arn),
            ("arn:", Forbidden::Arn),
            ("ARN:aws:sqs:eu-central-1:123456789012:orders", Forbidden::Scheme),
        ] {
            assert_eq!(rule.destination(arn), Err(why), "{arn}");
        }
        let long = format!("arn:aws:sqs:eu-central-1:123456789012:{}", "a".repeat(81));
        assert_eq!(rule.destination(&long), Err(Forbidden::Arn));
    }

    #[test]
    fn without_a_list_deliveries_go_to_no_queue() {
        let arn = "arn:aws:sqs:eu-central-1:123456789012:orders";
        assert_eq!(Rule::default().destination(arn), Err(Forbidden::Unlisted));
        let none = Queues::parse_list("", "eu-central-1", "123456789012").expect("none");
        let rule = Rule { queues: none, ..Rule::default() };
        assert_eq!(rule.destination(arn), Err(Forbidden::Unlisted));
    }

    #[test]
    fn a_list_names_queues_of_the_relay_s_own_account_and_region() {
        for (list, why) in [
            ("arn:aws:sqs:eu-central-1:999999999999:orders", Forbidden::Elsewhere),
            ("arn:aws:sqs:us-east-1:123456789012:orders", Forbidden::Elsewhere),
            ("arn:aws:sqs:eu-central-1:123456789012:*", Forbidden::Arn),
            ("orders", Forbidden::Arn),
        ] {
            let read = Queues::parse_list(list, "eu-central-1", "123456789012");
            assert_eq!(read, Err(InvalidQueue { text: list.to_owned(), why }), "{list}");
        }
    }
}
