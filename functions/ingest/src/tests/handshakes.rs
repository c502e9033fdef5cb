//! Challenges of senders: they are answered, and the owner of the source is told when.

use std::net::TcpListener;

use domain::{profile::Profile, signature::MessageToSign, source::Handshake};
use local::{Ledger, Options, Urls};

use super::*;
use crate::answer::PATIENCE;

const CHALLENGE: &str = r#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#;
const EVENT: &str = r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}"#;
const WINDOW: Duration = domain::source::HANDSHAKE_NOTED_EVERY;

impl World {
    /// A world with the source `slack`, whose services keep a ledger.
    async fn with_slack() -> Self {
        let world = Self::over(Options { keeps_ledger: true, ..Options::default() }).await;
        world.source("slack", "slack", SECRET).await;
        world
    }

    /// Sends what Slack sends now, to an instance.
    async fn slack(&self, router: &Router, body: &str) -> (StatusCode, Value) {
        let scheme = &Profile::named("slack").expect("there").scheme;
        let at = Some(self.clock.now());
        let message = MessageToSign { at, body: body.as_bytes(), ..MessageToSign::default() };
        let headers = scheme.headers([&Secret::new(SECRET)], &message).expect("signs");
        self.post_to(router, "/in/slack", &headers, body).await
    }

    async fn handshake(&self) -> Handshake {
        self.table.source("slack").await.expect("read").expect("there").handshake()
    }

    /// The updates of the table since an earlier state of the ledger, and the messages that were sent.
    fn counted(&self, before: &Ledger) -> (u64, u64) {
        let since = self.aws.ledger().since(before);
        let updates = since.calls.get("UpdateItem").copied().unwrap_or_default();
        (updates, since.messages(&["SendMessage"]))
    }

    /// An instance that notes handshakes in a table of another client.
    fn noting_in(&self, table: Table) -> Router {
        let handshakes = HandshakeLog::new(table);
        let ingest = Self::ingest(&self.aws, &self.vault, &self.clock);
        router(Arc::new(Ingest { handshakes, ..ingest }))
    }
}

#[tokio::test]
async fn a_challenge_is_answered_once_the_signature_holds_and_noted_by_one_write() {
    let world = World::with_slack().await;
    assert_eq!(world.handshake().await, Handshake::Waiting);
    let before = world.aws.ledger();
    let (status, reply) = world.slack(&world.router, CHALLENGE).await;
    assert_eq!((status, reply["challenge"].as_str()), (StatusCode::OK, Some("3eZbrw1aB")));
    assert_eq!(world.counted(&before), (1, 1));
    assert_eq!(world.handshake().await, Handshake::Answered(world.clock.now()));
    // It is an event as every other request.
    assert_eq!(world.inbox().await.len(), 1);
    // Any other request of the sender is no handshake.
    let before = world.aws.ledger();
    assert_eq!(world.slack(&world.router, EVENT).await.0, StatusCode::OK);
    assert_eq!(world.counted(&before), (0, 1));
}

#[tokio::test]
async fn a_challenge_without_a_signature_is_not_answered_and_notes_nothing() {
    let world = World::with_slack().await;
    let (status, reply) = world.post("/in/slack", &[], CHALLENGE).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(!reply.to_string().contains("3eZbrw1aB"), "{reply}");
    // A stranger's request has its place among refusals, once in ten seconds.
    let before = world.aws.ledger();
    for _ in 0..5 {
        world.post("/in/slack", &[], CHALLENGE).await;
    }
    assert_eq!(world.counted(&before), (0, 0));
    assert_eq!(world.handshake().await, Handshake::Waiting);
}

#[tokio::test]
async fn many_challenges_are_noted_once_in_a_minute_over_all_instances() {
    let world = World::with_slack().await;
    let other = world.instance();
    // The other instance knows the source from before the first challenge.
    assert_eq!(world.slack(&other, EVENT).await.0, StatusCode::OK);
    let (first, before) = (world.clock.now(), world.aws.ledger());
    for _ in 0..5 {
        assert_eq!(world.slack(&world.router, CHALLENGE).await.0, StatusCode::OK);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.slack(&other, CHALLENGE).await.0, StatusCode::OK);
    }
    // The other instance tried once, and was refused.
    assert_eq!(world.counted(&before), (2, 10));
    assert_eq!(world.handshake().await, Handshake::Answered(first));
    world.clock.advance(WINDOW);
    let (second, before) = (world.clock.now(), world.aws.ledger());
    assert_eq!(world.slack(&world.router, CHALLENGE).await.0, StatusCode::OK);
    assert_eq!(world.counted(&before), (1, 1));
    assert_eq!(world.handshake().await, Handshake::Answered(second));
    // An instance that begins later knows of it.
    let before = world.aws.ledger();
    assert_eq!(world.slack(&world.instance(), CHALLENGE).await.0, StatusCode::OK);
    assert_eq!(world.counted(&before), (0, 1));
}

#[tokio::test]
async fn a_challenge_is_answered_though_it_cannot_be_noted_or_only_late() {
    let world = World::with_slack().await;
    let known = world.slack(&world.router, EVENT).await;
    assert_eq!(known.0, StatusCode::OK);
    let clients = world.aws.clients();
    // A table that is not there refuses the write, and a server that says nothing never ends it.
    let nowhere = Table::new(clients.dynamodb(), "nowhere".to_owned(), Duration::ZERO);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dynamodb = format!("http://{}", silent.local_addr().expect("an address"));
    let clients = clients.at(Urls { dynamodb, ..world.aws.urls().clone() });
    let endless = Table::new(clients.dynamodb(), world.aws.names().table.clone(), Duration::ZERO);
    for table in [nowhere, endless] {
        let broken = world.noting_in(table);
        let before = world.aws.ledger();
        let answer = world.slack(&broken, CHALLENGE);
        let answer = tokio::time::timeout(10 * PATIENCE, answer).await.expect("in time");
        assert_eq!((answer.0, &answer.1["challenge"]), (StatusCode::OK, &"3eZbrw1aB".into()));
        assert_eq!(world.counted(&before).1, 1, "it lies on the inbox");
        assert_eq!(world.handshake().await, Handshake::Waiting);
    }
    assert_eq!(world.slack(&world.router, CHALLENGE).await.0, StatusCode::OK);
    assert_eq!(world.handshake().await, Handshake::Answered(world.clock.now()));
}
