//! Refused requests: counts and samples are kept, and none of it changes an answer.

use adapters::table::{StoredRefusals, Table};
use domain::{
    figures::Hour,
    refusals::{RefusalReason, RefusalSample},
    source::{RateLimit, RateWindow},
};

use super::*;

impl World {
    /// Refusals of this hour: at sources of `acme`, or at no source.
    async fn refused(&self, application: Option<&ApplicationId>) -> Vec<StoredRefusals> {
        let hour = Hour::of(self.clock.now());
        self.table.refusals(application, hour, hour, 1000).await.expect("read").items
    }

    /// The newest sample of a source of `acme`.
    async fn newest(&self, name: &str) -> RefusalSample {
        let items = self.refused(Some(&ApplicationId::named("acme"))).await;
        let of_source = items.into_iter().filter(|item| {
            item.source
                .as_ref()
                .is_some_and(|(id, shown)| *id == SourceId::derive(&[name]) && shown == name)
        });
        let samples = of_source.flat_map(|item| item.samples);
        samples.max_by_key(|sample| sample.at).expect("a sample")
    }

    async fn count(&self, reason: RefusalReason) -> u64 {
        let items = self.refused(Some(&ApplicationId::named("acme"))).await;
        let counts = items.iter().flat_map(|item| &item.counts);
        counts.filter(|(_, of, _)| *of == reason).map(|(_, _, count)| count).sum()
    }
}

fn wrong(event: &mut Value) {
    event["body"] = "{\"secret\":\"s3cret-body\"}".into();
    event["headers"]["authorization"] = "Bearer s3cret-header".into();
}

#[tokio::test]
async fn a_refused_request_is_kept_with_its_reason_and_without_a_value() {
    let world = World::start().await;
    let (status, _) = world.send(OMTX, wrong).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let sample = world.newest("modal").await;
    assert_eq!(sample.reason, RefusalReason::Mismatch);
    assert_eq!(
        sample.sentence,
        "The signature does not match the secret of the source. If the sender's secret was changed, \
         set it with PUT /v1/sources/modal."
    );
    assert_eq!(sample.caller.map(|caller| caller.to_string()).as_deref(), Some("203.0.113.7"));
    assert_eq!((sample.source.as_str(), sample.bytes), ("modal", 24));
    assert_eq!(sample.content_type.as_deref(), Some("application/json"));
    assert!(sample.headers.contains(&"x-modal-signature".to_owned()));
    assert_eq!(world.count(RefusalReason::Mismatch).await, 1);
    let kept = format!("{:?}", world.refused(Some(&ApplicationId::named("acme"))).await);
    for secret in ["s3cret", "4ee6cb737c7b", SECRET] {
        assert!(!kept.contains(secret), "{kept}");
    }
}

#[tokio::test]
async fn refusals_of_one_source_are_written_once_in_ten_seconds_and_none_is_lost() {
    let world = World::start().await;
    for _ in 0..5 {
        world.send(OMTX, wrong).await;
    }
    assert_eq!(world.count(RefusalReason::Mismatch).await, 1, "the others wait");
    world.clock.advance(Duration::from_secs(11));
    // What is accepted writes nothing, although something waits.
    assert_eq!(world.send(OMTX, |_| ()).await.0, StatusCode::ACCEPTED);
    assert_eq!(world.count(RefusalReason::Mismatch).await, 1);
    world.send(OMTX, |event| event["headers"]["x-modal-timestamp"] = "1600000000".into()).await;
    assert_eq!(world.count(RefusalReason::Mismatch).await, 5);
    assert_eq!(world.count(RefusalReason::TimestampPast).await, 1);
    let sample = world.newest("modal").await;
    assert!(
        sample.sentence.starts_with("The request was signed 100000011 s before it arrived; 300 s")
    );
}

