//! Rings every minute for what is due, and asks about completions that never came.

use adapters::{aws::Aws, caller::Caller, clock::Clock, config, inbox::Inbox, log, metrics};
use dispatch::context::{CallContext, Context};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::{Limits, Sweep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    metrics::belong_to(config::required("STACK_NAME")?);
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let table = aws.table(config::required("TABLE_NAME")?, config::retention()?);
    let bucket = aws.bucket(config::required("BUCKET_NAME")?);
    let vault = aws.vault(&config::required("MASTER_KEY_SECRET")?).await?;
    let caller = Caller::new(config::address_rule()?);
    let context = Context::new(table, bucket, queue("OUTBOX_URL")?, Clock::system());
    let context = context.telling_watchers_by(queue("LIVE_QUEUE_URL")?);
    let calls = CallContext::new(context, queue("DEAD_LETTERS_URL")?, vault, caller);
    let inbox = Inbox(queue("INBOX_URL")?);
    let sweep = &Sweep { calls, inbox, limits: Limits::default() };
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| {
        let swept = sweep.run_alone().await?;
        Ok::<_, Error>(serde_json::json!({ "rung": swept.rung, "asked": swept.asked }))
    }))
    .await
}
