//! `events/live`: events as API Gateway, SQS and CloudWatch Logs hand them to Lambda.

use ::tests::log_groups::LogGroupService;

use super::*;

const CONNECT: &str = include_str!("../../../../events/live/socket-connect.json");
const SUBSCRIBE: &str = include_str!("../../../../events/live/socket-subscribe-logs.json");
const DISCONNECT: &str = include_str!("../../../../events/live/socket-disconnect.json");
const OPEN_AND_END: &str = include_str!("../../../../events/live/queue-open-and-end.json");
const LINES: &str = include_str!("../../../../events/live/cloudwatch-lines.json");
/// The connection of all samples.
const CONNECTION: &str = "L0SM9cOFvHcCIhw=";

impl World {
    /// Sends the function a sample; the answer, and the names of what its client hears.
    async fn sample(&self, text: &str) -> (Value, Vec<String>) {
        let event = serde_json::from_str(text).expect("JSON");
        let answer = self.live.handle(event).await.expect("answered");
        (answer, self.heard())
    }

    fn heard(&self) -> Vec<String> {
        let name = |frame: Value| frame["event"].as_str().expect("a name").to_owned();
        self.gateway.take_json(CONNECTION).into_iter().map(name).collect()
    }
}

#[tokio::test]
async fn the_samples_are_what_live_understands() {
    let mut world = World::start().await;
    let logs = LogGroupService::start().await;
    world.live = drawing::instance(&world, &logs, world.clients());
    world.known(&acme()).await;
    let job = world.job(&acme(), "fc-01HZX").await;
    let (accepted, refused) = (json!({ "statusCode": 200 }), json!({ "statusCode": 401 }));
    let nothing = Vec::<String>::new;
    assert_eq!(world.sample(CONNECT).await, (refused, nothing()));
    let ticket = world.ticket_from(World::grant("acme"), Some("https://app.example.com")).await;
    let connect = CONNECT.replace("rlt_REPLACE_WITH_A_TICKET", &ticket);
    assert_eq!(world.sample(&connect).await, (accepted.clone(), nothing()));
    let worked = json!({ "batchItemFailures": [] });
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(world.sample(OPEN_AND_END).await, (worked.clone(), names(&["hello"])));
    assert_eq!(world.sample(SUBSCRIBE).await, (accepted.clone(), names(&["subscribed"])));
    world.work().await;
    // The first frame, of the message that the upgrade sent.
    assert_eq!(world.heard(), ["hello"]);
    assert_eq!(world.sample(LINES).await, (Value::Null, nothing()));
    world.work().await;
    let heard = world.gateway.take_json(CONNECTION);
    assert_eq!(heard.len(), 1, "{heard:?}");
    let text = |place: usize| &heard[0]["lines"][place]["message"];
    assert_eq!((text(0), text(1)), (&json!("[INFO] loading the mesh"), &json!("100%")));
    assert_eq!(world.sample(OPEN_AND_END).await, (worked, names(&["hello", "job_failed"])));
    assert_eq!(world.sample(DISCONNECT).await, (accepted, nothing()));
    assert!(world.table().connection(CONNECTION).await.expect("read").is_none());
    let topic = Topic::job(acme(), job.id);
    assert!(world.table().audience(&topic).await.expect("read").subscriptions.is_empty());
}

#[tokio::test]
#[should_panic(expected = "does not allow [\"JOB#")]
async fn a_write_to_the_item_of_another_is_noticed() {
    let world = World::start().await;
    let job = world.job(&acme(), "j").await;
    assert!(world.calls.written().is_empty());
    world.live.table.keep_job(&job).await.expect("asked").either_way();
}
