//! Sources, few and read often; their former tenures; the tokens of their jobs; how often they
//! called.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | source | `SOURCES` | name | `version`, `source_id`, `locked_at`, `handshake_at` |
//! | tenure that ended | `TENURE#<source>` | application | |
//! | job's token | `TOKEN#<sha256>` | `TOKEN` | `used_for` |
//! | a platform is left alone | `PAUSES` | source | |
//! | requests in a window | `RATE#<source>` | when it began | `requests`; no `doc` |
//!
//! `source_id` says which source bears a name, so that a write which means one source never meets the
//! next one of its name.

use domain::{
    id::{EventId, SourceId, Tenure},
    source::{FormerTenure, HANDSHAKE_NOTED_EVERY, JobToken, RateLimit, Source},
    time::Timestamp,
};

use super::{
    Item, Page, Table, WriteOutcome,
    row::{self, Condition, Row, Write, n, s},
};
use crate::Unavailable;

const SOURCES: &str = "SOURCES";
const TOKEN: &str = "TOKEN";
const PAUSES: &str = "PAUSES";
const TENURES: &str = "TENURES";
/// Most former tenures that are listed: a bound for the reads of one request.
const MAX_TENURES: usize = 1000;
/// Former tenures that are read at a time.
const TENURE_PAGE: usize = 500;

/// The key under which a tenure lies once it has ended.
pub(super) fn tenure_key(tenure: &Tenure) -> (String, String) {
    (format!("TENURE#{}", tenure.source), tenure.application.to_string())
}

/// The source of this name is as it was read. The version alone is not enough: the next source of a name
/// counts from the beginning.
fn as_read(source: &Source) -> Condition {
    Condition::new("version = :read AND source_id = :id")
        .value(":read", n(source.version))
        .value(":id", s(source.id.as_str()))
}

/// The source of this name is the one with this identity.
fn is(id: &SourceId) -> Condition {
    Condition::new("source_id = :id").value(":id", s(id.as_str()))
}

