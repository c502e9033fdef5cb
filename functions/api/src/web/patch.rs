//! Fields of changes in part: a field that is left out stays as it is.

use serde::{Deserialize, Deserializer};

/// Reads a field that is given. With `#[serde(default)]` a field that is left out is `None`, and a
/// null is refused unless `T` is itself an option, which null clears.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
