//! The addresses of the services.

/// Where each service listens: `http://127.0.0.1:<port>`, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// DynamoDB's endpoint.
    pub dynamodb: String,
    /// SQS's endpoint.
    pub sqs: String,
    /// S3's endpoint; buckets are addressed by path.
    pub s3: String,
    /// Secrets Manager's endpoint.
    pub secrets: String,
}
