//! Sources, few and read often; the tokens of their jobs; how often they called.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | source | `SOURCES` | name | `version`, `locked_at` |
//! | job's token | `TOKEN#<sha256>` | `TOKEN` | `used_for` |
//! | a platform is left alone | `PAUSES` | source | |
//! | requests in a window | `RATE#<source>` | when it began | `requests`; no `doc` |

use domain::{
    id::EventId,
    source::{JobToken, RateLimit, Source},
    time::Timestamp,
};

use super::{
    Item, Table, WriteOutcome,
    row::{self, Condition, Row, Write, n, s},
};
use crate::Unavailable;

const SOURCES: &str = "SOURCES";
const TOKEN: &str = "TOKEN";
const PAUSES: &str = "PAUSES";

impl Table {
    /// Writes a source as it follows from the one that was read (version 1: there was none); `Refused`
    /// if the source of that name was created, changed or removed since. Whether it is locked stays as
    /// it is.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_source(&self, source: &Source) -> Result<WriteOutcome, Unavailable> {
        let condition = Condition::version(source.version - 1)
            .value(":doc", row::doc(source))
            .value(":version", n(source.version));
        let set = "SET doc = :doc, version = :version";
        self.update(SOURCES, &source.name, set, condition).await
    }

    /// The source of this name.
    pub async fn source(&self, name: &str) -> Result<Option<Source>, Unavailable> {
        self.item(SOURCES, name).await?.as_ref().map(from_item).transpose()
    }

    /// Every source, by name.
    pub async fn sources(&self) -> Result<Vec<Source>, Unavailable> {
        self.partition(SOURCES, "").await?.iter().map(from_item).collect()
    }

    /// Removes a source as it was read, and its lock; `Refused` if it was changed or removed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_source(&self, source: &Source) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = (SOURCES.to_owned(), source.name.clone());
        self.transact(vec![Write::Delete(pk, sk, Condition::version(source.version))]).await
    }

    /// Remembers that a source has presented a replay-safe signature. Once is enough.
    pub async fn lock_source(
        &self,
        name: &str,
        at: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let unlocked = "attribute_exists(pk) AND attribute_not_exists(locked_at)";
        let condition = Condition::new(unlocked).value(":at", n(at.0));
        self.update(SOURCES, name, "SET locked_at = :at", condition).await
    }

    /// Forgets it: the sender went back, and somebody answers for that.
    pub async fn unlock_source(&self, name: &str) -> Result<WriteOutcome, Unavailable> {
        let condition = Condition::new("attribute_exists(pk)");
        self.update(SOURCES, name, "REMOVE locked_at", condition).await
    }

    /// Keeps the path token of one job under its hash; `Refused` if that hash is taken.
    pub async fn put_token(
        &self,
        hash: &str,
        token: &JobToken,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = Row::new(token_partition(hash), TOKEN, token).expires(Some(self.expiry(now)));
        self.put(row, Some(Condition::absent())).await
    }

    /// The token with this hash.
    pub async fn token(&self, hash: &str) -> Result<Option<JobToken>, Unavailable> {
        let Some(item) = self.item(&token_partition(hash), TOKEN).await? else { return Ok(None) };
        let mut token: JobToken = row::document(&item)?;
        token.used_for = row::text(&item, "used_for").map(str::to_owned);
        Ok(Some(token))
    }

    /// Uses a token up for the event that reports its job's end; `Refused` if another event did.
    pub async fn use_token(
        &self,
        hash: &str,
        event: &EventId,
    ) -> Result<WriteOutcome, Unavailable> {
        let free = "attribute_exists(pk) AND (attribute_not_exists(used_for) OR used_for = :event)";
        let condition = Condition::new(free).value(":event", s(event.bare()));
        self.update(&token_partition(hash), TOKEN, "SET used_for = :event", condition).await
    }

    /// Counts a request of a source that has a limit; `Refused` if the window is full. One item per
    /// window, so the count holds across all who answer for us; it goes an hour after.
    pub async fn count_request(
        &self,
        source: &str,
        limit: RateLimit,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let window = limit.window(now);
        let room = "attribute_not_exists(requests) OR requests < :most";
        let condition = Condition::new(room)
            .value(":most", n(limit.requests))
            .value(":one", n(1))
            .value(":gone", n(window + 3600));
        let count = "SET expires_at = :gone ADD requests :one";
        self.update(&format!("RATE#{source}"), &window.to_string(), count, condition).await
    }

    /// Leaves a source's platform alone until this time at least, as it asked: a later time that another
    /// worker wrote stays.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn pause_asking(&self, name: &str, until: Timestamp) -> Result<(), Unavailable> {
        let expires = until.secs() + 60;
        let row = Row::new(PAUSES, name, &until).expires(Some(expires));
        let longer = Condition::new("attribute_not_exists(pk) OR expires_at < :expires");
        self.put(row, Some(longer.value(":expires", n(expires)))).await.map(|_| ())
    }

    /// Until when a source's platform is left alone, if it has ever asked for it lately.
    pub async fn asking_paused(&self, name: &str) -> Result<Option<Timestamp>, Unavailable> {
        self.entity(PAUSES, name).await
    }
}

fn token_partition(hash: &str) -> String {
    format!("TOKEN#{hash}")
}

/// The lock lies beside the document, so that whoever writes that does not undo it.
fn from_item(item: &Item) -> Result<Source, Unavailable> {
    let mut source: Source = row::document(item)?;
    source.locked_at = row::number(item, "locked_at").map(Timestamp);
    Ok(source)
}
