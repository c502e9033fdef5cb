//! Noting that the challenge of a sender was answered, for the owner of the source.
//!
//! Only a challenge whose signature holds is answered, so no stranger causes a write. The sender causes one
//! a minute at the most: an instance remembers the last one, and the write is conditional. A function stands
//! still once it has answered, so the write comes before the answer, which waits for it 500 ms at the
//! longest. By then the request is on the inbox.

use adapters::table::Table;
use domain::{source::Gate, time::Timestamp};
use tracing::warn;

use crate::{answer::PATIENCE, gates::Gates};

/// The handshakes of sources, on their way into the table.
#[derive(Debug)]
pub(crate) struct HandshakeLog {
    table: Table,
}

impl HandshakeLog {
    /// A log that writes to the table.
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }

    /// Notes that a challenge to the source is answered now. A failure is logged and changes no answer: until
    /// the sender's next challenge, its owner is told that the source waits for one.
    pub(crate) async fn note(&self, gates: &Gates, gate: &Gate, now: Timestamp) {
        let write = self.table.note_handshake(&gate.name, &gate.id, now);
        match tokio::time::timeout(PATIENCE, write).await {
            // If the write was refused, another instance has noted one within the minute.
            Ok(Ok(_)) => gates.note_handshake(&gate.name, now),
            Ok(Err(error)) => warn!(source = gate.name, %error, "a handshake is not noted"),
            Err(_) => warn!(source = gate.name, "a handshake may not be noted in time"),
        }
    }
}
