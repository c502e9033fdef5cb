//! Secrets Manager: `GetSecretValue` of fixed values, the only action that the functions call.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::clients::REGION;

type SecretValues = Arc<HashMap<String, String>>;

/// Serves the secrets in `values`, which are pairs of id and value. A secret is found by its id or ARN.
pub(crate) fn router(values: Vec<(String, String)>) -> Router {
    let secrets: SecretValues = Arc::new(values.into_iter().collect());
    Router::new().fallback(answer).with_state(secrets)
}

async fn answer(State(secrets): State<SecretValues>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if target != Some("secretsmanager.GetSecretValue") {
        return error(
            "UnknownOperationException",
            "The local Secrets Manager supports GetSecretValue only.",
        );
    }
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let Some(id) = request["SecretId"].as_str() else {
        return error("ValidationException", "The request has no SecretId.");
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
            error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        }
    }
}

fn error(kind: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "__type": kind, "message": message }))).into_response()
}
