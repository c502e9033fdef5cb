//! Alarms of the stack that the relay runs in, as it shows them: the newest state of each.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Longest reason that is kept, in characters. CloudWatch allows 1023.
pub const MAX_REASON: usize = 500;
/// The end of the name of every alarm in the template.
const SUFFIX: &str = "Alarm";

/// The state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmState {
    /// The watched figure is out of its bounds, or nothing reports it any more.
    Alarm,
    /// The watched figure is within its bounds.
    Ok,
}

impl AlarmState {
    /// The state of this name in CloudWatch; `None` for another text. An alarm without data is one that
    /// watches something silent, and is shown as an alarm: no other alarm of the template gets there once
    /// it has begun.
    pub fn of_cloudwatch(word: &str) -> Option<Self> {
        match word {
            "ALARM" | "INSUFFICIENT_DATA" => Some(Self::Alarm),
            "OK" => Some(Self::Ok),
            _ => None,
        }
    }

    /// The name of the state in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Ok => "ok",
        }
    }
}

/// The newest state of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The name that the alarm has in the template, such as `InboxStuckAlarm`.
    pub name: String,
    /// Whether the alarm is on.
    pub state: AlarmState,
    /// The time since which it is in that state.
    pub since: Timestamp,
    /// The reason for the state in the words of CloudWatch, cut to [`MAX_REASON`] characters.
    pub reason: Option<String>,
}

impl Alarm {
    /// The name that an alarm of a stack has in the template. CloudFormation calls it
    /// `<stack>-<name in the template>-<letters and digits>`; `None` for any other name, such as one of a
    /// stack whose name begins with this one's.
    pub fn name_in(stack: &str, full: &str) -> Option<String> {
        let rest = full.strip_prefix(stack)?.strip_prefix('-')?;
        let (name, chance) = rest.split_once('-')?;
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain(name) && plain(chance) && name.ends_with(SUFFIX)).then(|| name.to_owned())
    }

    /// A state with its reason, which is cut.
    pub fn new(name: String, state: AlarmState, since: Timestamp, reason: Option<&str>) -> Self {
        let reason = reason.map(|text| text.chars().take(MAX_REASON).collect());
        Self { name, state, since, reason }
    }

    /// Whether the alarm belongs on a list of those since a time: it is on, or has gone off since.
    pub fn is_recent(&self, since: Timestamp) -> bool {
        self.state == AlarmState::Alarm || since <= self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_known_by_its_name_in_the_template_and_no_other_stack_has_it() {
        for (stack, full, name) in [
            ("relay", "relay-InboxStuckAlarm-1A2B3C", Some("InboxStuckAlarm")),
            ("relay-staging", "relay-staging-InboxStuckAlarm-1A2B3C", Some("InboxStuckAlarm")),
            ("relay", "relay-staging-InboxStuckAlarm-1A2B3C", None),
            ("relay", "relays-InboxStuckAlarm-1A2B3C", None),
            ("relay", "relay-InboxStuckAlarm", None),
            ("relay", "relay-InboxStuckAlarm-", None),
            ("relay", "relay-Billing-1A2B3C", None),
            ("relay", "other", None),
        ] {
            assert_eq!(Alarm::name_in(stack, full).as_deref(), name, "{full}");
        }
    }

    #[test]
    fn silence_is_an_alarm_and_the_past_day_is_shown() {
        assert_eq!(AlarmState::of_cloudwatch("INSUFFICIENT_DATA"), Some(AlarmState::Alarm));
        assert_eq!(AlarmState::of_cloudwatch("ok"), None);
        let at = |state, since| {
            Alarm::new("A".to_owned(), state, Timestamp(since), Some(&"é".repeat(MAX_REASON + 1)))
        };
        assert_eq!(at(AlarmState::Ok, 5).reason.map(|text| text.chars().count()), Some(MAX_REASON));
        assert!(at(AlarmState::Alarm, 5).is_recent(Timestamp(9)));
        assert!(at(AlarmState::Ok, 9).is_recent(Timestamp(9)));
        assert!(!at(AlarmState::Ok, 8).is_recent(Timestamp(9)));
    }
}
