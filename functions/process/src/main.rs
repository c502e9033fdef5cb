//! Takes accepted requests off the inbox and works out what they mean.

use adapters::{aws::Aws, bells, clock::Clock, config, log};
use dispatch::announce::Announcer;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use process::Process;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let process = &Process {
        announcer: Announcer {
            table: aws.table(config::required("TABLE_NAME")?, config::retention()?),
            outbox: bells::Outbox(aws.queue(config::required("OUTBOX_URL")?)),
            clock: Clock::system(),
        },
        bucket: aws.bucket(config::required("BUCKET_NAME")?),
        inbox: bells::Inbox(aws.queue(config::required("INBOX_URL")?)),
        public_url: config::required("PUBLIC_URL")?,
    };
    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(process.handle(&batch.payload).await)
    }))
    .await
}
