//! The requests that events came with, each in the item of its event: it goes with that item, and a page of
//! events reads no more items. An event is on its list by keys alone, so that the record is copied nowhere.
//!
//! The record is deflated JSON in an attribute of its own: whoever reads an event does not unpack it.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{id::EventId, request::RequestRecord};

use super::{
    Item, Table, WriteOutcome,
    delivery_item::event_key,
    row::{self, Condition},
};
use crate::{Unavailable, packed};

/// The attribute with the record.
const RECORD: &str = "request";
/// Most bytes of a record's JSON. [`MAX_HEADER_BYTES`](domain::request::MAX_HEADER_BYTES) of headers, all
/// of them sealed and of bytes that JSON escapes, are less than a fifth.
const MAX_RECORD: u64 = 256 * 1024;

/// The attribute of an event's item that holds the request it came with.
pub(super) fn attribute(request: &RequestRecord) -> (&'static str, AttributeValue) {
    (RECORD, AttributeValue::B(Blob::new(packed(request))))
}

impl Table {
    /// The request that an event came with, if it is recorded.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn request(&self, event: &EventId) -> Result<Option<RequestRecord>, Unavailable> {
        let (pk, sk) = event_key(event);
        match self.item(&pk, &sk).await? {
            Some(item) => if_any(&item),
            None => Ok(None),
        }
    }

    /// Removes the recorded request of an event, if there is one.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn forget_request(&self, event: &EventId) -> Result<(), Unavailable> {
        let (pk, sk) = event_key(event);
        let there = Condition::new("attribute_exists(#request)").name("#request", RECORD);
        self.update(&pk, &sk, "REMOVE #request", there).await.map(WriteOutcome::either_way)
    }
}

fn packed(request: &RequestRecord) -> Vec<u8> {
    packed::pack(&serde_json::to_vec(request).expect("plain data serialises"))
}

/// The request in an event's item, if there is one.
pub(super) fn if_any(item: &Item) -> Result<Option<RequestRecord>, Unavailable> {
    item.contains_key(RECORD).then(|| from_item(item)).transpose()
}

fn from_item(item: &Item) -> Result<RequestRecord, Unavailable> {
    let doing = "reading a request";
    let Some(AttributeValue::B(record)) = row::known(item).ok().and_then(|item| item.get(RECORD))
    else {
        return Err(Unavailable::new(doing, "the item has no record, or a newer layout"));
    };
    let record = packed::unpack(record.as_ref(), MAX_RECORD);
    let record = record.map_err(|error| Unavailable::new(doing, error))?;
    serde_json::from_slice(&record).map_err(|error| Unavailable::new(doing, error))
}

#[cfg(test)]
mod tests {
    use domain::{
        request::{ArrivedRequest, RequestVerdict},
        secret::SealedSecret,
    };
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    /// A request with these headers, every one of which is sealed if `seal` is not empty.
    fn record(headers: &HeaderMap, seal: &str) -> RequestRecord {
        let profile = domain::profile::Profile::named("github").expect("part of the build");
        let request = ArrivedRequest {
            method: "POST",
            path: "/in/github",
            query: None,
            token: None,
            caller: Some([192, 0, 2, 1].into()),
            headers,
            bytes: 7000,
        };
        let verdict = RequestVerdict {
            profile: "github".to_owned(),
            scheme: profile.scheme.words(),
            secret: None,
            timestamp_age_s: None,
        };
        RequestRecord::of(&request, profile, verdict, |_, value| {
            SealedSecret(seal.repeat(value.len()))
        })
    }

    #[test]
    fn the_largest_record_comes_out_as_it_went_in() {
        let mut headers = HeaderMap::new();
        for number in 0..64 {
            let name: HeaderName = format!("x-token-{number}").parse().expect("a name");
            let value = HeaderValue::from_bytes(&[b'"'; 110]).expect("a value");
            headers.insert(name, value);
        }
        let largest = record(&headers, "xx");
        assert_eq!((largest.headers.len(), largest.headers_left_out), (64, 0));
        let item =
            Item::from([(RECORD.to_owned(), AttributeValue::B(Blob::new(packed(&largest))))]);
        assert_eq!(from_item(&item).expect("ours"), largest);
        let json = serde_json::to_vec(&largest).expect("JSON").len() as u64;
        assert!(json < MAX_RECORD / 5, "{json}");
        assert!(from_item(&Item::new()).is_err());
    }
}
