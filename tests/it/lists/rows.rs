//! Rows of every list, written as their functions write them.

use std::sync::Arc;

use adapters::table::{EventRecording, RecordOutcome, Table, WriteOutcome};
use domain::{
    application::Application,
    batch::Batch,
    delivery::{Attempt, Delivery},
    endpoint::{Endpoint, EndpointScope},
    event::Event,
    event_type::EventType,
    id::{ApplicationId, AttemptId, EndpointId, EventId, LetterId, SourceId, TaskId, Tenure},
    job::Job,
    key::{ApiKey, KeyScope},
    letter::{Letter, LetterState, LetterSubject},
    replay::{Replay, ReplaySelection},
    retry::ErrorClass,
    source::Source,
    task::Task,
    time::Timestamp,
};
use futures::{StreamExt, stream};
use tests::cloud::Cloud;

/// The application of most rows.
pub(crate) const APPLICATION: &str = "acme";
/// Endpoints of one application.
const ENDPOINTS: usize = 80;
/// Rows that are written at the same time.
const AT_ONCE: usize = 16;

/// How many rows there are.
pub(crate) struct Rows {
    /// Rows of most lists.
    pub(crate) each: usize,
    /// Applications.
    pub(crate) applications: usize,
    /// Endpoints of all applications.
    pub(crate) endpoints: usize,
    /// Endpoints of `acme`.
    pub(crate) endpoints_of_one: usize,
    /// The endpoint of `acme` that every event is delivered to.
    pub(crate) endpoint: EndpointId,
}

/// What rows are made of.
struct Maker {
    table: Table,
    application: ApplicationId,
    endpoint: Endpoint,
    now: Timestamp,
}

impl Rows {
    /// Writes so many rows of each list.
    pub(crate) async fn fill(cloud: &Cloud, each: usize) -> Self {
        let (table, now) = (cloud.sound_table(), cloud.clock.now());
        let application = ApplicationId::named(APPLICATION);
        let mut of_one = 0;
        let mut first = None;
        for number in 0..ENDPOINTS {
            let endpoint = endpoint(&application, number, now);
            assert_eq!(table.create_endpoint(&endpoint).await.expect("kept"), WriteOutcome::Done);
            first.get_or_insert(endpoint);
            of_one += 1;
        }
        let endpoint = first.expect("one");
        let id = endpoint.id.clone();
        let maker = Arc::new(Maker { table, application, endpoint, now });
        stream::iter(0..each)
            .for_each_concurrent(AT_ONCE, |number| {
                let maker = Arc::clone(&maker);
                async move { maker.make(number).await }
            })
            .await;
        // `acme` is there, and `default` comes into being with the list.
        Self {
            each,
            applications: each + 2,
            endpoints: of_one + each,
            endpoints_of_one: of_one,
            endpoint: id,
        }
    }
}

fn endpoint(application: &ApplicationId, number: usize, now: Timestamp) -> Endpoint {
    let id = EndpointId::derive(&["row", application.as_str(), &number.to_string()]);
    let url = format!("https://subscriber.example/{number}");
    let at = Timestamp(now.0 + number as u64);
    Endpoint::new(id, application.clone(), &url, at)
}

impl Maker {
    /// Writes row `number` of every list.
    async fn make(&self, number: usize) {
        let name = format!("row-{number:06}");
        let at = Timestamp(self.now.0 + number as u64);
        self.application(&name, number, at).await;
        self.source(&name, at).await;
        self.job(&name, at).await;
        self.event(&name, at).await;
        let table = &self.table;
        let key = ApiKey {
            id: format!("row{number:06}"),
            hash: ApiKey::hash(&name),
            scope: KeyScope::Read,
            application: None,
            name: "x".repeat(200),
            created_at: at,
            last_used_at: None,
        };
        assert_eq!(table.put_key(&key).await.expect("kept"), WriteOutcome::Done);
        let kind = EventType {
            name: name.clone(),
            description: "x".repeat(300),
            archived: false,
            deprecated: false,
            schemas: None,
            feature_flags: Vec::new(),
            group_name: None,
            made_by: None,
            created_at: at,
            updated_at: at,
            version: 0,
        };
        assert_eq!(table.put_event_type(&kind).await.expect("kept"), WriteOutcome::Done);
        let replay = Replay {
            application: self.application.clone(),
            endpoint: self.endpoint.id.clone(),
            which: ReplaySelection::Failed,
            since: self.now,
            until: None,
            event_types: Vec::new(),
            channel: None,
            tag: None,
            dry_run: true,
        };
        let task = Task::replay(TaskId::derive(&["row", &name]), replay, 1, at);
        assert_eq!(table.create_task(&task, at).await.expect("kept"), WriteOutcome::Done);
        let batch = Batch::unknown(self.application.clone(), &name, at);
        let batch = Batch { version: batch.version.max(1), ..batch };
        assert_eq!(table.put_batch(&batch, None).await.expect("kept"), WriteOutcome::Done);
    }

