//! The deserializer between serde_json and a type, and its views of objects and lists.

use std::fmt;

use serde::{
    de::{
        DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor, value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    fault::Fault,
    track::{Track, Unknown},
};

/// A deserializer of serde_json whose errors are [`Fault`]s.
pub(super) struct Reader<'t, D> {
    pub(super) inner: D,
    pub(super) track: &'t Track,
}

impl<'t, D> Reader<'t, D> {
    fn view<V>(&self, visitor: V) -> View<'t, V> {
        View { visitor, track: self.track, fields: None, is_enum: false }
    }

    /// Shows a view whatever is found, whatever the type asked for: the type then says what is wrong.
    fn show<'de, V>(self, view: View<'t, V>) -> Result<V::Value, Fault>
    where
        D: Deserializer<'de>,
        V: Visitor<'de>,
    {
        let track = self.track;
        self.inner.deserialize_any(view).map_err(|error| track.recover(&error))
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Reader<'_, D> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let view = self.view(visitor);
        self.show(view)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let (view, track) = (self.view(visitor), self.track);
        self.inner.deserialize_option(view).map_err(|error| track.recover(&error))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // By this name serde_json knows its `RawValue`.
        let (view, track) = (self.view(visitor), self.track);
        self.inner.deserialize_newtype_struct(name, view).map_err(|error| track.recover(&error))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let view = View { fields: Some(fields), ..self.view(visitor) };
        self.show(view)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let view = View { is_enum: true, ..self.view(visitor) };
        self.show(view)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // A derived type ignores exactly the fields that it does not know.
        if let Some(known) = self.track.fields.borrow().last() {
            let path = self.track.path.borrow().clone();
            self.track.unknown.borrow_mut().push(Unknown { path, known });
        }
        let track = self.track;
        self.inner.deserialize_ignored_any(visitor).map_err(|error| track.recover(&error))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier
    }
}

/// A type's visitor as serde_json sees it.
struct View<'t, V> {
    visitor: V,
    track: &'t Track,
    /// Known fields, if the type is a struct.
    fields: Option<&'static [&'static str]>,
    is_enum: bool,
}

/// Keeps a fault where [`Track::recover`] finds it, and passes an error of the other kind on.
fn pass<T, E: Error>(track: &Track, result: Result<T, Fault>) -> Result<T, E> {
    result.map_err(|fault| {
        track.fault.borrow_mut().get_or_insert(fault);
        E::custom("kept as a fault")
    })
}

/// Hands scalars through to the type's visitor.
macro_rules! scalars {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            pass(self.track, self.visitor.$method(value))
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for View<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        let result = match self.is_enum {
            true => self.visitor.visit_enum(IntoDeserializer::<Fault>::into_deserializer(text)),
            false => self.visitor.visit_str(text),
        };
        pass(self.track, result)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        pass(self.track, self.visitor.visit_unit())
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        pass(self.track, self.visitor.visit_none())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let Self { visitor, track, .. } = self;
        pass(track, visitor.visit_some(Reader { inner, track }))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let Self { visitor, track, .. } = self;
        pass(track, visitor.visit_newtype_struct(Reader { inner, track }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let Self { visitor, track, fields, .. } = self;
        // A derived struct also reads its fields from a list, which no client means.
        if fields.is_some() {
            return pass(track, Err(Error::invalid_type(Unexpected::Seq, &"an object")));
        }
        pass(track, visitor.visit_seq(List { inner, track, index: 0 }))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let Self { visitor, track, fields, is_enum } = self;
        // A map without declared fields hides those around it.
        track.fields.borrow_mut().push(fields.unwrap_or_default());
        let object = Object { inner, track, name: String::new() };
        let result = match is_enum {
            true => visitor.visit_enum(MapAccessDeserializer::new(object)),
            false => visitor.visit_map(object),
        };
        track.fields.borrow_mut().pop();
        pass(track, result)
    }
}

/// Reads a part of a value under the place that it has in the whole.
fn inside<T>(
    track: &Track,
    name: &str,
    read: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    track.path.borrow_mut().push(name.to_owned());
    let result = read();
    track.path.borrow_mut().pop();
    result.map_err(|fault| fault.within(name))
}

/// An object, entry by entry.
struct Object<'t, A> {
    inner: A,
    track: &'t Track,
    name: String,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Object<'_, A> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        loop {
            let name =
                self.inner.next_key::<String>().map_err(|error| self.track.recover(&error))?;
            let Some(name) = name else { return Ok(None) };
            self.name = name;
            if !self.track.passes_over(&self.name) {
                break;
            }
            let value = self.inner.next_value::<IgnoredAny>();
            value.map_err(|error| self.track.recover(&error))?;
        }
        let key = IntoDeserializer::<Fault>::into_deserializer(self.name.as_str());
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (inner, track, name) = (&mut self.inner, self.track, self.name.as_str());
        inside(track, name, || {
            inner.next_value_seed(Part { seed, track }).map_err(|error| track.recover(&error))
        })
    }
}

/// A list, element by element.
struct List<'t, A> {
    inner: A,
    track: &'t Track,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for List<'_, A> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let (inner, track, index) = (&mut self.inner, self.track, self.index);
        self.index += 1;
        inside(track, &index.to_string(), || {
            inner.next_element_seed(Part { seed, track }).map_err(|error| track.recover(&error))
        })
    }
}

/// A part of a value, read as the whole is.
struct Part<'t, S> {
    seed: S,
    track: &'t Track,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Part<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let Self { seed, track } = self;
        pass(track, seed.deserialize(Reader { inner, track }))
    }
}
