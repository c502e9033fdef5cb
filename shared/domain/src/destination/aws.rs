//! Queues of SQS and event buses of EventBridge that deliveries may go to: those that the operator
//! lists, in the relay's own account and region. Without the list, whoever may create an endpoint
//! could write to the relay's own queues.

use crate::address::Forbidden;

/// A queue or an event bus, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsDestination {
    /// A queue of SQS: `arn:aws:sqs:<region>:<account>:<name>`.
    Queue(DestinationQueue),
    /// An event bus of EventBridge: `arn:aws:events:<region>:<account>:event-bus/<name>`.
    Bus(DestinationBus),
}

/// The ARN of a queue of SQS that deliveries go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationQueue(Arn);

/// The ARN of an event bus of EventBridge that deliveries go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationBus(Arn);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Arn {
    partition: String,
    region: String,
    account: String,
    name: String,
}

/// The text in an ARN before the name of an event bus.
const BUS: &str = "event-bus/";
/// Longest name of a queue, by the API reference of SQS.
const MAX_QUEUE_NAME: usize = 80;
/// Longest name of an event bus, by the API reference of EventBridge.
const MAX_BUS_NAME: usize = 256;

impl AwsDestination {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else { return None };
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let placed = partition.starts_with("aws") && word(partition, "-") && word(region, "-");
        if !(digits && placed) {
            return None;
        }
        let arn = |name: &str| {
            let [partition, region, account, name] =
                [partition, region, account, name].map(str::to_owned);
            Arn { partition, region, account, name }
        };
        match service {
            "sqs" => {
                let stem = resource.strip_suffix(".fifo").unwrap_or(resource);
                let named = word(stem, "-_") && resource.len() <= MAX_QUEUE_NAME;
                named.then(|| Self::Queue(DestinationQueue(arn(resource))))
            }
            "events" => {
                let name = resource.strip_prefix(BUS)?;
                // Those of a partner have slashes in their names, and take nothing of ours.
                let named = word(name, ".-_") && name.len() <= MAX_BUS_NAME;
                named.then(|| Self::Bus(DestinationBus(arn(name))))
            }
            _ => None,
        }
    }

    const fn arn(&self) -> &Arn {
        match self {
            Self::Queue(DestinationQueue(arn)) | Self::Bus(DestinationBus(arn)) => arn,
        }
    }
}

/// Whether text is not empty and made of letters, digits and the characters of `more`.
fn word(text: &str, more: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    !text.is_empty() && text.chars().all(fits)
}

impl DestinationQueue {
    /// The name of the queue.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the queue is a FIFO queue: it keeps the order within a group and drops repetitions.
    pub fn is_fifo(&self) -> bool {
        self.0.name.ends_with(".fifo")
    }
}

impl DestinationBus {
    /// The name of the event bus.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// The queues and event buses that deliveries may go to; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsDestinations {
    region: String,
    account: String,
    named: Vec<AwsDestination>,
}

/// An entry of the list that is no queue or event bus of the relay's account and region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {why}")]
pub struct InvalidAwsDestination {
    text: String,
    why: Forbidden,
}

