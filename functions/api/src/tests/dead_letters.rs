//! The dead-letter desk: R3.7 to R3.10, and what S3's own desk got wrong.

use domain::{
    envelope::StoredBody,
    id::LetterId,
    letter::{Letter, LetterQueue, LetterState, LetterSubject},
    retry::ErrorClass,
};
use serde_json::{Value, json};

use super::{Relay, receiver::Receiver};

const DESK: &str = "/v1/webhooks/dead-letter";
const BODY: &str = r#"{"call_id":"fc-1","status":"success","result":{"a":1},"metadata":{"job_id":"j1","batch_id":"b1"}}"#;

/// A letter of the batch `b1` for a subscriber that answers like this; the first answer kills it.
async fn dead(relay: &Relay, answers: &[u16]) -> (Receiver, u64) {
    let receiver = Receiver::answering(answers).await;
    relay.source("modal", "acme").await;
    relay.endpoint("acme", &receiver.url).await;
    let event = relay.completion("modal", "acme", "j1", BODY).await.id.event();
    relay.attempt(&event).await;
    let number = relay.bury(&event).await[0];
    relay.outbox().await;
    (receiver, number)
}

#[tokio::test]
async fn r3_7_letters_are_listed_newest_first_with_offset_and_total() {
    let relay = Relay::start().await;
    assert_eq!(
        relay.get(DESK).await.expect(200),
        json!({ "object": "list", "data": [], "has_more": false, "total": 0 })
    );
    relay.endpoint("default", "https://subscriber.example/").await;
    for _ in 0..5 {
        let message = relay.message("default", "a", json!({})).await;
        relay.bury(&message).await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let numbers = |list: &Value| -> Vec<u64> {
        let data = list["data"].as_array().expect("a list").iter();
        data.map(|letter| letter["id"].as_u64().expect("a whole number")).collect()
    };
    let all = relay.get(DESK).await.expect(200);
    assert_eq!(numbers(&all), [5, 4, 3, 2, 1]);
    assert_eq!(
        (&all["object"], &all["has_more"], &all["total"]),
        (&json!("list"), &json!(false), &json!(5))
    );
    for field in [
        "id",
        "batch_id",
        "webhook_url",
        "error_message",
        "attempts",
        "last_attempt_at",
        "created_at",
        "retried_at",
        "retry_success",
    ] {
        assert!(all["data"][0].get(field).is_some(), "{field}: {all}");
    }
    let part = relay.get(&format!("{DESK}?limit=2&offset=1")).await.expect(200);
    assert_eq!(
        (numbers(&part), &part["has_more"], &part["total"]),
        (vec![4, 3], &json!(true), &json!(5))
    );
    let end = relay.get(&format!("{DESK}?limit=2&offset=3")).await.expect(200);
    assert_eq!((numbers(&end), &end["has_more"]), (vec![2, 1], &json!(false)));
    let beyond = relay.get(&format!("{DESK}?offset=100")).await.expect(200);
    assert_eq!(
        (numbers(&beyond), &beyond["has_more"], &beyond["total"]),
        (vec![], &json!(false), &json!(5))
    );
}

#[tokio::test]
async fn r3_10_a_letter_has_its_whole_story_by_number_and_by_id() {
    let relay = Relay::start().await;
    let (_receiver, number) = dead(&relay, &[500]).await;
    let letter = relay.get(&format!("{DESK}/{number}")).await.expect(200);
    assert_eq!(
        (&letter["id"], &letter["batch_id"], &letter["attempts"]),
        (&json!(number), &json!("b1"), &json!(1))
    );
    assert_eq!(letter["error_message"], "the endpoint answered 500");
    assert_eq!((&letter["kind"], &letter["state"]), (&json!("delivery"), &json!("waiting")));
    assert_eq!(
        letter["payload"]["type"], "job.succeeded",
        "the original payload, not the job's state of today"
    );
    assert_eq!(letter["attempt_history"][0]["status"], 500);
    let sent = &letter["headers_sent"];
    assert_eq!(
        (&sent["content-type"], &sent["webhook-signature"]),
        (&json!("application/json"), &json!("***"))
    );
    assert!(sent["webhook-id"].as_str().is_some_and(|id| id.starts_with("evt_")), "{sent}");
    assert_eq!((&letter["retried_at"], &letter["retry_success"]), (&Value::Null, &Value::Null));
    let id = letter["letter_id"].as_str().expect("an id");
    assert_eq!(relay.get(&format!("{DESK}/{id}")).await.expect(200), letter);
    relay.get(&format!("{DESK}/99")).await.expect(404);
}

#[tokio::test]
async fn r3_8_a_retry_that_arrives_resolves_the_letter_and_a_second_one_needs_force() {
    let relay = Relay::start().await;
    let (receiver, number) = dead(&relay, &[500]).await;
    let path = format!("{DESK}/{number}/retry");
    let retried = relay.post(&path, Value::Null).await.expect(200);
    assert_eq!((&retried["id"], &retried["batch_id"]), (&json!(number), &json!("b1")));
    assert_eq!((&retried["retry_success"], &retried["forced"]), (&json!(true), &json!(false)));
    assert!(retried["retried_at"].is_string(), "{retried}");
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].headers["webhook-id"], received[1].headers["webhook-id"]);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(relay.outbox().await, [""; 0], "nobody else is rung for it");
    let letter = relay.get(&format!("{DESK}/{number}")).await.expect(200);
    assert_eq!((&letter["state"], &letter["retry_success"]), (&json!("resolved"), &json!(true)));
    assert_eq!(letter["attempt_history"][1]["manual"], true);

    let refused = relay.post(&path, Value::Null).await.expect(400);
    assert!(refused["detail"].to_string().contains("force=true"), "{refused}");
    assert_eq!(receiver.received().len(), 2);
    let forced = relay.post(&format!("{path}?force=true"), Value::Null).await.expect(200);
    assert_eq!((&forced["retry_success"], &forced["forced"]), (&json!(true), &json!(true)));
    assert_eq!(receiver.received().len(), 3);
    relay.post(&format!("{path}?force=perhaps"), Value::Null).await.expect(422);
    relay.post(&format!("{DESK}/99/retry"), Value::Null).await.expect(404);
}

