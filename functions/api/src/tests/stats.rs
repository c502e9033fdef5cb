//! Series and totals: what is counted is shown in the right step, to those who may see it.

use domain::{
    figures::{Counter, Figure, Figures, FittedFigures, Hour, Minute, Subject},
    id::{ApplicationId, EndpointId},
    time::Timestamp,
};

use super::*;

const HOUR: u64 = 3_600_000;

impl Relay {
    async fn id_of(&self, application: &str) -> ApplicationId {
        let known = self.api.table().application_named(application).await.expect("read");
        known.expect("there").id
    }

    /// Adds figures to the minute of an instant.
    async fn count(&self, application: &str, at: Timestamp, add: Figures) {
        let fitted = FittedFigures { add, remove: Vec::new() };
        let id = self.id_of(application).await;
        self.api.table().add_figures(&id, Minute::of(at), 1, &fitted).await.expect("added");
    }

    fn ago(&self, millis: u64) -> Timestamp {
        Timestamp(self.api.now().0 - millis)
    }
}

fn counted(counter: Counter, subject: Option<Subject>, count: u64) -> Figures {
    let mut figures = Figures::default();
    figures.count_many(counter, subject, count);
    figures
}

fn sum(list: &Value) -> u64 {
    list.as_array().expect("a list").iter().map(|count| count.as_u64().expect("a number")).sum()
}

