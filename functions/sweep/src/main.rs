//! Rings every minute for what is due.

use std::time::Duration;

use adapters::{aws::Aws, bells::Bells, clock::Clock, config, log};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::Sweep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let sweep = &Sweep {
        table: aws.table(config::required("TABLE_NAME")?, Duration::ZERO),
        bells: Bells::new(queue("OUTBOX_URL")?, queue("DEAD_LETTERS_URL")?),
        clock: Clock::system(),
    };
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| {
        let swept = sweep.run().await?;
        Ok::<_, Error>(serde_json::json!({ "rung": swept.rung }))
    }))
    .await
}
