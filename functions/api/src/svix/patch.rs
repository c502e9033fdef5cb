//! Changes of a part: what is left out stays, and null clears what may be without a value. A patch is
//! laid over what is there, and the whole is then read and checked as a replacement would be.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::web::{
    error::{Error, Invalid},
    input,
};

/// Fields by name, as they stand in a body.
pub(super) type Fields = Map<String, Value>;

/// A replacement `T` of which everything may be left out.
pub(super) struct Patch<T>(std::marker::PhantomData<T>);

impl<T: PartialSchema> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        loosen(&mut schema);
        schema
    }
}

/// Requires nothing any more.
fn loosen(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required.clear(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(loosen),
        _ => (),
    }
}

impl<T: ToSchema> ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        let whole = T::name();
        let stem = whole.strip_suffix("Update").or_else(|| whole.strip_suffix("In"));
        format!("{}Patch", stem.unwrap_or(&whole)).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// Two spellings of one field: a patch that gives either replaces both.
pub(super) type Spellings = [&'static str; 2];

/// Lays a patch over what is there. `lists` name the fields that null clears; a null in any other
/// is refused rather than guessed at. What only we know of and `known` leaves out is passed on.
pub(super) fn lay_over<T: DeserializeOwned>(
    mut known: Fields,
    patch: Fields,
    same: &[Spellings],
    clearable: &[&str],
) -> Result<T, Error> {
    for (name, value) in patch {
        if let Some(spellings) = same.iter().find(|spellings| spellings.contains(&name.as_str())) {
            // The first of two spellings that say something is what they say.
            let other = spellings.iter().find(|other| **other != name).copied().unwrap_or_default();
            known.remove(other);
        }
        match value {
            Value::Null if clearable.contains(&name.as_str()) => known.remove(&name),
            Value::Null if known.contains_key(&name) => {
                return Err(Error::field(&name, "must not be null; leave it out"));
            }
            value => known.insert(name, value),
        };
    }
    input::read_whole(known)
}

/// An object out of a value that was one.
pub(super) fn fields(value: Value) -> Result<Fields, Error> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => {
            let at = vec!["body".to_owned()];
            Err(Error::Invalid(Invalid { at, why: "must be an object".to_owned() }))
        }
    }
}
