//! The invariants I1 to I7 and I10, checked over the whole table and all received requests.

use std::collections::{BTreeMap, BTreeSet};

use adapters::table::Table;
use domain::{
    batch::Batch,
    delivery::{AttemptRound, Delivery, DeliveryState},
    endpoint::{Endpoint, EndpointScope},
    envelope::Trust,
    event::{Event, EventOutcome, Origin},
    id::{ApplicationId, BatchId, EventId},
    job::{Job, JobStatus},
    letter::{Letter, LetterState, LetterSubject},
    source::Source,
};

use crate::{cloud::Cloud, items, receiver::ReceivedRequest};

/// Every item of the table, by kind.
#[derive(Debug, Default)]
pub struct World {
    /// All events.
    pub events: Vec<Event>,
    /// The partitions of the events whose requests are recorded.
    pub requests: BTreeSet<String>,
    /// All deliveries.
    pub deliveries: Vec<Delivery>,
    /// All jobs.
    pub jobs: Vec<Job>,
    /// All dead letters.
    pub letters: Vec<Letter>,
    /// The places of the entries of letters that wait, by the letter's id.
    pub entries: BTreeMap<String, String>,
    /// The sums of the counters of letters that wait, by application and endpoint.
    pub counted: BTreeMap<String, i64>,
    /// The entries of deliveries that wait at gates, by the delivery's id.
    pub gated: BTreeSet<String>,
    /// All batches.
    pub batches: Vec<Batch>,
    /// Number of batch markers that are not counted yet.
    pub markers: usize,
    /// The endpoints of jobs and batches.
    pub webhooks: Vec<Endpoint>,
    /// The endpoints of the application `acme`.
    pub endpoints: Vec<Endpoint>,
    /// Items of no kind, or with other attributes than their kind.
    pub strange: Vec<String>,
}

impl World {
    /// Reads the whole table, without faults.
    pub async fn read(cloud: &Cloud) -> Self {
        let mut world = Self::default();
        for item in items::scan(cloud).await {
            world.strange.extend(items::kind(&item).err());
            let text = |name: &str| items::text(&item, name);
            let (sk, doc) = (text("sk"), text("doc"));
            if sk == "EVT" {
                world.events.push(serde_json::from_str(doc).expect("an event"));
                if item.contains_key("request") {
                    world.requests.insert(text("pk").to_owned());
                }
            } else if sk.starts_with("DLV#") {
                world.deliveries.push(serde_json::from_str(doc).expect("a delivery"));
            } else if sk == "JOB" {
                world.jobs.push(serde_json::from_str(doc).expect("a job"));
            } else if sk == "BATCH" {
                world.batches.push(serde_json::from_str(doc).expect("a batch"));
            } else if sk.starts_with("NEW#") {
                world.markers += 1;
            } else if sk.starts_with("EP#") && !text("pk").starts_with("APP#") {
                world.webhooks.push(serde_json::from_str(doc).expect("an endpoint"));
            } else if sk == "LTR" {
                world.letters.push(serde_json::from_str(doc).expect("a letter"));
            } else if text("pk").starts_with("PARKED#") {
                let letter = serde_json::from_str(doc).expect("an id");
                world.entries.insert(letter, format!("{} {sk}", text("pk")));
            } else if text("pk").starts_with("GATED#") {
                world.gated.extend(sk.split_once('-').map(|(_, id)| id.to_owned()));
            } else if text("pk").starts_with("PARKEDCOUNT#") {
                let counted =
                    item.get("letters").and_then(|it| it.as_n().ok()?.parse::<i64>().ok());
                *world.counted.entry(sk.to_owned()).or_default() += counted.expect("a number");
            }
        }
        let table: Table = cloud.sound_table();
        world.endpoints = table.endpoints(&ApplicationId::named("acme")).await.expect("read");
        world
    }

