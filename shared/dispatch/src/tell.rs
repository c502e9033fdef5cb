//! Telling watchers what changed: noted while an invocation works, told at its end.

use adapters::Unavailable;
use domain::{
    letter::{Letter, LetterSubject},
    live::news::{LetterNews, News},
};

use crate::context::Context;

impl Context {
    /// Notes for watchers how a dead letter stands. Letters of messages belong to no application, so
    /// nobody hears of them.
    pub fn note_letter(&self, letter: &Letter) {
        if let LetterSubject::Delivery { application, .. } = &letter.what {
            let now = self.clock.now();
            self.teller.note(application, now, || News::Letter(LetterNews::of(letter, now)));
        }
    }

    /// Has `live` send a packet to each connection of Socket.IO that API Gateway would soon close because
    /// it is silent. Returns their number. A message that cannot be sent is logged; the next round sends
    /// it again.
    ///
    /// # Errors
    /// Fails if the connections cannot be read.
    pub async fn ping_silent_connections(&self) -> Result<usize, Unavailable> {
        self.teller.ping(&self.table, self.clock.now()).await
    }

    /// Tells what was noted since the last time, if somebody watches. To be called at the end of every
    /// invocation.
    pub async fn tell_watchers(&self) {
        self.teller.tell(&self.table, &self.clock).await;
    }
}
