//! Takes what died off the dead-letter queues, parks it, and puts it back.

use adapters::{aws::Aws, bells::Outbox, clock::Clock, config, log};
use dispatch::redrive::Redrive;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use redeliver::Redeliver;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let redeliver = &Redeliver {
        redrive: Redrive {
            table: aws.table(config::required("TABLE_NAME")?, config::retention()?),
            bucket: aws.bucket(config::required("BUCKET_NAME")?),
            outbox: Outbox(aws.queue(config::required("OUTBOX_URL")?)),
            inbox: aws.queue(config::required("INBOX_URL")?),
            clock: Clock::system(),
        },
    };
    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(redeliver.handle(&batch.payload).await)
    }))
    .await
}
