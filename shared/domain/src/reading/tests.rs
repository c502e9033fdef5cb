//! Reading of JSON and queries: values, places, kinds of faults, unknown names.

use std::collections::BTreeMap;

use crate::spelling::nearest;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{Fault, Reading, Reason, read_json, read_leniently, read_query, read_value};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    name: String,
    #[serde(alias = "colour_of_it")]
    colour: Option<Colour>,
    #[serde(default)]
    counts: Vec<u8>,
    payload: Option<Box<RawValue>>,
    inner: Option<Inner>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    depth: i64,
}

fn order(text: &str) -> Result<Reading<Order>, Fault> {
    read_json(text.as_bytes())
}

#[test]
fn a_declared_type_is_read_as_serde_json_reads_it() {
    let text = r#"{"name":"a","colour":"green","counts":[1,2],"payload": {"b" : 1.50},
        "inner":{"depth":-3},"labels":{"x":"y"}}"#;
    let Reading { value, unknown } = order(text).expect("reads");
    assert_eq!(value.name, "a");
    assert_eq!(value.colour, Some(Colour::Green));
    assert_eq!(value.counts, [1, 2]);
    assert_eq!(value.payload.expect("there").get(), r#"{"b" : 1.50}"#);
    assert_eq!(value.inner.expect("there").depth, -3);
    assert_eq!(value.labels["x"], "y");
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_fault_says_its_place_and_kind_and_quotes_no_text() {
    let cases = [
        (r#"{"name":5}"#, "name", "invalid type: integer `5`, expected a string"),
        (
            r#"{"name":"a","counts":"planted"}"#,
            "counts",
            "invalid type: string, expected a sequence",
        ),
        (
            r#"{"name":"a","counts":[1,300]}"#,
            "counts.1",
            "invalid type: integer `300`, expected u8",
        ),
        (r#"{"name":"a","colour":"planted"}"#, "colour", "is one of red, green"),
        (
            r#"{"name":"a","inner":{"depth":"planted"}}"#,
            "inner.depth",
            "invalid type: string, expected i64",
        ),
        (r#"{"name":"a","inner":{}}"#, "inner.depth", "is missing"),
        (r#"{"name":"a","inner":[3]}"#, "inner", "invalid type: list, expected an object"),
        (r#"["a"]"#, "", "invalid type: list, expected an object"),
        (r#"{}"#, "name", "is missing"),
        (r#"{"name":"a","name":"b"}"#, "name", "stands there twice"),
        (r#"{"name":null}"#, "name", "invalid type: null, expected a string"),
    ];
    for (text, place, says) in cases {
        let fault = order(text).expect_err(text);
        assert_eq!(fault.path.join("."), place, "{text}");
        assert_eq!(fault.reason.to_string(), says, "{text}");
    }
    for text in ["", "{", r#"{"name":"a"} x"#, r#"{"name":"a"#, "nul"] {
        let fault = order(text).expect_err(text);
        assert!(matches!(fault.reason, Reason::Syntax(_)), "{text}: {fault:?}");
    }
}

#[test]
fn unknown_fields_are_noted_with_their_place_and_the_known_ones() {
    let text =
        r#"{"name":"a","nmae":{"deep":[1]},"inner":{"depth":1,"dept":2},"labels":{"any":"x"}}"#;
    let unknown = order(text).expect("reads").unknown;
    let paths: Vec<_> = unknown.iter().map(|unknown| unknown.path.join(".")).collect();
    assert_eq!(paths, ["nmae", "inner.dept"]);
    assert_eq!(nearest("nmae", unknown[0].known), Some("name"));
    assert!(unknown[0].known.contains(&"colour_of_it"), "{unknown:?}");
    assert_eq!(unknown[1].known, ["depth"]);
    let value = json!({ "name": "a", "other": 1 });
    assert_eq!(read_value::<Order>(&value).expect("reads").unknown.len(), 1);
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Listing {
    limit: Option<u16>,
    iterator: Option<String>,
    types: Vec<String>,
    dry_run: bool,
    colour: Option<Colour>,
}

#[test]
fn a_query_is_read_into_declared_parameters() {
    let read = |pairs: &[(&str, &str)]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        read_query::<Listing>(&pairs.iter().map(own).collect::<Vec<_>>())
    };
    let listing = read(&[
        ("limit", "7"),
        ("iterator", ""),
        ("types", "a,b"),
        ("types", "c"),
        ("dry_run", ""),
        ("colour", "red"),
        ("unknown", "x"),
    ]);
    let wanted = Listing {
        limit: Some(7),
        iterator: None,
        types: ["a", "b", "c"].map(str::to_owned).to_vec(),
        dry_run: true,
        colour: Some(Colour::Red),
    };
    assert_eq!(listing.expect("reads"), wanted);
    assert_eq!(read(&[]).expect("reads"), Listing::default());
    for (name, value, says) in [
        ("limit", "x", "is a whole number"),
        ("limit", "-1", "invalid type: integer `-1`, expected u16"),
        ("dry_run", "yes", "is true or false"),
        ("colour", "blue", "is one of red, green"),
    ] {
        let fault = read(&[(name, value)]).expect_err(value);
        assert_eq!((fault.path.join("."), fault.reason.to_string()), (name.into(), says.into()));
    }
}

#[test]
fn fields_of_a_newer_version_are_passed_over_also_where_a_type_refuses_them() {
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Closed {
        size: u8,
        #[serde(default)]
        names: BTreeMap<String, u8>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Around {
        closed: Option<Closed>,
    }
    let text = br#"{"newer":[1],"closed":{"size":3,"newer":{"a":1},"names":{"any":1}}}"#;
    let read: Around = read_leniently(text).expect("known enough");
    let names = [("any".to_owned(), 1)].into();
    assert_eq!(read, Around { closed: Some(Closed { size: 3, names }) });
    read_json::<Around>(text).expect_err("it is refused from callers");
    read_leniently::<Around>(br#"{"closed":{"size":300}}"#).expect_err("not its type");
    read_leniently::<Around>(br#"{"closed":null} x"#).expect_err("not JSON");
}
