//! Reading a query string into declared parameters.
//!
//! A parameter may stand there several times; a list parameter also takes its entries with commas.
//! A scalar parameter takes the first that is not empty. An empty parameter is as one that is left
//! out. A flag is declared as `bool`, not as an option: a bare `?name` means true.

use std::collections::BTreeMap;

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
        value::{MapAccessDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{Fault, Reason};

/// Parameters by name, in the order of their names.
type Pairs = BTreeMap<String, Vec<String>>;

/// Reads declared parameters from the pairs of a query.
///
/// # Errors
/// If a parameter is not known, is missing, or has a value that its type does not take.
pub fn read_query<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Fault> {
    let mut by_name = Pairs::new();
    for (name, value) in pairs {
        by_name.entry(name.clone()).or_default().push(value.clone());
    }
    T::deserialize(MapAccessDeserializer::new(Entries { rest: by_name.into_iter(), value: None }))
}

/// A query as an object.
struct Entries {
    rest: std::collections::btree_map::IntoIter<String, Vec<String>>,
    value: Option<(String, Vec<String>)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.value = self.rest.next();
        let Some((name, _)) = &self.value else { return Ok(None) };
        seed.deserialize(IntoDeserializer::<Fault>::into_deserializer(name.as_str())).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (name, values) = self.value.take().unwrap_or_default();
        seed.deserialize(Parameter(values)).map_err(|fault| fault.within(&name))
    }
}

/// The values of one parameter.
struct Parameter(Vec<String>);

impl Parameter {
    /// The first value that is not empty, or else the empty text.
    fn text(&self) -> &str {
        self.0.iter().map(String::as_str).find(|text| !text.is_empty()).unwrap_or_default()
    }

    fn mismatch(&self, expected: &str) -> Fault {
        Fault::new(Reason::Check(format!("is {expected}")))
    }
}

/// A number, shown to a visitor that says its own bounds.
macro_rules! numbers {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let text = self.text();
            match (text.parse::<u64>(), text.parse::<i64>()) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => Err(self.mismatch("a whole number")),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Parameter {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            "" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.first().map(String::as_str) {
            Some("true" | "1" | "") => visitor.visit_bool(true),
            Some("false" | "0") => visitor.visit_bool(false),
            _ => Err(self.mismatch("true or false")),
        }
    }

    numbers!(
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64
    );

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = self.0.iter().flat_map(|value| value.split(','));
        let entries = entries.filter(|entry| !entry.is_empty()).map(Entry);
        visitor.visit_seq(SeqDeserializer::new(entries))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(IntoDeserializer::<Fault>::into_deserializer(self.text()))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// One entry of a list parameter.
struct Entry<'a>(&'a str);

impl<'de> IntoDeserializer<'de, Fault> for Entry<'_> {
    type Deserializer = Parameter;

    fn into_deserializer(self) -> Parameter {
        Parameter(vec![self.0.to_owned()])
    }
}
