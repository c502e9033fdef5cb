//! The one secret for all webhooks of an application.

use axum::http::Method;
use domain::endpoint::Endpoint;
use serde_json::json;

use super::Relay;

const URL: &str = "https://subscriber.example/hook";
const PATH: &str = "/v1/applications/acme/webhook-secret";

impl Relay {
    /// The secret that signs to the only webhook of a batch, and whether its owner chose it.
    async fn signs_batch(&self, body: serde_json::Value) -> (String, bool) {
        let made = self.post("/v1/batches", body).await;
        let id = made.expect(201)["id"].as_str().expect("an id").to_owned();
        let id = domain::id::BatchId::parse(&id).expect("an id");
        let batch = self.api.table().batch(&id).await.expect("read").expect("there");
        self.signs(self.api.table().webhooks_of_batch(&batch).await.expect("read").remove(0))
    }

    fn signs(&self, endpoint: Endpoint) -> (String, bool) {
        let owner = Endpoint::owner(&endpoint.id);
        let secret = self.api.vault().unseal(&owner, &endpoint.secrets[0].sealed).expect("opens");
        (secret.as_str().expect("text").to_owned(), endpoint.owner_has_secret)
    }
}

#[tokio::test]
async fn r3_5_one_secret_signs_to_all_webhooks_that_have_none_of_their_own() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let bare = |id: &str| json!({ "id": id, "application": "acme", "webhook_url": URL });
    assert!(!relay.signs_batch(bare("before")).await.1, "one is made, and only ours signs with it");
    let set = relay.put(PATH, json!({ "secret": "planted-global-secret" })).await;
    assert_eq!((set.status.as_u16(), set.text.as_str()), (204, ""));
    let global = ("planted-global-secret".to_owned(), true);
    assert_eq!(relay.signs_batch(bare("after")).await, global);
    let mut own = bare("own");
    own["webhook_secret"] = json!("planted-own-secret");
    assert_eq!(relay.signs_batch(own).await, ("planted-own-secret".to_owned(), true));
    let theirs = json!({ "id": "theirs", "application": "default", "webhook_url": URL });
    assert!(!relay.signs_batch(theirs).await.1, "another application's is another's");
    // A job's own secret stays when it is registered again without one.
    let job = |more| {
        let mut body = json!({ "source": "modal", "webhook": { "url": URL } });
        body["webhook"]["secret"] = more;
        body
    };
    relay.put("/v1/jobs/j1", job(json!("planted-own-secret"))).await.expect(201);
    relay.put("/v1/jobs/j1", job(json!(null))).await.expect(200);
    relay.put("/v1/jobs/j2", job(json!(null))).await.expect(201);
    for (job, secret) in [("j1", "planted-own-secret"), ("j2", "planted-global-secret")] {
        let id = relay.job_id("modal", "acme", job).await;
        let job = relay.api.table().job(&id).await.expect("read").expect("there");
        let webhook = relay.api.table().webhooks_of(&job).await.expect("read").remove(0);
        assert_eq!(relay.signs(webhook), (secret.to_owned(), true));
    }
    for path in ["/api/v1/app/acme", "/api/v1/app", "/v1/batches/after?application=acme"] {
        assert!(!relay.get(path).await.text.contains("planted"), "{path}");
    }
    relay.delete(PATH).await.expect(204);
    assert!(!relay.signs_batch(bare("without")).await.1);
}

#[tokio::test]
async fn only_who_manages_an_application_sets_its_webhook_secret() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.application("theirs").await;
    let body = json!({ "secret": "planted-global-secret" }).to_string();
    for (scope, application, status) in [
        ("publish", Some("acme"), 403),
        ("admin", Some("theirs"), 404),
        ("admin", Some("acme"), 204),
    ] {
        let key = relay.key(scope, application).await;
        relay.ask(&key, Method::PUT, PATH, body.clone()).await.expect(status);
    }
    for secret in [json!("short"), json!(" 1234567890123456"), json!(null)] {
        let refused = relay.put(PATH, json!({ "secret": secret })).await;
        assert_eq!(refused.status.as_u16(), 422, "{refused:?}");
    }
    relay
        .put("/v1/applications/nobody/webhook-secret", json!({ "secret": "1234567890123456" }))
        .await
        .expect(404);
}
