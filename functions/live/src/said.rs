//! The words of senders about their jobs, read from the events that announce them.

use std::collections::HashMap;

use adapters::Unavailable;
use domain::{
    envelope::StoredBody,
    event::Event,
    id::EventId,
    json::JsonFields,
    live::{
        frames::JobSaid,
        news::{Bulletin, JobNews, News},
    },
    outgoing,
};
use serde_json::value::RawValue;
use tracing::warn;

use crate::Live;

/// Largest result that is pushed, in bytes. A larger one is found at `GET /v1/jobs/{id}/result`.
const MAX_RESULT: usize = 64 * 1024;
/// Longest words that are pushed, in bytes.
const MAX_WORDS: usize = 8 * 1024;
/// The fields in which senders say how much of a job is done, in per cent.
const PROGRESS: [&str; 4] = ["progress", "percent", "data.progress", "metadata.progress"];
/// The fields in which senders say something about a state.
const MESSAGE: [&str; 4] = ["message", "status_message", "data.message", "metadata.message"];

/// The senders' words about the jobs of a bulletin, by event.
pub(crate) type Saids = HashMap<EventId, JobSaid>;

impl Live {
    /// Reads the senders' words about the jobs of a bulletin. Words that cannot be read are left out, and a
    /// client finds them over HTTP.
    pub(crate) async fn said(&self, bulletin: &Bulletin) -> Saids {
        let mut saids = Saids::new();
        for news in &bulletin.news {
            let News::Job(JobNews { event: Some(event), .. }) = news else { continue };
            match self.said_in(event).await {
                Ok(said) => {
                    saids.insert(event.clone(), said);
                }
                Err(error) => warn!(%error, %event, "what was said of a job is left out"),
            }
        }
        saids
    }

    /// The sender's words in the event of this id.
    pub(crate) async fn said_in(&self, id: &EventId) -> Result<JobSaid, Unavailable> {
        let Some(event) = self.table.event(id).await? else { return Ok(JobSaid::default()) };
        if event.is_expunged(self.clock.now()) {
            return Ok(JobSaid::default());
        }
        let payload = self.bucket.open(event.payload.clone()).await?;
        let mut said = JobSaid {
            result: result(&payload),
            error: outgoing::error_in_words(&payload).map(|words| cut(&words)),
            ..JobSaid::default()
        };
        if let Some(raw) = self.raw(&event).await? {
            let fields = JsonFields::read(&raw, PROGRESS.into_iter().chain(MESSAGE));
            let fields = fields.unwrap_or_default();
            let number = fields.first_text(PROGRESS).and_then(|text| text.parse::<f64>().ok());
            said.progress = number.filter(|number| (0.0..=100.0).contains(number));
            said.message = fields.first_text(MESSAGE).map(|words| cut(&words));
        }
        Ok(said)
    }

    /// The body that the source sent. A large one is not read for a few words.
    async fn raw(&self, event: &Event) -> Result<Option<Vec<u8>>, Unavailable> {
        match &event.said {
            None | Some(StoredBody::Claim(_)) => Ok(None),
            Some(body) => self.bucket.open(body.clone()).await.map(Some),
        }
    }
}

fn result(payload: &[u8]) -> Option<Box<RawValue>> {
    let fields = JsonFields::read(payload, ["data.result", "data.result_text"]).ok()?;
    let text = || serde_json::value::to_raw_value(&fields.text("data.result_text")?).ok();
    let result = fields.raw("data.result").map(ToOwned::to_owned).or_else(text)?;
    (result.get().len() <= MAX_RESULT).then_some(result)
}

fn cut(words: &str) -> String {
    words[..words.floor_char_boundary(MAX_WORDS)].to_owned()
}
