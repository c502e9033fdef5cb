//! Lists in parts: where a part begins, and how far one request reads.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub(crate) use manage::is_place;
use manage::{PageRequest, Walk};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType},
};

use super::error::Error;

/// A part of one of our own lists.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// Entries of the page.
    pub(crate) data: Vec<T>,
    /// Value of `iterator` for the next page; null at the end.
    pub(crate) iterator: Option<String>,
    /// Whether the page is the last one.
    pub(crate) done: bool,
    /// Number of entries that were looked at for this page. Only a list with a filter says it: its page
    /// ends after a second or 2000 entries, though it may have found nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scanned: Option<u64>,
}

impl<T> List<T> {
    /// The part that was read; of a list with a filter it says how much was looked at.
    pub(crate) fn of<S>(walk: Walk<S>, has_filter: bool, show: impl FnMut(S) -> T) -> Self {
        let Walk { items, next: iterator, scanned } = walk;
        let data = items.into_iter().map(show).collect();
        let scanned = has_filter.then(|| u64::try_from(scanned).unwrap_or(u64::MAX));
        Self { data, done: iterator.is_none(), iterator, scanned }
    }
}

/// Marks a name in its form as an iterator, which is base64 because names hold dots.
const NAMED: &str = "name-";

/// A name as an iterator of a list by name: `A-Z a-z 0-9 - _`.
pub(crate) fn print_name(name: &str) -> String {
    format!("{NAMED}{}", URL_SAFE_NO_PAD.encode(name))
}

/// Reads an iterator of a list by name.
pub(crate) fn read_name(text: &str) -> Option<String> {
    let name = URL_SAFE_NO_PAD.decode(text.strip_prefix(NAMED)?).ok()?;
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}

/// Most entries of one part of a list.
pub(crate) const MAX_LIMIT: u32 = 250;
/// Entries of a part if the request names no limit.
const DEFAULT_LIMIT: u32 = 50;

/// A whole number within bounds that the check and the description share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded<const MIN: u32, const MAX: u32>(pub(crate) u32);

/// Number of entries of a part of a list.
pub(crate) type Limit = Bounded<1, MAX_LIMIT>;

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let why = || D::Error::custom(format!("is a whole number from {MIN} to {MAX}"));
        let number = i64::deserialize(deserializer)?;
        let number = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        number.map(Self).ok_or_else(why)
    }
}

impl<const MIN: u32, const MAX: u32> PartialSchema for Bounded<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        bounded_integer(MIN.into(), MAX.into())
    }
}

impl<const MIN: u32, const MAX: u32> ToSchema for Bounded<MIN, MAX> {}

/// A place in a list by time, as an earlier part of the list named it.
#[derive(Clone, Debug)]
pub(crate) struct Place(pub(crate) String);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = String::deserialize(deserializer)?;
        match is_place(&place) {
            true => Ok(Self(place)),
            false => Err(D::Error::custom("is not one of ours")),
        }
    }
}

/// An integer with bounds that a check and its description share.
pub(crate) fn bounded_integer(minimum: i64, maximum: i64) -> RefOr<Schema> {
    integer(Type::Integer).minimum(Some(minimum)).maximum(Some(maximum)).into()
}

/// An integer with such bounds that may be null, as a field of a body.
pub(crate) fn optional_integer(minimum: u64, maximum: u64) -> RefOr<Schema> {
    let nullable = SchemaType::from_iter([Type::Integer, Type::Null]);
    integer(nullable).minimum(Some(minimum)).maximum(Some(maximum)).into()
}

fn integer(kind: impl Into<SchemaType>) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(kind).format(Some(format))
}

/// Text with a largest length that may be null, as a field of a body.
pub(crate) fn optional_text(longest: usize) -> RefOr<Schema> {
    let nullable = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(nullable).max_length(Some(longest)).into()
}

/// Part of a list that is answered.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    #[param(inline, nullable = false)]
    limit: Option<Limit>,
    #[param(nullable = false)]
    iterator: Option<String>,
}

impl PageQuery {
    /// This part of the list; a part without an iterator begins behind the given one.
    pub(crate) fn or_iterator(self, iterator: Option<String>) -> Self {
        Self { iterator: self.iterator.or(iterator), ..self }
    }

    /// The part. An iterator that begins with `-` goes back.
    pub(crate) fn request(self) -> PageRequest {
        let limit = self.limit.map_or(DEFAULT_LIMIT, |limit| limit.0) as usize;
        let back = self.iterator.as_deref().is_some_and(|iterator| iterator.starts_with('-'));
        let cursor = self.iterator.map(|iterator| match iterator.strip_prefix('-') {
            Some(cursor) => cursor.to_owned(),
            None => iterator,
        });
        PageRequest { cursor, back, limit }
    }

    /// The part of a list by time that is read in one direction only, whose cursors go into the table's
    /// keys.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an iterator that no such list gives.
    pub(crate) fn by_time(self) -> Result<PageRequest, Error> {
        let request = self.request();
        match request.cursor.as_deref().is_none_or(is_place) && !request.back {
            true => Ok(request),
            false => Err(unknown_iterator()),
        }
    }

    /// The part of a list by name that is read in one direction only.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an iterator that no such list gives.
    pub(crate) fn by_name(self) -> Result<PageRequest, Error> {
        let mut request = self.request();
        if let Some(text) = request.cursor.take() {
            let name = read_name(&text).filter(|_| !request.back);
            request.cursor = Some(name.ok_or_else(unknown_iterator)?);
        }
        Ok(request)
    }

    /// The part, of as many entries as one part may have unless the request says how many: for lists
    /// that were short, and whose readers take the first part for the whole.
    pub(crate) fn or_whole(self) -> Self {
        Self { limit: self.limit.or(Some(Bounded(MAX_LIMIT))), ..self }
    }
}

fn unknown_iterator() -> Error {
    Error::param("iterator", "is not one of ours")
}