#[tokio::test]
async fn a_series_has_a_step_for_every_part_of_the_time_with_zeros_in_the_gaps() {
    let relay = Relay::start().await;
    relay.application("one").await;
    let mut slow = counted(Counter::Delivered, None, 1);
    slow.measure(Figure::Delivery, Duration::from_millis(700));
    relay.count("one", relay.ago(30 * 60_000), slow).await;
    let mut quick = Figures::default();
    for _ in 0..20 {
        quick.measure(Figure::Delivery, Duration::from_millis(3));
    }
    relay.count("one", relay.ago(20 * 60_000), quick).await;
    relay.count("one", relay.ago(20 * 60_000), counted(Counter::Received, None, 4)).await;
    let class = Counter::Failed(ErrorClass::Timeout);
    relay.count("one", relay.ago(20 * 60_000), counted(class, None, 2)).await;
    let since = relay.ago(HOUR).rfc3339();
    let path = format!("/v1/stats?application=one&step=10m&since={since}");
    let stats = relay.get(&path).await.expect(200);
    let steps = stats["times"].as_array().expect("a list").len();
    assert!((6..=7).contains(&steps), "{steps}");
    assert_eq!((&stats["step"], &stats["approximate"]), (&json!("10m"), &json!(true)));
    for series in [
        "received",
        "duplicates",
        "conflicts",
        "refused",
        "announced",
        "attempts",
        "delivered",
        "parked",
    ] {
        assert_eq!(stats["series"][series].as_array().map(Vec::len), Some(steps), "{series}");
    }
    assert_eq!(sum(&stats["series"]["received"]), 4);
    assert_eq!(stats["series"]["failed"].as_object().map(|map| map.len()), Some(1));
    assert_eq!(sum(&stats["series"]["failed"]["timeout"]), 2);
    let p50: Vec<_> = stats["delivered_ms"]["p50"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(Value::as_u64)
        .collect();
    let [few, many] = p50[..] else { panic!("{p50:?}") };
    assert_eq!(few, 1000, "the upper bound of its bucket, and null elsewhere");
    let total = &stats["delivered_ms"]["total"];
    let half = total["p50"].as_u64().expect("a number");
    assert!(half < 10 && many < 10 && total["p99"] == few, "of 21 together: {total}");
    assert_eq!(stats["first_attempt_ms"]["total"]["p50"], Value::Null);
    let of = |series: &str| {
        stats["series"][series]
            .as_array()
            .expect("a list")
            .iter()
            .position(|count| *count != json!(0))
    };
    assert_ne!(of("received"), of("delivered"), "another step");
}

#[tokio::test]
async fn an_impossible_time_or_step_is_refused() {
    let relay = Relay::start().await;
    let (year, now) = (relay.ago(365 * 24 * HOUR).rfc3339(), relay.ago(0).rfc3339());
    for (query, field, part) in [
        (format!("step=1s&since={year}"), "step", "the smallest that goes here is 6h"),
        (format!("since={now}&until={year}"), "since", "is after `until`"),
        ("step=soon".to_owned(), "step", "such as 1m"),
        ("step=90s".to_owned(), "step", "the smallest that goes here is 1m"),
        ("endpoint=nonsense".to_owned(), "endpoint", "such as ep_"),
        ("source=a&endpoint=ep_1".to_owned(), "endpoint", "does not go with"),
        (format!("step=1d&source=a&since={year}"), "since", "at most 31 days"),
        ("aplication=one".to_owned(), "aplication", "did you mean `application`"),
    ] {
        let answer = relay.get(&format!("/v1/stats?{query}")).await;
        let detail = answer.expect(422)["detail"].to_string();
        assert!(detail.contains(field) && detail.contains(part), "{query}: {detail}");
    }
    let until = relay.ago(0).rfc3339();
    relay.get(&format!("/v1/stats?since={until}&until={until}")).await.expect(200);
}

#[tokio::test]
async fn a_source_and_an_endpoint_have_series_of_their_own_and_another_tenants_are_empty() {
    let relay = Relay::start().await;
    relay.source("s1", "one").await;
    relay.source("s2", "two").await;
    let at = relay.ago(60_000);
    let endpoint = EndpointId::derive(&["e"]);
    for (name, application, received) in [("s1", "one", 3), ("s2", "two", 5)] {
        let id = relay.api.table().source(name).await.expect("read").expect("there").id;
        let subject = Some(Subject::source(&id));
        relay.count(application, at, counted(Counter::Received, subject, received)).await;
    }
    let sent = counted(Counter::Delivered, Some(Subject::endpoint(&endpoint)), 7);
    relay.count("two", at, sent).await;
    let key = relay.key("read", Some("one")).await;
    let ask = async |key: &str, query: &str| {
        let path = format!("/v1/stats?{query}");
        relay.ask(key, Method::GET, &path, Body::empty()).await.expect(200)["series"].clone()
    };
    let (by_endpoint, key) = (format!("endpoint={endpoint}"), key.as_str());
    for (key, query, received, delivered) in [
        (ADMIN, "", 8, 7),
        (ADMIN, "application=two", 5, 7),
        (ADMIN, "source=s1", 3, 0),
        (ADMIN, "source=s2&application=one", 0, 0),
        (ADMIN, by_endpoint.as_str(), 0, 7),
        (key, "", 3, 0),
        (key, "source=s1", 3, 0),
        (key, "source=s2", 0, 0),
        (key, "source=nobody", 0, 0),
        (key, by_endpoint.as_str(), 0, 0),
    ] {
        let series = ask(key, query).await;
        assert_eq!(sum(&series["received"]), received, "{query}");
        assert_eq!(sum(&series["delivered"]), delivered, "{query}");
        let attempts = if query.starts_with("endpoint") { delivered } else { 0 };
        assert_eq!(sum(&series["attempts"]), attempts, "{query}");
    }
    for path in
        ["/v1/stats?application=two", "/v1/refusals?application=two", "/metrics?application=two"]
    {
        relay.ask(key, Method::GET, path, Body::empty()).await.expect(404);
    }
}

#[tokio::test]
async fn hours_that_were_added_up_and_minutes_make_one_series() {
    let relay = Relay::start().await;
    relay.application("one").await;
    let (table, id) = (relay.api.table(), relay.id_of("one").await);
    let now = Hour::of(relay.api.now());
    // Ten days ago and three hours ago, of which minutes are there as well.
    let (old, recent) = (Hour(now.0 - 240), Hour(now.0 - 3));
    let figures = counted(Counter::Received, None, 10);
    assert_eq!(table.add_hour(&id, old, &figures, None).await.expect("kept"), WriteOutcome::Done);
    let totals = table.figure_totals(&id).await.expect("read");
    relay.count("one", recent.start(), figures.clone()).await;
    relay.count("one", Hour(now.0 - 1).start(), counted(Counter::Received, None, 1)).await;
    let since = relay.ago(20 * 24 * HOUR).rfc3339();
    let long = format!("/v1/stats?application=one&step=1h&since={since}");
    let received = async |path: &str| sum(&relay.get(path).await.expect(200)["series"]["received"]);
    assert_eq!(received(&long).await, 21, "hours, and minutes of hours that are not added up");
    assert_eq!(
        table.add_hour(&id, recent, &figures, totals.as_ref()).await.expect("kept"),
        WriteOutcome::Done
    );
    assert_eq!(received(&long).await, 21, "an hour counts once");
    assert_eq!(received("/v1/stats?application=one&step=1m").await, 11, "a day by the minute");
    let metrics = relay.get("/metrics?application=one").await;
    assert_eq!(metrics.status, StatusCode::OK);
    let line = "relay_received_total{application=\"one\"} 21";
    assert!(metrics.text.lines().any(|printed| printed == line), "{}", metrics.text);
    let kind = metrics.headers["content-type"].to_str().expect("text");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
}

#[tokio::test]
async fn metrics_need_a_key_and_name_only_what_it_sees() {
    let relay = Relay::start().await;
    for name in ["one", "two"] {
        relay.application(name).await;
        relay.count(name, relay.ago(0), counted(Counter::Parked, None, 1)).await;
    }
    let nobody = relay.ask("nonsense", Method::GET, "/metrics", Body::empty()).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let all = relay.get("/metrics").await.text;
    assert!(all.contains("relay_parked_total{application=\"one\"} 1"), "{all}");
    assert!(all.contains("relay_parked_total{application=\"two\"} 1"), "{all}");
    let key = relay.key("read", Some("one")).await;
    let own = relay.ask(&key, Method::GET, "/metrics", Body::empty()).await.text;
    assert!(own.contains("application=\"one\"") && !own.contains("two"), "{own}");
}

#[tokio::test]
async fn of_more_than_a_hundred_applications_one_is_named_and_a_source_names_its_own() {
    let relay = Relay::start().await;
    relay.source("s1", "oldest").await;
    for number in 0..=manage::figures::MAX_APPLICATIONS {
        relay.application(&format!("app-{number}")).await;
    }
    for path in ["/v1/stats", "/metrics", "/v1/refusals"] {
        let detail = relay.get(path).await.expect(422)["detail"].to_string();
        assert!(detail.contains("application: must be named"), "{path}: {detail}");
    }
    let id = relay.api.table().source("s1").await.expect("read").expect("there").id;
    let received = counted(Counter::Received, Some(Subject::source(&id)), 3);
    relay.count("oldest", relay.ago(60_000), received).await;
    for query in ["source=s1", "application=oldest"] {
        let stats = relay.get(&format!("/v1/stats?{query}")).await.expect(200);
        assert_eq!(sum(&stats["series"]["received"]), 3, "{query}");
    }
}
