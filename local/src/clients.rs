//! SDK clients for the local services, over plain HTTP.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;

use crate::urls::Urls;

/// The AWS region of every local resource.
pub const REGION: &str = "us-east-1";
/// The access key id. S3 verifies it; the other services accept any credentials.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret access key that belongs to [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "local-secret";

/// A factory of SDK clients. By default the clients retry as the SDK does and connect over plain TCP.
#[derive(Debug, Clone)]
pub struct Clients {
    urls: Urls,
    http: SharedHttpClient,
    retries: RetryConfig,
}

impl Clients {
    /// Makes clients of the services at `urls`, in this process or another.
    pub fn new(urls: Urls) -> Clients {
        let http = aws_smithy_http_client::Builder::new().build_http();
        Clients { urls, http, retries: RetryConfig::standard() }
    }

    /// Sends every request through `http`. A test passes a client that delays, drops or falsifies.
    #[must_use]
    pub fn with_http_client(self, http: SharedHttpClient) -> Clients {
        Clients { http, ..self }
    }

    /// Replaces the SDK's retry configuration.
    #[must_use]
    pub fn with_retries(self, retries: RetryConfig) -> Clients {
        Clients { retries, ..self }
    }

    /// The SDK configuration of a service at `endpoint`, which is a URL such as those of [`Urls`].
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

    /// Makes a client of the local DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk_config(&self.urls.dynamodb))
    }

    /// Makes a client of the local SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk_config(&self.urls.sqs))
    }

    /// Makes a client of the local S3. Buckets are addressed by path.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config(&self.urls.s3));
        aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
    }

    /// Makes a client of the local Secrets Manager.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk_config(&self.urls.secrets))
    }

    /// Makes an EventBridge client of the server at `endpoint`. The local services include no
    /// EventBridge.
    pub fn event_bridge(&self, endpoint: &str) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.sdk_config(endpoint))
    }
}
