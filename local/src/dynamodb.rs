//! DynamoDB: dynoxide over SQLite, holding the relay's table.
//!
//! dynoxide has an HTTP server of its own. It is not used, because it takes no routes from outside and
//! so cannot be put behind the check of signatures.

use std::path::Path;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{LocalAwsError, data::failed, resources};

/// Opens the database in `file`, or one in memory.
///
/// # Errors
/// [`LocalAwsError::Data`] if SQLite cannot open the file or its path is not Unicode.
pub(crate) fn open(file: Option<&Path>) -> Result<Database, LocalAwsError> {
    let Some(file) = file else {
        return Database::memory().map_err(|e| failed(Path::new(":memory:"), &e));
    };
    let path = file.to_str().ok_or_else(|| failed(file, &"the path is not Unicode"))?;
    Database::new(path).map_err(|e| failed(file, &e))
}

/// Creates the relay's table if it is missing and sets its time to live.
///
/// # Errors
/// [`LocalAwsError::Resource`] if DynamoDB refuses a request or if the existing table has other keys
/// or indexes.
pub(crate) fn create_table(database: &Database, name: &str) -> Result<(), LocalAwsError> {
    let refused =
        |reason: String| LocalAwsError::Resource { resource: format!("table {name}"), reason };
    let existing = database.get_table_metadata(name).map_err(|e| refused(e.to_string()))?;
    let wanted = resources::table(name);
    match existing {
        None => {
            let created = database.create_table(request(wanted).map_err(refused)?);
            created.map_err(|e| refused(e.to_string()))?;
        }
        Some(table) => {
            let had = [Some(table.key_schema), table.gsi_definitions];
            let had =
                had.map(|json| json.and_then(|json| serde_json::from_str::<Value>(&json).ok()));
            let wanted =
                ["KeySchema", "GlobalSecondaryIndexes"].map(|part| Some(wanted[part].clone()));
            if had != wanted {
                return Err(refused(
                    "the data directory holds a table with other keys or indexes, made by another version of \
                     the relay; move the directory away or name another with --data"
                        .to_owned(),
                ));
            }
        }
    }
    // Set at every start, because a process killed after creating the table has not set it.
    database
        .update_time_to_live(request(resources::time_to_live(name)).map_err(refused)?)
        .map_err(|e| refused(e.to_string()))?;
    Ok(())
}

/// The longest request body of DynamoDB, in bytes.
const MAX_REQUEST: usize = 16 * 1_048_576;
const UNKNOWN: &str = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;

/// Serves the operations on tables and items, in the JSON protocol.
pub(crate) fn router(database: Database) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(database)
}

async fn answer(State(database): State<Database>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let action = target.and_then(|target| target.strip_prefix("DynamoDB_20120810."));
    let (status, answer) = match perform(&database, action.unwrap_or_default(), &body) {
        Ok(Some(answer)) => (StatusCode::OK, answer),
        Ok(None) => (StatusCode::BAD_REQUEST, UNKNOWN.to_owned()),
        Err(error) => {
            tracing::debug!(action, %error, "DynamoDB refused a request");
            let status = StatusCode::from_u16(error.status_code());
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.to_json())
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "application/x-amz-json-1.0".to_owned()),
        (HeaderName::from_static("x-amzn-requestid"), uuid::Uuid::new_v4().to_string()),
    ];
    (status, headers, answer).into_response()
}

/// Performs an operation; `None` if there is none of this name.
///
/// # Errors
/// DynamoDB's error, of which `to_json` makes the body of the answer.
fn perform(
    database: &Database,
    action: &str,
    body: &[u8],
) -> Result<Option<String>, DynoxideError> {
    macro_rules! perform {
        ($($name:literal $operation:ident,)*) => {
            match action {
                $($name => {
                    let answer = database.$operation(parse(body)?).map_err(plain)?;
                    serde_json::to_string(&answer).map(Some)
                })*
                _ => Ok(None),
            }
        };
    }
    let answer = perform! {
        "BatchGetItem" batch_get_item,
        "BatchWriteItem" batch_write_item,
        "CreateTable" create_table,
        "DeleteItem" delete_item,
        "DeleteTable" delete_table,
        "DescribeTable" describe_table,
        "DescribeTimeToLive" describe_time_to_live,
        "ExecuteStatement" execute_statement,
        "GetItem" get_item,
        "ListTables" list_tables,
        "PutItem" put_item,
        "Query" query,
        "Scan" scan,
        "TransactGetItems" transact_get_items,
        "TransactWriteItems" transact_write_items,
        "UpdateItem" update_item,
        "UpdateTable" update_table,
        "UpdateTimeToLive" update_time_to_live,
    };
    answer.map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))
}

/// The error under the name that it has on the wire.
fn plain(error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) => DynoxideError::ValidationException(message),
        error => error,
    }
}

fn request<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}
