//! Rules of an endpoint's owner about HTTP statuses: `404`, or `5xx` for a whole class.

use serde::{Deserialize, Serialize};

/// Rules about HTTP statuses: which are a success, which are retried, and which end a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusRules {
    /// If not empty, only these answers are retried. A call without an answer is always retried.
    pub retry_on: StatusList,
    /// Statuses that end a delivery at once.
    pub give_up_on: StatusList,
    /// If not empty, only these statuses are a success.
    pub success_on: StatusList,
}

/// A list of statuses and of classes of statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatusList(Vec<Which>);

/// One status, or all of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Which {
    Exactly(u16),
    /// A class, `1xx` to `5xx`.
    Kind(String),
}

/// A list of statuses that cannot be used. The message may be shown to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is a list of at most 50 statuses such as 404 or \"5xx\"")]
pub struct InvalidStatuses;

/// The exactness with which a list names a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Nothing,
    Kind,
    Exactly,
}

/// The ruling about an answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusRuling {
    /// The call is made again.
    Retry,
    /// The delivery ends.
    GiveUp,
    /// No rule applies; the relay's default decides.
    Usual,
}

/// Most entries of a list.
pub const MAX_STATUSES: usize = 50;

impl StatusList {
    /// Reads a list of numbers such as `404` and texts such as `"404"` or `"5xx"`.
    ///
    /// # Errors
    /// If there are more than 50 entries, or one is no status from 100 to 599 and no class.
    pub fn parse(given: &[serde_json::Value]) -> Result<Self, InvalidStatuses> {
        if MAX_STATUSES < given.len() {
            return Err(InvalidStatuses);
        }
        let one = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => match text.as_bytes() {
                [b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                    Ok(Which::Kind(text.to_ascii_lowercase()))
                }
                _ => text.parse().ok().and_then(exactly).ok_or(InvalidStatuses),
            },
            value => {
                let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
                number.and_then(exactly).ok_or(InvalidStatuses)
            }
        };
        given.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the list is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the list contains a status.
    pub fn has(&self, status: u16) -> bool {
        self.says(status) != Says::Nothing
    }

    fn says(&self, status: u16) -> Says {
        let each = self.0.iter().map(|which| match which {
            Which::Exactly(this) if *this == status => Says::Exactly,
            Which::Kind(kind) if kind.chars().next() == kind_of(status) => Says::Kind,
            Which::Exactly(_) | Which::Kind(_) => Says::Nothing,
        });
        each.max().unwrap_or(Says::Nothing)
    }
}

const fn exactly(status: u16) -> Option<Which> {
    if status < 100 || 599 < status { None } else { Some(Which::Exactly(status)) }
}

/// The digit that the class of a status begins with; `None` from 1000 on.
fn kind_of(status: u16) -> Option<char> {
    char::from_digit(u32::from(status) / 100, 10)
}

impl StatusRules {
    /// The ruling about a status that is no success. A rule that names the status comes before one
    /// that names its class, and giving up before retrying. 410 Gone is only overruled by a rule
    /// that names it.
    pub fn of(&self, status: u16) -> StatusRuling {
        let (retry, give_up) = (self.retry_on.says(status), self.give_up_on.says(status));
        if status == 410 && retry.max(give_up) != Says::Exactly {
            return StatusRuling::Usual;
        }
        match (retry, give_up) {
            (Says::Nothing, Says::Nothing) if self.retry_on.is_empty() => StatusRuling::Usual,
            (retry, give_up) if give_up < retry => StatusRuling::Retry,
            _ => StatusRuling::GiveUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statuses(given: &serde_json::Value) -> StatusList {
        StatusList::parse(given.as_array().expect("a list")).expect("valid")
    }

    #[test]
    fn the_more_exact_rule_holds_and_of_two_giving_up() {
        use StatusRuling::{GiveUp, Retry, Usual};
        for (retry_on, give_up_on, status, ruled) in [
            (json!([]), json!([]), 500, Usual),
            (json!([]), json!(["4xx"]), 404, GiveUp),
            (json!([]), json!(["4xx"]), 500, Usual),
            (json!([429]), json!(["4xx"]), 429, Retry),
            (json!([429]), json!(["4xx"]), 500, GiveUp),
            (json!(["5xx"]), json!([501]), 501, GiveUp),
            (json!(["5xx"]), json!([501]), 503, Retry),
            (json!(["5xx"]), json!(["5xx"]), 503, GiveUp),
            (json!(["4xx"]), json!([]), 410, Usual),
            (json!([]), json!(["4xx"]), 410, Usual),
            (json!([410]), json!([]), 410, Retry),
            (json!([]), json!([410]), 410, GiveUp),
            (json!(["500"]), json!([]), 500, Retry),
        ] {
            let rules = StatusRules {
                retry_on: statuses(&retry_on),
                give_up_on: statuses(&give_up_on),
                success_on: StatusList::default(),
            };
            assert_eq!(rules.of(status), ruled, "{retry_on} {give_up_on} {status}");
        }
    }

    #[test]
    fn a_list_is_checked_and_shown_as_it_was_given() {
        let given = json!([404, "5xx"]);
        assert_eq!(serde_json::to_value(statuses(&given)).expect("JSON"), given);
        for bad in
            [json!([99]), json!([600]), json!(["6xx"]), json!(["5x"]), json!([null]), json!([-1])]
        {
            assert_eq!(
                StatusList::parse(bad.as_array().expect("a list")),
                Err(InvalidStatuses),
                "{bad}"
            );
        }
        for good in [json!([100]), json!([599]), json!(["100"]), json!(["1xx"]), json!(["5XX"])] {
            assert!(StatusList::parse(good.as_array().expect("a list")).is_ok(), "{good}");
        }
        assert!(StatusList::parse(&vec![json!(404); MAX_STATUSES]).is_ok());
        assert!(StatusList::parse(&vec![json!(404); 51]).is_err());
    }

    #[test]
    fn a_list_has_the_statuses_and_the_classes_that_it_names() {
        let list = statuses(&json!([404, "5xx"]));
        for (status, listed) in
            [(404, true), (400, false), (500, true), (599, true), (499, false), (1500, false)]
        {
            assert_eq!(list.has(status), listed, "{status}");
        }
        assert!(!list.is_empty() && StatusList::default().is_empty());
    }
}
