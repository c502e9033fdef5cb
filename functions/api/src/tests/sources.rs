//! Tests of the operations on sources, `/v1/sources`.

mod profiles;

use serde_json::json;

use super::{Relay, SOURCE_SECRET};

#[tokio::test]
async fn a_source_is_kept_changed_listed_and_removed() {
    let relay = Relay::start().await;
    let body = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": "acme", "tolerance_seconds": 60 });
    let made = relay.put("/v1/sources/modal", body).await.expect(201);
    assert_eq!(made["secret_count"], 1);
    assert_eq!(made["path"], "/in/modal");
    assert_eq!(made["tolerance_seconds"], 60);
    let changed = relay
        .put("/v1/sources/modal", json!({ "profile": "modal-omtx", "application": "acme" }))
        .await;
    let changed = changed.expect(200);
    assert_eq!(changed["secret_count"], 1, "secrets that are left out stay");
    assert_eq!(changed["tolerance_seconds"], json!(null));
    assert_eq!(changed["created_at"], made["created_at"]);
    let mut shown = relay.get("/v1/sources/modal").await.expect(200);
    // An answer to PUT does not look at what came of late.
    shown.as_object_mut().expect("a source").remove("activity").expect("its activity");
    assert_eq!(shown, changed);
    assert_eq!(relay.get("/v1/sources").await.expect(200)["data"], json!([changed]));
    let gone = relay.delete("/v1/sources/modal").await.expect(200);
    assert_eq!(gone, json!({ "deleted": true, "name": "modal" }));
    relay.get("/v1/sources/modal").await.expect(404);
    relay.delete("/v1/sources/modal").await.expect(404);
}

#[tokio::test]
async fn secrets_that_stay_still_open() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.put("/v1/sources/modal", json!({ "profile": "modal-omtx" })).await.expect(200);
    let kept = relay.api.table().source("modal").await.expect("read").expect("there");
    let owner = domain::source::Source::owner(&kept.id);
    let secret = relay.api.vault().unseal(&owner, &kept.secrets[0]).expect("opens");
    assert_eq!(secret.as_str(), Some(SOURCE_SECRET));
}

