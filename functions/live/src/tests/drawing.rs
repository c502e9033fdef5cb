//! Lines of CloudWatch Logs: brought by subscription filters, and read once where they were there before.

use ::tests::{
    faults::{FaultKind, Faults},
    log_groups::{ACCOUNT, LogGroupService, brought},
};
use aws_smithy_types::retry::RetryConfig;
use domain::log::groups::{LogGroups, RelayPlace};

use super::*;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:relay-live";
const LISTED: &str = "/modal/jobs/*,/shared";

/// A world with log groups.
struct Groups {
    world: World,
    logs: LogGroupService,
}

impl Groups {
    async fn start() -> Self {
        let mut world = World::start().await;
        let logs = LogGroupService::start().await;
        world.live = instance(&world, &logs, world.clients());
        world.table().watch(&acme(), Timestamp(NOW.0 - 10_000)).await.expect("kept");
        Self { world, logs }
    }

    /// A client hears the job; the lines that it is sent.
    async fn hear(&self, id: &str, job: &str) -> Vec<String> {
        self.world.json(id, World::grant("acme")).await;
        let wanted = json!({ "action": "subscribe_logs", "job_id": job });
        assert_eq!(self.world.ask(id, wanted).await["status"], "started");
        self.world.work().await;
        self.heard(id)
    }

    /// The lines that a client was sent since the last time.
    fn heard(&self, id: &str) -> Vec<String> {
        texts(&self.world.gateway.take_json(id))
    }

    /// A subscription filter brings lines.
    async fn bring(&self, event: Value) {
        let answer = self.world.live.handle(event).await.expect("kept");
        assert_eq!(answer, Value::Null);
        self.world.work().await;
    }

    async fn kept(&self, job: &Job) -> Vec<String> {
        kept(&self.world, job).await
    }
}

/// An instance with log groups, which remembers nothing.
pub(super) fn instance(world: &World, logs: &LogGroupService, clients: local::Clients) -> Live {
    let relay = RelayPlace { account: ACCOUNT, region: "us-east-1", stack: "relay" };
    let groups = LogGroups::parse_list(LISTED, relay).expect("groups");
    let cloudwatch = CloudWatch::of(groups, || logs.client(&clients));
    let clock = world.live.clock.clone();
    let live = World::instance_with(&world.aws, clients, &world.gateway, clock, cloudwatch);
    live.is_invoked_as(FUNCTION);
    live
}

fn texts(frames: &[Value]) -> Vec<String> {
    let lines = frames.iter().filter(|frame| frame["event"] == "log_lines");
    let lines = lines.flat_map(|frame| frame["lines"].as_array().expect("a list").clone());
    lines.map(|line| line["message"].as_str().expect("text").to_owned()).collect()
}

/// Every line of a job's log as it lies there: one that lay there twice would be twice in it.
async fn kept(world: &World, job: &Job) -> Vec<String> {
    let mut lines = Vec::new();
    for stream in world.table().log_streams(&job.id, 10).await.expect("read") {
        let range = adapters::table::LogRange::of(&stream);
        let part = world.table().log_part(&job.id, &range, false, usize::MAX).await.expect("read");
        lines.extend(part.batches.into_iter().flat_map(|batch| batch.lines));
    }
    lines.into_iter().map(|line| line.message).collect()
}

