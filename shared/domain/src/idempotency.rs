//! The `Idempotency-Key` header: the record of the request that came with a key, and the answer to
//! the next request with the same key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{envelope::StoredBody, time::Timestamp};

/// The time for which a record is kept: a day, as Stripe keeps its own.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// The time for which a request has its key to itself: longer than any function of the API runs, so
/// that a request without an answer after this time has died.
pub const LEASE: Duration = Duration::from_secs(60);
/// Longest key, in bytes: the limit of Stripe's API, which clients know.
pub const MAX_KEY: usize = 255;

/// The record of a request under its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// SHA-256 over the query and body of the request.
    pub fingerprint: String,
    /// A random name of the worker that handles the request. A worker that finds another token
    /// changes nothing.
    pub token: String,
    /// The time until which the request has the key to itself.
    pub lease_until: Timestamp,
    /// The time at which the record is forgotten.
    pub until: Timestamp,
    /// The answer to the request, once there is one.
    pub answer: Option<RecordedAnswer>,
}

/// The answer to a request, as its record holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// The HTTP status of the first answer.
    pub status: u16,
    /// The `Content-Type`, if there was a body.
    pub content_type: Option<String>,
    /// The body; `None` if it contained a secret, which is not stored.
    pub body: Option<StoredBody>,
}

/// The answer to the next request with a key.
#[derive(Clone, Debug, PartialEq)]
pub enum RepeatOutcome {
    /// The key belongs to another request: the caller is told so.
    Other,
    /// The first request is still being handled; its lease ends after this time.
    Running(Duration),
    /// The answer of the first request is given again.
    Answered(RecordedAnswer),
    /// The first request died or is forgotten: this one is handled.
    Free,
}

impl IdempotencyRecord {
    /// The record of a request that is about to be handled.
    pub fn begun(fingerprint: String, token: String, now: Timestamp) -> Self {
        let (lease_until, until) = (now.plus(LEASE), now.plus(KEPT));
        Self { fingerprint, token, lease_until, until, answer: None }
    }

    /// The answer to a request with the same key and this fingerprint.
    pub fn again(&self, fingerprint: &str, now: Timestamp) -> RepeatOutcome {
        if self.until <= now {
            return RepeatOutcome::Free;
        }
        if self.fingerprint != fingerprint {
            return RepeatOutcome::Other;
        }
        match &self.answer {
            Some(answer) => RepeatOutcome::Answered(answer.clone()),
            None if now < self.lease_until => RepeatOutcome::Running(self.lease_until.since(now)),
            None => RepeatOutcome::Free,
        }
    }
}

/// Whether an answer with this status is recorded. An answer that says "not now" or "not you" would
/// be wrong for the repetition.
pub const fn keeps(status: u16) -> bool {
    status < 500 && !matches!(status, 401 | 403 | 408 | 409 | 413 | 429)
}

/// Whether the text can be a key: 1 to [`MAX_KEY`] printable ASCII characters.
pub fn is_key(text: &[u8]) -> bool {
    (1..=MAX_KEY).contains(&text.len()) && text.iter().all(|byte| matches!(byte, 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn what_the_next_request_gets_follows_from_what_is_kept() {
        let answer = RecordedAnswer { status: 201, content_type: None, body: None };
        let begun = IdempotencyRecord::begun("f".to_owned(), "t".to_owned(), NOW);
        let done = IdempotencyRecord { answer: Some(answer.clone()), ..begun.clone() };
        let later = |seconds| NOW.plus(Duration::from_secs(seconds));
        for (kept, fingerprint, at, again) in [
            (&begun, "f", NOW, RepeatOutcome::Running(LEASE)),
            (&begun, "f", later(59), RepeatOutcome::Running(Duration::from_secs(1))),
            (&begun, "f", later(60), RepeatOutcome::Free),
            (&begun, "other", NOW, RepeatOutcome::Other),
            // What a dead worker did is not known: the key stays its request's.
            (&begun, "other", later(60), RepeatOutcome::Other),
            (&done, "f", later(60), RepeatOutcome::Answered(answer.clone())),
            (&done, "f", later(86_399), RepeatOutcome::Answered(answer.clone())),
            (&done, "f", later(86_400), RepeatOutcome::Free),
            (&done, "other", later(5), RepeatOutcome::Other),
            (&done, "other", later(86_400), RepeatOutcome::Free),
        ] {
            assert_eq!(kept.again(fingerprint, at), again, "{fingerprint} {at:?}");
        }
    }

    #[test]
    fn answers_that_would_be_wrong_the_next_time_are_not_kept() {
        for status in [200, 201, 202, 204, 400, 404, 422] {
            assert!(keeps(status), "{status}");
        }
        for status in [401, 403, 409, 429, 500, 501, 503] {
            assert!(!keeps(status), "{status}");
        }
    }

    #[test]
    fn a_key_is_printable_and_not_long() {
        assert!(is_key(b"auto_1") && is_key(&[b'x'; 255]));
        assert!(!is_key(b"") && !is_key(&[b'x'; 256]) && !is_key("é".as_bytes()));
    }
}
