//! The order of deliveries to an endpoint, as its owner chooses it.

use serde::{Deserialize, Serialize};

/// The part of an event that is the key: deliveries with equal keys are made in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrdering {
    /// The event's job or, without one, the event's batch.
    Job,
    /// The first channel of the event.
    Channel,
    /// The value at this path of the payload, such as `data.customer.id`.
    Path(String),
}

/// A text that is no ordering. The message may be shown to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is `job`, `channel`, a path such as `$.data.customer.id`, or `none`")]
pub struct InvalidOrdering;

impl DeliveryOrdering {
    /// Reads an ordering: `job`, `channel`, a path that begins with `$.`, or `none`, which gives
    /// `None`.
    ///
    /// # Errors
    /// If the text is none of these. A path has at most 128 characters, in names of letters,
    /// digits, `_` and `-` with dots between them.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidOrdering> {
        match text {
            "none" => Ok(None),
            "job" => Ok(Some(Self::Job)),
            "channel" => Ok(Some(Self::Channel)),
            _ => {
                let path = text.strip_prefix("$.").ok_or(InvalidOrdering)?;
                let plain = |name: &str| {
                    !name.is_empty()
                        && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
                };
                let fits = path.len() <= 128 && path.split('.').all(plain);
                fits.then(|| Some(Self::Path(path.to_owned()))).ok_or(InvalidOrdering)
            }
        }
    }

    /// The text that [`parse`](Self::parse) reads as this ordering.
    pub fn print(&self) -> String {
        match self {
            Self::Job => "job".to_owned(),
            Self::Channel => "channel".to_owned(),
            Self::Path(path) => format!("$.{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordering_is_read_and_printed() {
        for text in ["job", "channel", "$.data.customer.id", "$.a", "$.a-b.c_d.0"] {
            assert_eq!(DeliveryOrdering::parse(text).expect("one").expect("some").print(), text);
        }
        assert_eq!(DeliveryOrdering::parse("none"), Ok(None));
        for bad in ["", "jobs", "$", "$.", "$.a..b", "$.a[0]", "a.b", "$.a b", "$.é"] {
            assert_eq!(DeliveryOrdering::parse(bad), Err(InvalidOrdering), "{bad}");
        }
        assert_eq!(
            DeliveryOrdering::parse(&format!("$.{}", "a".repeat(129))),
            Err(InvalidOrdering)
        );
    }
}
