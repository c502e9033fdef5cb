//! The text that `relay dev` prints at its start, and the source of the example in that text.

use std::path::Path;

use adapters::{Unavailable, clock::Clock, random};
use domain::{
    id::{ApplicationId, SourceId},
    profile::Profile,
    secret::Secret,
    signature::{MessageToSign, sign},
    source::Source,
};
use serde_json::json;

use super::{Bundle, keys::RelayKeys};

/// The source `demo`: the body and the signature of the printed example.
#[derive(Clone, Debug)]
pub(super) struct DemoSource {
    secret: Secret,
    body: String,
    signature: String,
}

const NAME: &str = "demo";
const PROFILE: &str = "modal-omtx";

impl DemoSource {
    /// The path that its sender calls.
    pub(super) const PATH: &str = "/in/demo";

    /// The headers with which its sender sends a body now.
    pub(super) fn sign(&self, body: &[u8]) -> Vec<(String, String)> {
        let at = Some(Clock::system().now());
        let scheme = &Profile::named(PROFILE).expect("part of the build").scheme;
        let message = MessageToSign { at, body, ..MessageToSign::default() };
        scheme.headers([&self.secret], &message).unwrap_or_default()
    }

    /// Creates the source if it is missing. The secret is derived from the master key, so that the
    /// example stays valid across restarts.
    ///
    /// # Errors
    /// [`Unavailable`] if the table does not answer.
    pub(super) async fn install(bundle: &Bundle, secrets: &RelayKeys) -> Result<Self, Unavailable> {
        let scheme = &Profile::named(PROFILE).expect("part of the build").scheme;
        let derived = domain::id::digest(&["demo", secrets.master.as_str().unwrap_or_default()]);
        let secret = Secret::new(derived);
        let table = bundle.table();
        if table.source(NAME).await?.is_none() {
            let now = bundle.clock().now();
            let id = SourceId::random(random::bytes());
            let mut source = Source::new(id, NAME, PROFILE, ApplicationId::named("default"), now);
            source.secrets = vec![bundle.vault().seal(&Source::owner(&source.id), &secret)];
            source.proof = bundle.vault().mark([secret.expose()]);
            table.put_source(&source, None, now).await?.either_way();
        }
        let body = r#"{"call_id":"fc-demo-1","status":"success","result":{"affinity":-7.2},"metadata":{"job_id":"demo-1"}}"#;
        let signature = sign(scheme, &secret, None, None, body.as_bytes());
        Ok(Self { secret, body: body.to_owned(), signature: signature.unwrap_or_default() })
    }
}

/// Notices that a start prints beside its addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    /// The link that opens the page with a login code.
    pub(super) page: Option<String>,
    /// The usual port, if another program listens there.
    pub(super) taken: Option<u16>,
    /// The receiver of the demonstration.
    pub(super) receiver: Option<String>,
}

impl Notices {
    /// The notices as lines of the welcome.
    fn lines(&self, url: &str) -> String {
        let page = self.page.as_ref().map(|link| {
            format!("  page              {link}   (works once, for a minute; then: relay open)\n")
        });
        let taken = self.taken.map(|port| {
            format!(
                "  port              {port} is taken, this is the next free one; tell other commands: export RELAY_URL={url}\n"
            )
        });
        let receiver = self.receiver.as_ref().map(|receiver| {
            format!(
                "  demonstration     an event every second, from {url}/in/{NAME} to {receiver}\n"
            )
        });
        [page, taken, receiver].into_iter().flatten().collect()
    }
}

/// The start as one JSON object, for programs that run a relay.
pub(super) fn json(bundle: &Bundle, notices: &Notices, environment: &Path) -> String {
    let url = bundle.url();
    let ready = json!({
        "direction": "ready", "url": url, "live": format!("{}/live", url.replacen("http", "ws", 1)),
        "page": notices.page, "receiver": notices.receiver, "environment": environment.display().to_string(),
    });
    ready.to_string()
}

/// The text with addresses, the admin key unless its owner gave it, and three commands to try.
pub(super) fn text(
    bundle: &Bundle,
    secrets: &RelayKeys,
    demo: &DemoSource,
    notices: &Notices,
    environment: &Path,
) -> String {
    let notices = notices.lines(&bundle.url());
    let (url, aws) = (bundle.url(), bundle.aws_urls());
    let (shown, admin) = match secrets.given {
        true => ("the one of RELAY_ADMIN_KEY or --admin-key", "$RELAY_ADMIN_KEY"),
        false => (secrets.admin.reveal(), secrets.admin.reveal()),
    };
    let DemoSource { body, signature, .. } = demo;
    let environment = environment.display();
    let live = format!("{}/live", url.replacen("http", "ws", 1));
    format!(
        r#"
relay dev: ready, for development and single machines
{notices}  API and senders   {url}   (health: {url}/health, OpenAPI: {url}/openapi.json)
  live updates      {live}   (a WebSocket; docs/live.md)
  admin key         {shown}
  receivers         http to 127.0.0.0/8 and [::1] is allowed here; a deployed relay calls only public https addresses
  DynamoDB {dynamodb}  SQS {sqs}  S3 {s3}  Secrets Manager {secrets_manager}
                    variables for the AWS CLI and cargo lambda: {environment}

Add an endpoint for your receiver (an event goes to the endpoints that exist when it arrives):
  curl -sS {url}/api/v1/app/default/endpoint -H "Authorization: Bearer {admin}" \
    -H 'Content-Type: application/json' -d '{{"url":"http://127.0.0.1:9000/hook"}}'

Send a signed completion (the second time it is a duplicate):
  curl -sS {url}/in/{NAME} -H "X-Modal-Timestamp: $(date +%s)" -H 'Content-Type: application/json' \
    -H 'X-Modal-Signature: {signature}' \
    -d '{body}'

Read the state of its job:
  curl -sS {url}/v1/jobs/demo-1 -H "Authorization: Bearer {admin}"
"#,
        dynamodb = aws.dynamodb,
        sqs = aws.sqs,
        s3 = aws.s3,
        secrets_manager = aws.secrets,
    )
}
