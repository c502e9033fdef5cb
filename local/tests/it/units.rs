//! The ledger, held against the capacity that dynoxide reports, which shares no code with it, and against
//! items of known sizes.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::{
        AttributeValue, ConditionCheck, ConsumedCapacity, Delete, KeysAndAttributes, Put,
        ReturnConsumedCapacity, TransactWriteItem, Update,
    },
};
use local::{Capacity, Ledger, LocalAws, Options, resources};

type Item = HashMap<String, AttributeValue>;

const TABLE: &str = "relay";

async fn counting() -> LocalAws {
    let options =
        Options { keeps_ledger: true, queue_clock_stands_still: true, ..Options::default() };
    LocalAws::start(options).await.expect("the services start")
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn key(name: &str) -> Item {
    Item::from([("pk".to_owned(), text(format!("KEY#{name}"))), ("sk".to_owned(), text("SORT"))])
}

/// An item of exactly this size: pk and sk are 2 + 6 + 2 + 4 bytes with a name of 2, the rest is the value
/// of `x`.
fn of_size(name: &str, size: usize) -> Item {
    let known = 4 + "KEY#".len() + name.len() + "SORT".len() + 1;
    let mut item = key(name);
    item.insert("x".to_owned(), text("v".repeat(size - known)));
    item
}

/// The keys of an index of the table, with the type of each.
fn index_keys(index: &str) -> Vec<(String, String)> {
    let table = resources::table(TABLE);
    let defined = table["AttributeDefinitions"].as_array().into_iter().flatten();
    let pair = ["AttributeName", "AttributeType"];
    let types: HashMap<_, _> = defined
        .map(|of| pair.map(|part| of[part].as_str().expect("text")))
        .map(<(&str, &str)>::from)
        .collect();
    let mut indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
    let found = indexes.find(|of| of["IndexName"] == index).expect("an index of this name");
    let keys = found["KeySchema"].as_array().into_iter().flatten();
    let keys = keys.filter_map(|key| key["AttributeName"].as_str());
    keys.map(|name| (name.to_owned(), types[name].to_owned())).collect()
}

/// The item on an index of the table, in the partition `7` and at the place of this number.
fn on(index: &str, place: u32, mut item: Item) -> Item {
    for (at, (name, kind)) in index_keys(index).into_iter().enumerate() {
        let value = if at == 0 { "7".to_owned() } else { place.to_string() };
        let value = if kind == "N" { AttributeValue::N(value) } else { text(value) };
        item.insert(name, value);
    }
    item
}

/// What was counted by the last call: everything after `before`.
fn spent(aws: &LocalAws, before: &Ledger) -> Capacity {
    aws.ledger().since(before).capacity(|_| true)
}

/// Whether dynoxide reports the capacity of a write that the ledger counted.
fn agrees(counted: &Capacity, reported: &ConsumedCapacity) {
    let units = |of: Option<f64>| of.unwrap_or_default();
    let table = reported.table().map(|table| units(table.capacity_units()));
    assert_eq!(Some(counted.table), table, "{counted:?} {reported:?}");
    let mut indexes: Vec<_> = reported.global_secondary_indexes().into_iter().flatten().collect();
    indexes.sort_by_key(|(name, _)| name.as_str());
    let indexes: Vec<_> = indexes
        .into_iter()
        .map(|(name, index)| (name.clone(), units(index.capacity_units())))
        .collect();
    let counted: Vec<_> =
        counted.indexes.iter().map(|(name, units)| (name.clone(), *units)).collect();
    assert_eq!(counted, indexes);
}

const ALL: ReturnConsumedCapacity = ReturnConsumedCapacity::Indexes;

async fn put(aws: &LocalAws, client: &Client, item: Item) -> Capacity {
    let before = aws.ledger();
    let put = client.put_item().table_name(TABLE).set_item(Some(item));
    let answer = put.return_consumed_capacity(ALL).send().await.expect("put");
    let counted = spent(aws, &before);
    agrees(&counted, answer.consumed_capacity().expect("asked for"));
    counted
}

#[tokio::test]
async fn items_of_known_sizes_cost_their_kilobytes() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    for (size, write, read) in [
        (1024, 1.0, 1.0),
        (1025, 2.0, 1.0),
        (4096, 4.0, 1.0),
        (4097, 5.0, 2.0),
        (100_000, 98.0, 25.0),
    ] {
        let name = format!("{size:06}");
        assert_eq!(put(&aws, &client, of_size(&name, size)).await.table, write, "{size} bytes");
        for (consistent, share) in [(true, 1.0), (false, 0.5)] {
            let before = aws.ledger();
            let get = client.get_item().table_name(TABLE).set_key(Some(key(&name)));
            let get = get.consistent_read(consistent).return_consumed_capacity(ALL);
            let reported = get.send().await.expect("got").consumed_capacity.expect("asked for");
            assert_eq!(spent(&aws, &before).read, share * read, "{size} bytes");
            assert_eq!(reported.capacity_units(), Some(share * read));
        }
    }
}

