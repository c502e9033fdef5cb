//! Bodies too large for a message or an item lie in S3, and a claim to them travels instead.

use aws_sdk_s3::{Client, primitives::ByteStream};
use domain::envelope::{OpenedBody, StoredBody};

use crate::Unavailable;

/// Largest body that lies in an item, in bytes: above it a PUT to S3 is cheaper than write units.
pub const MAX_INLINE: usize = 8 * 1024;

/// A bucket.
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

    /// The body under a key.
    ///
    /// # Errors
    /// Fails if S3 does, also if nothing lies under the key.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, Unavailable> {
        let object = self.client.get_object().bucket(&self.name).key(key).send().await;
        let object = object.map_err(|error| Unavailable::aws("fetching a body", &error))?;
        let body = object.body.collect().await;
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

    /// A body to be stored in an item: inline up to [`MAX_INLINE`] bytes, else as a claim after it
    /// was written under `key`.
    ///
    /// # Errors
    /// Fails if S3 does.
    pub async fn carry(&self, key: &str, body: &[u8]) -> Result<StoredBody, Unavailable> {
        if body.len() <= MAX_INLINE {
            return Ok(StoredBody::inline(body));
        }
        self.put(key, body.to_vec()).await?;
        Ok(StoredBody::Claim(key.to_owned()))
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
