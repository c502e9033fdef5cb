//! Rings every minute for what is due, asks about completions that never came, and looks for troubles.

use adapters::{aws::Aws, caller::Caller, clock::Clock, config, inbox::Inbox, log, metrics};
use dispatch::context::{CallContext, Context};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::{Limits, Sweep, Watched};

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
    let (inbox, outbox) = (queue("INBOX_URL")?, queue("OUTBOX_URL")?);
    let (letters, live) = (queue("DEAD_LETTERS_URL")?, queue("LIVE_DEAD_LETTERS_URL")?);
    let watched = Some(Watched::new([&inbox, &outbox, &letters, &live]));
    let inbox = Inbox(inbox);
    let context = Context::new(table, bucket, outbox, Clock::system());
    let context = context.telling_watchers_by(queue("LIVE_QUEUE_URL")?);
    let context = context.fanning_out_by(inbox.clone());
    let calls = CallContext::new(context, letters, vault, caller);
    let sweep = &Sweep { calls, inbox, limits: Limits::default(), watched };
    let round = async |_: LambdaEvent<serde_json::Value>| Ok::<_, Error>(sweep.handle().await?);
    run(service_fn(round)).await
}