#[tokio::test]
async fn r3_8_a_retry_that_fails_is_one_attempt_and_the_same_letter() {
    let relay = Relay::start().await;
    let (receiver, number) = dead(&relay, &[500, 502, 200]).await;
    let path = format!("{DESK}/{number}/retry");
    let retried = relay.post(&path, Value::Null).await.expect(200);
    assert_eq!(retried["retry_success"], false);
    assert_eq!(receiver.received().len(), 2);
    let names = relay.aws.names().clone();
    assert_eq!(relay.aws.receive_all(&names.dead_letters).await.len(), 1, "redeliver is rung for");
    // As redeliver does.
    let event = relay.get(&format!("{DESK}/{number}")).await.at("event_id");
    assert_eq!(relay.bury(&event).await, [number]);
    let list = relay.get(DESK).await.expect(200);
    assert_eq!((&list["total"], &list["data"][0]["retry_success"]), (&json!(1), &json!(false)));
    assert_eq!(
        (&list["data"][0]["state"], &list["data"][0]["attempts"]),
        (&json!("waiting"), &json!(2))
    );
    assert_eq!(relay.post(&path, Value::Null).await.expect(200)["retry_success"], true);
}

#[tokio::test]
async fn a_retry_may_follow_before_the_failed_one_is_parked_again() {
    let relay = Relay::start().await;
    let (_receiver, number) = dead(&relay, &[500, 500]).await;
    let path = format!("{DESK}/{number}/retry");
    assert_eq!(relay.post(&path, Value::Null).await.expect(200)["retry_success"], false);
    assert_eq!(relay.post(&path, Value::Null).await.expect(200)["retry_success"], true);
}