#[tokio::test]
async fn names_that_no_source_has_are_counted_together() {
    let world = World::start().await;
    for number in 0..50 {
        let path = format!("/in/{}-{number}", "n".repeat(100));
        let (status, _) = world.send(OMTX, |event| event["rawPath"] = path.into()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    world.clock.advance(Duration::from_secs(10));
    world.send(OMTX, |event| event["rawPath"] = "/in/nobody".into()).await;
    let items = world.refused(None).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].counts.iter().map(|(_, _, count)| count).sum::<u64>(), 51);
    assert_eq!(items[0].samples.len(), 20, "the newest");
    assert!(items[0].samples.iter().all(|sample| sample.source.len() <= 64));
    assert!(world.refused(Some(&ApplicationId::named("acme"))).await.is_empty());
}

#[tokio::test]
async fn every_way_to_be_refused_has_its_reason() {
    let world = World::start().await;
    let limit = RateLimit { requests: 1, per: RateWindow::Minute };
    let options = SourceOptions { rate_limit: Some(limit), strict: true, ..Default::default() };
    world.source_with("strict", "modal-mesh", &[SECRET], options).await;
    let scheme = &Profile::named("modal-mesh").expect("there").scheme;
    let signed = |body: &str| {
        let signature = sign(scheme, &Secret::new(SECRET), None, None, body.as_bytes());
        vec![("x-modal-signature".to_owned(), signature.expect("signs"))]
    };
    let reported = r#"{"job_id":"m","status":"running"}"#;
    let cases = [
        (signed(reported), reported, RefusalReason::UnknownJob),
        (signed(reported), reported, RefusalReason::TooMany),
        (
            vec![("x-modal-signature".to_owned(), "00".to_owned())],
            "{}",
            RefusalReason::MalformedHeader,
        ),
        (vec![], "{}", RefusalReason::MissingHeader),
        (signed("not json"), "not json", RefusalReason::Unreadable),
    ];
    for (headers, body, reason) in cases {
        let (status, _) = world.post("/in/strict", &headers, body).await;
        assert!(status.is_client_error(), "{reason:?}: {status}");
        world.clock.advance(Duration::from_secs(10));
        assert_eq!(world.newest("strict").await.reason, reason);
    }
    let large = "x".repeat(MAX_BODY + 1);
    let (status, _) = world.post("/in/mesh", &[], &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let sample = world.newest("mesh").await;
    assert_eq!((sample.reason, sample.bytes), (RefusalReason::TooLarge, MAX_BODY as u64 + 1));
    world.clock.advance(Duration::from_secs(10));
    let lines = "/in/mesh/jobs/m/logs";
    world.post(lines, &signed("[]"), "[]").await;
    assert_eq!(world.newest("mesh").await.reason, RefusalReason::Lines);
    world.clock.advance(Duration::from_secs(10));
    world.post(lines, &[], "[]").await;
    assert_eq!(world.newest("mesh").await.reason, RefusalReason::MissingHeader);
}

#[tokio::test]
async fn a_refusal_is_answered_though_it_cannot_be_kept() {
    let world = World::start().await;
    let known = world.send(OMTX, wrong).await;
    // A table that is not there takes nothing.
    let clients = world.aws.clients();
    let nowhere = Table::new(clients.dynamodb(), "nowhere".to_owned(), Duration::ZERO);
    let log = RefusalLog::new(nowhere);
    let ingest = Ingest { refusals: log, ..World::ingest(&world.aws, &world.vault, &world.clock) };
    let broken = router(Arc::new(ingest));
    let event: Value = serde_json::from_str(OMTX).expect("JSON");
    let request = |event: &Value| {
        let (parts, body) = request::from_str(&event.to_string()).expect("an event").into_parts();
        Request::from_parts(parts, Body::new(body))
    };
    let mut changed = event.clone();
    wrong(&mut changed);
    assert_eq!(world.answer(&broken, request(&changed)).await, known);
    assert_eq!(world.answer(&broken, request(&event)).await.0, StatusCode::ACCEPTED);
}
