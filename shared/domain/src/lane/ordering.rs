//! How the deliveries to one endpoint are ordered, as the endpoint's owner chooses it.

use serde::{Deserialize, Serialize};

/// What of an event is its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrdering {
    /// Its job, or its batch.
    Job,
    /// The first of its channels.
    Channel,
    /// The value at this path of its payload, such as `data.customer.id`.
    Path(String),
}

/// Why text is no such thing. The caller may read this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is `job`, `channel`, a path such as `$.data.customer.id`, or `none`")]
pub struct InvalidOrdering;

impl DeliveryOrdering {
    /// Reads what an owner says; `none` is none.
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

    /// As it is read.
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