#[tokio::test]
async fn values_of_every_type_cost_what_dynoxide_says() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    let number = |text: &str| AttributeValue::N(text.to_owned());
    let blob = || Blob::new([0_u8; 100]);
    let value = |n: usize| match n % 10 {
        0 => text("é".repeat(90)),
        1 => number("12345678901234567890"),
        2 => number("-0.00123"),
        3 => AttributeValue::B(blob()),
        4 => AttributeValue::Bool(true),
        5 => AttributeValue::Ss(vec!["a".repeat(50), "b".repeat(51)]),
        6 => AttributeValue::Ns(vec!["100".to_owned(), "2.5".to_owned()]),
        7 => AttributeValue::L(vec![text("x".repeat(77)), AttributeValue::Null(true)]),
        8 => AttributeValue::M(HashMap::from([("name".to_owned(), number("7"))])),
        _ => AttributeValue::Bs(vec![blob()]),
    };
    // Each step adds an attribute, so that some step meets every border of a kilobyte from below.
    let mut item = key("types");
    for n in 0..200 {
        item.insert(format!("a{n}"), value(n));
        put(&aws, &client, item.clone()).await;
    }
}

#[tokio::test]
async fn a_write_costs_what_changes_in_the_table_and_in_each_index() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    for index in ["due", "listing"] {
        let large = |place| on(index, place, of_size(index, 2500));
        let written = put(&aws, &client, large(1)).await;
        assert_eq!(written.table, 3.0);
        assert!(1.0 <= written.index(index), "{written:?}");
        assert_eq!(put(&aws, &client, large(1)).await.index(index), 0.0, "nothing changed");
        let moved = put(&aws, &client, large(2)).await;
        assert_eq!(moved.index(index), 2.0 * written.index(index), "a removal and a put");
        let shrunk = put(&aws, &client, of_size(index, 100)).await;
        assert_eq!((shrunk.table, shrunk.index(index)), (3.0, written.index(index)));
    }
    let before = aws.ledger();
    let update = client.update_item().table_name(TABLE).set_key(Some(key("due")));
    let update =
        update.update_expression("SET y = :y").expression_attribute_values(":y", text("y"));
    let answer = update.return_consumed_capacity(ALL).send().await.expect("updated");
    agrees(&spent(&aws, &before), answer.consumed_capacity().expect("asked for"));
    let before = aws.ledger();
    let delete = client.delete_item().table_name(TABLE).set_key(Some(key("due")));
    let answer = delete.return_consumed_capacity(ALL).send().await.expect("deleted");
    agrees(&spent(&aws, &before), answer.consumed_capacity().expect("asked for"));
}

