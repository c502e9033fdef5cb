//! What `relay dev` prints, and the source that makes its example work.

use std::path::Path;

use adapters::Unavailable;
use domain::{profile::Profile, secret::Secret, signature::sign, source::Source};

use super::{Bundle, keys::RelayKeys};

/// A source to try things with.
pub(super) struct DemoSource {
    body: String,
    signature: String,
}

const NAME: &str = "demo";
const PROFILE: &str = "modal-omtx";

impl DemoSource {
    /// Makes the source if it is not there; its secret follows from the master key.
    pub(super) async fn install(bundle: &Bundle, secrets: &RelayKeys) -> Result<Self, Unavailable> {
        let scheme = &Profile::named(PROFILE).expect("part of the build").scheme;
        let derived = domain::id::digest(&["demo", secrets.master.as_str().unwrap_or_default()]);
        let secret = Secret::new(derived);
        let table = bundle.table();
        if table.source(NAME).await?.is_none() {
            let now = bundle.clock().now();
            let mut source = Source::new(NAME, PROFILE, "default", now);
            source.secrets = vec![bundle.vault().seal(&Source::owner(NAME), &secret)];
            table.put_source(&source).await?;
        }
        let body = r#"{"call_id":"fc-demo-1","status":"success","result":{"affinity":-7.2},"metadata":{"job_id":"demo-1"}}"#;
        let signature = sign(scheme, &secret, None, None, body.as_bytes());
        Ok(Self { body: body.to_owned(), signature: signature.unwrap_or_default() })
    }
}

/// The text.
pub(super) fn text(
    bundle: &Bundle,
    secrets: &RelayKeys,
    demo: &DemoSource,
    environment: &Path,
) -> String {
    let (url, aws) = (bundle.url(), bundle.aws_urls());
    let admin = secrets.admin.as_str().unwrap_or("(not text)");
    let DemoSource { body, signature } = demo;
    let environment = environment.display();
    format!(
        r#"
relay dev: ready, for development and single machines
  API and senders   {url}   (health: {url}/health, OpenAPI: {url}/openapi.json)
  admin key         {admin}
  receivers         http on 127.0.0.0/8 and [::1] is allowed here; a deployed relay calls public https only
  DynamoDB {dynamodb}  SQS {sqs}  S3 {s3}  Secrets Manager {secrets_manager}
                    their settings for the AWS CLI and cargo lambda: {environment}

Have notifications sent to a receiver of yours (an event goes to the endpoints there are when it comes):
  curl -sS {url}/api/v1/app/default/endpoint -H 'Authorization: Bearer {admin}' \
    -H 'Content-Type: application/json' -d '{{"url":"http://127.0.0.1:9000/hook"}}'

Send a signed completion (again, it is a duplicate):
  curl -sS {url}/in/{NAME} -H "X-Modal-Timestamp: $(date +%s)" -H 'Content-Type: application/json' \
    -H 'X-Modal-Signature: {signature}' \
    -d '{body}'

See what became of it:
  curl -sS {url}/v1/jobs/demo-1 -H 'Authorization: Bearer {admin}'
"#,
        dynamodb = aws.dynamodb,
        sqs = aws.sqs,
        s3 = aws.s3,
        secrets_manager = aws.secrets,
    )
}
