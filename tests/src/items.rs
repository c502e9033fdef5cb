//! The items of the table, held against the list of their kinds in `adapters::table`.

use std::collections::HashMap;

use adapters::table::{Attribute, ItemKind, Presence, fits};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::cloud::Cloud;

/// An item by its attributes.
pub type Item = HashMap<String, AttributeValue>;

/// Every item of the table, as the last writes left it, its document as text whether it is packed or not.
pub async fn scan(cloud: &Cloud) -> Vec<Item> {
    let unpacked = |mut item: Item| {
        let json = adapters::table::json(&item).ok().map(|json| json.into_owned());
        if let Some(json) = json {
            let json = String::from_utf8(json).expect("JSON");
            item.insert("doc".to_owned(), AttributeValue::S(json));
        }
        item
    };
    stored(cloud).await.into_iter().map(unpacked).collect()
}

/// Every item of the table as it is stored.
pub async fn stored(cloud: &Cloud) -> Vec<Item> {
    let scan = cloud.sound.dynamodb().scan().table_name(&cloud.aws.names().table);
    let items = scan.consistent_read(true).into_paginator().items().send();
    items.collect::<Result<_, _>>().await.expect("scanned")
}

/// The text of an attribute; empty if the item does not carry it.
pub fn text<'i>(item: &'i Item, name: &str) -> &'i str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// The kind of an item.
///
/// # Errors
///
/// Says how the item differs from every kind, or from its own.
pub fn kind(item: &Item) -> Result<&'static ItemKind, String> {
    let (pk, sk) = (text(item, "pk"), text(item, "sk"));
    let kind = ItemKind::of(pk, sk).ok_or_else(|| format!("no kind of item has {pk} {sk}"))?;
    for (names, attribute) in [
        (["due_shard", "due_at"].as_slice(), kind.due),
        (["list", "list_at"].as_slice(), kind.listing),
        (["expires_at"].as_slice(), kind.expires),
    ] {
        let carried = names.iter().filter(|name| item.contains_key(**name)).count();
        if !agrees(attribute, carried, names.len()) {
            return Err(format!(
                "{pk} {sk} ({}) carries {carried} of {names:?}, which is said to be {:?}",
                kind.name, attribute.presence
            ));
        }
    }
    let list = text(item, "list");
    if !list.is_empty() && !fits(kind.listing.text, list) {
        return Err(format!("{pk} {sk} ({}) is in the list {list}", kind.name));
    }
    Ok(kind)
}

fn agrees(attribute: Attribute, carried: usize, all: usize) -> bool {
    match attribute.presence {
        Presence::Never => carried == 0,
        Presence::Always => carried == all,
        Presence::Sometimes => carried == 0 || carried == all,
    }
}

/// The size of an item in bytes, as DynamoDB counts it: names and values.
///
/// # Panics
///
/// For a type of attribute that no item of ours has.
pub fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        // Two digits a byte, and one more.
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        other => panic!("no item of ours has {other:?}"),
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}
