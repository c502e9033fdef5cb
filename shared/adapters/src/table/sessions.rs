//! Sessions, the codes that open them, the ends of portals, and how often an address sent a wrong code.

use domain::{id::ApplicationId, portal::PortalEndings, session::Session, time::Timestamp};

use super::{
    Table, WriteOutcome,
    row::{Condition, Row, Write, n},
};
use crate::Unavailable;

const CODE: &str = "CODE";
const SESSION: &str = "SESSION";
const ENDINGS: &str = "ENDINGS";
/// Length of the window in which wrong codes are counted, in seconds.
const WINDOW: u64 = 60;

fn code_key(hash: &str) -> (String, String) {
    (format!("CODE#{hash}"), CODE.to_owned())
}

fn session_key(hash: &str) -> (String, String) {
    (format!("SESSION#{hash}"), SESSION.to_owned())
}

fn endings_key(application: &ApplicationId) -> (String, String) {
    (format!("PORTALS#{application}"), ENDINGS.to_owned())
}

fn guesses_key(address: &str, now: Timestamp) -> (String, String) {
    (format!("GUESSES#{address}"), (now.secs() / WINDOW * WINDOW).to_string())
}

impl Table {
    /// Keeps a code under its hash; `Refused` if the hash is taken.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_code(&self, hash: &str, code: &Session) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = code_key(hash);
        let row = Row::new(pk, sk, code).expires(Some(code.expires_at.secs()));
        self.put(row, Some(Condition::absent())).await
    }

    /// The code with this hash. It may have expired.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn code(&self, hash: &str) -> Result<Option<Session>, Unavailable> {
        let (pk, sk) = code_key(hash);
        self.entity(&pk, &sk).await
    }

    /// Uses a code up and keeps the session that it opens, both or neither; `Refused` if the code was
    /// used before: of several who have one code, one gets a session.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn open_session(
        &self,
        code_hash: &str,
        hash: &str,
        session: &Session,
    ) -> Result<WriteOutcome, Unavailable> {
        let (code_pk, code_sk) = code_key(code_hash);
        let (pk, sk) = session_key(hash);
        let row = Row::new(pk, sk, session).expires(Some(session.expires_at.secs()));
        let unused = Condition::new("attribute_exists(pk)");
        self.transact(vec![
            Write::Delete(code_pk, code_sk, unused),
            Write::Put(row, Condition::absent()),
        ])
        .await
    }

    /// The session with this hash. It may have expired.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>, Unavailable> {
        let (pk, sk) = session_key(hash);
        self.entity(&pk, &sk).await
    }

    /// Keeps the session of a portal and the code of its link, both or neither; `Refused` if one of the
    /// hashes is taken.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn hand_out_portal(
        &self,
        (code_hash, code): (&str, &Session),
        (hash, session): (&str, &Session),
    ) -> Result<WriteOutcome, Unavailable> {
        let (code_pk, code_sk) = code_key(code_hash);
        let (pk, sk) = session_key(hash);
        let code = Row::new(code_pk, code_sk, code).expires(Some(code.expires_at.secs()));
        let row = Row::new(pk, sk, session).expires(Some(session.expires_at.secs()));
        let absent = Condition::absent;
        self.transact(vec![Write::Put(code, absent()), Write::Put(row, absent())]).await
    }

    /// The endings of an application's portals; without any, the default.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn portal_endings(
        &self,
        application: &ApplicationId,
    ) -> Result<PortalEndings, Unavailable> {
        let (pk, sk) = endings_key(application);
        Ok(self.entity(&pk, &sk).await?.unwrap_or_default())
    }

    /// Writes the endings of an application's portals over revision `read` (0: there were none);
    /// `Refused` if they were changed since. The item expires when it has nothing left to end.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_portal_endings(
        &self,
        application: &ApplicationId,
        read: u64,
        next: &PortalEndings,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = endings_key(application);
        let row = Row::new(pk, sk, next)
            .with("version", n(next.revision))
            .expires(Some(next.useless_from().secs() + 1));
        self.put(row, Some(Condition::version(read))).await
    }

    /// Ends a session; `Refused` if there is none with this hash.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn end_session(&self, hash: &str) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = session_key(hash);
        self.delete(&pk, &sk).await
    }

    /// Counts a code of an address as wrong, before it is known whether it is; `Refused` if the address
    /// has sent `most` wrong ones in this minute. `address` is a hash. The count holds across all who
    /// answer for the relay.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_guess(
        &self,
        address: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = guesses_key(address, now);
        let room = Condition::new("attribute_not_exists(guesses) OR guesses < :most")
            .value(":most", n(most))
            .value(":one", n(1))
            .value(":gone", n(now.secs() + 3600));
        self.update(&pk, &sk, "SET expires_at = :gone ADD guesses :one", room).await
    }

    /// Takes back that a code of an address was counted as wrong at `then`.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn forget_guess(&self, address: &str, then: Timestamp) -> Result<(), Unavailable> {
        let (pk, sk) = guesses_key(address, then);
        let counted =
            Condition::new("guesses > :none").value(":none", n(0)).value(":less", n("-1"));
        self.update(&pk, &sk, "ADD guesses :less", counted).await.map(WriteOutcome::either_way)
    }

    /// Seconds until wrong codes are counted anew, 1 to 60.
    pub fn guesses_end(now: Timestamp) -> u64 {
        WINDOW - now.secs() % WINDOW
    }
}
