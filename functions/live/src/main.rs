//! Wires live updates to AWS.

use adapters::{aws::Aws, bells::Outbox, clock::Clock, config, live_queue, log, metrics};
use domain::live::push_budget::PushBudget;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use live::{CloudWatch, Live, LiveParts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let stack = &config::required("STACK_NAME")?;
    metrics::belong_to(stack.clone());
    let aws = Aws::load().await;
    let live = &Live::new(LiveParts {
        table: aws.table(config::required("TABLE_NAME")?, std::time::Duration::ZERO),
        bucket: aws.bucket(config::required("BUCKET_NAME")?),
        outbox: Outbox(aws.queue(config::required("OUTBOX_URL")?)),
        queue: live_queue::LiveQueue(aws.queue(config::required("LIVE_QUEUE_URL")?)),
        pusher: aws.pusher(&config::required("WEBSOCKET_URL")?),
        vault: aws.vault(&config::required("MASTER_KEY_SECRET")?).await?,
        clock: Clock::system(),
        budget: PushBudget::new(config::push_rate()?),
        cloudwatch: CloudWatch::of(config::log_groups()?, || aws.log_service()),
    });
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        live.is_invoked_as(&event.context.invoked_function_arn);
        Ok::<_, Error>(live.handle_in(stack, event.payload).await?)
    }))
    .await
}
