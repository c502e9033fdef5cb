//! The requests that events came with, each in the partition of its event. A request is an item of its
//! own and not a part of its event's: an event is copied to the index of its list, a request is not.
//!
//! The record is deflated JSON: an ordinary request then fits the kilobyte that DynamoDB counts in.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{event::Event, id::EventId, request::RequestRecord};

use super::{
    Item, Table,
    delivery_item::event_partition,
    row::{self, Condition, Row, Write, n},
};
use crate::{Unavailable, packed};

/// The attribute with the record.
const RECORD: &str = "request";
/// Most bytes of a record's JSON. [`MAX_HEADER_BYTES`](domain::request::MAX_HEADER_BYTES) of headers, all
/// of them sealed and of bytes that JSON escapes, are less than a fifth.
const MAX_RECORD: u64 = 256 * 1024;

fn key(id: &EventId) -> (String, String) {
    (event_partition(id), "REQUEST".to_owned())
}

impl Table {
    /// The write that records a request with its event. Both expire at the same time.
    pub(super) fn request_write(&self, event: &Event, request: &RequestRecord) -> Write {
        let (pk, sk) = key(&event.id);
        let row = Row::bare(pk, sk)
            .with(RECORD, AttributeValue::B(Blob::new(packed(request))))
            .expires(Some(self.expiry(event.created_at)));
        // The event is written on the condition that it is new, in the same transaction.
        Write::Put(row, Condition::default())
    }

    /// The write that makes the recorded request of an event expire at another time, in seconds, or not
    /// at all; `None` for an event without one, and for one whose content is being removed. The
    /// transaction is refused if the request was removed since the event was read.
    pub(super) fn request_expiry(event: &Event, at: Option<u64>) -> Option<Write> {
        let (pk, sk) = key(&event.id);
        let there = Condition::new("attribute_exists(pk)");
        let stays = event.has_request && event.expunged_at.is_none();
        stays.then(|| match at {
            Some(at) => Write::Update(pk, sk, "SET expires_at = :at", there.value(":at", n(at))),
            None => Write::Update(pk, sk, "REMOVE expires_at", there),
        })
    }

    /// The request that an event came with, if it is recorded.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn request(&self, event: &EventId) -> Result<Option<RequestRecord>, Unavailable> {
        let (pk, sk) = key(event);
        self.item(&pk, &sk).await?.map(|item| from_item(&item)).transpose()
    }

    /// Removes the recorded request of an event, if there is one.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn forget_request(&self, event: &EventId) -> Result<(), Unavailable> {
        let (pk, sk) = key(event);
        self.delete(&pk, &sk).await.map(super::WriteOutcome::either_way)
    }
}

fn packed(request: &RequestRecord) -> Vec<u8> {
    packed::pack(&serde_json::to_vec(request).expect("plain data serialises"))
}

pub(super) fn from_item(item: &Item) -> Result<RequestRecord, Unavailable> {
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
