//! Takes doorbells off the outbox and attempts the deliveries they ring for.

use adapters::{aws::Aws, bells::Bells, clock::Clock, config, log};
use deliver::Deliver;
use dispatch::attempt::Attempts;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let (rule, destinations) = (config::address_rule()?, config::destinations()?);
    let deliver = &Deliver {
        attempts: Attempts {
            table: aws.table(config::required("TABLE_NAME")?, config::retention()?),
            bucket: aws.bucket(config::required("BUCKET_NAME")?),
            bells: Bells::new(queue("OUTBOX_URL")?, queue("DEAD_LETTERS_URL")?),
            vault: aws.vault(&config::required("MASTER_KEY_SECRET")?).await?,
            caller: aws.caller(rule, destinations, &queue("OUTBOX_URL")?),
            clock: Clock::system(),
        },
    };
    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(deliver.handle(&batch.payload).await)
    }))
    .await
}
