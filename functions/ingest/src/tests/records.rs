//! The record of a request, which travels with it.

use axum::http::{HeaderName, HeaderValue};
use domain::{
    request::{RequestHeader, RequestRecord},
    signature::token_hash,
    source::sealed_token,
};

use super::{contents::packed, *};

const RUNPOD: &str = include_str!("../../../../events/ingest/runpod-completed.json");
const TOKEN: &str = "tok_4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f";

fn header<'r>(record: &'r RequestRecord, name: &str) -> &'r RequestHeader {
    record.headers.iter().find(|header| header.name == name).expect(name)
}

/// A signed request of the source `github`.
fn github(path: &str, body: &[u8]) -> Request<Body> {
    let scheme = &Profile::named("github").expect("there").scheme;
    let signature = sign(scheme, &Secret::new(SECRET), None, None, body).expect("signs");
    let request = Request::post(path).header("x-hub-signature-256", signature);
    request.body(Body::from(body.to_vec())).expect("a request")
}

async fn world() -> World {
    let world = World::start().await;
    let secrets = ["another-secret-of-enough-length-1", SECRET];
    world.source_with("github", "github", &secrets, SourceOptions::default()).await;
    world
}

/// The envelope that the inbox holds of one accepted request.
async fn accepted(world: &World, request: Request<Body>) -> Envelope {
    assert_eq!(world.request(request).await.0, StatusCode::ACCEPTED);
    let mut envelopes = world.inbox().await;
    assert_eq!(envelopes.len(), 1);
    envelopes.remove(0)
}

fn record(envelope: &Envelope) -> &RequestRecord {
    envelope.request.as_deref().expect("recorded")
}

#[tokio::test]
async fn a_request_travels_with_where_it_came_from_and_why_it_was_believed() {
    let world = World::start().await;
    world.clock.advance(Duration::from_secs(7));
    assert_eq!(world.send(OMTX, |_| ()).await.0, StatusCode::ACCEPTED);
    let envelope = world.inbox().await.remove(0);
    let record = record(&envelope);
    assert_eq!((record.method.as_str(), record.path.as_str()), ("POST", "/in/modal"));
    assert_eq!((record.query.as_deref(), record.bytes), (None, 190));
    assert_eq!(record.caller, Some([203, 0, 113, 7].into()));
    assert_eq!(record.content_type(), Some("application/json"));
    assert_eq!((record.headers.len(), record.headers_left_out), (9, 0));
    assert_eq!(header(record, "user-agent").value, "Modal-Webhook/1.0");
    assert_eq!(header(record, "x-modal-timestamp").value, "1700000000");
    let signature = header(record, "x-modal-signature");
    assert_eq!(signature.value, "*** (71 bytes)");
    let owner = RequestRecord::owner(&envelope.arrival, "x-modal-signature");
    let opened = world.vault.unseal(&owner, signature.sealed.as_ref().expect("sealed"));
    assert!(opened.expect("opens").expose().starts_with(b"sha256=4ee6cb73"));
    let verdict = &record.verdict;
    assert_eq!(verdict.profile, "modal-omtx");
    assert_eq!(verdict.scheme, "hmac-sha256 over {body}");
    assert_eq!(verdict.timestamp_age_s, Some(7));
    let secret = verdict.secret.as_ref().expect("one of the source's");
    assert_eq!(secret.position, 1);
    assert_eq!(secret.fingerprint, world.vault.fingerprint(&Secret::new(SECRET)));
    assert!(envelope.encoded.is_none());
}

#[tokio::test]
async fn the_secret_that_made_the_signature_is_named_by_its_place() {
    let world = world().await;
    let envelope = accepted(&world, github("/in/github", b"{}")).await;
    let secret = record(&envelope).verdict.secret.clone().expect("one of the source's");
    assert_eq!(secret.position, 2);
    assert_eq!(secret.fingerprint, world.vault.fingerprint(&Secret::new(SECRET)));
}

