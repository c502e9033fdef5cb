//! Listeners: who may listen, what is pushed, and what becomes of answers.

use std::collections::BTreeMap;

use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    envelope::Doorbell,
    event::Event,
    id::{EndpointId, EventId},
    listener::{self, HandOver, HandedDelivery, HandedOutcome, HandedRequest, Listener},
};

use super::*;

impl World {
    /// A listener of an application, and its topic.
    async fn listener(&self, application: &ApplicationId, name: &str) -> (Endpoint, Topic) {
        let id = EndpointId::derive(&[application.as_str(), name]);
        let endpoint =
            Endpoint::new(id.clone(), application.clone(), &listener::address(name), NOW);
        let listener = Listener {
            application: application.clone(),
            name: name.to_owned(),
            endpoint: id.clone(),
            seen_at: NOW,
            version: 1,
        };
        let made = self.table().create_listener(&listener, &endpoint, None, &[]).await;
        assert_eq!(made.expect("kept"), WriteOutcome::Done);
        (endpoint, Topic::listener(application.clone(), id))
    }

    /// Sends a message to the queue of live updates, as `deliver` does.
    async fn hand(&self, message: &LiveMessage) {
        self.live.queue.tell(message).await.expect("sent");
    }

    /// The messages that this function put on the outbox.
    async fn outbox(&self) -> Vec<Doorbell> {
        let (sqs, url) = (self.aws.clients().sqs(), self.aws.queue_url(&self.aws.names().outbox));
        let mut bells = Vec::new();
        loop {
            let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let messages = received.send().await.expect("received").messages.unwrap_or_default();
            if messages.is_empty() {
                return bells;
            }
            let bodies = messages.into_iter().filter_map(|message| message.body);
            bells.extend(bodies.map(|body| Doorbell::parse(&body).expect("ours")));
        }
    }
}

/// A delivery to a listener that was claimed until then.
fn handed(endpoint: &Endpoint, topic: &Topic, until: Timestamp) -> HandOver {
    let id = EventId::derive(&["e"]);
    let event = Event::by_relay(id.clone(), endpoint.application.clone(), "a.b", b"{}", NOW);
    let delivery = Delivery::new(&event, endpoint, 0, NOW);
    let request = HandedRequest::post(BTreeMap::new(), b"{}", String::new);
    HandOver {
        topic: topic.clone(),
        event: id,
        id: delivery.id.clone(),
        claim: "claim".to_owned(),
        until,
        delivery: HandedDelivery::new(
            "ann",
            (&delivery.event, &delivery.id),
            1,
            "a.b",
            "claim",
            request,
        ),
    }
}

fn in_time() -> Timestamp {
    NOW.plus(Duration::from_secs(60))
}

