//! Whether the relay can keep what it is given: a small write to the table and one to the bucket.
//!
//! A read would succeed while a disk is full or a policy forbids writes. The result is remembered for
//! five seconds, so that callers without a key cannot cause more than a few writes.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tracing::error;

use crate::ControlPlane;

/// The time for which a result is remembered.
const FRESH: Duration = Duration::from_secs(5);
/// Longest time that a write may take.
const LONGEST: Duration = Duration::from_secs(5);
/// Key of the object that is written. It is overwritten each time, and expires as every body does.
const OBJECT: &str = "health/probe";
/// Size of the object, in bytes: a block of most file systems.
const SIZE: usize = 4096;

/// A place where the relay keeps things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The table of DynamoDB.
    Table,
    /// The S3 bucket of large bodies.
    Bucket,
}

impl Store {
    /// The name of the store in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Bucket => "bucket",
        }
    }
}

/// The last result of [`unwritable`].
#[derive(Debug)]
pub(crate) struct HealthCheck(Mutex<Option<(Instant, Vec<Store>)>>);

impl HealthCheck {
    pub(crate) const fn new() -> Self {
        Self(Mutex::const_new(None))
    }
}

/// The stores that cannot be written to; none if all is well. Of callers at the same time one asks,
/// and the others wait for its result.
pub async fn unwritable(control: &ControlPlane) -> Vec<Store> {
    let mut last = control.health().0.lock().await;
    if let Some((at, found)) = &*last
        && at.elapsed() < FRESH
    {
        return found.clone();
    }
    let (table, bucket) = tokio::join!(
        timeout(LONGEST, control.table().probe(control.now())),
        timeout(LONGEST, control.bucket().put(OBJECT, vec![b'.'; SIZE])),
    );
    let mut found = Vec::new();
    for (store, written) in [(Store::Table, table), (Store::Bucket, bucket)] {
        let problem = match written {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LONGEST.as_secs()),
        };
        error!(store = store.word(), problem, "a store cannot be written to");
        found.push(store);
    }
    *last = Some((Instant::now(), found.clone()));
    found
}