#[tokio::test]
async fn of_two_retries_at_once_one_is_made() {
    let relay = Relay::start().await;
    let (receiver, number) = dead(&relay, &[500]).await;
    let path = format!("{DESK}/{number}/retry");
    let (one, other) = tokio::join!(relay.post(&path, Value::Null), relay.post(&path, Value::Null));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert!(matches!(statuses, [200, 400 | 409]), "{one:?} {other:?}");
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_letter_whose_delivery_cannot_be_tried_says_why() {
    let relay = Relay::start().await;
    let (_receiver, number) = dead(&relay, &[500]).await;
    let path = format!("{DESK}/{number}/retry");
    let task = relay.post(&format!("{DESK}/redrive"), json!({ "all": true })).await;
    task.expect(202);
    let letter = relay.api.table().letter_by_number(number).await.expect("read").expect("there");
    let at = relay.api.now();
    let redriven = relay
        .api
        .context()
        .redrive(relay.api.inbox(), &letter, domain::delivery::AttemptRound::Policy, at)
        .await;
    assert_eq!(redriven.expect("put back"), adapters::table::WriteOutcome::Done);
    let busy = relay.post(&path, Value::Null).await.expect(409);
    assert!(busy["detail"].to_string().contains("on its way"), "{busy}");
}

#[tokio::test]
async fn a_disabled_endpoint_is_not_called_by_a_retry() {
    let relay = Relay::start().await;
    let (receiver, number) = dead(&relay, &[500]).await;
    let endpoint = relay.get(&format!("{DESK}/{number}")).await.at("endpoint_id");
    let body = json!({ "url": receiver.url, "disabled": true });
    relay.put(&format!("/api/v1/app/acme/endpoint/{endpoint}"), body).await.expect(200);
    let retried = relay.post(&format!("{DESK}/{number}/retry"), Value::Null).await.expect(200);
    assert_eq!(retried["retry_success"], false);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn somebody_who_waits_does_not_wait_for_a_slow_endpoint() {
    let relay = Relay::start().await;
    // Takes connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    relay.endpoint("default", &url).await;
    let message = relay.message("default", "a", json!({})).await;
    let delivery = relay.deliveries(&message).await.remove(0);
    let limit = Some(std::time::Duration::from_millis(50));
    let attempts = &relay.api.calls();
    attempts.attempt_within(&delivery.event, &delivery.id, true, limit).await.expect("attempted");
    let attempt = relay.deliveries(&message).await.remove(0).attempts.remove(0);
    assert_eq!(attempt.error, Some(ErrorClass::Timeout));
}

/// A message that nobody could read, parked as `redeliver` does.
async fn poison(relay: &Relay, body: &str) -> u64 {
    let (table, now) = (&relay.api.table(), relay.api.now());
    let number = table.next_letter_number().await.expect("counted");
    let letter = Letter {
        id: LetterId::of_message(body),
        number,
        what: LetterSubject::Message {
            queue: LetterQueue::Inbox,
            body: StoredBody::inline(body.as_bytes()),
            readable: false,
        },
        error: "message is not what this queue carries".to_owned(),
        error_class: ErrorClass::Relay,
        attempts: 5,
        last_attempt_at: Some(now),
        created_at: now,
        retried_at: None,
        retry_success: None,
        state: LetterState::Waiting,
        expires_at: None,
        version: 0,
    };
    assert_eq!(
        table.park(&letter, None).await.expect("parked"),
        adapters::table::WriteOutcome::Done
    );
    number
}

#[tokio::test]
async fn a_message_that_died_is_shown_to_the_byte_and_goes_back_to_its_queue() {
    let relay = Relay::start().await;
    let number = poison(&relay, "garbage é").await;
    let letter = relay.get(&format!("{DESK}/{number}")).await.expect(200);
    assert_eq!((&letter["kind"], &letter["queue"]), (&json!("message"), &json!("inbox")));
    assert_eq!((&letter["body"], &letter["payload"]), (&json!("garbage é"), &Value::Null));
    let retried = relay.post(&format!("{DESK}/{number}/retry"), Value::Null).await.expect(200);
    assert_eq!((&retried["retry_success"], &retried["batch_id"]), (&json!(true), &Value::Null));
    let inbox = relay.aws.names().inbox.clone();
    assert_eq!(relay.aws.receive_all(&inbox).await, ["garbage é"]);
    relay.post(&format!("{DESK}/{number}/retry"), Value::Null).await.expect(400);
    let key = relay.key("admin", Some("default")).await;
    let path = format!("{DESK}/{number}");
    relay.ask(&key, axum::http::Method::GET, &path, axum::body::Body::empty()).await.expect(404);
}

#[tokio::test]
async fn r3_9_a_letter_is_thrown_away_once() {
    let relay = Relay::start().await;
    let (_receiver, number) = dead(&relay, &[500]).await;
    let path = format!("{DESK}/{number}");
    assert_eq!(relay.delete(&path).await.expect(200), json!({ "deleted": true, "id": number }));
    relay.delete(&path).await.expect(404);
    relay.get(&path).await.expect(404);
    relay.post(&format!("{path}/retry"), Value::Null).await.expect(404);
    assert_eq!(relay.get(DESK).await.expect(200)["total"], 0);
}

#[tokio::test]
async fn a_letter_that_is_parked_once_more_meanwhile_goes_back_all_the_same() {
    let relay = Relay::start().await;
    let (_receiver, number) = dead(&relay, &[500]).await;
    let (table, context) = (relay.api.table(), relay.api.context());
    let as_read = table.letter_by_number(number).await.expect("read").expect("there");
    // A second bell rang for the dead delivery.
    let parked = table.park(&as_read, Some(as_read.state)).await.expect("parked");
    assert_eq!(parked, adapters::table::WriteOutcome::Done);
    let round = domain::delivery::AttemptRound::Policy;
    let redriven = context.redrive(relay.api.inbox(), &as_read, round, relay.api.now()).await;
    assert_eq!(redriven.expect("put back"), adapters::table::WriteOutcome::Done);
    let again = context.redrive(relay.api.inbox(), &as_read, round, relay.api.now()).await;
    assert_eq!(again.expect("judged"), adapters::table::WriteOutcome::Refused);
}
