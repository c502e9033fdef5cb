//! Wires the API to AWS.

use std::sync::Arc;

use adapters::{aws::Aws, bells::Bells, clock::Clock, config, log};
use api::{Api, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::init();
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let api = Api::new(Parts {
        table: aws.table(config::required("TABLE_NAME")?, config::retention()?),
        bucket: aws.bucket(config::required("BUCKET_NAME")?),
        vault: aws.vault(&config::required("MASTER_KEY_SECRET")?).await?,
        bells: Bells { outbox: queue("OUTBOX_URL")?, dead_letters: queue("DEAD_LETTERS_URL")? },
        inbox: queue("INBOX_URL")?,
        rule: config::address_rule()?,
        admin_key: aws.secret(&config::required("ADMIN_KEY_SECRET")?).await?,
        clock: Clock::system(),
        public_url: None,
    });
    lambda_http::run(api::router(Arc::new(api))).await
}
