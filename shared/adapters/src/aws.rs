//! The AWS clients, over rustls with ring: the SDK's default TLS burns half a second of a 128 MB
//! function's CPU at its first handshake.

mod limits;

use std::{sync::OnceLock, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use domain::{address::Rule, destination::AwsDestinations, key::AdminKey, secret::Secret};

use crate::{
    Unavailable,
    bucket::Bucket,
    caller::{AwsSenders, Caller, EventBridge},
    cloudwatch::LogService,
    pusher::Pusher,
    queue::Queue,
    random, secrets_manager,
    table::Table,
    vault::Vault,
};

/// One client per service, made when the first thing of it is opened.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// Region, credentials and endpoints come from the environment. `AWS_ENDPOINT_URL_*` points the
    /// same binary at anything else that speaks AWS.
    pub async fn load() -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(https());
        let config = config.retry_config(limits::retries()).timeout_config(limits::timeouts());
        Self { config: config.load().await }
    }

    /// The table. What writes no events needs no retention.
    pub fn table(&self, name: String, retention: Duration) -> Table {
        Table::new(limits::dynamodb(&self.config), name, retention)
    }

    /// A queue of SQS, named by its URL.
    pub fn queue(&self, url: String) -> Queue {
        Queue::new(aws_sdk_sqs::Client::new(&self.config), url)
    }

    /// The caller of endpoints under this rule. `destinations` are the queues and event buses that
    /// deliveries may go to; they lie in the account and region of `outbox`.
    pub fn caller(&self, rule: Rule, destinations: AwsDestinations, outbox: &Queue) -> Caller {
        let bus = || EventBridge::new(aws_sdk_eventbridge::Client::new(&self.config));
        let buses = destinations.have_a_bus().then(bus);
        Caller::new(rule).sending_to(destinations, AwsSenders::beside(outbox).with_buses(buses))
    }

    /// A pusher to the connections of the WebSocket stage at this URL. A push that fails is not made again.
    pub fn pusher(&self, url: &str) -> Pusher {
        let config = aws_sdk_apigatewaymanagement::config::Builder::from(&self.config)
            .retry_config(RetryConfig::disabled())
            .endpoint_url(url);
        Pusher::new(aws_sdk_apigatewaymanagement::Client::from_conf(config.build()))
    }

    /// CloudWatch Logs. A client who waits for lines waits for these calls, so they are repeated less
    /// often than others.
    pub fn log_service(&self) -> LogService {
        let config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.config)
            .retry_config(limits::retries().with_max_attempts(2));
        LogService::new(aws_sdk_cloudwatchlogs::Client::from_conf(config.build()))
    }

    /// The bucket. Against an endpoint of one's own it is addressed by path.
    pub fn bucket(&self, name: String) -> Bucket {
        let local = std::env::var_os("AWS_ENDPOINT_URL_S3").is_some()
            || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(local)
            .timeout_config(limits::timeouts_of_bodies());
        Bucket::new(aws_sdk_s3::Client::from_conf(config.build()), name)
    }

    /// The vault under the master key that this secret holds.
    ///
    /// # Errors
    /// Fails if Secrets Manager does, or the secret is shorter than 32 characters.
    pub async fn vault(&self, secret_id: &str) -> Result<Vault, Unavailable> {
        Ok(Vault::new(&self.secret(secret_id).await?))
    }

    /// The deployed administrator's key, which this secret holds. Without one it is a key that nobody has.
    ///
    /// # Errors
    /// Fails if Secrets Manager does, or the secret is no key.
    pub async fn admin_key(&self, secret_id: Option<&str>) -> Result<AdminKey, Unavailable> {
        let key = match secret_id {
            Some(id) => AdminKey::parse(self.secret(id).await?.as_str().unwrap_or_default()),
            // Nobody hears of this one, and no other copy of the function has it.
            None => AdminKey::parse(&(random::token() + &random::token())),
        };
        key.map_err(|error| Unavailable::new("reading the admin key", error))
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// Fails if Secrets Manager does, or the value is shorter than 32 characters.
    pub async fn secret(&self, secret_id: &str) -> Result<Secret, Unavailable> {
        secrets_manager::fetch(&aws_sdk_secretsmanager::Client::new(&self.config), secret_id).await
    }
}

/// One connector for every client. The SDK's own builder makes one per client and one more to
/// validate it, and each of them reads the whole root store: 0.7 ms of a cold start's CPU.
fn https() -> SharedHttpClient {
    let connector = OnceLock::new();
    http_client_fn(move |settings, components| {
        let make = || {
            let mut builder = Connector::builder().connector_settings(settings.clone());
            builder.set_sleep_impl(components.sleep_impl());
            let tls = Provider::rustls(CryptoMode::Ring);
            SharedHttpConnector::new(builder.tls_provider(tls).build())
        };
        connector.get_or_init(make).clone()
    })
}
