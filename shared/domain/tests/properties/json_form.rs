//! JSON as other languages write it.

use domain::json_form::{ecmascript, python_sorted, rewritten};
use proptest::prelude::*;
use serde_json::Value;

use crate::{config, json};

/// JSON text that no writer of ours would print: white space, escapes, lone surrogates.
fn text() -> impl Strategy<Value = String> {
    let string = prop::collection::vec(
        prop_oneof![
            Just(r"\ud83d".to_owned()),
            Just(r"\ude00".to_owned()),
            Just(r"\u00e9".to_owned()),
            Just(r"\n\t\/".to_owned()),
            "[a-zé€😀 ]{0,4}",
        ],
        0..4,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?";
    let leaf =
        prop_oneof![string.clone(), number, Just("null".to_owned()), Just("true".to_owned())];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let field =
            (string.clone(), inner.clone()).prop_map(|(key, value)| format!("{key} : {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5)
                .prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            prop::collection::vec(field, 0..5)
                .prop_map(|items| format!("{{\t{}}}", items.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_written_again_says_what_it_said(value in json()) {
        let text = value.to_string();
        for written in [ecmascript(text.as_bytes()), python_sorted(text.as_bytes())] {
            let written = written.expect("JSON");
            prop_assert_eq!(&serde_json::from_slice::<Value>(&written).expect("JSON"), &value);
        }
    }

    #[test]
    fn what_was_written_again_stays_as_it_is(text in text()) {
        for form in [ecmascript, python_sorted] {
            let once = form(text.as_bytes()).expect("JSON");
            let twice = form(&once).expect("JSON");
            prop_assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
        }
        prop_assert_eq!(rewritten(text.as_bytes()).len(), 8);
    }

    #[test]
    fn a_number_keeps_its_value(number in prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|n| format!("{n:e}")),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
    ]) {
        let value: f64 = number.parse().expect("a number");
        for written in [ecmascript(number.as_bytes()), python_sorted(number.as_bytes())] {
            let written = String::from_utf8(written.expect("JSON")).expect("UTF-8");
            prop_assert_eq!(written.parse::<f64>().expect("a number"), value, "{}", written);
        }
    }

    #[test]
    fn any_bytes_are_json_or_an_error(bytes in any::<Vec<u8>>()) {
        let is_json = ecmascript(&bytes).is_ok();
        prop_assert_eq!(python_sorted(&bytes).is_ok(), is_json);
        prop_assert_eq!(rewritten(&bytes).is_empty(), !is_json);
    }

    #[test]
    fn what_another_reader_takes_for_json_is_json(text in r#"[\[\]{}",:0-9a-f.eE+ntrulsa\\ -]{0,24}"#) {
        let other = serde_json::from_str::<Value>(&text).is_ok();
        prop_assert!(!other || ecmascript(text.as_bytes()).is_ok(), "{}", text);
    }
}