impl AwsDestinations {
    /// Reads a list of ARNs, separated by commas, for a relay in this region and account. Empty
    /// text is an empty list.
    ///
    /// # Errors
    /// If an entry is no ARN of a queue or event bus, or of another account or region.
    pub fn parse_list(
        text: &str,
        region: &str,
        account: &str,
    ) -> Result<Self, InvalidAwsDestination> {
        let (region, account) = (region.to_owned(), account.to_owned());
        let mut destinations = Self { region, account, named: Vec::new() };
        for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let invalid = |why| InvalidAwsDestination { text: text.to_owned(), why };
            let destination = AwsDestination::parse(text).ok_or_else(|| invalid(Forbidden::Arn))?;
            if destinations.is_elsewhere(&destination) {
                return Err(invalid(Forbidden::Elsewhere));
            }
            destinations.named.push(destination);
        }
        Ok(destinations)
    }

    /// Whether the list contains an event bus.
    pub fn have_a_bus(&self) -> bool {
        self.named.iter().any(|destination| matches!(destination, AwsDestination::Bus(_)))
    }

    /// The queue or event bus of this ARN.
    ///
    /// # Errors
    /// If the text is no ARN of a queue or event bus, or the list does not contain it.
    pub(super) fn find(&self, arn: &str) -> Result<AwsDestination, Forbidden> {
        let destination = AwsDestination::parse(arn).ok_or(Forbidden::Arn)?;
        if !self.account.is_empty() && self.is_elsewhere(&destination) {
            return Err(Forbidden::Elsewhere);
        }
        if self.named.contains(&destination) { Ok(destination) } else { Err(Forbidden::Unlisted) }
    }

    fn is_elsewhere(&self, destination: &AwsDestination) -> bool {
        let arn = destination.arn();
        (&arn.region, &arn.account) != (&self.region, &self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Rule, destination::Destination};

    const LISTED: &str = "arn:aws:sqs:eu-central-1:123456789012:orders, \
        arn:aws:sqs:eu-central-1:123456789012:orders.fifo,\
        arn:aws:events:eu-central-1:123456789012:event-bus/relay.jobs";

    fn listed() -> AwsDestinations {
        AwsDestinations::parse_list(LISTED, "eu-central-1", "123456789012").expect("queues")
    }

    #[test]
    fn a_queue_that_was_named_is_a_destination_and_no_other_is() {
        let rule = Rule { destinations: listed(), ..Rule::default() };
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
    fn a_bus_that_was_named_is_a_destination_and_no_other_is() {
        let rule = Rule { destinations: listed(), ..Rule::default() };
        match rule.destination("arn:aws:events:eu-central-1:123456789012:event-bus/relay.jobs") {
            Ok(Destination::Bus(bus)) => assert_eq!(bus.name(), "relay.jobs"),
            other => panic!("{other:?}"),
        }
        for (resource, why) in [
            ("event-bus/default", Forbidden::Unlisted),
            ("event-bus/orders", Forbidden::Unlisted),
            ("event-bus/", Forbidden::Arn),
            ("event-bus/aws.partner/stripe.com/x", Forbidden::Arn),
            ("relay.jobs", Forbidden::Arn),
            ("rule/relay.jobs", Forbidden::Arn),
            ("event-bus/relay.jobs:x", Forbidden::Arn),
            ("event-bus/*", Forbidden::Arn),
        ] {
            let arn = format!("arn:aws:events:eu-central-1:123456789012:{resource}");
            assert_eq!(rule.destination(&arn), Err(why), "{arn}");
        }
        for arn in [
            "arn:aws:events:eu-central-1:123456789013:event-bus/relay.jobs",
            "arn:aws:events:eu-west-1:123456789012:event-bus/relay.jobs",
        ] {
            assert_eq!(rule.destination(arn), Err(Forbidden::Elsewhere), "{arn}");
        }
        let long =
            format!("arn:aws:events:eu-central-1:123456789012:event-bus/{}", "a".repeat(257));
        assert_eq!(rule.destination(&long), Err(Forbidden::Arn));
    }

    #[test]
    fn without_a_list_deliveries_go_to_no_queue() {
        let arn = "arn:aws:sqs:eu-central-1:123456789012:orders";
        assert_eq!(Rule::default().destination(arn), Err(Forbidden::Unlisted));
        let none = AwsDestinations::parse_list("", "eu-central-1", "123456789012").expect("none");
        let rule = Rule { destinations: none, ..Rule::default() };
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
            let read = AwsDestinations::parse_list(list, "eu-central-1", "123456789012");
            assert_eq!(read, Err(InvalidAwsDestination { text: list.to_owned(), why }), "{list}");
        }
    }
}
