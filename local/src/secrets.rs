//! Secrets Manager, as much of it as the functions call: `GetSecretValue` of fixed values.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::clients::REGION;

type Secrets = Arc<HashMap<String, String>>;

/// Answers for the secrets given, by id.
pub(crate) fn router(values: Vec<(String, String)>) -> Router {
    let secrets: Secrets = Arc::new(values.into_iter().collect());
    Router::new().fallback(answer).with_state(secrets)
}

async fn answer(State(secrets): State<Secrets>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if target != Some("secretsmanager.GetSecretValue") {
        return refused("UnknownOperationException", "Only GetSecretValue is served locally.");
    }
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let Some(id) = request["SecretId"].as_str() else {
        return refused("ValidationException", "SecretId is missing.");
    };
    let prefix = format!("arn:aws:secretsmanager:{REGION}:000000000000:secret:");
    let name = id.strip_prefix(&prefix).unwrap_or(id);
    match secrets.get(name) {
        Some(value) => Json(json!({
            "ARN": format!("{prefix}{name}"),
            "Name": name,
            "SecretString": value,
            "VersionId": "00000000-0000-0000-0000-000000000001",
            "VersionStages": ["AWSCURRENT"],
        }))
        .into_response(),
        None => {
            refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        }
    }
}

fn refused(kind: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "__type": kind, "message": message }))).into_response()
}