    /// The violated invariants, one line each, beginning with the number of the invariant.
    pub fn violations(
        &self,
        accepted: &[Vec<u8>],
        received: &[ReceivedRequest],
        crashes: usize,
    ) -> Vec<String> {
        let mut found: Vec<_> =
            self.strange.iter().map(|what| format!("the table of items: {what}")).collect();
        self.every_acceptance_ends_somewhere(accepted, &mut found);
        self.requests_are_recorded(&mut found);
        self.one_effect_per_key(&mut found);
        self.one_delivery_per_endpoint(&mut found);
        self.a_webhook_hears_everything_once(&mut found);
        self.batches_are_counted(&mut found);
        self.waiting_letters_are_listed_and_counted(&mut found);
        self.what_waits_at_a_gate_is_found_there(&mut found);
        for delivery in &self.deliveries {
            self.a_delivery_ends(delivery, &mut found);
            self.attempts_stay_in_bounds(delivery, &mut found);
        }
        self.nothing_is_sent_unrecorded(received, crashes, &mut found);
        found
    }

    /// A letter has an entry while it waits and not otherwise, and counts one.
    fn waiting_letters_are_listed_and_counted(&self, found: &mut Vec<String>) {
        let waits = |letter: &&Letter| letter.state == LetterState::Waiting;
        let waiting: BTreeSet<_> =
            self.letters.iter().filter(waits).map(|letter| letter.id.to_string()).collect();
        let entered: BTreeSet<_> = self.entries.keys().cloned().collect();
        if waiting != entered {
            found.push(format!("letters: {waiting:?} wait, and {entered:?} are listed"));
        }
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for letter in self.letters.iter().filter(waits) {
            if let LetterSubject::Delivery { application, endpoint, .. } = &letter.what {
                *counts.entry(format!("{application}#{endpoint}")).or_default() += 1;
            }
        }
        let counted = self.counted.iter().filter(|(_, count)| **count != 0);
        let counted: BTreeMap<_, _> = counted.map(|(key, count)| (key.clone(), *count)).collect();
        if counts != counted {
            found.push(format!("letters: {counts:?} wait, and {counted:?} are counted"));
        }
    }

    /// A delivery that waits at a gate has an entry there. One that is found there and does not wait was left
    /// behind, and is removed by the gate.
    fn what_waits_at_a_gate_is_found_there(&self, found: &mut Vec<String>) {
        let waits = |it: &&Delivery| it.state == DeliveryState::Pending && it.at_gate.is_some();
        for delivery in self.deliveries.iter().filter(waits) {
            if !self.gated.contains(delivery.id.as_str()) {
                found.push(format!("I5: {} waits at no gate", delivery.id));
            }
        }
        let waits = |id: &&String| {
            self.deliveries.iter().filter(waits).any(|delivery| delivery.id.as_str() == id.as_str())
        };
        let left = self.gated.iter().filter(|id| !waits(id));
        found.extend(left.map(|id| format!("I5: the entry of {id} at a gate was left behind")));
    }

    /// I1: an accepted completion is an event or a dead letter.
    fn every_acceptance_ends_somewhere(&self, accepted: &[Vec<u8>], found: &mut Vec<String>) {
        for body in accepted {
            let key = key_of(body);
            let id = Source::event_id(&Cloud::tenure(), &key);
            let recorded = self.events.iter().any(|event| event.id == id);
            let parked = self.letters.iter().any(|letter| {
                matches!(&letter.what, LetterSubject::Message { .. })
                    && letter.state == LetterState::Waiting
            });
            if !recorded && !parked {
                found.push(format!("I1: {key} was accepted and is nowhere"));
            }
        }
    }

    /// I1 for the request that an event came with: recorded with the event, and removed with its content.
    /// Every request of these tests goes through `ingest`, but for hints and what the relay asked for.
    fn requests_are_recorded(&self, found: &mut Vec<String>) {
        for event in &self.events {
            let recorded = self.requests.contains(&format!("EVT#{}", event.id.bare()));
            if recorded != event.has_request {
                found.push(format!("I1: the request of {} is recorded: {recorded}", event.id));
            }
            let signed = matches!(&event.origin, Origin::Source { trust: Trust::Signed, .. });
            if signed && !recorded && event.expunged_at.is_none() {
                found.push(format!("I1: the request of {} is nowhere", event.id));
            }
        }
    }

