//! Takes what died off the dead-letter queue, parks it, and puts it back.

use adapters::{aws::Aws, bells::DeadLetters, clock::Clock, config, inbox::Inbox, log, metrics};
use dispatch::context::Context;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use redeliver::Redeliver;

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
    let context = context.fanning_out_by(inbox.clone());
    let redeliver = &Redeliver {
        context: context.telling_watchers_by(queue("LIVE_QUEUE_URL")?).counting_figures(),
        inbox,
        dead_letters: DeadLetters(queue("DEAD_LETTERS_URL")?),
        inbox_name: config::queue_name("INBOX_URL")?,
    };
    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(redeliver.handle(&batch.payload).await)
    }))
    .await
}
