//! The parts of the API under test.

use domain::time::Timestamp;

use super::*;

/// The use cases over these services, for callers below this URL.
pub(super) fn control(aws: &LocalAws, clients: &Clients, public_url: &str) -> Arc<ControlPlane> {
    Arc::new(plain(aws, clients, public_url, Clock::system()))
}

/// The use cases over the local AWS by this clock, whose settings may still be changed.
fn plain(aws: &LocalAws, clients: &Clients, public_url: &str, clock: Clock) -> ControlPlane {
    let names = aws.names();
    let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
    let retention = Duration::from_secs(30 * 86_400);
    let rule =
        Rule { allowed: Network::parse_list("127.0.0.0/8").expect("a network"), ..Rule::default() };
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), retention),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        clock,
    );
    let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
    let calls = CallContext::new(context, queue(&names.dead_letters), vault, Caller::new(rule));
    let inbox = Inbox(queue(&names.inbox));
    let admin = AdminKey::parse(ADMIN_SECRET).expect("long enough");
    let control = ControlPlane::new(calls, inbox, admin, public_url.to_owned());
    control.showing_queues(names.queues().map(queue))
}

impl Relay {
    /// The items of the table as text, with their documents, which may be packed.
    pub(super) async fn table_text(&self) -> String {
        let scan = self.aws.clients().dynamodb().scan().table_name(&self.aws.names().table);
        let items = scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let text = |item| {
            let document = adapters::table::json(item).unwrap_or_default();
            format!("{item:?} {}\n", String::from_utf8_lossy(&document))
        };
        items.expect("scanned").iter().map(text).collect()
    }

    /// The API by a clock that stands still until it is advanced.
    pub(super) async fn timed(now: Timestamp) -> Self {
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let url = "https://relay.example";
        let api = Arc::new(plain(&aws, &aws.clients(), url, Clock::manual(now)));
        Self { router: router(Arc::clone(&api)), aws, api }
    }

    /// The API with other settings.
    pub(super) async fn set(change: impl FnOnce(ControlPlane) -> ControlPlane) -> Self {
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let (url, clock) = ("https://relay.example", Clock::system());
        let api = Arc::new(change(plain(&aws, &aws.clients(), url, clock)));
        Self { router: router(Arc::clone(&api)), aws, api }
    }
}
