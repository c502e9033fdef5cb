//! Items that a newer version wrote.

use adapters::table::LAYOUT;
use aws_sdk_dynamodb::types::AttributeValue;
use tests::{cloud::Cloud, faults::Faults, items, receiver::Receiver, sender::completion};

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
