//! An `Idempotency-Key`: what is kept of the request that came with it, and what that means for the
//! next one with the same key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{envelope::StoredBody, time::Timestamp};

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long whoever works on a request has the key to itself: longer than any function runs, so
/// that one that is still without an answer afterwards has died.
pub const LEASE: Duration = Duration::from_secs(60);
/// Longest key, in characters.
pub const MAX_KEY: usize = 255;

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// SHA-256 over the request's query and body.
    pub fingerprint: String,
    /// Who works on it, or did: whoever finds another's here changes nothing.
    pub token: String,
    /// Until when it has the key to itself.
    pub lease_until: Timestamp,
    /// When all this is forgotten.
    pub until: Timestamp,
    /// What was answered, once it was.
    pub answer: Option<RecordedAnswer>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// Its status.
    pub status: u16,
    /// Its `Content-Type`, if it had a body.
    pub content_type: Option<String>,
    /// Its body; none if that held a secret, which is not kept.
    pub body: Option<StoredBody>,
}

/// What the next request with a key gets.
#[derive(Clone, Debug, PartialEq)]
pub enum RepeatOutcome {
    /// It is another request.
    Other,
    /// The first is being worked on, for so long at the most.
    Running(Duration),
    /// The same answer.
    Answered(RecordedAnswer),
    /// Whoever worked on it died, or it is forgotten: it may be done now.
    Free,
}

impl IdempotencyRecord {
    /// A request that somebody begins to work on.
    pub fn begun(fingerprint: String, token: String, now: Timestamp) -> Self {
        let (lease_until, until) = (now.plus(LEASE), now.plus(KEPT));
        Self { fingerprint, token, lease_until, until, answer: None }
    }

    /// What a request with the same key gets.
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

/// Whether an answer is kept for whoever asks again. One that says that it could not be done now,
/// or that this caller may not, would be wrong the next time.
pub const fn keeps(status: u16) -> bool {
    status < 500 && !matches!(status, 401 | 403 | 408 | 409 | 413 | 429)
}

/// Whether text can be a key.
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