impl Table {
    /// Writes a source as it follows from the one that was `known`, if there was one; its lock and its
    /// handshake stay as they are. If the application changes, the former tenure is kept in the same step.
    /// `Refused` if the source of that name was created, changed or removed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_source(
        &self,
        source: &Source,
        known: Option<&Source>,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let condition = known.map_or_else(Condition::absent, as_read);
        let condition = condition
            .value(":doc", row::doc(source))
            .value(":version", n(source.version))
            .value(":id", s(source.id.as_str()));
        let set = "SET doc = :doc, version = :version, source_id = :id";
        match known.filter(|known| known.application != source.application) {
            None => self.update(SOURCES, &source.name, set, condition).await,
            Some(known) => {
                let (pk, sk) = tenure_key(&source.tenure());
                let writes = vec![
                    Write::Update(SOURCES.to_owned(), source.name.clone(), set, condition),
                    Write::Put(self.former_row(&known.former(now)), Condition::default()),
                    // The source may come back to an application that it belonged to before.
                    Write::Delete(pk, sk, Condition::default()),
                ];
                self.transact(writes).await
            }
        }
    }

    fn former_row(&self, former: &FormerTenure) -> Row {
        let (pk, sk) = tenure_key(&former.tenure);
        let id = format!("{}#{sk}", former.tenure.source);
        Row::new(pk, sk, former)
            .listed(TENURES, former.ended_at, &id)
            .expires(Some(self.expiry(former.ended_at)))
    }

    /// The source of this name.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer, or the item cannot be read.
    pub async fn source(&self, name: &str) -> Result<Option<Source>, Unavailable> {
        self.item(SOURCES, name).await?.as_ref().map(from_item).transpose()
    }

    /// Every source, by name.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer, or an item cannot be read.
    pub async fn sources(&self) -> Result<Vec<Source>, Unavailable> {
        Ok(row::readable(&self.partition(SOURCES, "").await?, from_item))
    }

    /// Sources by name: those behind the name `after`.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer. An item that cannot be read is logged and left out.
    pub async fn sources_page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Source>, Unavailable> {
        self.page_by_key(SOURCES, after, limit, false, from_item).await
    }

    /// Tenures that ended within `RetentionDays`, the latest first, at most 1000.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer.
    pub async fn former_tenures(&self) -> Result<Vec<FormerTenure>, Unavailable> {
        let (mut former, mut cursor): (Vec<FormerTenure>, Option<String>) = Default::default();
        loop {
            let page = self.page(TENURES, cursor.as_deref(), TENURE_PAGE, false).await?;
            former.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || MAX_TENURES <= former.len() {
                return Ok(former);
            }
        }
    }

    /// Removes a source as it was read, with lock and handshake, and keeps its tenure as a former one; `Refused` if
    /// the source was changed or removed since.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer.
    pub async fn delete_source(
        &self,
        source: &Source,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let writes = vec![
            Write::Delete(SOURCES.to_owned(), source.name.clone(), as_read(source)),
            Write::Put(self.former_row(&source.former(now)), Condition::default()),
        ];
        self.transact(writes).await
    }

    /// Records that a source has presented a replay-safe signature, for the first time.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer.
    pub async fn lock_source(
        &self,
        name: &str,
        id: &SourceId,
        at: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let unlocked = "source_id = :id AND attribute_not_exists(locked_at)";
        let condition = Condition::new(unlocked).value(":id", s(id.as_str())).value(":at", n(at.0));
        self.update(SOURCES, name, "SET locked_at = :at", condition).await
    }

    /// Removes the record of a replay-safe signature, because the sender went back to a weaker one.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer.
    pub async fn unlock_source(
        &self,
        name: &str,
        id: &SourceId,
    ) -> Result<WriteOutcome, Unavailable> {
        self.update(SOURCES, name, "REMOVE locked_at", is(id)).await
    }

    /// Records that a challenge of a source's sender was answered; `Refused` if that was recorded within
    /// [`HANDSHAKE_NOTED_EVERY`] before.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer.
    pub async fn note_handshake(
        &self,
        name: &str,
        id: &SourceId,
        at: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let old =
            "source_id = :id AND (attribute_not_exists(handshake_at) OR handshake_at <= :old)";
        let condition = Condition::new(old)
            .value(":id", s(id.as_str()))
            .value(":old", n(at.minus(HANDSHAKE_NOTED_EVERY).0))
            .value(":at", n(at.0));
        self.update(SOURCES, name, "SET handshake_at = :at", condition).await
    }

    /// Removes what the requests of a source have shown of its sender, the lock and the handshake, because
    /// the source has another sender now.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer.
    pub async fn forget_sender(
        &self,
        name: &str,
        id: &SourceId,
    ) -> Result<WriteOutcome, Unavailable> {
        self.update(SOURCES, name, "REMOVE locked_at, handshake_at", is(id)).await
    }

    /// Keeps the path token of one job under its hash; `Refused` if that hash is taken.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
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
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn token(&self, hash: &str) -> Result<Option<JobToken>, Unavailable> {
        let Some(item) = self.item(&token_partition(hash), TOKEN).await? else { return Ok(None) };
        let mut token: JobToken = row::document(&item)?;
        token.used_for = row::text(&item, "used_for").map(str::to_owned);
        Ok(Some(token))
    }

    /// Uses a token up for the event that reports its job's end; `Refused` if another event did.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
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
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_request(
        &self,
        source: &SourceId,
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
    pub async fn pause_asking(
        &self,
        source: &SourceId,
        until: Timestamp,
    ) -> Result<(), Unavailable> {
        let expires = until.secs() + 60;
        let row = Row::new(PAUSES, source.as_str(), &until).expires(Some(expires));
        let longer = Condition::new("attribute_not_exists(pk) OR expires_at < :expires");
        self.put(row, Some(longer.value(":expires", n(expires))))
            .await
            .map(WriteOutcome::either_way)
    }

    /// Until when a source's platform is left alone, if it has ever asked for it lately.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn asking_paused(&self, source: &SourceId) -> Result<Option<Timestamp>, Unavailable> {
        self.entity(PAUSES, source.as_str()).await
    }
}

fn token_partition(hash: &str) -> String {
    format!("TOKEN#{hash}")
}

/// Lock and handshake lie beside the document, so that whoever writes that does not undo them.
pub(super) fn from_item(item: &Item) -> Result<Source, Unavailable> {
    let mut source: Source = row::document(item)?;
    source.locked_at = row::number(item, "locked_at").map(Timestamp);
    source.handshake_at = row::number(item, "handshake_at").map(Timestamp);
    Ok(source)
}
