//! A table as it was recorded under each layout: what every later version has to read.

use std::collections::{BTreeMap, BTreeSet};

use adapters::table::{self, ITEMS, LAYOUT};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use tests::{
    cloud::Cloud,
    faults::Faults,
    items::{self, Item},
    receiver::Receiver,
    sender::completion,
};

use crate::tidy::{read, root};

fn path(layout: u32) -> String {
    format!("tests/it/items/layout-{layout}.json")
}

/// Writes the first item of every kind as the table of this layout, if `UPDATE_LAYOUT` is set.
pub(super) fn record(first: &BTreeMap<&'static str, Item>) {
    if std::env::var_os("UPDATE_LAYOUT").is_none() {
        return;
    }
    let items: Vec<Value> = first.values().map(written).collect();
    let text = serde_json::to_string_pretty(&items).expect("JSON") + "\n";
    std::fs::write(root().join(path(LAYOUT)), text).expect("written");
}

/// An item in the JSON of DynamoDB's API.
fn written(item: &Item) -> Value {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes.as_ref()) }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        other => panic!("no item of ours has {other:?}"),
    };
    let attributes: BTreeMap<_, _> = item.iter().map(|(name, of)| (name, value(of))).collect();
    json!(attributes)
}

fn parsed(item: &Map<String, Value>) -> Item {
    let value = |value: &Value| {
        let (kind, value) = value.as_object().and_then(|it| it.iter().next()).expect("a value");
        let text = value.as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "S" => AttributeValue::S(text),
            "N" => AttributeValue::N(text),
            "B" => AttributeValue::B(Blob::new(STANDARD.decode(text).expect("base64"))),
            "BOOL" => AttributeValue::Bool(value.as_bool().expect("a flag")),
            "SS" => AttributeValue::Ss(serde_json::from_value(value.clone()).expect("texts")),
            other => panic!("no item of ours has {other}"),
        }
    };
    item.iter().map(|(name, of)| (name.clone(), value(of))).collect()
}

/// The recorded table of a layout.
fn recorded(layout: u32) -> Vec<Item> {
    let items: Vec<Map<String, Value>> =
        serde_json::from_str(&read(&root().join(path(layout)))).expect("a list of items");
    items.iter().map(parsed).collect()
}

#[test]
fn every_item_of_a_recorded_table_can_be_read() {
    for layout in 1..=LAYOUT {
        let mut kinds = BTreeSet::new();
        for item in recorded(layout) {
            let key = (items::text(&item, "pk"), items::text(&item, "sk"));
            table::reads(&item).unwrap_or_else(|error| panic!("layout {layout}, {key:?}: {error}"));
            kinds.insert(items::kind(&item).expect("of a kind").name);
        }
        let unrecorded: Vec<_> =
            ITEMS.iter().filter(|kind| !kinds.contains(kind.name)).map(|kind| kind.name).collect();
        assert!(layout != LAYOUT || unrecorded.is_empty(), "not recorded: {unrecorded:?}");
    }
}

#[test]
fn a_recorded_item_that_is_spoilt_or_newer_is_noticed() {
    let mut unnoticed = Vec::new();
    for mut item in recorded(LAYOUT) {
        let name = items::kind(&item).expect("of a kind").name;
        let newer = AttributeValue::N((LAYOUT + 1).to_string());
        let before = item.insert("layout".to_owned(), newer);
        if table::reads(&item).is_ok() {
            unnoticed.push(name);
        }
        item.extend(before.map(|before| ("layout".to_owned(), before)));
        if item.contains_key("doc") {
            item.insert("doc".to_owned(), AttributeValue::S("?".to_owned()));
            assert!(table::reads(&item).is_err(), "{name}");
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

/// The documents that follow from one when a field is added to each of its objects in turn, and where.
fn with_a_field(document: &Value) -> Vec<(String, Value)> {
    fn objects(value: &Value, path: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                all.push(path.to_owned());
                fields.iter().for_each(|(name, it)| objects(it, &format!("{path}/{name}"), all));
            }
            Value::Array(values) => {
                let each = values.iter().enumerate();
                each.for_each(|(at, it)| objects(it, &format!("{path}/{at}"), all));
            }
            _ => (),
        }
    }
    let mut paths = Vec::new();
    objects(document, "", &mut paths);
    let added = |path: String| {
        let mut more = document.clone();
        more.pointer_mut(&path)?.as_object_mut()?.insert("newer".to_owned(), json!(1));
        Some((path, more))
    };
    paths.into_iter().filter_map(added).collect()
}

#[test]
fn fields_that_a_newer_version_adds_are_passed_over() {
    let mut refused = BTreeSet::new();
    for item in recorded(LAYOUT) {
        let name = items::kind(&item).expect("of a kind").name;
        let Ok(document) = table::json(&item) else { continue };
        let document: Value = serde_json::from_slice(&document).expect("JSON");
        for (path, document) in with_a_field(&document) {
            let mut item = item.clone();
            item.insert("doc".to_owned(), AttributeValue::S(document.to_string()));
            if table::reads(&item).is_err() {
                refused.insert((name, path));
            }
        }
    }
    // Texts by name, and objects that are one of several kinds, whose name says which.
    let closed = ["/metadata", "/headers", "/scope", "/payload", "/said"];
    refused.retain(|(name, path)| *name != "conflict" && !closed.contains(&path.as_str()));
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Marks every delivery of the table as one that a newer version wrote.
async fn renew(cloud: &Cloud) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for item in items::stored(cloud).await {
        let key = (items::text(&item, "pk").to_owned(), items::text(&item, "sk").to_owned());
        if key.1.starts_with("DLV#") {
            layout(cloud, &key, LAYOUT + 1).await;
            keys.push(key);
        }
    }
    keys
}

async fn layout(cloud: &Cloud, (pk, sk): &(String, String), layout: u32) {
    let update = cloud.sound.dynamodb().update_item().table_name(&cloud.aws.names().table);
    let update = update
        .key("pk", AttributeValue::S(pk.clone()))
        .key("sk", AttributeValue::S(sk.clone()))
        .update_expression("SET #layout = :layout")
        .expression_attribute_names("#layout", "layout")
        .expression_attribute_values(":layout", AttributeValue::N(layout.to_string()));
    update.send().await.expect("written");
}

#[tokio::test]
async fn an_item_of_a_newer_layout_is_put_aside_and_kept() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/"), domain::retry::Policy::default()).await;
    cloud.accept_all([completion("c1", "success", "1")]).await;
    assert!(cloud.step(&cloud.aws.names().inbox.clone()).await);
    let keys = renew(&cloud).await;
    assert_eq!(keys.len(), 1);
    cloud.minutes(5).await;
    assert!(receiver.received().is_empty(), "nobody read the delivery");
    // A version that knows the layout finds the delivery due.
    layout(&cloud, &keys[0], LAYOUT).await;
    cloud.minutes(70).await;
    assert_eq!(receiver.received().len(), 1);
}
