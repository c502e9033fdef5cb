//! The machinery over AWS in this process. Endpoints that nobody listens at are enough here; journeys
//! with a receiver stand in `tests/`.

mod crowd;
mod figures;
mod gates;
mod lanes;
mod logs;
mod put_off;
mod redrive;
mod tell;

use std::time::Duration;

use adapters::{
    bucket::Bucket,
    caller::Caller,
    clock::Clock,
    queue::Queue,
    table::{RecordOutcome, Table, WriteOutcome},
    vault::Vault,
};
use domain::{
    address::{Network, Rule},
    delivery::Delivery,
    endpoint::{Endpoint, EndpointSecret},
    envelope::StoredBody,
    event::Event,
    id::{ApplicationId, EndpointId, EventId},
    retry::Policy,
    secret::{Secret, SecretKind},
    time::Timestamp,
};
use local::LocalAws;

use crate::{
    announce::Announcement,
    context::{CallContext, Context},
};

/// The time of the tests, until they turn the clock.
const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// AWS in this process, and a context over it.
struct World {
    aws: LocalAws,
    calls: CallContext,
}

impl World {
    async fn start() -> Self {
        let options = local::Options { queue_clock_stands_still: true, ..Default::default() };
        let aws = LocalAws::start(options).await.expect("starts");
        let (clients, names) = (aws.clients(), aws.names());
        let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
        let allowed = Network::parse_list("127.0.0.0/8").expect("a network");
        let retention = Duration::from_secs(30 * 86_400);
        let context = Context::new(
            Table::new(clients.dynamodb(), names.table.clone(), retention),
            Bucket::new(clients.s3(), names.bucket.clone()),
            queue(&names.outbox),
            Clock::manual(START),
        );
        let vault = Vault::new(&Secret::new(*b"master-key-of-the-tests-0123456789"));
        let caller = Caller::new(Rule { allowed, ..Rule::default() });
        let calls = CallContext::new(context, queue(&names.dead_letters), vault, caller);
        Self { aws, calls }
    }

    /// An endpoint of `acme` that nobody listens at and that is called once for each delivery.
    async fn endpoint(&self, change: impl FnOnce(&mut Endpoint)) -> Endpoint {
        let id = EndpointId::derive(&["endpoint"]);
        let secret = Secret::symmetric(&[7; 32]);
        let sealed = self.calls.vault.seal(&Endpoint::owner(&id), &secret);
        let application = ApplicationId::named("acme");
        let mut endpoint = Endpoint::new(id, application, "http://127.0.0.1:9/", START);
        endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
        endpoint.policy = Policy { max_retries: 0, ..Policy::default() };
        change(&mut endpoint);
        let created = self.calls.context.table.create_endpoint(&endpoint).await.expect("kept");
        assert_eq!(created, WriteOutcome::Done);
        endpoint
    }

    /// Announces an event with this payload; its delivery to the endpoint.
    async fn announce(&self, name: &str, payload: &[u8], endpoint: &Endpoint) -> Delivery {
        let body = StoredBody::inline(payload);
        self.announce_body(name, payload, body, endpoint).await
    }

    /// Announces an event whose payload is stored like this; its delivery to the endpoint.
    async fn announce_body(
        &self,
        name: &str,
        payload: &[u8],
        body: StoredBody,
        endpoint: &Endpoint,
    ) -> Delivery {
        let (id, application) = (EventId::derive(&[name]), endpoint.application.clone());
        let mut event = Event::by_relay(id, application, "a.b", payload, START);
        event.payload = body;
        let announcement = Announcement {
            event: &event,
            payload,
            job: None,
            marker: None,
            request: None,
            endpoints: std::slice::from_ref(endpoint),
        };
        let recorded = self.calls.context.announce(&announcement).await.expect("recorded");
        assert_eq!(recorded, RecordOutcome::New);
        self.calls.context.table.deliveries_of(&event.id).await.expect("read").remove(0)
    }
}
