//! The five systems' own paths, and senders whose bodies are forms.

use domain::{profile::Profile, signature::MessageToSign};

use super::*;

const OMTX_PATH: &str = "/api/v3/webhooks/modal/completion";
const MESH_PATH: &str = "/api/webhooks/modal";

/// The headers that a sender of this profile would send now.
fn signed(profile: &str, secret: &str, at: u64, body: &str) -> Vec<(String, String)> {
    let scheme = &Profile::named(profile).expect("there").scheme;
    let at = Some(Timestamp::from_secs(at));
    let message = MessageToSign { at, body: body.as_bytes(), ..MessageToSign::default() };
    scheme.headers([&Secret::new(secret)], &message).expect("signs")
}

#[tokio::test]
async fn r0_9_a_completion_on_the_hubs_own_path_is_answered_as_the_hub_answers() {
    let world = World::start().await;
    world.source("modal-omtx", "modal-omtx", SECRET).await;
    let body = r#"{"call_id":"fc-1","status":"success","result":{},"metadata":{"job_id":"j1"}}"#;
    let now = 1_700_000_000;
    let send = async |headers: Vec<(String, String)>, body: &str| {
        world.post(OMTX_PATH, &headers, body).await
    };
    let (status, reply) = send(signed("modal-omtx", SECRET, now, body), body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(reply, serde_json::json!({ "status": "accepted", "call_id": "fc-1" }));
    assert_eq!(world.inbox().await[0].source, "modal-omtx");
    for (headers, body, status, detail) in [
        (Vec::new(), body, 401, "Invalid signature"),
        (
            signed("modal-omtx", "another-secret-of-enough-length-1", now, body),
            body,
            401,
            "Invalid signature",
        ),
        (signed("modal-omtx", SECRET, now - 301, body), body, 401, "Timestamp too old"),
        (signed("modal-omtx", SECRET, now + 301, body), body, 401, "Timestamp too old"),
        (signed("modal-omtx", SECRET, now, "not json"), "not json", 400, "Invalid JSON"),
        (signed("modal-omtx", SECRET, now, "{}"), "{}", 400, "Missing call_id"),
    ] {
        let (got, reply) = send(headers, body).await;
        assert_eq!((got.as_u16(), reply), (status, serde_json::json!({ "detail": detail })));
    }
}

#[tokio::test]
async fn r1_1_to_r1_4_a_completion_on_the_meshes_own_path_is_answered_as_they_answer() {
    let world = World::start().await;
    world.source("modal-mesh", "modal-mesh", SECRET).await;
    let body = r#"{"job_id":"m-1","status":"completed","result":{"success":true}}"#;
    let prefixed = signed("modal-mesh", SECRET, 0, body);
    let bare = vec![(prefixed[0].0.clone(), prefixed[0].1.replace("sha256=", ""))];
    for headers in [&prefixed, &bare] {
        let (status, reply) = world.post(MESH_PATH, headers, body).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(reply, serde_json::json!({ "status": "ok", "job_id": "m-1" }));
    }
    for (body, status, error) in [("{}", 400, "Missing job_id"), ("[", 400, "Invalid JSON")] {
        let (got, reply) =
            world.post(MESH_PATH, &signed("modal-mesh", SECRET, 0, body), body).await;
        assert_eq!((got.as_u16(), reply), (status, serde_json::json!({ "error": error })));
    }
    // One key for both spellings: processing makes one event of them.
    let inbox = world.inbox().await;
    assert_eq!((inbox.len(), &inbox[0].event), (2, &inbox[1].event));
}

#[tokio::test]
async fn r1_5_there_is_no_way_past_the_signature_with_a_secret_or_without() {
    let world = World::start().await;
    let body = r#"{"job_id":"m-1","status":"completed"}"#;
    let garbage = vec![("x-modal-signature".to_owned(), "sha256=garbage".to_owned())];
    let forged = vec![("x-modal-signature".to_owned(), format!("sha256={}", "0".repeat(64)))];
    let mut answers = Vec::new();
    // Nobody made the source; then it is there without a secret; then with one.
    for round in 0..3 {
        match round {
            0 => (),
            1 => world.source_with("modal-mesh", "modal-mesh", &[], SourceOptions::default()).await,
            _ => world.source("modal-mesh", "modal-mesh", SECRET).await,
        }
        world.clock.advance(Duration::from_secs(61));
        for headers in [&Vec::new(), &garbage, &forged] {
            answers.push(world.post(MESH_PATH, headers, body).await);
        }
    }
    for answer in answers {
        let no = serde_json::json!({ "error": "Invalid signature" });
        assert_eq!(answer, (StatusCode::UNAUTHORIZED, no));
    }
    assert!(world.inbox().await.is_empty());
}

#[tokio::test]
async fn r1_3_a_source_that_insists_refuses_a_job_that_nobody_registered() {
    let world = World::start().await;
    let options = SourceOptions { strict: true, ..SourceOptions::default() };
    world.source_with("modal-mesh", "modal-mesh", &[SECRET], options).await;
    let body = r#"{"job_id":"m-1","status":"completed"}"#;
    let headers = signed("modal-mesh", SECRET, 0, body);
    let (status, reply) = world.post(MESH_PATH, &headers, body).await;
    let no = serde_json::json!({ "error": "Job not found" });
    assert_eq!((status, reply), (StatusCode::NOT_FOUND, no));
    let (status, problem) = world.post("/in/modal-mesh", &headers, body).await;
    assert_eq!((status, problem["status"].as_u64()), (StatusCode::NOT_FOUND, Some(404)));
    let unsigned = world.post(MESH_PATH, &[], body).await;
    assert_eq!(unsigned.0, StatusCode::UNAUTHORIZED, "who cannot sign learns nothing of jobs");
}

#[tokio::test]
async fn the_functions_own_url_leads_to_senders_paths_and_nowhere_else() {
    let world = World::start().await;
    // A function URL has no routes and no parameters of the path.
    let to = |path: &'static str, method: &'static str| {
        move |event: &mut Value| {
            let domain = "abc123.lambda-url.eu-central-1.on.aws";
            event["routeKey"] = "$default".into();
            event["rawPath"] = path.into();
            event.as_object_mut().expect("an event").remove("pathParameters");
            event["headers"]["host"] = domain.into();
            let context = &mut event["requestContext"];
            context["routeKey"] = "$default".into();
            context["domainName"] = domain.into();
            context["domainPrefix"] = "abc123".into();
            context["http"]["path"] = path.into();
            context["http"]["method"] = method.into();
        }
    };
    assert_eq!(world.send(MESH, to("/in/mesh", "POST")).await.0, StatusCode::OK);
    assert_eq!(world.inbox().await.len(), 1);
    for (path, method, status) in [
        ("/in/mesh", "GET", StatusCode::METHOD_NOT_ALLOWED),
        ("/", "GET", StatusCode::NOT_FOUND),
        ("/v1/events", "POST", StatusCode::NOT_FOUND),
        ("/in/nobody", "POST", StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(world.send(MESH, to(path, method)).await.0, status, "{method} {path}");
    }
}

#[tokio::test]
async fn twilio_signs_the_url_it_called_and_a_form() {
    let world = World::start().await;
    let token = "f2ca1bb6c7e907d06dafe4687e579fce";
    world.source("twilio", "twilio", token).await;
    let sample = include_str!("../../../../events/ingest/twilio-message-status.json");
    let (status, reply) = world.send(sample, |_| ()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{reply}");
    let kept = world.inbox().await.remove(0);
    let OpenedBody::Bytes(body) = kept.body.open().expect("ours") else { panic!("inline") };
    let said = Profile::named("twilio").expect("there").read(&body).event_type;
    assert_eq!(said.as_deref(), Some("twilio.delivered"));
    // Whom the request says that it called is not believed.
    let elsewhere = |event: &mut Value| {
        event["headers"]["host"] = "other.example".into();
        event["headers"]["x-forwarded-host"] = "other.example".into();
    };
    assert_eq!(world.send(sample, elsewhere).await.0, StatusCode::ACCEPTED);
    let query = |event: &mut Value| event["rawQueryString"] = "tenant=2".into();
    assert_eq!(world.send(sample, query).await.0, StatusCode::UNAUTHORIZED);
    let body = |event: &mut Value| event["body"] = "MessageSid=SM9&MessageStatus=delivered".into();
    assert_eq!(world.send(sample, body).await.0, StatusCode::UNAUTHORIZED);
    let options = SourceOptions {
        public_url: Some("https://hooks.acme.example/sms".to_owned()),
        ..SourceOptions::default()
    };
    world.source_with("twilio", "twilio", &[token], options).await;
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.send(sample, |_| ()).await.0, StatusCode::UNAUTHORIZED, "another URL");
}

#[tokio::test]
async fn a_path_with_slashes_too_many_leads_here_and_is_signed_as_it_was_called() {
    let world = World::start().await;
    world.source("modal-omtx", "modal-omtx", SECRET).await;
    let body = r#"{"call_id":"fc-1","status":"success","result":{}}"#;
    let headers = signed("modal-omtx", SECRET, 1_700_000_000, body);
    for path in ["/in/modal-omtx/", "//in/modal-omtx", "/in/modal-omtx/?tenant=a"] {
        assert_eq!(world.post(path, &headers, body).await.0, StatusCode::ACCEPTED, "{path}");
    }
    let theirs = format!("{OMTX_PATH}/");
    assert_eq!(world.post(&theirs, &headers, body).await.0, StatusCode::OK);
    let (token, form) = ("f2ca1bb6c7e907d06dafe4687e579fce", "MessageSid=SM1&MessageStatus=sent");
    world.source("twilio", "twilio", token).await;
    let scheme = &Profile::named("twilio").expect("there").scheme;
    for (signed, called, status) in [
        ("/in/twilio/", "/in/twilio/", StatusCode::ACCEPTED),
        ("//in/twilio?a=b/", "//in/twilio?a=b/", StatusCode::ACCEPTED),
        ("/in/twilio", "/in/twilio/", StatusCode::UNAUTHORIZED),
        ("/in/twilio/", "/in/twilio", StatusCode::UNAUTHORIZED),
    ] {
        let url = format!("https://relay.example{signed}");
        let body = form.as_bytes();
        let message = MessageToSign { url: Some(&url), body, ..MessageToSign::default() };
        let headers = scheme.headers([&Secret::new(token)], &message).expect("signs");
        assert_eq!(world.post(called, &headers, form).await.0, status, "{signed} {called}");
    }
}

#[tokio::test]
async fn below_the_base_path_of_its_public_url_the_relay_answers_as_at_its_root() {
    let mut world = World::start().await;
    let url = "https://api.example.com/hooks";
    world.router = World::build_at(&world.aws, &world.vault, &world.clock, url);
    for path in ["/hooks/in/modal", "/in/modal"] {
        let (status, reply) = world.send(OMTX, |event| event["rawPath"] = path.into()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path}: {reply}");
    }
    for path in ["/hooks", "/hooks/hooks/in/modal", "/hooksin/modal", "/other/in/modal"] {
        let request = Request::post(path).body(Body::empty()).expect("a request");
        let answer = world.router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let body = r#"{"job_id":"j1","status":"completed"}"#;
    let headers = signed("modal-mesh", SECRET, 1_700_000_000, body);
    world.source("modal-mesh", "modal-mesh", SECRET).await;
    let (status, reply) = world.post(&format!("/hooks{MESH_PATH}"), &headers, body).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
}

#[tokio::test]
async fn a_base_path_is_told_from_the_route_without_any_setting() {
    let world = World::start().await;
    for path in ["/hooks/in/modal", "/a/b/in/modal"] {
        let (status, reply) = world.send(OMTX, |event| event["rawPath"] = path.into()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path}: {reply}");
    }
}

#[tokio::test]
async fn a_sender_that_signs_its_url_signs_the_base_path_too() {
    let mut world = World::start().await;
    let token = "f2ca1bb6c7e907d06dafe4687e579fce";
    world.source("twilio", "twilio", token).await;
    let url = "https://api.example.com/hooks";
    world.router = World::build_at(&world.aws, &world.vault, &world.clock, url);
    let body = "MessageSid=SM9&MessageStatus=delivered";
    let scheme = &Profile::named("twilio").expect("there").scheme;
    for (called, right) in [
        ("https://api.example.com/hooks/in/twilio", true),
        ("https://api.example.com/in/twilio", false),
        ("https://api.example.com/hooks/hooks/in/twilio", false),
    ] {
        let message =
            MessageToSign { url: Some(called), body: body.as_bytes(), ..MessageToSign::default() };
        let headers = scheme.headers([&Secret::new(token)], &message).expect("signs");
        let (status, reply) = world.post("/hooks/in/twilio", &headers, body).await;
        assert_eq!(status == StatusCode::ACCEPTED, right, "{called}: {status} {reply}");
    }
}