    /// I2, I3: each event changes its job once, and a job ends once.
    fn one_effect_per_key(&self, found: &mut Vec<String>) {
        for job in &self.jobs {
            let effects = self.events.iter().filter(|event| {
                event.job.as_ref() == Some(&job.id)
                    && matches!(
                        event.outcome,
                        EventOutcome::Announced | EventOutcome::Noted | EventOutcome::Conflict
                    )
            });
            let effects = u64::try_from(effects.count()).expect("few");
            if job.version != effects + job.edits {
                found.push(format!(
                    "I2: job {} changed {} times by {effects} events and {} registrations",
                    job.id, job.version, job.edits
                ));
            }
            let ended: Vec<_> = self
                .events
                .iter()
                .filter(|event| event.job.as_ref() == Some(&job.id))
                .filter(|event| event.outcome == EventOutcome::Announced)
                .filter(|event| {
                    ["job.succeeded", "job.failed"].contains(&event.event_type.as_str())
                })
                .collect();
            // Of a failed job a late success is announced, too.
            if 1 + usize::from(job.late) < ended.len() {
                found.push(format!("I3: job {} ended {} times", job.id, ended.len()));
            }
        }
    }

    /// I4: an announced event has one delivery to each endpoint that wants it.
    fn one_delivery_per_endpoint(&self, found: &mut Vec<String>) {
        for event in self.events.iter().filter(|event| event.outcome == EventOutcome::Announced) {
            let mut counts: BTreeMap<_, usize> = BTreeMap::new();
            for delivery in self.deliveries.iter().filter(|delivery| delivery.event == event.id) {
                *counts.entry(delivery.endpoint.clone()).or_default() += 1;
            }
            for endpoint in self.endpoints.iter().filter(|endpoint| endpoint.wants(event)) {
                let count = counts.get(&endpoint.id).copied().unwrap_or(0);
                if count != 1 {
                    found.push(format!(
                        "I4: {} has {count} deliveries to {}",
                        event.id, endpoint.id
                    ));
                }
            }
        }
    }

    /// I4 for the webhook of one job or batch: one delivery of each announced event about it, whether the
    /// webhook was registered before or after the event.
    fn a_webhook_hears_everything_once(&self, found: &mut Vec<String>) {
        // A platform that is told to cancel a job hears of nothing else.
        for webhook in self.webhooks.iter().filter(|webhook| webhook.bare.is_none()) {
            let about = |event: &&Event| match &webhook.scope {
                EndpointScope::Job(job) => event.job.as_ref() == Some(job),
                EndpointScope::Batch(batch) => self.news_of(batch).contains(&event.id),
                EndpointScope::Application => false,
            };
            let announced =
                self.events.iter().filter(|event| event.outcome == EventOutcome::Announced);
            for event in announced.filter(about).filter(|event| webhook.wants(event)) {
                let to = |delivery: &&Delivery| {
                    delivery.event == event.id && delivery.endpoint == webhook.id
                };
                let count = self.deliveries.iter().filter(to).count();
                if count != 1 {
                    found.push(format!("I4: {} went {count} times to {}", event.id, webhook.id));
                }
            }
        }
    }

    /// The events of a batch that is as it should be.
    fn news_of(&self, id: &BatchId) -> Vec<EventId> {
        let batch = self.batches.iter().find(|batch| batch.id == *id);
        let Some(batch) = batch else { return Vec::new() };
        let untold = Batch { announced_steps: 0, end_announced: false, ..batch.clone() };
        untold.news().map(|news| news.event(id)).collect()
    }

    /// Each job is counted once in its batch, and what follows is announced once.
    fn batches_are_counted(&self, found: &mut Vec<String>) {
        if self.markers != 0 {
            found.push(format!("I5: {} markers are left", self.markers));
        }
        let mut expected: BTreeMap<BatchId, (u64, u64, u64)> = BTreeMap::new();
        for job in &self.jobs {
            let Some(batch) = &job.batch_id else { continue };
            let id = BatchId::of(&job.application, batch);
            let (known, succeeded, ended) = expected.entry(id.clone()).or_default();
            *known += 1;
            // A batch counts a job as it first ended, unless it joined the batch by its late success.
            let counted = self.batches.iter().find(|batch| batch.id == id);
            let as_failed =
                counted.is_some_and(|batch| batch.counts.succeeded < batch.counts.ended());
            let succeeded_first = job.status == JobStatus::Succeeded && !(job.late && as_failed);
            *succeeded += u64::from(succeeded_first);
            *ended += u64::from(job.status.is_terminal());
        }
        for batch in &self.batches {
            let counts = (batch.counts.known, batch.counts.succeeded, batch.counts.ended());
            let right = expected.remove(&batch.id).unwrap_or_default();
            if counts != right {
                found.push(format!("I2: {} counts {counts:?}, not {right:?}", batch.external_id));
            }
            if batch.is_busy() {
                found.push(format!("I5: {} has more to say", batch.external_id));
            }
            let mut told: Vec<EventId> = self
                .events
                .iter()
                .filter(|event| {
                    event.origin == Origin::Relay
                        && event.batch_id.as_ref() == Some(&batch.external_id)
                        && event.event_type.starts_with("batch.")
                })
                .map(|event| event.id.clone())
                .collect();
            let mut news = self.news_of(&batch.id);
            told.sort();
            news.sort();
            if told != news {
                let (told, news) = (told.len(), news.len());
                found.push(format!("I2: {} told {told} of {news} things", batch.external_id));
            }
        }
        if !expected.is_empty() {
            found.push(format!("I1: nobody counts {expected:?}"));
        }
    }

