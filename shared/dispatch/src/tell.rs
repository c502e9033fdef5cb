//! Telling watchers what changed: noted while an invocation works, told at its end.

use adapters::Unavailable;
use domain::{
    batch::Batch,
    delivery::{Delivery, DeliveryState},
    event::Event,
    id::ApplicationId,
    letter::{Letter, LetterSubject},
    live::news::{BatchNews, DeliveryNews, LetterNews, News, TaskNews},
    task::Task,
    time::Timestamp,
};
use tracing::warn;

use crate::context::Context;

impl Context {
    /// Notes for watchers how a dead letter stands. Letters of messages belong to no application, so
    /// nobody hears of them.
    pub fn note_letter(&self, letter: &Letter) {
        self.note_news_of(letter, false);
    }

    /// Notes for watchers that a dead letter was deleted.
    pub fn note_deleted(&self, letter: &Letter) {
        self.note_news_of(letter, true);
    }

    fn note_news_of(&self, letter: &Letter, deleted: bool) {
        if let LetterSubject::Delivery { application, .. } = &letter.what {
            let now = self.clock.now();
            let news = || News::Letter(LetterNews { deleted, ..LetterNews::of(letter, now) });
            self.teller.note(application, now, news);
        }
    }

    /// Notes for watchers how a batch stands.
    pub fn note_batch(&self, batch: &Batch) {
        let news = || News::Batch(BatchNews::of(batch));
        self.teller.note(&batch.application, self.clock.now(), news);
    }

    /// Notes for watchers how a task stands: those of its application, if it has one, and those of the
    /// whole relay.
    pub fn note_task(&self, task: &Task) {
        let now = self.clock.now();
        let every = ApplicationId::every();
        for application in task.application().into_iter().chain([&every]) {
            self.teller.note(application, now, || News::Task(TaskNews::of(task, now)));
        }
    }

    /// Notes for watchers how a delivery of an event stands.
    pub(crate) fn note_delivery(&self, delivery: &Delivery, event: &Event, now: Timestamp) {
        let news = || News::Delivery(DeliveryNews::of(delivery, event, now));
        self.teller.note(&delivery.application, now, news);
    }

    /// Notes for watchers how a delivery stands that ended, and its dead letter if that is settled.
    /// `event` is the event if the caller has read it. What is not at hand is read if somebody watches;
    /// a failure is logged, because the end itself is written.
    pub(crate) async fn note_end(
        &self,
        delivery: &Delivery,
        event: Option<&Event>,
        now: Timestamp,
    ) {
        let settled = delivery.state == DeliveryState::Delivered && delivery.letter.is_some();
        if let Some(event) = event {
            self.note_delivery(delivery, event, now);
            if !settled {
                return;
            }
        }
        if self.teller.is_watched(&delivery.application, &self.table, now).await
            && let Err(error) = self.read_and_note(delivery, event.is_none(), settled, now).await
        {
            warn!(%error, delivery = %delivery.id, "watchers are not told how a delivery ended");
        }
    }

    async fn read_and_note(
        &self,
        delivery: &Delivery,
        ended: bool,
        settled: bool,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        if ended && let Some(event) = self.table.event(&delivery.event).await? {
            self.note_delivery(delivery, &event, now);
        }
        if settled
            && let Some(letter) = &delivery.letter
            && let Some(letter) = self.table.letter(letter).await?
        {
            self.note_letter(&letter);
        }
        Ok(())
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
