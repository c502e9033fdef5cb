//! The Lambda function `ingest`, which accepts signed requests of senders.

use std::{sync::Arc, time::Duration};

use adapters::{aws::Aws, clock::Clock, config, inbox::Inbox, log};
use ingest::{Ingest, router};
use lambda_http::{Error, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let aws = Aws::load().await;
    let ingest = Ingest::new(
        aws.table(config::required("TABLE_NAME")?, Duration::ZERO),
        aws.bucket(config::required("BUCKET_NAME")?),
        Inbox(aws.queue(config::required("INBOX_URL")?)),
        aws.vault(&config::required("MASTER_KEY_SECRET")?).await?,
        Clock::system(),
        config::required("PUBLIC_URL")?,
        config::address_rule()?,
    );
    let ingest = ingest.telling_watchers_by(aws.queue(config::required("LIVE_QUEUE_URL")?));
    ingest.warm().await;
    run(router(Arc::new(ingest))).await
}