#[tokio::test]
async fn a_source_that_cannot_be_used_is_refused_with_the_reason() {
    let relay = Relay::start().await;
    let with = |secret: &str| json!({ "profile": "modal-omtx", "secrets": [secret] });
    let cases = [
        ("s", with("short"), "shorter than 24"),
        ("s", with(""), "shorter than 24"),
        ("s", json!({ "profile": "modal-omtx", "secrets": [] }), "needs 1 to"),
        ("s", json!({ "profile": "modal-omtx" }), "needs 1 to"),
        ("s", json!({ "profile": "gitlab", "secrets": [SOURCE_SECRET] }), "unknown profile"),
        (
            "s",
            json!({ "profile": "standard", "secrets": [SOURCE_SECRET] }),
            "must begin with whsec_",
        ),
        ("a.b", with(SOURCE_SECRET), "a source name is"),
        (
            "s",
            json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": "a b" }),
            "an application is",
        ),
        (
            "s",
            json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "tolerance_seconds": 0 }),
            "1 to 3600",
        ),
        (
            "s",
            json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "mapping": {} }),
            "only be set with",
        ),
        (
            "s",
            json!({ "profile": "hmac", "secrets": [SOURCE_SECRET], "scheme": {} }),
            "`headers` needs names",
        ),
        (
            "s",
            json!({ "profile": "hmac", "secrets": [SOURCE_SECRET], "scheme": { "headers": [{ "signature": "x-s" }], "formats": ["{hex}"], "content": "{timestamp}.{body}" } }),
            "scheme: `content` has {timestamp}",
        ),
        (
            "s",
            json!({ "profile": "github", "secrets": [SOURCE_SECRET], "allowed_networks": ["203.0.113.7"] }),
            "allowed_networks: ",
        ),
        (
            "s",
            json!({ "profile": "github", "secrets": [SOURCE_SECRET], "rate_limit": { "requests": 0, "per": "second" } }),
            "rate_limit: rate_limit.requests is",
        ),
        (
            "s",
            json!({ "profile": "github", "secrets": [SOURCE_SECRET], "jwks_url": "https://x.example" }),
            "jwks_url: jwks_url is of no use",
        ),
        ("s", json!({ "profile": "fal", "jwks_url": "https://169.254.169.254/k" }), "jwks_url: "),
        ("s", json!({ "profile": "fal", "jwks_url": "https://u:p@keys.example/k" }), "jwks_url: "),
        (
            "s",
            json!({ "profile": "hmac", "secrets": [SOURCE_SECRET], "scheme": { "headers": [{ "signature": "x-s", "nonce": "x-n" }], "formats": ["{hex}"], "content": "{nonce}{body}" } }),
            "can be split in two ways",
        ),
        (
            "s",
            json!({ "profile": "runpod", "secrets": ["has/a/slash/in/it/somewhere"] }),
            "cannot stand in a path",
        ),
        ("s", json!({ "secrets": [SOURCE_SECRET] }), "profile: is missing"),
        ("s", json!({ "profile": "modal-omtx", "secrets": SOURCE_SECRET }), "expected a sequence"),
    ];
    for (name, body, why) in cases {
        let answer = relay.put(&format!("/v1/sources/{name}"), body.clone()).await;
        let detail = answer.expect(422)["detail"].to_string();
        assert!(detail.contains(why), "{body}: {detail}");
        assert!(!detail.contains("planted"), "{detail}");
    }
    assert_eq!(relay.get("/v1/sources").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn what_a_source_may_set_is_kept_and_shown() {
    let relay = Relay::start().await;
    let body = json!({
        "profile": "modal-mesh", "secrets": [SOURCE_SECRET], "strict": true,
        "allowed_networks": ["203.0.113.0/24"],
        "rate_limit": { "requests": 100, "per": "second" },
    });
    let made = relay.put("/v1/sources/mesh", body.clone()).await.expect(201);
    for field in ["strict", "allowed_networks", "rate_limit"] {
        assert_eq!(made[field], body[field], "{field}");
    }
    assert_eq!((&made["replay_safe"], &made["locked"]), (&json!(false), &json!(false)));
    let fal = json!({ "profile": "fal", "jwks_url": "https://keys.example/jwks.json" });
    let fal = relay.put("/v1/sources/fal", fal).await.expect(201);
    assert_eq!((&fal["replay_safe"], &fal["secret_count"]), (&json!(true), &json!(0)));
    assert_eq!(fal["jwks_url"], "https://keys.example/jwks.json");
}

#[tokio::test]
async fn a_lock_is_shown_stays_and_goes_when_somebody_says_so_or_the_profile_changes() {
    let relay = Relay::start().await;
    let now = relay.api.now();
    let table = relay.api.table();
    let lock = async || {
        let id = table.source("modal").await.expect("read").expect("there").id;
        table.lock_source("modal", &id, now).await.expect("locked")
    };
    let put = async |body| relay.put("/v1/sources/modal", body).await.expect(200)["locked"].clone();
    relay.source("modal", "acme").await;
    lock().await.either_way();
    let shown = relay.get("/v1/sources/modal").await.expect(200);
    assert_eq!((&shown["locked"], &shown["replay_safe"]), (&json!(true), &json!(true)));
    assert_eq!(put(json!({ "profile": "modal-omtx" })).await, json!(true));
    assert_eq!(put(json!({ "profile": "modal-omtx", "locked": false })).await, json!(false));
    lock().await.either_way();
    assert_eq!(put(json!({ "profile": "modal-mesh" })).await, json!(false));
    assert_eq!(relay.get("/v1/sources/modal").await.expect(200)["locked"], json!(false));
}

#[tokio::test]
async fn of_a_path_token_only_its_hash_is_kept() {
    let relay = Relay::start().await;
    let token = "tok_4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f";
    let platform = json!({ "kind": "runpod", "endpoint_id": "ep1", "secret": "rpa_x" });
    let alone = json!({ "profile": "runpod", "secrets": [token] });
    let refused = relay.put("/v1/sources/rp", alone).await.expect(422)["detail"].to_string();
    assert!(refused.contains("do not sign"), "nobody could confirm what it says: {refused}");
    let with = json!({ "profile": "runpod", "secrets": [token], "platform": platform });
    relay.put("/v1/sources/rp", with).await.expect(201);
    let kept = async || relay.api.table().source("rp").await.expect("read").expect("there").secrets;
    let hash = format!("sha256:{}", domain::signature::token_hash(token));
    assert_eq!(kept().await[0].0, hash);
    relay
        .put("/v1/sources/rp", json!({ "profile": "cog", "platform": platform }))
        .await
        .expect(200);
    assert_eq!(kept().await[0].0, hash, "what is left out stays");
    // A hash is no secret of a sender that signs.
    relay.put("/v1/sources/rp", json!({ "profile": "github" })).await.expect(422);
}

#[tokio::test]
async fn a_configurable_source_keeps_its_scheme() {
    let relay = Relay::start().await;
    let scheme = json!({ "headers": [{ "signature": "x-sig" }], "formats": ["{hex}"], "content": "{body}", "key": "raw" });
    let body = json!({ "profile": "hmac", "secrets": [SOURCE_SECRET], "scheme": scheme, "mapping": { "job_id": ["id"] } });
    let made = relay.put("/v1/sources/own", body).await.expect(201);
    assert_eq!(made["scheme"]["formats"], json!(["{hex}"]));
    assert_eq!(made["mapping"]["job_id"], json!(["id"]));
}

#[tokio::test]
async fn the_application_that_a_source_names_is_there_and_waits_to_be_adopted() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let implicit = relay.get("/api/v1/app/acme").await.expect(200);
    assert_eq!(implicit["uid"], "acme");
    let list = relay.get("/api/v1/app").await.expect(200);
    assert!(list["data"].to_string().contains("acme"), "{list}");
    let body = json!({ "name": "Acme Inc.", "uid": "acme", "metadata": { "plan": "gold" } });
    let adopted = relay.post("/api/v1/app", body.clone()).await.expect(201);
    assert_eq!((&adopted["id"], &adopted["name"]), (&implicit["id"], &json!("Acme Inc.")));
    relay.post("/api/v1/app", body).await.expect(409);
    relay
        .put("/v1/sources/modal", json!({ "profile": "modal-omtx", "application": "acme" }))
        .await
        .expect(200);
    assert_eq!(relay.get("/api/v1/app/acme").await.expect(200)["name"], "Acme Inc.");
}

