//! Tests against what Python 3 and Node 20 printed for the same text. The suites in `tests/` ask them again,
//! by the thousand.

use super::*;

fn python(source: &str) -> String {
    String::from_utf8(python_sorted(source.as_bytes()).expect("JSON")).expect("UTF-8")
}

fn node(source: &str) -> String {
    String::from_utf8(ecmascript(source.as_bytes()).expect("JSON")).expect("UTF-8")
}

#[test]
fn numbers_are_as_each_language_prints_them() {
    for (source, in_python, in_node) in [
        ("1.0", "1.0", "1"),
        ("0", "0", "0"),
        ("-0", "0", "0"),
        ("-0.0", "-0.0", "0"),
        ("0e5", "0.0", "0"),
        ("100", "100", "100"),
        ("-12.50", "-12.5", "-12.5"),
        ("1e15", "1000000000000000.0", "1000000000000000"),
        ("1e16", "1e+16", "10000000000000000"),
        ("1E20", "1e+20", "100000000000000000000"),
        ("1e21", "1e+21", "1e+21"),
        ("1.5e300", "1.5e+300", "1.5e+300"),
        ("123456789.125", "123456789.125", "123456789.125"),
        ("0.1", "0.1", "0.1"),
        ("0.0001", "0.0001", "0.0001"),
        ("0.00001", "1e-05", "0.00001"),
        ("0.000001", "1e-06", "0.000001"),
        ("1e-7", "1e-07", "1e-7"),
        ("1.25e-7", "1.25e-07", "1.25e-7"),
        ("5e-324", "5e-324", "5e-324"),
        ("1e-400", "0.0", "0"),
        ("1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308"),
        ("1e999", "Infinity", "null"),
        ("-1e999", "-Infinity", "null"),
        ("12345678901234567890", "12345678901234567890", "12345678901234567000"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
            "1.2345678901234568e+29",
        ),
        ("9007199254740993", "9007199254740993", "9007199254740992"),
        // As near to one as to the other: the even one.
        ("2226592948361281.25", "2226592948361281.2", "2226592948361281.2"),
        ("2226592948361281.75", "2226592948361281.8", "2226592948361281.8"),
    ] {
        assert_eq!(
            (python(source).as_str(), node(source).as_str()),
            (in_python, in_node),
            "{source}"
        );
    }
}

#[test]
fn strings_are_escaped_as_each_language_does() {
    let source = r#""\ud800 \ud83d\ude00 \ude00\ud83d\ud83d\ude00 \u007f\u2028\u0000\u001f\b\f\t\n\r\/ é \u00E9 \"\\ 😀""#;
    let in_python = r#""\ud800 \ud83d\ude00 \ude00\ud83d\ud83d\ude00 \u007f\u2028\u0000\u001f\b\f\t\n\r/ \u00e9 \u00e9 \"\\ \ud83d\ude00""#;
    assert_eq!(python(source), in_python);
    let in_node = "\"\\ud800 😀 \\ude00\\ud83d😀 \u{7f}\u{2028}\\u0000\\u001f\\b\\f\\t\\n\\r/ é é \\\"\\\\ 😀\"";
    assert_eq!(node(source), in_node);
}

#[test]
fn keys_are_where_each_language_puts_them() {
    let source = r#" { "b" : 1 , "2":1,"10":2,"1":3,"4294967294":1,"4294967295":2,"01":4,"-1":5,"a":1,"b":9,"0":0,"1.0":3,"__proto__":{} } "#;
    let in_node = r#"{"0":0,"1":3,"2":1,"10":2,"4294967294":1,"b":9,"4294967295":2,"01":4,"-1":5,"a":1,"1.0":3,"__proto__":{}}"#;
    assert_eq!(node(source), in_node);
    let source = r#"{"\ud800":1,"\uffff":2,"\ud83d\ude00":3,"é":4,"":[],"B":{"z":1,"a":[{"d":1,"c":null}]},"a":true,"a":false}"#;
    let in_python = r#"{"": [], "B": {"a": [{"c": null, "d": 1}], "z": 1}, "a": false, "\u00e9": 4, "\ud800": 1, "\uffff": 2, "\ud83d\ude00": 3}"#;
    assert_eq!(python(source), in_python);
}

#[test]
fn what_is_in_form_stays_as_it_is() {
    for source in
        [r#"{"a":[1,2.5,"é",{"b":null}],"c":{}}"#, "[]", "{}", "null", "\"\"", "[[],[{}]]"]
    {
        assert_eq!(node(source), source);
        assert_eq!(python(&python(source)), python(source));
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(node(&deep), deep);
    assert_eq!(python(&deep), deep);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(300_000), "}".repeat(300_000));
    assert_eq!(node(&deep), deep);
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in [
        "",
        " ",
        "[",
        "]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{a:1}",
        "{1:1}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "nullx",
        "1 2",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\u{1}\"",
        "\"\n\"",
        "'a'",
        "{\"a\":1]",
        "[1}",
        "\u{feff}1",
        "\"\\u00é\"",
    ] {
        assert!(python_sorted(bad.as_bytes()).is_err(), "{bad}");
        assert!(ecmascript(bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(ecmascript(b"[1,\xff]"), Err(NotJson(3)));
}
