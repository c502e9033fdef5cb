//! SDK clients for the local services, over plain HTTP.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;

use crate::urls::Urls;

/// The region everything claims to be in.
pub const REGION: &str = "us-east-1";
/// The access key S3 checks; the other services take any.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret of [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "local-secret";

/// Makes SDK clients. Without further words they retry as the SDK does and connect over plain TCP.
#[derive(Debug, Clone)]
pub struct Clients {
    urls: Urls,
    http: SharedHttpClient,
    retries: RetryConfig,
}

impl Clients {
    /// Clients of the services at `urls`, which may be another process's.
    pub fn new(urls: Urls) -> Clients {
        let http = aws_smithy_http_client::Builder::new().build_http();
        Clients { urls, http, retries: RetryConfig::standard() }
    }

    /// Sends through this HTTP client, which may delay, drop or falsify.
    #[must_use]
    pub fn with_http_client(self, http: SharedHttpClient) -> Clients {
        Clients { http, ..self }
    }

    /// Retries like this.
    #[must_use]
    pub fn with_retries(self, retries: RetryConfig) -> Clients {
        Clients { retries, ..self }
    }

    /// An SDK configuration for the service at `endpoint`, one of [`Urls`].
    pub fn sdk_config(&self, endpoint: &str) -> SdkConfig {
        let credentials = Credentials::from_keys(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .http_client(self.http.clone())
            .retry_config(self.retries.clone())
            .endpoint_url(endpoint)
            .build()
    }

    /// A DynamoDB client.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk_config(&self.urls.dynamodb))
    }

    /// An SQS client.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk_config(&self.urls.sqs))
    }

    /// An S3 client that addresses buckets by path.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config(&self.urls.s3));
        aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
    }

    /// A Secrets Manager client.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk_config(&self.urls.secrets))
    }

    /// An EventBridge client for whatever listens there; these services have none.
    pub fn event_bridge(&self, endpoint: &str) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.sdk_config(endpoint))
    }
}
