//! Bodies too large for a message or an item lie in S3, and a claim to them travels instead.

use aws_sdk_s3::{Client, primitives::ByteStream};
use domain::envelope::{OpenedBody, StoredBody, object_part};

use crate::{Unavailable, packed};

/// Largest body that may lie in an item, in bytes, so that a list of events fits memory.
pub const MAX_INLINE: usize = 64 * 1024;
/// Most bytes that a body in an item takes when it is packed, as the item's document is. Above that one PUT
/// to S3 costs less than the write units of a transaction (docs/adr/0064-layout-of-the-table.md has the sum).
pub const MAX_PACKED: usize = 4 * 1024;
/// The most packed bytes of all bodies of an event from the inbox together. Such an event is written outside
/// of transactions.
pub const MAX_PACKED_OF_REQUEST: usize = 6 * 1024;

/// The S3 bucket that holds large bodies.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// Opens a bucket by name.
    pub const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Writes a body under a key. A key is only ever written with the same bytes, so that a
    /// repeated write changes nothing.
    ///
    /// # Errors
    /// Fails if S3 does.
    pub async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), Unavailable> {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| Unavailable::aws("keeping a body", &error))?;
        Ok(())
    }

    /// The body under a key, or in a part of an object.
    ///
    /// # Errors
    /// Fails if S3 does, also if nothing lies under the key.
    pub async fn get(&self, claim: &str) -> Result<Vec<u8>, Unavailable> {
        let (key, bytes) = object_part(claim);
        let range = bytes.map(|bytes| format!("bytes={}-{}", bytes.start, bytes.end - 1));
        let get = self.client.get_object().bucket(&self.name).key(key).set_range(range);
        let object = get.send().await.map_err(|error| Unavailable::aws("fetching a body", &error));
        let body = object?.body.collect().await;
        Ok(body.map_err(|error| Unavailable::aws("fetching a body", &error))?.into_bytes().to_vec())
    }

    /// Removes the body under a key, if there is one.
    ///
    /// # Errors
    /// Fails if S3 does.
    pub async fn remove(&self, key: &str) -> Result<(), Unavailable> {
        let removed = self.client.delete_object().bucket(&self.name).key(key).send().await;
        removed.map(|_| ()).map_err(|error| Unavailable::aws("removing a body", &error))
    }

    /// A body to be stored in an item: inline if it is small enough, else as a claim after it was written
    /// under `key`.
    ///
    /// # Errors
    /// Fails if S3 does.
    pub async fn carry(&self, key: &str, body: &[u8]) -> Result<StoredBody, Unavailable> {
        if fits(&[body], MAX_PACKED) {
            return Ok(StoredBody::inline(body));
        }
        self.put(key, body.to_vec()).await?;
        Ok(StoredBody::Claim(key.to_owned()))
    }

    /// The bodies of an event of the inbox, to be stored in its item, in their order: inline if all of them
    /// fit, else as claims of parts of one object that was written under `key`.
    ///
    /// # Errors
    /// Fails if S3 does.
    pub async fn carry_all(
        &self,
        key: &str,
        bodies: &[&[u8]],
    ) -> Result<Vec<StoredBody>, Unavailable> {
        let inline = |body: &&[u8]| StoredBody::inline(body);
        if fits(bodies, MAX_PACKED_OF_REQUEST) {
            return Ok(bodies.iter().map(inline).collect());
        }
        self.put(key, bodies.concat()).await?;
        if bodies.len() == 1 {
            return Ok(vec![StoredBody::Claim(key.to_owned())]);
        }
        let mut end = 0;
        let part = |body: &&[u8]| {
            let first = end;
            end += body.len();
            // S3 knows no range of no bytes.
            if body.is_empty() { inline(body) } else { StoredBody::part(key, first..end) }
        };
        Ok(bodies.iter().map(part).collect())
    }

    /// The bytes of a stored body.
    ///
    /// # Errors
    /// Fails if S3 does, or an inline body is not valid base64.
    pub async fn open(&self, carried: StoredBody) -> Result<Vec<u8>, Unavailable> {
        match carried.open() {
            Ok(OpenedBody::Bytes(bytes)) => Ok(bytes),
            Ok(OpenedBody::Claim(key)) => self.get(&key).await,
            Err(error) => Err(Unavailable::new("opening a body", error)),
        }
    }
}

/// Whether these bodies may lie in one item, in which they take so many bytes at most.
fn fits(bodies: &[&[u8]], most: usize) -> bool {
    let whole: usize = bodies.iter().map(|body| body.len()).sum();
    if bodies.iter().any(|body| MAX_INLINE < body.len()) {
        return false;
    }
    whole <= most || packed::pack(&bodies.concat()).len() <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_lie_in_their_item_by_their_packed_size() {
        let digits = |bytes: usize| -> Vec<u8> {
            let hex = (0..bytes / 64 + 1).map(|n| domain::profile::fingerprint(&n.to_be_bytes()));
            hex.collect::<String>().into_bytes()[..bytes].to_vec()
        };
        let in_item = |bodies: &[&[u8]]| fits(bodies, MAX_PACKED);
        assert!(in_item(&[&digits(MAX_PACKED), b""]));
        // Hex digits are packed to a little more than half.
        assert!(in_item(&[&digits(7000)]) && !in_item(&[&digits(8000)]));
        assert!(fits(&[&digits(8000)], MAX_PACKED_OF_REQUEST));
        assert!(in_item(&[&digits(6000), &digits(6000)]), "the second is a copy of the first");
        assert!(in_item(&[&[b'x'; MAX_INLINE]]) && !in_item(&[&[b'x'; MAX_INLINE + 1]]));
    }
}
