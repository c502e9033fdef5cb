//! The operations of DynamoDB in its JSON protocol, performed by dynoxide.

use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Performs an operation; `None` if there is none of this name.
///
/// # Errors
/// DynamoDB's error, of which `to_json` makes the body of the answer.
pub(super) fn perform(
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

/// Reads the JSON of a request or answer.
///
/// # Errors
/// DynamoDB's error for a request that is none.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
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

/// Performs an operation whose request and answer are JSON.
///
/// # Errors
/// DynamoDB's error.
pub(super) fn ask(
    database: &Database,
    operation: &str,
    request: &Value,
) -> Result<Value, DynoxideError> {
    let answer = perform(database, operation, request.to_string().as_bytes())?;
    parse(answer.unwrap_or_default().as_bytes())
}

/// Does something with each item of a table.
///
/// # Errors
/// DynamoDB's error, or that of `act`.
pub(super) fn each_item(
    database: &Database,
    table: &Value,
    mut act: impl FnMut(&Value) -> Result<(), DynoxideError>,
) -> Result<(), DynoxideError> {
    let mut scan = json!({ "TableName": table, "ConsistentRead": true });
    loop {
        let page = ask(database, "Scan", &scan)?;
        page["Items"].as_array().into_iter().flatten().try_for_each(&mut act)?;
        match &page["LastEvaluatedKey"] {
            Value::Null => return Ok(()),
            key => scan["ExclusiveStartKey"] = key.clone(),
        }
    }
}
