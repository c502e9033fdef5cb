//! Rings every minute for what is due, asks about completions that never came, and notes alarms of the stack.

use adapters::{aws::Aws, caller::Caller, clock::Clock, config, inbox::Inbox, log, metrics};
use dispatch::context::{CallContext, Context};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::{Limits, Sweep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let stack = &config::required("STACK_NAME")?;
    metrics::belong_to(stack.clone());
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let table = aws.table(config::required("TABLE_NAME")?, config::retention()?);
    let bucket = aws.bucket(config::required("BUCKET_NAME")?);
    let vault = aws.vault(&config::required("MASTER_KEY_SECRET")?).await?;
    let caller = Caller::new(config::address_rule()?);
    let context = Context::new(table, bucket, queue("OUTBOX_URL")?, Clock::system());
    let inbox = Inbox(queue("INBOX_URL")?);
    let context = context.telling_watchers_by(queue("LIVE_QUEUE_URL")?);
    let context = context.fanning_out_by(inbox.clone());
    let calls = CallContext::new(context, queue("DEAD_LETTERS_URL")?, vault, caller);
    let sweep = &Sweep { calls, inbox, limits: Limits::default() };
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        Ok::<_, Error>(sweep.handle(&event.payload, stack).await?)
    }))
    .await
}
