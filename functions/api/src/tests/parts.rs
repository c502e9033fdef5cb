//! The parts of the API under test.

use super::*;

/// The use cases over these services, for callers below this URL.
pub(super) fn control(aws: &LocalAws, clients: &Clients, public_url: &str) -> Arc<ControlPlane> {
    Arc::new(plain(aws, clients, public_url))
}

/// The same use cases, whose settings may still be changed.
fn plain(aws: &LocalAws, clients: &Clients, public_url: &str) -> ControlPlane {
    let names = aws.names();
    let queue = |name: &String| Queue::new(clients.sqs(), aws.queue_url(name));
    let retention = Duration::from_secs(30 * 86_400);
    let rule =
        Rule { allowed: Network::parse_list("127.0.0.0/8").expect("a network"), ..Rule::default() };
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), retention),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        Clock::system(),
    );
    let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
    let calls = CallContext::new(context, queue(&names.dead_letters), vault, Caller::new(rule));
    let inbox = Inbox(queue(&names.inbox));
    let admin = AdminKey::parse(ADMIN_SECRET).expect("long enough");
    ControlPlane::new(calls, inbox, admin, public_url.to_owned())
}

impl Relay {
    /// The API with other settings.
    pub(super) async fn set(change: impl FnOnce(ControlPlane) -> ControlPlane) -> Self {
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let api = Arc::new(change(plain(&aws, &aws.clients(), "https://relay.example")));
        Self { router: router(Arc::clone(&api)), aws, api }
    }
}