#[tokio::test]
async fn whom_to_ask_about_jobs_is_kept_and_its_secret_is_never_shown() {
    let relay = Relay::start().await;
    let with = |more: serde_json::Value| {
        let mut body = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET] });
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        body
    };
    let platform = json!({ "kind": "http", "status_url": "https://x.example/{call_id}" });
    let mut secret = platform.clone();
    secret["secret"] = json!("planted-platform-key");
    let asked = json!({ "platform": secret, "deadline_seconds": 600, "mode": "dual",
        "poll": { "interval_seconds": 30, "concurrency": 2 } });
    let made = relay.put("/v1/sources/modal", with(asked)).await.expect(201);
    assert_eq!((&made["platform"], &made["mode"]), (&platform, &json!("dual")));
    assert_eq!(
        (&made["platform_has_secret"], &made["deadline_seconds"]),
        (&json!(true), &json!(600))
    );
    assert!(!made.to_string().contains("planted"), "{made}");
    let kept = relay.api.table().source("modal").await.expect("read").expect("there");
    let owner = domain::poll::PollPlatform::owner(&kept.id);
    let sealed = kept.platform_secret.expect("sealed");
    let opened = relay.api.vault().unseal(&owner, &sealed).expect("opens");
    assert_eq!(opened.as_str(), Some("planted-platform-key"));
    let same = with(json!({ "platform": platform }));
    let same = relay.put("/v1/sources/modal", same).await.expect(200);
    assert_eq!(same["platform_has_secret"], json!(true), "left out, it stays");
    let elsewhere = json!({ "kind": "http", "status_url": "https://y.example/{call_id}" });
    let moved = relay.put("/v1/sources/modal", with(json!({ "platform": elsewhere }))).await;
    assert_eq!(moved.expect(200)["platform_has_secret"], json!(false), "it goes nowhere else");
    for (more, field) in [
        (json!({ "deadline_seconds": 0 }), "deadline_seconds: "),
        (json!({ "mode": "primary" }), "mode: "),
        (json!({ "mode": "never" }), "mode: is one of dual, primary, only"),
        (json!({ "poll": { "concurrency": 0 } }), "poll: concurrency is 1 to 32"),
        (json!({ "platform": { "kind": "modal" } }), "platform.kind: is one of"),
        (json!({ "platform": { "kind": "replicate", "secret": 1 } }), "platform: secret"),
        (
            json!({ "platform": { "kind": "replicate", "base_url": "https://10.0.0.1" } }),
            "platform: ",
        ),
        (json!({ "platform": { "kind": "replicate", "status_url": "x" } }), "platform: "),
    ] {
        let answer = relay.put("/v1/sources/modal", with(more.clone())).await;
        let detail = answer.expect(422)["detail"].to_string();
        assert!(detail.contains(field), "{more}: {detail}");
    }
}