    /// I5: a delivery is delivered, cancelled, or dead with a dead letter that waits.
    fn a_delivery_ends(&self, delivery: &Delivery, found: &mut Vec<String>) {
        match delivery.state {
            DeliveryState::Delivered | DeliveryState::Cancelled => (),
            DeliveryState::Pending => found.push(format!("I5: {} is still pending", delivery.id)),
            DeliveryState::Dead => {
                let waits = self.letters.iter().any(|letter| {
                    letter.state == LetterState::Waiting
                        && matches!(&letter.what, LetterSubject::Delivery { delivery: d, .. } if *d == delivery.id)
                });
                if !waits {
                    found.push(format!("I5: {} is dead and nobody can see it", delivery.id));
                }
            }
        }
    }

    /// I6, I7, I10: no attempt follows a recorded success, each is recorded once, and the policy's number
    /// is kept.
    fn attempts_stay_in_bounds(&self, delivery: &Delivery, found: &mut Vec<String>) {
        let ids: BTreeSet<_> = delivery.attempts.iter().map(|attempt| &attempt.id).collect();
        if ids.len() != delivery.attempts.len() {
            found.push(format!("I7: {} has an attempt twice", delivery.id));
        }
        let is_success = |status: Option<u16>| status.is_some_and(|s| (200..300).contains(&s));
        let success = delivery.attempts.iter().position(|attempt| is_success(attempt.status));
        if let Some(at) = success
            && delivery.attempts[at + 1..].iter().any(|attempt| !attempt.manual)
        {
            found.push(format!("I6: {} was attempted after a recorded 2xx", delivery.id));
        }
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint);
        let most = match delivery.round {
            AttemptRound::Once => 1,
            AttemptRound::Policy => {
                endpoint.map_or(u32::MAX, |e| u32::from(e.policy.max_retries) + 1)
            }
        };
        if most < delivery.tried() {
            found.push(format!("I10: {} was tried {} times", delivery.id, delivery.tried()));
        }
    }

    /// I6: every received request is an attempt in its delivery's record, but for one per crash.
    fn nothing_is_sent_unrecorded(
        &self,
        received: &[ReceivedRequest],
        crashes: usize,
        found: &mut Vec<String>,
    ) {
        for delivery in &self.deliveries {
            let event = self.events.iter().find(|event| event.id == delivery.event);
            let endpoint = self.endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint);
            let (Some(event), Some(endpoint)) = (event, endpoint) else { continue };
            // What is handed to a listener is called elsewhere.
            if endpoint.listener().is_some() {
                continue;
            }
            let is_its = |request: &&ReceivedRequest| {
                request.header("webhook-id") == event.webhook_id()
                    && endpoint.url.ends_with(&request.path)
            };
            let came = received.iter().filter(is_its).count();
            let recorded = usize::try_from(delivery.made).expect("few");
            if came < recorded || recorded + crashes < came {
                found.push(format!(
                    "I6: {came} requests for {}, {recorded} recorded, {crashes} crashes",
                    delivery.id
                ));
            }
        }
    }
}

/// The idempotency key of a completion in these tests.
fn key_of(body: &[u8]) -> String {
    let profile = domain::profile::Profile::named("modal-omtx").expect("part of the build");
    profile.key(&domain::signature::Verification::default(), body, None).expect("readable").0
}
