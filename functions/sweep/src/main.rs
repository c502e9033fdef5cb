//! Rings every minute for what is due, and asks about completions that never came.

use adapters::{aws::Aws, bells::Bells, caller::Caller, clock::Clock, config, log};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::{Limits, Sweep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let sweep = &Sweep {
        table: aws.table(config::required("TABLE_NAME")?, config::retention()?),
        bells: Bells::new(queue("OUTBOX_URL")?, queue("DEAD_LETTERS_URL")?),
        clock: Clock::system(),
        inbox: queue("INBOX_URL")?,
        bucket: aws.bucket(config::required("BUCKET_NAME")?),
        vault: aws.vault(&config::required("MASTER_KEY_SECRET")?).await?,
        caller: Caller::new(config::address_rule()?),
        limits: Limits::default(),
    };
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| {
        let swept = sweep.run().await?;
        Ok::<_, Error>(serde_json::json!({ "rung": swept.rung, "asked": swept.asked }))
    }))
    .await
}
