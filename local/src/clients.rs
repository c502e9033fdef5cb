//! SDK clients for the local services, over plain HTTP.

use std::fmt;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use uuid::Uuid;

use crate::urls::Urls;

/// The AWS region of every local resource.
pub const REGION: &str = "us-east-1";

/// The access key with which requests to the services are signed.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key id, which may be shown.
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

impl Default for AccessKey {
    /// A random access key.
    fn default() -> Self {
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        AccessKey { id: "local".to_owned(), secret }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An HTTP client over plain TCP.
pub(crate) fn over_tcp() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// A factory of SDK clients. By default the clients retry as the SDK does and connect over plain TCP.
#[derive(Debug, Clone)]
pub struct Clients {
    urls: Urls,
    key: AccessKey,
    http: SharedHttpClient,
    retries: RetryConfig,
}

impl Clients {
    /// Makes clients of the services at `urls`, in this process or another, that sign with `key`.
    pub fn new(urls: Urls, key: AccessKey) -> Clients {
        Clients { urls, key, http: over_tcp(), retries: RetryConfig::standard() }
    }

    /// Sends every request through `http`. A test passes a client that delays, drops or falsifies.
    #[must_use]
    pub fn with_http_client(self, http: SharedHttpClient) -> Clients {
        Clients { http, ..self }
    }

    /// Turns to the services at `urls` instead.
    #[must_use]
    pub fn at(self, urls: Urls) -> Clients {
        Clients { urls, ..self }
    }

    /// Replaces the SDK's retry configuration.
    #[must_use]
    pub fn with_retries(self, retries: RetryConfig) -> Clients {
        Clients { retries, ..self }
    }

    /// The SDK configuration of a service at `endpoint`, which is a URL such as those of [`Urls`].
    pub fn sdk_config(&self, endpoint: &str) -> SdkConfig {
        let credentials = Credentials::from_keys(&self.key.id, &self.key.secret, None);
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

    /// Makes a client of the management API of the local WebSocket API. A call is made once, because a
    /// repetition may reach the client twice.
    pub fn websocket(&self) -> aws_sdk_apigatewaymanagement::Client {
        let config = self.sdk_config(&self.urls.websocket);
        let config = aws_sdk_apigatewaymanagement::config::Builder::from(&config);
        let config = config.retry_config(RetryConfig::disabled());
        aws_sdk_apigatewaymanagement::Client::from_conf(config.build())
    }

    /// Makes an EventBridge client of the server at `endpoint`. The local services include no
    /// EventBridge.
    pub fn event_bridge(&self, endpoint: &str) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.sdk_config(endpoint))
    }
}
