//! Telling watchers what changed: noted while an invocation works, told at its end.

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

    /// Tells what was noted since the last time, if somebody watches. To be called at the end of every
    /// invocation.
    pub async fn tell_watchers(&self) {
        self.teller.tell(&self.table, &self.clock).await;
    }
}
