//! Wires the API to AWS.

use adapters::{aws::Aws, clock::Clock, config, inbox::Inbox, log};
use dispatch::context::{CallContext, Context};
use manage::ControlPlane;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::init();
    let aws = Aws::load().await;
    let queues = config::queue_urls()?.map(|url| aws.queue(url));
    let [inbox, outbox, letters, live, _] = queues.clone();
    let table = aws.table(config::required("TABLE_NAME")?, config::retention()?);
    let bucket = aws.bucket(config::required("BUCKET_NAME")?);
    let vault = aws.vault(&config::required("MASTER_KEY_SECRET")?).await?;
    let caller = aws.caller(config::address_rule()?, config::destinations()?, &outbox);
    let context = Context::new(table, bucket, outbox, Clock::system());
    let context = context.telling_watchers_by(live).counting_figures();
    let calls = CallContext::new(context, letters, vault, caller);
    let calls = calls.with_header_style(config::header_style()?);
    let key = aws.admin_key(config::admin_key_secret()?.as_deref()).await?;
    let control = ControlPlane::new(calls, Inbox(inbox), key, config::required("PUBLIC_URL")?)
        .strict_about_event_types(config::strict_event_types()?)
        .delivering_within(config::seconds("DELIVER_TIMEOUT_SECONDS")?)
        .with_live_url(config::live_url()?)
        .with_allowed_origins(config::allowed_origins()?)
        .with_dashboard(config::dashboard()?)
        .showing_queues(queues);
    lambda_http::run(api::router(control.into())).await
}
