//! The tables of the database, and the columns that a file of an earlier version lacks.

use rusqlite::Connection;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS queues (
        name       TEXT PRIMARY KEY,
        attributes TEXT NOT NULL            -- JSON object of strings
    ) STRICT;
    CREATE TABLE IF NOT EXISTS messages (
        id               INTEGER PRIMARY KEY,
        message_id       TEXT NOT NULL UNIQUE,
        queue            TEXT NOT NULL,
        body             TEXT NOT NULL,
        attributes       TEXT NOT NULL,     -- JSON of the SendMessage request
        group_id         TEXT,
        trace            TEXT,              -- system attribute AWSTraceHeader
        sent_at          INTEGER NOT NULL,
        visible_at       INTEGER NOT NULL,  -- end of the delay or of the visibility timeout
        receives         INTEGER NOT NULL DEFAULT 0,
        first_received   INTEGER,
        receipt          TEXT,              -- last receipt handle
        source           TEXT,              -- source queue of a dead letter
        sequence         INTEGER,           -- place in a FIFO queue; NULL in a standard queue
        deduplication_id TEXT               -- NULL in a standard queue
    ) STRICT;
";

/// The columns that were added after the first version, with their types.
const ADDED: [(&str, &str); 2] = [("sequence", "INTEGER"), ("deduplication_id", "TEXT")];

/// The indexes, which need the columns in [`ADDED`], and the tables of FIFO queues. The indexes of FIFO
/// queues leave out the messages of standard queues.
const REST: &str = "
    CREATE INDEX IF NOT EXISTS messages_by_time ON messages (queue, visible_at, id);
    CREATE INDEX IF NOT EXISTS messages_by_age  ON messages (queue, sent_at);
    CREATE INDEX IF NOT EXISTS messages_in_order ON messages (queue, sequence, group_id)
        WHERE sequence IS NOT NULL;
    CREATE INDEX IF NOT EXISTS groups_in_order ON messages (queue, group_id, sequence)
        WHERE sequence IS NOT NULL;
    CREATE TABLE IF NOT EXISTS sends (      -- to FIFO queues, in the last five minutes
        queue            TEXT NOT NULL,
        scope            TEXT NOT NULL,     -- a group, or empty for the whole queue
        deduplication_id TEXT NOT NULL,
        message_id       TEXT NOT NULL,
        sequence         INTEGER NOT NULL,
        sent_at          INTEGER NOT NULL,
        PRIMARY KEY (queue, scope, deduplication_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS sends_by_age ON sends (queue, sent_at);
    CREATE TABLE IF NOT EXISTS sequence (   -- one row
        last INTEGER NOT NULL               -- the last number given to a message of any FIFO queue
    ) STRICT;
    INSERT INTO sequence SELECT 0 WHERE NOT EXISTS (SELECT * FROM sequence);
";

/// Creates what is missing.
///
/// # Errors
/// The error of SQLite.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    for (column, kind) in ADDED {
        let exists = "SELECT count(*) FROM pragma_table_info('messages') WHERE name = ?1";
        if connection.query_row(exists, [column], |row| row.get::<_, i64>(0))? == 0 {
            connection
                .execute_batch(&format!("ALTER TABLE messages ADD COLUMN {column} {kind}"))?;
        }
    }
    connection.execute_batch(REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_earlier_version_gets_the_columns_that_it_lacks() {
        let connection = Connection::open_in_memory().expect("a database");
        let earlier = "CREATE TABLE messages (
                id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL,
                body TEXT NOT NULL, attributes TEXT NOT NULL, group_id TEXT, trace TEXT,
                sent_at INTEGER NOT NULL, visible_at INTEGER NOT NULL,
                receives INTEGER NOT NULL DEFAULT 0, first_received INTEGER, receipt TEXT, source TEXT
            ) STRICT;";
        connection.execute_batch(earlier).expect("the earlier table");
        let insert =
            "INSERT INTO messages (message_id, queue, body, attributes, sent_at, visible_at)
                      VALUES ('m', 'q', 'kept', '{}', 0, 0)";
        connection.execute_batch(insert).expect("a message");
        for _ in 0..2 {
            create(&connection).expect("the tables of this version");
        }
        let select =
            "SELECT body FROM messages WHERE sequence IS NULL AND deduplication_id IS NULL";
        let body = connection.query_row(select, [], |row| row.get::<_, String>(0));
        assert_eq!(body.expect("the message"), "kept");
    }
}
