//! Patterns over contents, and the order of deliveries.

use domain::{
    filter::{ContentFilter, Payload},
    lane::DeliveryOrdering,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{config, fields, json, object};

/// A pattern with operators in it, valid or not.
fn pattern() -> impl Strategy<Value = Map<String, Value>> {
    let operator = prop::sample::select(vec![
        "$eq",
        "$neq",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exist",
        "$startsWith",
        "$endsWith",
        "$not",
        "$or",
        "$and",
        "$unknown",
    ]);
    let compared = (operator, json()).prop_map(|(operator, value)| json!({ operator: value }));
    fields(prop_oneof![json(), compared])
}

/// Whether no key anywhere in it is an operator.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().all(is_plain),
        Value::Object(fields) => {
            fields.iter().all(|(key, value)| !key.starts_with('$') && is_plain(value))
        }
        _ => true,
    }
}

fn parse(pattern: &Map<String, Value>) -> Option<ContentFilter> {
    let text = serde_json::to_string(pattern).expect("JSON");
    ContentFilter::parse(&serde_json::from_str(&text).expect("JSON")).ok()
}

fn matches(filter: &ContentFilter, payload: &Value) -> bool {
    filter.matches(&Payload::new(payload.to_string().as_bytes()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_filter_is_kept_and_shown_as_it_was_given(pattern in prop_oneof![object(), pattern()]) {
        if let Some(filter) = parse(&pattern) {
            let shown: Map<String, Value> = serde_json::from_str(filter.text()).expect("JSON");
            prop_assert_eq!(shown, pattern);
            let kept = serde_json::to_string(&filter).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<ContentFilter>(&kept).expect("ours"), filter);
        }
    }

    #[test]
    fn what_is_not_wanted_is_the_rest(pattern in pattern(), payload in object()) {
        let negated = Map::from_iter([("$not".to_owned(), Value::Object(pattern.clone()))]);
        let both = (parse(&pattern), parse(&negated));
        let payload = Value::Object(payload);
        if let (Some(filter), Some(negated)) = both {
            prop_assert_ne!(matches(&filter, &payload), matches(&negated, &payload));
        }
    }

    #[test]
    fn a_content_matches_itself(content in object()) {
        let plain = is_plain(&Value::Object(content.clone()));
        if let (true, Some(filter)) = (plain, parse(&content)) {
            prop_assert!(matches(&filter, &Value::Object(content)));
        }
    }

    #[test]
    fn an_ordering_is_read_as_it_is_printed(names in prop::collection::vec("[A-Za-z0-9_-]{1,12}", 1..9)) {
        for ordering in [
            DeliveryOrdering::Job,
            DeliveryOrdering::Channel,
            DeliveryOrdering::Path(names.join(".")),
        ] {
            prop_assert_eq!(DeliveryOrdering::parse(&ordering.print()), Ok(Some(ordering)));
        }
    }

    #[test]
    fn any_text_is_an_ordering_or_an_error(text in prop_oneof![any::<String>(), r"\$\.[a-z.$-]{0,140}"]) {
        if let Ok(Some(ordering)) = DeliveryOrdering::parse(&text) {
            prop_assert_eq!(ordering.print(), text);
        }
    }
}
