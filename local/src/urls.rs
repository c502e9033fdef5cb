//! The endpoint URLs of the services.

/// The endpoint URL of each service: `http://127.0.0.1:<port>`, for the management API with the stage's
/// path behind it; without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// The endpoint of DynamoDB.
    pub dynamodb: String,
    /// The endpoint of SQS.
    pub sqs: String,
    /// The endpoint of S3. Buckets are addressed by path.
    pub s3: String,
    /// The endpoint of Secrets Manager.
    pub secrets: String,
    /// The endpoint of the management API of the WebSocket API's stage.
    pub websocket: String,
}