#[tokio::test]
async fn a_filter_is_set_once_and_the_lines_from_before_are_heard_once_by_everybody() {
    let groups = Groups::start().await;
    let job = groups.world.job(&acme(), "j").await;
    groups.logs.print("/modal/jobs/j", "job-j", NOW, &["1", "2", "3", "4"]);
    assert_eq!(groups.hear("a=", "j").await, ["1", "2", "3", "4"]);
    let asked = ["DescribeSubscriptionFilters", "PutSubscriptionFilter"];
    assert_eq!(groups.logs.take_calls()[..2], asked);
    let filter = ("webhook-relay".to_owned(), FUNCTION.to_owned());
    assert_eq!(groups.logs.filters("/modal/jobs/j"), [filter]);
    // `/shared` does not exist, and is asked for again; the group of the job is not.
    assert_eq!(groups.hear("b=", "j").await, ["1", "2", "3", "4"]);
    assert_eq!(groups.logs.take_calls(), ["DescribeSubscriptionFilters"]);
    // The filter brings lines that were read, and a new one.
    groups.logs.print("/modal/jobs/j", "job-j", NOW, &["5"]);
    groups.bring(groups.logs.bring("/modal/jobs/j", "job-j", 2)).await;
    assert_eq!(
        (groups.heard("a="), groups.heard("b=")),
        (vec!["5".to_owned()], vec!["5".to_owned()])
    );
    // CloudWatch delivers twice.
    groups.bring(groups.logs.bring("/modal/jobs/j", "job-j", 2)).await;
    groups.bring(groups.logs.bring("/modal/jobs/j", "job-j", 0)).await;
    assert_eq!((groups.heard("a="), groups.heard("b=")), (vec![], vec![]));
    assert_eq!(groups.kept(&job).await, ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn lines_that_a_filter_brought_are_not_kept_again_when_the_rest_is_read() {
    let groups = Groups::start().await;
    let job = groups.world.job(&acme(), "j").await;
    groups.logs.print("/shared", "job-j", NOW, &["1", "2", "3", "4", "5", "6"]);
    groups.logs.print("/shared", "job-j2", NOW, &["of another"]);
    let mut middle = groups.logs.bring("/shared", "job-j", 2);
    middle = only(&middle, 2);
    groups.bring(middle).await;
    assert_eq!(groups.kept(&job).await, ["3", "4"]);
    assert_eq!(groups.hear("a=", "j").await, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(groups.kept(&job).await, ["1", "2", "3", "4", "5", "6"]);
}

/// A filter's event with the first lines of another one.
fn only(event: &Value, lines: usize) -> Value {
    use std::io::Read;
    let data = event["awslogs"]["data"].as_str().expect("text");
    let packed = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data);
    let mut text = String::new();
    let packed = packed.expect("Base64");
    flate2::bufread::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("gzip");
    let mut content: Value = serde_json::from_str(&text).expect("JSON");
    content["logEvents"].as_array_mut().expect("a list").truncate(lines);
    brought(&content)
}

#[tokio::test]
async fn a_name_that_jobs_of_two_tenants_bear_brings_lines_to_neither() {
    let groups = Groups::start().await;
    let jobs = [
        groups.world.job(&acme(), "j").await,
        groups.world.job(&ApplicationId::named("globex"), "j").await,
    ];
    groups.logs.print("/modal/jobs/j", "out", NOW, &["a secret of one of them"]);
    assert_eq!(groups.hear("a=", "j").await, Vec::<String>::new());
    groups.bring(groups.logs.bring("/modal/jobs/j", "out", 0)).await;
    assert!(!groups.logs.take_calls().contains(&"FilterLogEvents".to_owned()));
    for job in &jobs {
        assert_eq!(groups.kept(job).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_job_that_is_younger_than_the_filter_is_not_read() {
    let groups = Groups::start().await;
    groups.world.job(&acme(), "old").await;
    groups.logs.create("/shared");
    groups.hear("a=", "old").await;
    assert!(groups.logs.take_calls().contains(&"FilterLogEvents".to_owned()));
    groups.world.live.clock.advance(Duration::from_secs(120));
    let mut young = Job::unknown(tenure(&acme()), "acme", "young", groups.world.live.clock.now());
    groups.world.put(&mut young).await;
    assert_eq!(groups.hear("b=", "young").await, Vec::<String>::new());
    // Its own group is not there; of the shared one nothing is asked.
    assert_eq!(groups.logs.take_calls(), ["DescribeSubscriptionFilters"]);
}

#[tokio::test]
async fn a_group_that_begins_after_its_watcher_is_drawn_from_at_the_news_of_the_job() {
    let groups = Groups::start().await;
    let mut job = groups.world.job(&acme(), "j").await;
    assert_eq!(groups.hear("a=", "j").await, Vec::<String>::new());
    groups.logs.print("/modal/jobs/j", "out", NOW, &["1", "2"]);
    job.status = domain::job::JobStatus::Running;
    groups.world.put(&mut job).await;
    let topic = Topic::job(acme(), job.id.clone());
    let news = domain::live::news::JobNews::of(&job, job.status, None);
    groups.world.tell(topic, [News::Job(news)]).await;
    groups.world.work().await;
    assert_eq!(groups.heard("a="), ["1", "2"]);
    assert_eq!(groups.logs.filters("/modal/jobs/j").len(), 1);
}

#[tokio::test]
async fn whatever_cloudwatch_refuses_subscribers_hear_what_is_kept() {
    for exception in [
        "AccessDeniedException",
        "ThrottlingException",
        "InvalidParameterException",
        "ResourceNotFoundException",
    ] {
        let groups = Groups::start().await;
        let job = groups.world.job(&acme(), "j").await;
        groups.world.log(&job, "out", 1, &["posted"]).await;
        groups.logs.print("/modal/jobs/j", "out", NOW, &["1"]);
        groups.logs.fail(Some(exception));
        assert_eq!(groups.hear("a=", "j").await, ["posted"], "{exception}");
        groups.logs.take_calls();
        assert_eq!(groups.hear("b=", "j").await, ["posted"], "{exception}");
        // It is left alone for a minute, unless a group may begin at any time.
        let calls = groups.logs.take_calls().len();
        assert_eq!(calls, if exception == "ResourceNotFoundException" { 2 } else { 0 });
        groups.logs.fail(None);
        groups.world.live.clock.advance(Duration::from_secs(61));
        groups.hear("c=", "j").await;
        assert_eq!(groups.kept(&job).await.len(), 2, "{exception}");
    }
    let groups = Groups::start().await;
    groups.world.job(&acme(), "j").await;
    groups.logs.set_filter("/modal/jobs/j", "one");
    groups.logs.set_filter("/modal/jobs/j", "two");
    groups.hear("a=", "j").await;
    assert_eq!(groups.logs.filters("/modal/jobs/j").len(), 2);
}

#[tokio::test]
async fn lines_of_groups_that_are_not_named_are_dropped() {
    let groups = Groups::start().await;
    let job = groups.world.job(&acme(), "j").await;
    for group in ["/theirs", "/aws/lambda/relay-live", "/modal/jobs"] {
        groups.logs.print(group, "job-j", NOW, &["not for us"]);
        groups.bring(groups.logs.bring(group, "job-j", 0)).await;
    }
    let foreign = json!({ "messageType": "DATA_MESSAGE", "owner": "210987654321",
        "logGroup": "/shared", "logStream": "job-j", "subscriptionFilters": [],
        "logEvents": [{ "id": "1", "timestamp": NOW.0, "message": "of another account" }] });
    groups.bring(brought(&foreign)).await;
    groups.bring(brought(&json!({ "messageType": "CONTROL_MESSAGE" }))).await;
    groups.bring(json!({ "awslogs": { "data": "not gzip" } })).await;
    groups.bring(brought(&json!("x".repeat(7 * 1024 * 1024)))).await;
    assert_eq!(groups.kept(&job).await, Vec::<String>::new());
    // Without a list nothing is kept.
    let plain = groups.world.another();
    groups.logs.print("/shared", "job-j", NOW, &["a"]);
    plain.handle(groups.logs.bring("/shared", "job-j", 0)).await.expect("dropped");
    assert_eq!(groups.kept(&job).await, Vec::<String>::new());
    groups.bring(groups.logs.bring("/shared", "job-j", 0)).await;
    assert_eq!(groups.kept(&job).await, ["a"]);
}

/// The lines that a job's log holds after a watcher came to an instance whose calls may fail, and then to one
/// whose calls work.
async fn drawn_with(faults: &Faults) -> Vec<String> {
    let groups = Groups::start().await;
    let job = groups.world.job(&acme(), "j").await;
    groups.logs.print("/shared", "job-j", NOW, &["1", "2", "3", "4"]);
    let clients = groups.world.aws.clients().with_retries(RetryConfig::disabled());
    let failing = instance(
        &groups.world,
        &groups.logs,
        clients.with_http_client(faults.around(groups.world.aws.inner_http())),
    );
    faults.begin("live");
    // The queue gives out again what failed.
    let _ = failing.draw_lines(&job.id).await;
    let brought = groups.logs.bring("/shared", "job-j", 1);
    // Lambda invokes again what failed.
    let kept = failing.handle(brought.clone()).await;
    let again = instance(&groups.world, &groups.logs, groups.world.clients());
    if kept.is_err() {
        again.handle(brought).await.expect("kept");
    }
    again.draw_lines(&job.id).await.expect("drawn");
    assert_eq!(groups.logs.filters("/shared").len(), 1);
    groups.kept(&job).await
}

#[tokio::test]
async fn each_line_is_kept_once_wherever_drawing_it_dies() {
    let sound = Faults::default();
    assert_eq!(drawn_with(&sound).await, ["1", "2", "3", "4"]);
    let calls = sound.calls();
    let asked: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    for wanted in ["PutSubscriptionFilter", "FilterLogEvents", "PutItem"] {
        assert!(asked.contains(&wanted), "{asked:?}");
    }
    let mut cases = 0;
    for (k, call) in calls.iter().enumerate() {
        for how in [
            FaultKind::DiesBefore,
            FaultKind::DiesAfter,
            FaultKind::FailsOnce,
            FaultKind::AnswerLost,
            FaultKind::Throttled,
            FaultKind::Denied,
        ] {
            let lines = drawn_with(&Faults::at(k, how)).await;
            assert_eq!(lines, ["1", "2", "3", "4"], "{how:?} at {call:?}");
            cases += 1;
        }
    }
    ::tests::shown!("lines drawn once: {cases}/{cases}");
}
