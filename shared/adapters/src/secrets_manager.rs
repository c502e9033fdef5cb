//! Secrets that AWS Secrets Manager holds: the master key and the key of the administrator.

use aws_sdk_secretsmanager::Client;
use domain::secret::Secret;

use crate::Unavailable;

/// The value of a secret in Secrets Manager; 32 characters at least.
pub(crate) async fn fetch(client: &Client, secret_id: &str) -> Result<Secret, Unavailable> {
    let doing = "reading a secret from Secrets Manager";
    let value = client.get_secret_value().secret_id(secret_id).send().await;
    let value = value.map_err(|error| Unavailable::aws(doing, &error))?;
    match value.secret_string() {
        Some(text) if 32 <= text.len() => Ok(Secret::new(text)),
        _ => Err(Unavailable::new(doing, "it is shorter than 32 characters")),
    }
}
