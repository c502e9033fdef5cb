//! Wires the API to AWS.

use adapters::{aws::Aws, clock::Clock, config, inbox::Inbox, log};
use dispatch::context::{CallContext, Context};
use manage::ControlPlane;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::init();
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let table = aws.table(config::required("TABLE_NAME")?, config::retention()?);
    let bucket = aws.bucket(config::required("BUCKET_NAME")?);
    let (outbox, vault) = (queue("OUTBOX_URL")?, config::required("MASTER_KEY_SECRET")?);
    let caller = aws.caller(config::address_rule()?, config::destinations()?, &outbox);
    let context = Context::new(table, bucket, outbox, Clock::system());
    let context = context.telling_watchers_by(queue("LIVE_QUEUE_URL")?).counting_figures();
    let (letters, vault) = (queue("DEAD_LETTERS_URL")?, aws.vault(&vault).await?);
    let calls = CallContext::new(context, letters, vault, caller);
    let calls = calls.with_header_style(config::header_style()?);
    let admin_key = aws.admin_key(&config::required("ADMIN_KEY_SECRET")?).await?;
    let (inbox, public_url) = (Inbox(queue("INBOX_URL")?), config::required("PUBLIC_URL")?);
    let control = ControlPlane::new(calls, inbox, admin_key, public_url)
        .strict_about_event_types(config::strict_event_types()?)
        .delivering_within(config::seconds("DELIVER_TIMEOUT_SECONDS")?)
        .with_live_url(config::live_url()?)
        .with_allowed_origins(config::allowed_origins()?)
        .with_dashboard(config::dashboard()?);
    lambda_http::run(api::router(control.into())).await
}