#[tokio::test]
async fn a_transaction_doubles_the_table_and_not_its_indexes() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    for name in ["updated", "deleted", "checked"] {
        put(&aws, &client, on("listing", 1, of_size(name, 1500))).await;
    }
    let put = Put::builder().table_name(TABLE).set_item(Some(on("due", 1, of_size("new", 1500))));
    let update = Update::builder().table_name(TABLE).set_key(Some(key("updated")));
    let update = update.update_expression("REMOVE x");
    let delete = Delete::builder().table_name(TABLE).set_key(Some(key("deleted")));
    let check = ConditionCheck::builder().table_name(TABLE).set_key(Some(key("checked")));
    let check = check.condition_expression("attribute_exists(pk)");
    let item = TransactWriteItem::builder;
    let transaction = || {
        client
            .transact_write_items()
            .transact_items(item().put(put.clone().build().expect("whole")).build())
            .transact_items(item().update(update.clone().build().expect("whole")).build())
            .transact_items(item().delete(delete.clone().build().expect("whole")).build())
            .transact_items(item().condition_check(check.clone().build().expect("whole")).build())
            .return_consumed_capacity(ALL)
    };
    let before = aws.ledger();
    let answer = transaction().send().await.expect("written");
    let counted = spent(&aws, &before);
    agrees(&counted, &answer.consumed_capacity()[0]);
    assert_eq!((counted.table, counted.count), (16.0, 4));
}

#[tokio::test]
async fn a_condition_that_fails_costs_the_larger_item() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    put(&aws, &client, of_size("there", 2500)).await;
    let before = aws.ledger();
    let refused = client.put_item().table_name(TABLE).set_item(Some(of_size("there", 1500)));
    let refused = refused.condition_expression("attribute_not_exists(pk)").send().await;
    assert!(refused.is_err());
    assert_eq!(spent(&aws, &before).table, 3.0);
    let before = aws.ledger();
    let put = Put::builder().table_name(TABLE).set_item(Some(of_size("there", 3500)));
    let put = put.condition_expression("attribute_not_exists(pk)").build().expect("whole");
    let item = TransactWriteItem::builder().put(put).build();
    assert!(client.transact_write_items().transact_items(item).send().await.is_err());
    let ledger = aws.ledger().since(&before);
    assert_eq!(ledger.capacity(|_| true).table, 8.0);
    let lines: Vec<_> = ledger.items.keys().map(|line| line.operation.as_str()).collect();
    assert_eq!(lines, ["TransactWriteItems Put refused"]);
    let before = aws.ledger();
    let invalid = client.put_item().table_name(TABLE).item("pk", text("without a sort key"));
    assert!(invalid.send().await.is_err());
    assert_eq!(spent(&aws, &before), Capacity::default());
}

#[tokio::test]
async fn reads_of_many_cost_each_item_and_queries_their_sum() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    for place in 1..=5 {
        put(&aws, &client, on("listing", place, of_size(&format!("{place:02}"), 3000))).await;
    }
    let keys = (1..=6).map(|place| key(&format!("{place:02}"))).collect();
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
    let before = aws.ledger();
    let get = client.batch_get_item().request_items(TABLE, wanted.build().expect("whole"));
    let answer = get.return_consumed_capacity(ALL).send().await.expect("got");
    assert_eq!(spent(&aws, &before).read, 6.0, "the one that is not there counts");
    assert_eq!(answer.consumed_capacity()[0].capacity_units(), Some(6.0));
    let hash = index_keys("listing").remove(0).0;
    for asked in [Some(ALL), None] {
        let before = aws.ledger();
        let query = client.query().table_name(TABLE).index_name("listing");
        let query =
            query.key_condition_expression("#h = :h").expression_attribute_names("#h", &hash);
        let query = query.expression_attribute_values(":h", text("7"));
        let query = query.set_return_consumed_capacity(asked.clone());
        let answer = query.send().await.expect("queried");
        let counted = aws.ledger().since(&before);
        let read = counted.capacity(|line| line.kind == "listing …").read;
        assert!((0.5..=2.0).contains(&read), "five entries together: {read}");
        let reported = answer.consumed_capacity().and_then(ConsumedCapacity::capacity_units);
        assert_eq!(reported, asked.map(|_| read), "told to whoever asks");
    }
}

