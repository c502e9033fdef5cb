//! A digest of a request's idempotency key, from which created things take their ids.

use adapters::random;

/// Digest of caller, path and idempotency key of a request, or nothing if the request has no such
/// key. A repeated request has the same digest, so that creating again finds what was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestKey(pub Option<String>);

impl RequestKey {
    /// Sixteen bytes to name a new thing by: the head of the digest, or random bytes without one.
    pub fn bytes(&self) -> [u8; 16] {
        let digest = self.0.as_deref().and_then(|digest| hex::decode(digest).ok());
        digest.and_then(|digest| digest.first_chunk().copied()).unwrap_or_else(random::bytes)
    }

    /// Whether a thing that was made under `made_by` was made by this very request.
    pub fn made(&self, made_by: Option<&String>) -> bool {
        made_by.is_some() && made_by == self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_names_the_same_and_no_key_names_by_chance() {
        let key = RequestKey(Some(domain::id::digest(&["idempotency", "a"])));
        assert_eq!(key.bytes(), key.bytes());
        assert_ne!(RequestKey::default().bytes(), RequestKey::default().bytes());
        assert!(key.made(key.0.as_ref()));
        assert!(!RequestKey::default().made(None));
    }
}
