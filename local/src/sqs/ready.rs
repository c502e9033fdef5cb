//! The choice of the messages that a receive returns.

use rusqlite::{Transaction, params};

use super::queue::RedrivePolicy;

/// Visible messages: `alive` are to be received (row id and message id), `dead` have been received as
/// often as the redrive policy allows (row id).
#[derive(Debug, Default)]
pub(crate) struct ReadyMessages {
    pub(crate) alive: Vec<(i64, String)>,
    pub(crate) dead: Vec<i64>,
}

/// Selects up to `count` messages to be received, and the dead ones among those before them.
pub(crate) fn ready(
    work: &Transaction<'_>,
    queue: &str,
    count: usize,
    redrive: Option<&RedrivePolicy>,
    now: i64,
) -> rusqlite::Result<ReadyMessages> {
    let ReadyMessages { mut alive, mut dead } = ReadyMessages::default();
    let mut select = work.prepare_cached(
        "SELECT id, message_id, receives FROM messages WHERE queue = ?1 AND visible_at <= ?2
         ORDER BY visible_at, id",
    )?;
    let mut rows = select.query(params![queue, now])?;
    while alive.len() < count
        && let Some(row) = rows.next()?
    {
        let (id, receives): (i64, i64) = (row.get(0)?, row.get(2)?);
        match redrive {
            Some(redrive) if receives >= redrive.max_receives => dead.push(id),
            _ => alive.push((id, row.get(1)?)),
        }
    }
    Ok(ReadyMessages { alive, dead })
}