#[tokio::test]
async fn queues_and_objects_are_counted_as_they_are_billed() {
    let aws = counting().await;
    let (sqs, url) = crate::inbox(&aws);
    for (bytes, requests) in [(1, 1), (65_536, 1), (65_537, 2), (262_144, 4)] {
        let before = aws.ledger();
        crate::send(&sqs, &url, &"m".repeat(bytes)).await;
        assert_eq!(
            aws.ledger().since(&before).messages(&["SendMessage"]),
            requests,
            "{bytes} bytes"
        );
        let message = crate::receive_one(&sqs, &url, 0).await;
        let handle = crate::handle(&message);
        sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await.expect("deleted");
        let counted = aws.ledger().since(&before);
        assert_eq!(counted.messages(&["ReceiveMessage"]), requests);
        assert_eq!(counted.messages(&["DeleteMessage"]), 1);
    }
    let before = aws.ledger();
    assert!(crate::receive(&sqs, &url, 0).await.is_empty());
    assert_eq!(aws.ledger().since(&before).messages(&["ReceiveMessage"]), 1, "an empty answer too");
    let s3 = aws.clients().s3();
    let object = || s3.put_object().bucket("relay").key("a/b").body(vec![7; 1000].into());
    object().send().await.expect("put");
    s3.get_object().bucket("relay").key("a/b").send().await.expect("got");
    s3.delete_object().bucket("relay").key("a/b").send().await.expect("deleted");
    let counted = aws.ledger().since(&before);
    let objects: Vec<_> =
        counted.objects.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(objects, [("DELETE", 1), ("GET", 1), ("PUT", 1)]);
    assert!((1000..1100).contains(&counted.object_bytes), "{}", counted.object_bytes);
}

#[tokio::test]
async fn nothing_is_counted_unless_it_was_asked_for() {
    let aws = crate::in_memory().await;
    let client = aws.clients().dynamodb();
    let put = client.put_item().table_name(TABLE).set_item(Some(of_size("there", 100)));
    let answer = put.return_consumed_capacity(ALL).send().await.expect("put");
    assert_eq!(answer.consumed_capacity().and_then(ConsumedCapacity::capacity_units), Some(1.0));
    assert_eq!(aws.ledger(), Ledger::default());
}

/// The places in the partition `7` of an index, as a query shows them.
async fn listed(client: &Client, index: &str) -> Vec<String> {
    let hash = index_keys(index).remove(0).0;
    let query = client.query().table_name(TABLE).index_name(index);
    let query = query.key_condition_expression("#h = :h").expression_attribute_names("#h", &hash);
    let query = query.expression_attribute_values(":h", text("7"));
    let items = query.send().await.expect("queried").items.unwrap_or_default();
    items.iter().map(|item| item["pk"].as_s().expect("text").clone()).collect()
}

#[tokio::test]
async fn an_index_that_lags_shows_the_table_as_it_was() {
    let aws = counting().await;
    let client = aws.clients().dynamodb();
    let second = Duration::from_secs(1);
    put(&aws, &client, on("listing", 1, of_size("a", 100))).await;
    aws.lag_indexes(second * 5..=second * 5).expect("lags");
    put(&aws, &client, on("listing", 2, of_size("b", 100))).await;
    aws.skip_queue_time(second * 3);
    let delete = client.delete_item().table_name(TABLE).set_key(Some(key("a")));
    delete.send().await.expect("deleted");
    assert_eq!(listed(&client, "listing").await, ["KEY#a"], "neither is seen");
    aws.skip_queue_time(second * 2);
    assert_eq!(listed(&client, "listing").await, ["KEY#a", "KEY#b"], "the put is seen");
    aws.skip_queue_time(second * 3);
    assert_eq!(listed(&client, "listing").await, ["KEY#b"]);
    // Within a range of times, writes of one item keep their order, and all are seen in the end.
    aws.lag_indexes(Duration::ZERO..=second * 5).expect("lags");
    for place in 3..=40 {
        put(&aws, &client, on("listing", place, of_size("b", 100 + place as usize))).await;
        put(&aws, &client, on("listing", place, of_size(&format!("c{place}"), 100))).await;
    }
    let seen = listed(&client, "listing").await.len();
    assert!((2..39).contains(&seen), "{seen} of 39");
    aws.skip_queue_time(second * 5);
    assert_eq!(listed(&client, "listing").await.len(), 39);
    put(&aws, &client, on("listing", 41, of_size("d", 100))).await;
    aws.lag_indexes(Duration::ZERO..=Duration::ZERO).expect("ends");
    assert_eq!(listed(&client, "listing").await.len(), 40);
}
