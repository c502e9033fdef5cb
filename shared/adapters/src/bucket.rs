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

    /// Keeps a body under a key. The same key is only ever written with the same bytes.
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
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, Unavailable> {
        let object = self.client.get_object().bucket(&self.name).key(key).send().await;
        let object = object.map_err(|error| Unavailable::aws("fetching a body", &error))?;
        let body = object.body.collect().await;
        Ok(body.map_err(|error| Unavailable::aws("fetching a body", &error))?.into_bytes().to_vec())
    }

    /// Removes the body under a key, if it is there.
    pub async fn remove(&self, key: &str) -> Result<(), Unavailable> {
        let removed = self.client.delete_object().bucket(&self.name).key(key).send().await;
        removed.map(|_| ()).map_err(|error| Unavailable::aws("removing a body", &error))
    }

    /// Carries a body inline if it is small, else puts it under `key` and carries the claim.
    pub async fn carry(&self, key: &str, body: &[u8]) -> Result<StoredBody, Unavailable> {
        if body.len() <= MAX_INLINE {
            return Ok(StoredBody::inline(body));
        }
        self.put(key, body.to_vec()).await?;
        Ok(StoredBody::Claim(key.to_owned()))
    }

    /// The bytes that are carried.
    pub async fn open(&self, carried: StoredBody) -> Result<Vec<u8>, Unavailable> {
        match carried.open() {
            Ok(OpenedBody::Bytes(bytes)) => Ok(bytes),
            Ok(OpenedBody::Claim(key)) => self.get(&key).await,
            Err(error) => Err(Unavailable::new("opening a body", error)),
        }
    }
}
