//! Rings every minute for what is due.

use std::time::Duration;

use adapters::{
    aws::Aws,
    bells::{Bells, Outbox},
    clock::Clock,
    config, log,
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::Sweep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let sweep = &Sweep {
        table: aws.table(config::required("TABLE_NAME")?, Duration::ZERO),
        bells: Bells {
            outbox: Outbox(aws.queue(config::required("OUTBOX_URL")?)),
            dead_letters: aws.queue(config::required("DEAD_LETTERS_URL")?),
        },
        clock: Clock::system(),
    };
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| {
        let swept = sweep.run().await?;
        Ok::<_, Error>(serde_json::json!({ "rung": swept.rung }))
    }))
    .await
}
