//! Tests of the operations on jobs, `/v1/jobs`.

use serde_json::json;

use super::{Relay, ids};

const BODY: &str = r#"{"call_id":"fc-1","status":"success","result":{"affinity":-7.20,"s":"\u00e9"},"metadata":{"job_id":"j1","batch_id":"b1"}}"#;

#[tokio::test]
async fn a_job_is_found_by_every_name_it_has() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.endpoint("acme", "https://subscriber.example/").await;
    let event = relay.completion("modal", "acme", "j1", BODY).await;
    let job = relay.get("/v1/jobs/j1").await.expect(200);
    assert_eq!(
        (&job["external_id"], &job["call_id"], &job["batch_id"]),
        (&json!("j1"), &json!("fc-1"), &json!("b1"))
    );
    assert_eq!((&job["status"], &job["source"]), (&json!("succeeded"), &json!("modal")));
    assert_eq!(job["result_event"], event.id.event().as_str());
    assert_eq!(job["events"][0]["type"], "job.succeeded");
    assert_eq!(job["events"][0]["deliveries"][0]["state"], "pending");
    let id = job["id"].as_str().expect("an id");
    for name in [id, "fc-1"] {
        assert_eq!(relay.get(&format!("/v1/jobs/{name}")).await.expect(200), job);
    }
    assert_eq!(relay.get("/v1/jobs/j1?source=modal").await.expect(200), job);
    relay.get("/v1/jobs/j1?source=other").await.expect(404);
    relay.get(&format!("/v1/jobs/{id}?source=other")).await.expect(404);
    relay.get("/v1/jobs/nobody").await.expect(404);
}

#[tokio::test]
async fn a_result_comes_back_as_its_sender_wrote_it() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.completion("modal", "acme", "j1", BODY).await;
    let result = relay.get("/v1/jobs/fc-1/result").await;
    result.expect(200);
    assert_eq!(result.text, r#"{"affinity":-7.20,"s":"\u00e9"}"#);
    assert_eq!(result.headers["content-type"], "application/json");
    let large = format!(
        r#"{{"call_id":"fc-2","status":"success","result":"{}","metadata":{{"job_id":"j2"}}}}"#,
        "x".repeat(900_000)
    );
    relay.completion("modal", "acme", "j2", &large).await;
    assert_eq!(relay.get("/v1/jobs/j2/result").await.text.len(), 900_002);
    relay.completion("modal", "acme", "j3", r#"{"call_id":"fc-3","status":"success"}"#).await;
    relay.get("/v1/jobs/j3/result").await.expect(404);
    let id = relay.get("/v1/jobs/j1").await.at("id");
    relay.delete("/v1/sources/modal").await.expect(200);
    let without = relay.get(&format!("/v1/jobs/{id}/result")).await;
    without.expect(200);
    assert_eq!(without.text, result.text, "the announcement has it too");
}

#[tokio::test]
async fn jobs_are_listed_newest_first_and_filtered() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.source("other", "acme").await;
    for number in 0..5 {
        let source = if number % 2 == 0 { "modal" } else { "other" };
        let body =
            BODY.replace("j1", &format!("j{number}")).replace("fc-1", &format!("fc-{number}"));
        relay.completion(source, "acme", &format!("j{number}"), &body).await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let all = relay.get("/v1/jobs").await.expect(200);
    let names = |list: &serde_json::Value| -> Vec<String> {
        let data = list["data"].as_array().expect("a list").iter();
        data.map(|job| job["external_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(names(&all), ["j4", "j3", "j2", "j1", "j0"]);
    assert_eq!((&all["done"], &all["iterator"]), (&json!(true), &json!(null)));
    let first = relay.get("/v1/jobs?limit=2").await.expect(200);
    assert_eq!(names(&first), ["j4", "j3"]);
    let iterator = first["iterator"].as_str().expect("more");
    assert_eq!(
        names(&relay.get(&format!("/v1/jobs?cursor={iterator}")).await.expect(200)),
        ["j2", "j1", "j0"]
    );
    let modal = relay.get("/v1/jobs?source=modal&limit=2").await.expect(200);
    assert_eq!(
        (names(&modal), &modal["done"]),
        (vec!["j4".to_owned(), "j2".to_owned()], &json!(false))
    );
    assert_eq!(ids(&relay.get("/v1/jobs?status=succeeded").await.expect(200)).len(), 5);
    assert_eq!(ids(&relay.get("/v1/jobs?status=failed").await.expect(200)).len(), 0);
    relay.get("/v1/jobs?status=fine").await.expect(422);
}

#[tokio::test]
async fn a_source_that_is_no_name_is_refused_and_not_looked_up() {
    let relay = Relay::start().await;
    relay.source("modal", "default").await;
    for name in ["", " ", "a/b", &"x".repeat(300)] {
        for path in ["/v1/jobs", "/v1/batches"] {
            let body = json!({ "source": name, "id": "j" });
            relay.post(path, body).await.expect(422);
        }
        let given = json!({ "source": name });
        relay.put("/v1/jobs/j", given).await.expect(422);
    }
}
