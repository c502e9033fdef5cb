//! Takes accepted requests off the inbox and works out what they mean.

use adapters::{aws::Aws, clock::Clock, config, inbox::Inbox, log, metrics};
use dispatch::context::Context;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use process::Process;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    metrics::belong_to(config::required("STACK_NAME")?);
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let table = aws.table(config::required("TABLE_NAME")?, config::retention()?);
    let bucket = aws.bucket(config::required("BUCKET_NAME")?);
    let context = Context::new(table, bucket, queue("OUTBOX_URL")?, Clock::system());
    let inbox = Inbox(queue("INBOX_URL")?);
    let context = context.remembering_endpoints().fanning_out_by(inbox.clone());
    let process = &Process {
        context: context.telling_watchers_by(queue("LIVE_QUEUE_URL")?).counting_figures(),
        inbox,
        public_url: config::required("PUBLIC_URL")?,
    };
    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(process.handle(&batch.payload).await)
    }))
    .await
}
