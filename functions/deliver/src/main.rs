//! Takes doorbells off the outbox and attempts the deliveries they ring for.

use adapters::{aws::Aws, clock::Clock, config, log, metrics};
use deliver::Deliver;
use dispatch::context::{CallContext, Context};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    metrics::belong_to(config::required("STACK_NAME")?);
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let table = aws.table(config::required("TABLE_NAME")?, config::retention()?);
    let bucket = aws.bucket(config::required("BUCKET_NAME")?);
    let (outbox, vault) = (queue("OUTBOX_URL")?, config::required("MASTER_KEY_SECRET")?);
    let caller = aws.caller(config::address_rule()?, config::destinations()?, &outbox);
    let context = Context::new(table, bucket, outbox, Clock::system());
    let context = context.telling_watchers_by(queue("LIVE_QUEUE_URL")?).counting_figures();
    let context = context.remembering_endpoints();
    let (letters, vault) = (queue("DEAD_LETTERS_URL")?, aws.vault(&vault).await?);
    let calls = CallContext::new(context, letters, vault, caller);
    let calls = calls.with_header_style(config::header_style()?);
    let deliver = &Deliver { calls: calls.capping_calls(config::call_caps()?) };
    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(deliver.handle(&batch.payload).await)
    }))
    .await
}
