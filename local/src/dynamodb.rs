//! DynamoDB: dynoxide over SQLite, holding the relay's table.

use std::path::Path;

use dynoxide::Database;
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

fn request<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}
