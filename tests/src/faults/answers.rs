//! What AWS answers when it refuses a call: codes and bodies as its API references give them.

use aws_smithy_runtime_api::{
    client::orchestrator::{HttpRequest, HttpResponse},
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};

use super::QUERY_INDEX;

/// Errors for DynamoDB's load, by which a single request is refused.
const THROTTLED: [&str; 3] =
    ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"];
/// Reasons for which a transaction is cancelled without a condition that failed.
const CANCELLED: [&str; 3] =
    ["ThrottlingError", "TransactionConflict", "ProvisionedThroughputExceeded"];
/// Refusals by IAM and by KMS.
const DENIED: [&str; 2] = ["AccessDeniedException", "KMS.KMSInvalidStateException"];

/// Beginnings of the keys of items whose reads and writes are kinds of calls of their own.
const APART: [(&str, &str); 5] = [
    ("CALLS#", "a place"),
    ("HEALTH#", "health"),
    ("REFUSED", "refusals"),
    ("STATS", "figures"),
    ("SWEEP", "the lease"),
];

/// The operation that a request asks for, such as `GetItem` or `PUT object`, and of what if that is
/// [`APART`].
pub(super) fn operation(request: &HttpRequest) -> String {
    let Some(target) = request.headers().get("x-amz-target") else {
        return format!("{} object", request.method());
    };
    let operation = target.rsplit('.').next().unwrap_or(target);
    let content = content(request);
    if operation == "Query" && content.get("IndexName").is_some() {
        return QUERY_INDEX.to_owned();
    }
    let queried = content["ExpressionAttributeValues"].as_object();
    let queried = queried.filter(|_| operation == "Query").into_iter().flat_map(Map::values);
    let keys = queried.chain([&content["Item"]["pk"], &content["Key"]["pk"]]);
    let keys: Vec<_> = keys.filter_map(|key| key["S"].as_str()).collect();
    let is_key = |start: &str| keys.iter().any(|key| key.starts_with(start));
    let apart = APART.iter().find(|(start, _)| is_key(start));
    apart.map_or_else(|| operation.to_owned(), |(_, what)| format!("{operation} of {what}"))
}

/// The refusal of a call for AWS's load; `number` chooses among the forms that the operation knows.
pub(super) fn throttled(request: &HttpRequest, number: usize) -> HttpResponse {
    let content = content(request);
    let code = |codes: &[&'static str]| codes[number % codes.len()];
    match operation(request).as_str() {
        operation if operation.ends_with(" object") => s3(503, "SlowDown"),
        "TransactWriteItems" => {
            let writes = content["TransactItems"].as_array().map_or(1, Vec::len);
            let refused = number % writes;
            let reason = |place| match place == refused {
                true => json!({ "Code": code(&CANCELLED), "Message": "refused on purpose" }),
                false => json!({ "Code": "None" }),
            };
            let reasons: Vec<_> = (0..writes).map(reason).collect();
            refusal("TransactionCanceledException", &json!({ "CancellationReasons": reasons }))
        }
        // Now and then all keys of a batch stay unread; a batch may be refused as a whole, too.
        "BatchGetItem" if number.is_multiple_of(2) => {
            let unread = &content["RequestItems"];
            answer(200, &json!({ "Responses": {}, "UnprocessedKeys": unread }))
        }
        "SendMessageBatch" if number.is_multiple_of(2) => {
            let entries = content["Entries"].as_array().cloned().unwrap_or_default();
            let failed = |entry: &Value| {
                let id = &entry["Id"];
                json!({ "Id": id, "Code": "ThrottlingException", "SenderFault": false })
            };
            let failed: Vec<_> = entries.iter().map(failed).collect();
            answer(200, &json!({ "Successful": [], "Failed": failed }))
        }
        _ => refusal(code(&THROTTLED), &json!({})),
    }
}

/// The refusal of a call that IAM or KMS does not allow.
pub(super) fn denied(request: &HttpRequest, number: usize) -> HttpResponse {
    if operation(request).ends_with(" object") {
        let (status, code) = [(403, "AccessDenied"), (400, "KMS.DisabledException")][number % 2];
        return s3(status, code);
    }
    refusal(DENIED[number % DENIED.len()], &json!({}))
}

/// The answer of an index that shows nothing yet.
pub(super) fn nothing_found() -> HttpResponse {
    answer(200, &json!({ "Items": [], "Count": 0, "ScannedCount": 0 }))
}

/// The partitions of the table that a request writes to.
pub(super) fn written(request: &HttpRequest) -> Vec<String> {
    let content = content(request);
    let batch = content["RequestItems"].as_object().into_iter().flat_map(Map::values);
    let transaction = content["TransactItems"].as_array().into_iter();
    let many = batch.filter_map(Value::as_array).chain(transaction).flatten();
    let many = many.filter_map(Value::as_object).flat_map(Map::values);
    let updates = request.headers().get("x-amz-target").is_some_and(|target| {
        ["PutItem", "UpdateItem", "DeleteItem"].iter().any(|write| target.ends_with(write))
    });
    let one = updates.then_some(&content);
    let keys = many.chain(one).flat_map(|write| [&write["Item"]["pk"], &write["Key"]["pk"]]);
    keys.filter_map(|key| key["S"].as_str().map(str::to_owned)).collect()
}

fn content(request: &HttpRequest) -> Value {
    let bytes = request.body().bytes().unwrap_or_default();
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// An error of the services that speak JSON.
fn refusal(code: &str, further: &Value) -> HttpResponse {
    let mut body = json!({ "__type": format!("com.amazonaws#{code}"), "message": "on purpose" });
    for (name, value) in further.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    answer(400, &body)
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    response(status, "application/x-amz-json-1.0", body.to_string())
}

fn s3(status: u16, code: &str) -> HttpResponse {
    let body = format!("<Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    response(status, "application/xml", body)
}

fn response(status: u16, content_type: &'static str, body: String) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", content_type);
    response
}