#[tokio::test]
async fn no_secret_of_a_request_travels_in_the_clear() {
    let world = world().await;
    let mut request = github("/in/github?a=1&token=planted-query", b"{}");
    for name in ["authorization", "cookie", "x-api-key", "x-gitlab-token"] {
        request.headers_mut().insert(name, HeaderValue::from_static("planted-header"));
    }
    let referer = HeaderValue::from_static("https://relay.example/in/github?token=planted-query");
    request.headers_mut().insert("referer", referer);
    let envelope = accepted(&world, request).await;
    let record = record(&envelope);
    assert_eq!(record.query.as_deref(), Some("a=1&token=***"));
    for name in ["authorization", "cookie", "x-api-key", "x-gitlab-token"] {
        let header = header(record, name);
        assert_eq!(header.value, "*** (14 bytes)", "{name}");
        // What no endpoint may receive does not travel at all.
        assert_eq!(header.sealed.is_some(), name.starts_with("x-"), "{name}");
    }
    assert!(!envelope.print().contains("planted"));
}

#[tokio::test]
async fn a_path_token_is_not_shown() {
    let world = World::start().await;
    let (id, acme) = (SourceId::derive(&["runpod"]), ApplicationId::named("acme"));
    let mut source = Source::new(id, "runpod", "runpod", acme, world.clock.now());
    source.secrets = vec![sealed_token(&Secret::new(TOKEN))];
    world.keep(&source, None).await;
    let (status, _) = world.send(RUNPOD, |event| event["headers"]["x-called"] = TOKEN.into()).await;
    assert_eq!(status, StatusCode::OK);
    let envelope = world.inbox().await.remove(0);
    let record = record(&envelope);
    assert_eq!(record.path, "/in/runpod/***");
    assert_eq!(record.verdict.scheme, "token");
    let mark = record.verdict.secret.as_ref().expect("the source's token");
    assert_eq!(mark.fingerprint, world.vault.fingerprint(&Secret::new(token_hash(TOKEN))));
    assert_eq!(header(record, "x-called").value, format!("*** ({} bytes)", TOKEN.len()));
    assert!(!envelope.print().contains(TOKEN));
}

#[tokio::test]
async fn more_headers_than_are_recorded_are_counted_and_one_that_is_not_utf_8_is_no_obstacle() {
    let world = world().await;
    let mut request = github("/in/github", b"{}");
    for number in 0..64 {
        let name: HeaderName = format!("x-{number}").parse().expect("a name");
        request.headers_mut().insert(name, HeaderValue::from_bytes(b"\xffx").expect("a value"));
    }
    let envelope = accepted(&world, request).await;
    let record = record(&envelope);
    assert_eq!((record.headers.len(), record.headers_left_out), (64, 1));
    assert_eq!(header(record, "x-0").value, "\u{fffd}x");
    let mut request = github("/in/github", b"{ }");
    let large = HeaderValue::from_bytes(&[b'v'; 8 * 1024]).expect("a value");
    request.headers_mut().insert("x-large", large);
    let envelope = accepted(&world, request).await;
    let record = self::record(&envelope);
    assert_eq!((record.headers.len(), record.headers_left_out), (1, 1));
}

#[tokio::test]
async fn a_packed_body_travels_unpacked_and_as_it_came() {
    let world = world().await;
    // One that fits a message, and one of which neither form does.
    let noise = (0..700_000_u32).map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761)));
    for content in
        [r#"{"n":1}"#.to_owned(), format!("\"{}\"", &noise.collect::<String>()[..5_000_000])]
    {
        let body = packed(content.as_bytes());
        let mut request = github("/in/github", &body);
        request.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        let envelope = accepted(&world, request).await;
        assert_eq!(record(&envelope).bytes, body.len() as u64);
        let bucket = Bucket::new(world.aws.clients().s3(), world.aws.names().bucket.clone());
        let claimed = 1_000_000 < content.len();
        assert_eq!(matches!(envelope.body, StoredBody::Claim(_)), claimed);
        let encoded = envelope.encoded.clone().expect("as it came");
        assert_eq!(matches!(encoded, StoredBody::Claim(_)), claimed, "{}", body.len());
        assert_eq!(bucket.open(envelope.body).await.expect("opens"), content.as_bytes());
        assert_eq!(bucket.open(encoded).await.expect("opens"), body);
    }
}