    /// An application with one endpoint.
    async fn application(&self, name: &str, number: usize, at: Timestamp) {
        let id = ApplicationId::named(name);
        let application = Application::new(id.clone(), Some(name.to_owned()), name, at);
        let made = self.table.create_application(&application).await.expect("kept");
        assert_eq!(made, WriteOutcome::Done);
        let endpoint = endpoint(&id, number, at);
        let made = self.table.create_endpoint(&endpoint).await.expect("kept");
        assert_eq!(made, WriteOutcome::Done);
    }

    async fn source(&self, name: &str, at: Timestamp) {
        let id = SourceId::derive(&["row", name]);
        let mut source = Source::new(id, name, "modal-omtx", self.application.clone(), at);
        source.version = 1;
        let made = self.table.put_source(&source, None, at).await.expect("kept");
        assert_eq!(made, WriteOutcome::Done);
    }

    async fn job(&self, name: &str, at: Timestamp) {
        let tenure = Tenure {
            source: SourceId::derive(&["row", name]),
            application: self.application.clone(),
        };
        let mut job = Job::unknown(tenure, name, name, at);
        job.version = 1;
        assert_eq!(self.table.keep_job(&job).await.expect("kept"), WriteOutcome::Done);
    }

    /// An event that was delivered, and a letter of it.
    async fn event(&self, name: &str, at: Timestamp) {
        let id = EventId::derive(&["row", name]);
        let event = Event::by_relay(id, self.application.clone(), "row.made", b"{\"n\":1}", at);
        let mut delivery = Delivery::new(&event, &self.endpoint, 0, at);
        delivery.record(Attempt {
            id: AttemptId::of(&delivery.id, 0),
            at,
            duration_ms: 1,
            url: self.endpoint.url.clone(),
            status: Some(204),
            error: None,
            detail: String::new(),
            response: "x".repeat(300),
            manual: false,
        });
        delivery.state = domain::delivery::DeliveryState::Delivered;
        let recording = EventRecording {
            event: &event,
            job: None,
            marker: None,
            deliveries: std::slice::from_ref(&delivery),
            endpoints: std::slice::from_ref(&self.endpoint),
            callee: None,
            request: None,
        };
        let made = self.table.record(&recording).await.expect("kept");
        assert_eq!(made, RecordOutcome::New);
        let letter = Letter {
            id: LetterId::of_delivery(&delivery.id),
            number: self.table.next_letter_number().await.expect("counted"),
            what: LetterSubject::Delivery {
                event: event.id.clone(),
                delivery: delivery.id.clone(),
                endpoint: self.endpoint.id.clone(),
                scope: EndpointScope::Application,
                application: self.application.clone(),
                event_type: event.event_type.clone(),
                url: self.endpoint.url.clone(),
                job: None,
                batch_id: None,
            },
            error: "x".repeat(200),
            error_class: ErrorClass::Status,
            attempts: 1,
            last_attempt_at: Some(at),
            created_at: at,
            retried_at: None,
            retry_success: None,
            state: LetterState::Waiting,
            expires_at: None,
            version: 0,
        };
        assert_eq!(self.table.park(&letter, None).await.expect("parked"), WriteOutcome::Done);
    }
}
