//! Moments of time in requests.

use std::borrow::Cow;

use domain::time::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A moment in RFC 3339, with any offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let moment = instant(&text).map(Self);
        moment.ok_or_else(|| D::Error::custom("is a time such as 2026-11-22T01:13:33Z"))
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Moment {}

/// Reads RFC 3339 with any offset. The plus of an offset may have become a space on its way through
/// a query.
fn instant(text: &str) -> Option<Timestamp> {
    let offset = text.len().checked_sub("+00:00".len());
    match offset.filter(|at| text.as_bytes()[*at] == b' ') {
        Some(at) => Timestamp::parse_rfc3339(&format!("{}+{}", &text[..at], &text[at + 1..])),
        None => Timestamp::parse_rfc3339(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_may_have_any_offset() {
        let at = instant("2026-11-22T01:13:33Z");
        assert!(at.is_some());
        for same in
            ["2026-11-22T02:13:33+01:00", "2026-11-22T02:13:33 01:00", "2026-11-21T23:13:33-02:00"]
        {
            assert_eq!(instant(same), at, "{same}");
        }
        for bad in ["", "now", "2026-11-22", "+01:00", " 01:00", "2026-13-22T01:13:33Z", "ééé"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }
}
