//! Tasks.

use domain::{
    id::TaskId,
    task::{Task, TaskKind},
    time::Timestamp,
};

use super::{
    Item, Page, Table, WriteOutcome,
    row::{self, Condition, Row, Write, list_at, n},
};
use crate::Unavailable;

const TASKS: &str = "TASKS";

pub(super) fn key(id: &TaskId) -> (String, String) {
    (TASKS.to_owned(), id.as_str().to_owned())
}

impl Table {
    /// Writes a new task; `Refused` if there is one of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn create_task(
        &self,
        task: &Task,
        due: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut task = task.clone();
        task.version = 1;
        self.put(self.task_row(&task, Some(due)), Some(Condition::absent())).await
    }

    /// Writes a task over the version that was read; `Refused` if it was changed since. The version
    /// is counted up here.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn update_task(
        &self,
        task: &Task,
        due: Option<Timestamp>,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut next = task.clone();
        next.version += 1;
        self.put(self.task_row(&next, due), Some(Condition::version(task.version))).await
    }

    /// Keeps a recovery from ending on what it saw until now: a letter was parked for its endpoint.
    /// `Refused` if there is no such task.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn touch_task(
        &self,
        id: &TaskId,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(id);
        let there = Condition::new("attribute_exists(pk)");
        let there = there.value(":one", n(1)).value(":now", n(now.0));
        let touch = "SET touched_at = :now ADD version :one";
        self.update(&pk, &sk, touch, there).await
    }

    /// Removes a task as it was read; `Refused` if it was changed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn end_task(&self, task: &Task) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(&task.id);
        self.transact(vec![Write::Delete(pk, sk, Condition::version(task.version))]).await
    }

    /// The task of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn task(&self, id: &TaskId) -> Result<Option<Task>, Unavailable> {
        self.item(TASKS, id.as_str()).await?.map(|item| from_item(&item)).transpose()
    }

    /// Every task, by id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn tasks(&self) -> Result<Vec<Task>, Unavailable> {
        Ok(row::readable(&self.partition(TASKS, "").await?, from_item))
    }

    /// Tasks, newest first unless `oldest_first`.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn tasks_page(
        &self,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Task>, Unavailable> {
        self.page_of(TASKS, cursor, limit, oldest_first, from_item).await
    }

    /// Where a task stands in the list, for going on behind it.
    pub fn task_cursor(task: &Task) -> String {
        list_at(task.created_at, task.id.as_str())
    }

    /// Notes that the endpoint of a recovery answers: its letters go back from now on. `Refused` if
    /// the task is no recovery or was changed since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_answering(
        &self,
        task: &Task,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut next = task.clone();
        let TaskKind::Recover { answering, .. } = &mut next.kind else {
            return Ok(WriteOutcome::Refused);
        };
        *answering = true;
        next.cursor = None;
        self.update_task(&next, Some(now)).await
    }

    fn task_row(&self, task: &Task, due: Option<Timestamp>) -> Row {
        let expires = task.finished_at.map(|at| self.expiry(at));
        let row = Row::new(TASKS, task.id.as_str(), task)
            .with("version", n(task.version))
            .due(task.id.as_str(), due)
            .listed(TASKS, task.created_at, task.id.as_str())
            .expires(expires);
        match task.touched_at {
            Some(at) => row.with("touched_at", n(at.0)),
            None => row,
        }
    }
}

/// The version and the time of the last touch lie beside the document, where a touch can change them.
pub(super) fn from_item(item: &Item) -> Result<Task, Unavailable> {
    let mut task: Task = row::document(item)?;
    task.version = row::number(item, "version").unwrap_or(task.version);
    task.touched_at = row::number(item, "touched_at").map(Timestamp);
    Ok(task)
}
