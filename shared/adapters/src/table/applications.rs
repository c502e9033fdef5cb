//! Applications, and which of them a uid means.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | application | `APPS` | id | `version` |
//! | whose a uid is | `APPUIDS` | uid | |
//!
//! An id is derived from the first uid, so that a source can name an application before there is
//! one. Where that id is another's already (one that was renamed, or deleted), the next bearer of the
//! uid has an id by chance, and `APPUIDS` says so; without an entry there, the derived id holds.

use domain::{application::Application, id::ApplicationId};

use super::{
    Page, Table, WriteOutcome,
    row::{self, Condition, Row, Write, list_at, n},
};
use crate::Unavailable;

const APPS: &str = "APPS";
const UIDS: &str = "APPUIDS";

pub(super) fn key(id: &ApplicationId) -> (String, String) {
    (APPS.to_owned(), id.as_str().to_owned())
}

fn row(application: &Application) -> Row {
    let (pk, sk) = key(&application.id);
    let row = Row::new(pk, sk, application).with("version", n(application.version));
    // Deleted applications stay for good, and would be in the way of every reader of the list.
    match application.is_there() {
        true => row.listed(APPS, application.created_at, application.id.as_str()),
        false => row,
    }
}

/// The application is as it was read; those that nobody has changed have no version.
fn as_read(version: u64) -> Condition {
    match version {
        0 => Condition::new(
            "attribute_exists(pk) AND (attribute_not_exists(version) OR version = :zero)",
        )
        .value(":zero", n(0)),
        read => Condition::version(read),
    }
}

impl Table {
    /// Writes a new application; `Refused` if its id or uid is taken.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn create_application(
        &self,
        application: &Application,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut writes = vec![Write::Put(row(application), Condition::absent())];
        if let Some(uid) = &application.uid {
            let row = Row::new(UIDS, uid, &application.id);
            writes.push(Write::Put(row, Condition::absent()));
        }
        self.transact(writes).await
    }

    /// Writes an application over the one that was read; `Refused` if that was changed since, or
    /// the new uid is taken. The version is counted up here. An application whose removal is
    /// complete bears its uid no longer.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn update_application(
        &self,
        known: &Application,
        next: &Application,
    ) -> Result<WriteOutcome, Unavailable> {
        let next = Application { version: known.version + 1, ..next.clone() };
        let bears = |application: &Application| {
            application.uid.clone().filter(|_| !application.is_removed())
        };
        let (old, new) = (bears(known), bears(&next));
        let mut writes = vec![Write::Put(row(&next), as_read(known.version))];
        if old != new {
            if let Some(uid) = old {
                writes.push(Write::Delete(UIDS.to_owned(), uid, Condition::default()));
            }
            if let Some(uid) = new {
                let row = Row::new(UIDS, uid, &next.id);
                writes.push(Write::Put(row, Condition::absent()));
            }
        }
        self.transact(writes).await
    }

    /// The application of this id, unless it was deleted.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn application(
        &self,
        id: &ApplicationId,
    ) -> Result<Option<Application>, Unavailable> {
        Ok(self.application_record(id).await?.filter(Application::is_there))
    }

    /// The application of this id, also if it was deleted.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn application_record(
        &self,
        id: &ApplicationId,
    ) -> Result<Option<Application>, Unavailable> {
        let (pk, sk) = key(id);
        self.entity(&pk, &sk).await
    }

    /// The application of this id or uid: also one whose removal has begun, but none that is
    /// removed.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn application_named(&self, name: &str) -> Result<Option<Application>, Unavailable> {
        let there = |application: &Application| !application.is_removed();
        if let Ok(id) = ApplicationId::parse(name) {
            return Ok(self.application_record(&id).await?.filter(there));
        }
        let derived = ApplicationId::named(name);
        let (mut first, mut bearer): (Option<Application>, Option<ApplicationId>) = (None, None);
        for item in self.items(vec![key(&derived), (UIDS.to_owned(), name.to_owned())]).await? {
            match row::text(&item, "pk") {
                Some(UIDS) => bearer = Some(row::document(&item)?),
                _ => first = Some(row::document(&item)?),
            }
        }
        let found = match bearer {
            Some(id) if id != derived => self.application_record(&id).await?,
            _ => first.filter(|first| first.uid.as_deref() == Some(name)),
        };
        Ok(found.filter(there))
    }

    /// Applications that were not deleted, newest first unless `oldest_first`.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn applications_page(
        &self,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Application>, Unavailable> {
        self.page(APPS, cursor, limit, oldest_first).await
    }

    /// Where an application stands in the list, for going on behind it.
    pub fn application_cursor(application: &Application) -> String {
        list_at(application.created_at, application.id.as_str())
    }

    /// Every application that was not deleted, by id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn applications(&self) -> Result<Vec<Application>, Unavailable> {
        let all = self.partition(APPS, "").await?;
        let all: Vec<Application> = row::readable(&all, row::document);
        Ok(all.into_iter().filter(Application::is_there).collect())
    }
}
