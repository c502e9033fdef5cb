//! DynamoDB: dynoxide over SQLite, holding the relay's table.
//!
//! dynoxide has an HTTP server of its own. It is not used, because it takes no routes from outside and
//! so cannot be put behind the check of signatures.

mod lag;
mod meter;
mod operations;
mod size;

use std::{
    fmt,
    ops::RangeInclusive,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

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

use self::{
    lag::Lag,
    meter::{Meter, Touch},
    operations::{ask, each_item, parse, perform},
    size::Item,
};
use crate::{
    LocalAwsError,
    clock::ServiceClock,
    data::failed,
    ledger::{Book, Ledger, Stored},
    resources,
};

/// The local DynamoDB. Its requests are watched one at a time if they are counted or an index lags, and
/// else go to dynoxide as they come.
#[derive(Clone)]
pub(crate) struct Dynamodb {
    database: Database,
    /// The `CreateTable` request of the relay's table.
    table: Value,
    meter: Arc<Meter>,
    book: Book,
    clock: Arc<ServiceClock>,
    is_watched: Arc<AtomicBool>,
    /// The number of requests so far that may have changed something.
    writes: WriteCount,
    /// The lag of the indexes, if they lag. Whoever performs a watched request holds it.
    lag: Arc<Mutex<Option<Lag>>>,
}

/// The number of requests to DynamoDB since the start that may have changed something, refused ones too. It
/// goes on counting wherever it is held.
#[derive(Clone, Debug, Default)]
pub struct WriteCount(Arc<AtomicU64>);

impl WriteCount {
    /// The number by now.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Dynamodb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamodb").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl Dynamodb {
    /// Opens the database in `file`, or one in memory, and creates the table named `name` if it is missing.
    ///
    /// # Errors
    /// [`LocalAwsError::Data`] if SQLite cannot open the file, [`LocalAwsError::Resource`] if the table
    /// cannot be created or is another.
    pub(crate) fn open(
        file: Option<&Path>,
        name: &str,
        clock: Arc<ServiceClock>,
        book: Book,
    ) -> Result<Dynamodb, LocalAwsError> {
        let database = open(file)?;
        create_table(&database, name)?;
        let table = resources::table(name);
        Ok(Dynamodb {
            database,
            meter: Arc::new(Meter::new(&table)),
            table,
            is_watched: Arc::new(AtomicBool::new(book.is_kept())),
            book,
            clock,
            writes: WriteCount::default(),
            lag: Arc::default(),
        })
    }

    /// Lets the indexes lag, or ends that if `late` ends at zero.
    ///
    /// # Errors
    /// [`LocalAwsError::Resource`] if the table cannot be copied.
    pub(crate) fn lag_indexes(&self, late: &RangeInclusive<Duration>) -> Result<(), LocalAwsError> {
        let ms = |time: &Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let late = ms(late.start())..=ms(late.end());
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        *lag = None;
        if *late.end() != 0 {
            let begun = Lag::begin(&self.table, &self.database, late);
            *lag = Some(begun.map_err(|error| LocalAwsError::Resource {
                resource: "copy of the table".to_owned(),
                reason: error.to_string(),
            })?);
        }
        self.is_watched.store(lag.is_some() || self.book.is_kept(), Ordering::Release);
        Ok(())
    }

    /// What the table and its indexes hold.
    ///
    /// # Errors
    /// [`LocalAwsError::Resource`] if the table cannot be read.
    pub(crate) fn stored(&self) -> Result<Stored, LocalAwsError> {
        let mut stored = Stored::default();
        let read = each_item(&self.database, &self.table["TableName"], |item| {
            if let Some(item) = item.as_object() {
                self.meter.store(&mut stored, item);
            }
            Ok(())
        });
        read.map(|()| stored).map_err(|error| LocalAwsError::Resource {
            resource: "table".to_owned(),
            reason: error.to_string(),
        })
    }

    /// The number of requests since the start that may have changed something.
    pub(crate) fn writes(&self) -> WriteCount {
        self.writes.clone()
    }

    fn perform(&self, operation: &str, body: &[u8]) -> Result<Option<String>, DynoxideError> {
        if !is_read(operation) {
            self.writes.0.fetch_add(1, Ordering::AcqRel);
        }
        if self.is_watched.load(Ordering::Acquire) {
            return self.perform_watched(operation, body);
        }
        perform(&self.database, operation, body)
    }

    /// Performs an operation, counts it, and remembers for the indexes that lag what it left.
    fn perform_watched(
        &self,
        operation: &str,
        body: &[u8],
    ) -> Result<Option<String>, DynoxideError> {
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        let request: Value = parse(body)?;
        if matches!(operation, "Query" | "Scan") && request.is_object() {
            return self.perform_query(operation, request, lag.as_mut());
        }
        let touched = self.meter.touched(operation, &request);
        let before = self.read(&touched);
        let outcome = match lag.as_mut().filter(|_| may_lag(operation, &request)) {
            Some(lag) => lag.answer(operation, body, self.clock.now()),
            None => perform(&self.database, operation, body),
        };
        let after = self.read(&touched);
        self.book.write(|ledger| {
            self.count(ledger, operation, &outcome, &touched, &before, &after);
        });
        if let Some(lag) = lag.as_mut() {
            let now = self.clock.now();
            for (touch, (before, after)) in touched.iter().zip(before.iter().zip(after)) {
                if *before != after {
                    lag.note(&touch.key, after, now);
                }
            }
        }
        outcome
    }

    fn count(
        &self,
        ledger: &mut Ledger,
        operation: &str,
        outcome: &Result<Option<String>, DynoxideError>,
        touched: &[Touch],
        before: &[Option<Item>],
        after: &[Option<Item>],
    ) {
        *ledger.calls.entry(operation.to_owned()).or_default() += 1;
        let refused = |error: &DynoxideError| error.to_json().contains("ConditionalCheckFailed");
        for ((touch, before), after) in touched.iter().zip(before).zip(after) {
            match outcome {
                Ok(_) => self.meter.count(ledger, touch, before.as_ref(), after.as_ref()),
                Err(error) if refused(error) => {
                    self.meter.count_refused(ledger, touch, before.as_ref());
                }
                // Whatever DynamoDB refuses before it looks at an item costs nothing.
                Err(_) => (),
            }
        }
    }

    /// Performs a query or scan, of the copy that lags if it reads an index. It is asked for its capacity,
    /// which is left out of the answer if the request did not ask.
    fn perform_query(
        &self,
        operation: &str,
        mut request: Value,
        lag: Option<&mut Lag>,
    ) -> Result<Option<String>, DynoxideError> {
        let asked = &mut request["ReturnConsumedCapacity"];
        let is_asked = !matches!(asked.as_str(), None | Some("NONE"));
        if !is_asked {
            *asked = "TOTAL".into();
        }
        let body = request.to_string();
        let answer = match lag.filter(|_| may_lag(operation, &request)) {
            Some(lag) => lag.answer(operation, body.as_bytes(), self.clock.now()),
            None => perform(&self.database, operation, body.as_bytes()),
        };
        let answer = answer?.unwrap_or_default();
        let mut answer: Value = parse(answer.as_bytes())?;
        self.book.write(|ledger| {
            *ledger.calls.entry(operation.to_owned()).or_default() += 1;
            self.meter.count_query(ledger, operation, &request, &answer);
        });
        if let Some(answer) = answer.as_object_mut().filter(|_| !is_asked) {
            answer.remove("ConsumedCapacity");
        }
        Ok(Some(answer.to_string()))
    }

    /// The items of these touches, as they are now. There is none under a key that DynamoDB refuses.
    fn read(&self, touched: &[Touch]) -> Vec<Option<Item>> {
        let read = |touch: &Touch| {
            let answer = ask(&self.database, "GetItem", &self.meter.reading(touch));
            answer.ok()?["Item"].as_object_mut().map(std::mem::take)
        };
        touched.iter().map(read).collect()
    }
}

/// Whether an operation changes nothing.
fn is_read(operation: &str) -> bool {
    matches!(
        operation,
        "BatchGetItem"
            | "DescribeTable"
            | "DescribeTimeToLive"
            | "GetItem"
            | "ListTables"
            | "Query"
            | "Scan"
            | "TransactGetItems"
    )
}

/// Whether a request is a read that may show the table, or an index, as it was a moment before.
fn may_lag(operation: &str, request: &Value) -> bool {
    let is_consistent = |request: &Value| request["ConsistentRead"] == true;
    match operation {
        "GetItem" | "Query" | "Scan" => !is_consistent(request),
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object();
            tables.is_some_and(|tables| !tables.values().any(is_consistent))
        }
        _ => false,
    }
}

/// Opens the database in `file`, or one in memory.
///
/// # Errors
/// [`LocalAwsError::Data`] if SQLite cannot open the file or its path is not Unicode.
fn open(file: Option<&Path>) -> Result<Database, LocalAwsError> {
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
fn create_table(database: &Database, name: &str) -> Result<(), LocalAwsError> {
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
pub(crate) fn router(dynamodb: Dynamodb) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(dynamodb)
}

async fn answer(State(dynamodb): State<Dynamodb>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let action = target.and_then(|target| target.strip_prefix("DynamoDB_20120810."));
    let (status, answer) = match dynamodb.perform(action.unwrap_or_default(), &body) {
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

fn request<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}
