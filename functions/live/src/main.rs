//! Wires live updates to AWS.

use adapters::{aws::Aws, clock::Clock, config, live_queue::LiveQueue, log, metrics};
use domain::live::push_budget::PushBudget;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use live::{CloudWatch, Live, LiveParts};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    metrics::belong_to(config::required("STACK_NAME")?);
    let aws = Aws::load().await;
    let vault = aws.vault(&config::required("MASTER_KEY_SECRET")?).await?;
    let live = &Live::new(LiveParts {
        table: aws.table(config::required("TABLE_NAME")?, std::time::Duration::ZERO),
        bucket: aws.bucket(config::required("BUCKET_NAME")?),
        queue: LiveQueue(aws.queue(config::required("LIVE_QUEUE_URL")?)),
        pusher: aws.pusher(&config::required("WEBSOCKET_URL")?),
        vault,
        clock: Clock::system(),
        budget: PushBudget::new(config::push_rate()?),
        cloudwatch: CloudWatch::of(config::log_groups()?, || aws.log_service()),
    });
    run(service_fn(async |event: LambdaEvent<Value>| {
        live.is_invoked_as(&event.context.invoked_function_arn);
        Ok::<_, Error>(live.handle(event.payload).await?)
    }))
    .await
}
