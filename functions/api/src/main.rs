//! Wires the API to AWS.

use std::sync::Arc;

use adapters::{aws::Aws, bells::Bells, clock::Clock, config, log};
use dispatch::attempt::Attempts;
use manage::ControlPlane;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::init();
    let aws = Aws::load().await;
    let queue = |name| config::required(name).map(|url| aws.queue(url));
    let (rule, destinations) = (config::address_rule()?, config::destinations()?);
    let attempts = Attempts {
        table: aws.table(config::required("TABLE_NAME")?, config::retention()?),
        bucket: aws.bucket(config::required("BUCKET_NAME")?),
        bells: Bells::new(queue("OUTBOX_URL")?, queue("DEAD_LETTERS_URL")?),
        vault: aws.vault(&config::required("MASTER_KEY_SECRET")?).await?,
        caller: aws.caller(rule, destinations, &queue("OUTBOX_URL")?),
        clock: Clock::system(),
    };
    let admin_key = aws.secret(&config::required("ADMIN_KEY_SECRET")?).await?;
    let control = ControlPlane::new(
        attempts,
        queue("INBOX_URL")?,
        admin_key,
        config::required("PUBLIC_URL")?,
    );
    let control = control.delivering_within(config::seconds("DELIVER_TIMEOUT_SECONDS")?);
    lambda_http::run(api::router(Arc::new(control))).await
}