#[tokio::test]
async fn who_may_publish_may_listen_to_the_listeners_of_its_application() {
    let world = World::start().await;
    world.listener(&acme(), "ann").await;
    let listen = json!({ "action": "listen", "listener": "ann" });
    for (number, (grant, answer)) in [
        (World::grant("acme"), "listening"),
        (Grant { scope: KeyScope::Publish, ..World::grant("acme") }, "listening"),
        (Grant { scope: KeyScope::Read, ..World::grant("acme") }, "forbidden"),
        (World::grant("globex"), "not_found"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("{number}=");
        world.json(&id, grant).await;
        let heard = world.ask(&id, listen.clone()).await;
        let said = if heard["event"] == "error" { &heard["code"] } else { &heard["event"] };
        assert_eq!(*said, answer, "{number}: {heard}");
    }
    // The second has taken over from the first.
    assert_eq!(world.gateway.take_json("0=")[0]["event"], "taken_over");
    let nobody = json!({ "action": "listen", "listener": "bob" });
    assert_eq!(world.ask("0=", nobody).await["code"], "not_found");
    // An answer needs the same right.
    let answer =
        json!({ "action": "concluded", "delivery": "dlv_1", "token": "evt_1.c", "status": 200 });
    assert_eq!(world.ask("2=", answer.clone()).await["code"], "forbidden");
    for (field, value) in [("delivery", "x"), ("token", "x"), ("token", "evt_1."), ("token", ".c")]
    {
        let mut wrong = answer.clone();
        wrong[field] = json!(value);
        assert_eq!(world.ask("1=", wrong).await["code"], "invalid", "{field}");
    }
    assert!(world.outbox().await.is_empty());
}

#[tokio::test]
async fn a_delivery_goes_to_the_connection_that_listens_and_its_answer_to_the_outbox() {
    let world = World::start().await;
    let (endpoint, topic) = world.listener(&acme(), "ann").await;
    world.json("c=", World::grant("acme")).await;
    let listening = world.ask("c=", json!({ "action": "listen", "listener": "ann" })).await;
    assert_eq!((&listening["waiting"], &listening["more"]), (&json!(0), &json!(false)));
    let message = LiveMessage::HandOver(Box::new(handed(&endpoint, &topic, in_time())));
    world.hand(&message).await;
    world.work().await;
    let heard = world.gateway.take_json("c=").remove(0);
    assert_eq!((&heard["event"], &heard["timeout_ms"]), (&json!("delivery"), &json!(45_000)));
    assert_eq!(heard["request"]["body_base64"], "e30=");
    let answer = json!({ "action": "concluded", "delivery": heard["delivery"],
        "token": heard["token"], "status": 503, "ms": 7, "body": "no" });
    assert_eq!(world.ask("c=", answer).await["delivery"], heard["delivery"]);
    let Doorbell::Answer { answer } = world.outbox().await.remove(0) else { panic!("no answer") };
    assert_eq!((answer.outcome, answer.ms), (HandedOutcome::Status(503), 7));
    assert_eq!((answer.claim.as_str(), answer.event), ("claim", EventId::derive(&["e"])));
}

#[tokio::test]
async fn what_nobody_takes_goes_back_and_what_comes_too_late_is_left_to_its_claim() {
    let world = World::start().await;
    let (endpoint, topic) = world.listener(&acme(), "ann").await;
    let unreached = |bells: Vec<Doorbell>| match bells.as_slice() {
        [Doorbell::Answer { answer }] => answer.outcome == HandedOutcome::Unreached,
        _ => false,
    };
    let hand = |until| LiveMessage::HandOver(Box::new(handed(&endpoint, &topic, until)));
    world.hand(&hand(in_time())).await;
    world.work().await;
    assert!(unreached(world.outbox().await), "nobody listens");
    world.json("c=", World::grant("acme")).await;
    world.ask("c=", json!({ "action": "listen", "listener": "ann" })).await;
    world.hand(&hand(NOW.plus(Duration::from_secs(15)))).await;
    world.work().await;
    assert_eq!((world.outbox().await.len(), world.gateway.take("c=").len()), (0, 0), "too late");
    world.gateway.end("c=");
    world.hand(&hand(in_time())).await;
    world.work().await;
    assert!(unreached(world.outbox().await), "the connection is gone");
    assert_eq!(world.table().listening(&topic).await.expect("read"), None);
    assert!(world.table().connection("c=").await.expect("read").is_none());
}

#[tokio::test]
async fn the_key_behind_a_listener_that_is_revoked_gets_nothing_more() {
    let mut world = World::start().await;
    let (endpoint, topic) = world.listener(&acme(), "ann").await;
    world.json("c=", World::grant("acme")).await;
    world.ask("c=", json!({ "action": "listen", "listener": "ann" })).await;
    assert_eq!(world.table().delete_key("acme").await.expect("kept"), WriteOutcome::Done);
    // Another instance has not looked at the right before.
    world.live = world.another();
    world.hand(&LiveMessage::HandOver(Box::new(handed(&endpoint, &topic, in_time())))).await;
    world.work().await;
    let heard = world.gateway.take_json("c=");
    assert_eq!((heard.len(), &heard[0]["code"]), (1, &json!("unauthorized")));
    assert!(world.gateway.has_closed("c="));
}
