//! What a pattern means, and which patterns are refused.

use serde_json::{Value, json};

use super::*;

fn parse_text(pattern: &str) -> Result<ContentFilter, InvalidFilter> {
    ContentFilter::parse(&serde_json::from_str(pattern).expect("JSON"))
}

fn parse(pattern: Value) -> Result<ContentFilter, InvalidFilter> {
    parse_text(&pattern.to_string())
}

#[track_caller]
fn judge(pattern: Value, input: Value, matches: bool) {
    let filter = parse(pattern.clone()).expect("a pattern");
    let payload = input.to_string();
    assert_eq!(filter.matches(&Payload::new(payload.as_bytes())), matches, "{pattern} on {input}");
}

#[test]
fn a_value_stands_for_itself_and_an_object_for_its_fields() {
    let job =
        json!({ "type": "job.failed", "data": { "job": { "source": "modal" }, "cost": 1.0 } });
    judge(json!({}), job.clone(), true);
    judge(json!({ "type": "job.failed" }), job.clone(), true);
    judge(json!({ "type": "job.failed", "data": { "cost": 1 } }), job.clone(), true);
    judge(json!({ "data": { "job": { "source": "modal" } } }), job.clone(), true);
    judge(json!({ "data": { "job": { "source": "other" } } }), job.clone(), false);
    judge(json!({ "data": { "job": "modal" } }), job.clone(), false);
    judge(json!({ "data": { "cost": "1" } }), job.clone(), false);
    judge(json!({ "data": { "gone": null } }), job, false);
    judge(json!({ "a": null }), json!({ "a": null }), true);
}

#[test]
fn a_list_matches_where_a_member_does() {
    let input = json!({ "tags": ["a", "b"], "items": [{ "n": 9 }, { "n": 12, "s": "x" }] });
    judge(json!({ "tags": "a" }), input.clone(), true);
    judge(json!({ "tags": "c" }), input.clone(), false);
    judge(json!({ "tags": ["b", "a"] }), input.clone(), true);
    judge(json!({ "tags": ["a", "c"] }), input.clone(), false);
    judge(json!({ "items": { "n": { "$gt": 10 } } }), input.clone(), true);
    judge(json!({ "items": { "n": 9, "s": "x" } }), input.clone(), false);
    // An operator sees the list as a whole.
    judge(json!({ "tags": { "$eq": ["a", "b"] } }), input.clone(), true);
    judge(json!({ "tags": { "$eq": "a" } }), input.clone(), false);
    judge(json!({ "tags": { "$in": "a" } }), input.clone(), true);
    judge(json!({ "tags": { "$nin": "a" } }), input, false);
}

#[test]
fn every_operator_compares() {
    let input = json!({ "n": 5, "s": "some-text", "t": "2026-01-01T00:00:00Z", "z": null });
    for (pattern, matches) in [
        (json!({ "n": { "$eq": 5.0 } }), true),
        (json!({ "n": { "$neq": 5 } }), false),
        (json!({ "n": { "$gt": 4, "$lt": 6 } }), true),
        (json!({ "n": { "$gt": 5 } }), false),
        (json!({ "n": { "$gte": 5, "$lte": 5 } }), true),
        (json!({ "n": { "$gt": "4" } }), false),
        (json!({ "t": { "$gte": "2025-12-31", "$lt": "2026-01-02" } }), true),
        (json!({ "n": { "$in": [4, 5] } }), true),
        (json!({ "n": { "$nin": [4, 5] } }), false),
        (json!({ "n": { "$nin": [4] } }), true),
        (json!({ "s": { "$in": "me-te" } }), true),
        (json!({ "s": { "$in": ["some"] } }), false),
        (json!({ "s": { "$startsWith": "some" } }), true),
        (json!({ "s": { "$startsWith": ["x", "some"] } }), true),
        (json!({ "s": { "$endsWith": "some" } }), false),
        (json!({ "n": { "$startsWith": "5" } }), false),
        (json!({ "z": { "$exist": true } }), true),
        (json!({ "z": { "$exist": false } }), false),
        (json!({ "gone": { "$exist": false } }), true),
        (json!({ "gone": { "$exist": true } }), false),
        (json!({ "gone": { "$neq": 1 } }), false),
        (json!({ "gone": { "$not": { "$eq": 1 } } }), false),
    ] {
        judge(pattern, input.clone(), matches);
    }
}

#[test]
fn lists_and_objects_are_equal_as_a_whole_and_are_in_no_list() {
    let input = json!({ "l": [1, 2], "o": { "a": 1, "b": 2 }, "s": "some-text", "n": 5 });
    for (pattern, matches) in [
        (json!({ "l": { "$eq": [1, 2] } }), true),
        (json!({ "l": { "$eq": [1] } }), false),
        (json!({ "l": { "$eq": [1, 2, 3] } }), false),
        (json!({ "l": { "$eq": [2, 1] } }), false),
        (json!({ "l": { "$neq": [1] } }), true),
        (json!({ "o": { "$eq": { "b": 2, "a": 1 } } }), true),
        (json!({ "o": { "$eq": { "a": 1 } } }), false),
        (json!({ "o": { "$eq": { "a": 1, "c": 2 } } }), false),
        (json!({ "o": { "$eq": { "a": 1, "b": 3 } } }), false),
        (json!({ "l": { "$in": [[1, 2]] } }), false),
        (json!({ "l": { "$nin": [3] } }), false),
        (json!({ "o": { "$in": [{ "a": 1, "b": 2 }] } }), false),
        (json!({ "o": { "$nin": [3] } }), false),
        (json!({ "l": { "$in": 2 } }), true),
        (json!({ "l": { "$nin": 3 } }), true),
        (json!({ "s": { "$in": "other" } }), false),
        (json!({ "s": { "$nin": "other" } }), true),
        (json!({ "s": { "$in": "" } }), true),
        (json!({ "s": { "$in": "some-text-and-more" } }), false),
        (json!({ "n": { "$in": "5" } }), false),
        (json!({ "n": { "$nin": "5" } }), false),
        (json!({ "s": { "$endsWith": "text" } }), true),
        (json!({ "s": { "$endsWith": ["x", "text"] } }), true),
        (json!({ "s": { "$startsWith": ["x", "text"] } }), false),
    ] {
        judge(pattern, input.clone(), matches);
    }
}

#[test]
fn conditions_are_joined_and_turned_round() {
    let input = json!({ "a": 1, "b": { "c": "x" } });
    judge(json!({ "$or": [{ "a": 2 }, { "b": { "c": "x" } }] }), input.clone(), true);
    judge(json!({ "$or": [{ "a": 2 }, { "a": 3 }] }), input.clone(), false);
    judge(json!({ "$and": [{ "a": 1 }, { "b": { "c": "y" } }] }), input.clone(), false);
    judge(json!({ "a": { "$or": [2, 1] } }), input.clone(), true);
    judge(json!({ "a": { "$not": { "$in": [1, 2] } } }), input.clone(), false);
    judge(json!({ "$not": { "a": 2 }, "b": { "c": "x" } }), input.clone(), true);
    judge(json!({ "a": 1, "$or": [{ "b": { "c": "y" } }] }), input.clone(), false);
    judge(json!({ "b": { "$not": { "c": "x" } } }), input, false);
}

#[test]
fn what_cannot_be_read_is_not_what_is_not_wanted() {
    for pattern in [json!({}), json!({ "a": 1 }), json!({ "a": { "$exist": false } })] {
        let filter = parse(pattern).expect("valid");
        for payload in [&b"\xff"[..], b"", b"{\"a\":NaN}", b"plain text"] {
            assert!(filter.matches(&Payload::new(payload)), "{}", payload.escape_ascii());
        }
    }
}

#[test]
fn what_other_readers_stumble_over_does_not_hide_the_rest() {
    let filter = parse(json!({ "kind": "x" })).expect("valid");
    let deep = format!(r#""d":{}{}"#, "[".repeat(50_000), "]".repeat(50_000));
    for strange in
        [r#""t":"cut \ud83d""#, r#""\udc00":1"#, r#""n":1E400"#, r#""t":"a\u0000b""#, &deep]
    {
        for (kind, wanted) in [("x", true), ("y", false)] {
            let payload = format!(r#"{{{strange},"kind":"{kind}"}}"#);
            let matches = filter.matches(&Payload::new(payload.as_bytes()));
            assert_eq!(matches, wanted, "{payload:.60}");
        }
    }
    // A pattern may name what is nested however deep, and half of a pair.
    let nested = format!(r#"{{"a":{}1{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    assert!(parse_text(r#"{"a":1}"#).expect("valid").matches(&Payload::new(nested.as_bytes())));
    let half = parse_text(r#"{"a":"\ud83d"}"#).expect("valid");
    assert!(half.matches(&Payload::new(br#"{"a":"\uD83D"}"#)));
    assert!(!half.matches(&Payload::new(br#"{"a":"\uD83E"}"#)));
}

#[test]
fn numbers_are_compared_exactly() {
    for (pattern, number, matches) in [
        (r#"{"n":8202522731445525542}"#, "8202522731445525542", true),
        (r#"{"n":8202522731445525542}"#, "8202522731445525542.0", true),
        (r#"{"n":8202522731445525542}"#, "8202522731445525543", false),
        (r#"{"n":12345678901234567890123}"#, "12345678901234567890123", true),
        (r#"{"n":12345678901234567890123}"#, "12345678901234567890124", false),
        (r#"{"n":{"$gt":1E400}}"#, "2E400", true),
        (r#"{"n":{"$lt":1E400}}"#, "2E400", false),
        (r#"{"n":{"$in":[9007199254740993]}}"#, "9007199254740992", false),
        (r#"{"n":{"$eq":[1,{"m":1.0}]}}"#, r#"[1.0,{"m":1}]"#, true),
    ] {
        let filter = parse_text(pattern).expect("valid");
        let payload = format!(r#"{{"n":{number}}}"#);
        assert_eq!(
            filter.matches(&Payload::new(payload.as_bytes())),
            matches,
            "{pattern} {number}"
        );
        let kept = serde_json::to_string(&filter).expect("JSON");
        assert_eq!(kept, pattern, "kept and shown as it was given");
        assert_eq!(serde_json::from_str::<ContentFilter>(&kept).expect("ours"), filter);
    }
}

#[test]
fn a_pattern_that_cannot_be_meant_is_refused_and_its_place_is_named() {
    for (pattern, path) in [
        (json!({ "a": { "b": { "$gtt": 1 } } }), "a.b.$gtt"),
        (json!({ "a": { "$gt": true } }), "a.$gt"),
        (json!({ "a": { "$exist": "yes" } }), "a.$exist"),
        (json!({ "a": { "$startsWith": [1] } }), "a.$startsWith"),
        (json!({ "$or": { "a": 1 } }), "$or"),
        (json!({ "$and": [] }), "$and"),
        (json!({ "$or": [{ "a": { "$x": 1 } }] }), "$or.0.a.$x"),
        (json!({ "a": { "$eq": 1, "b": 2 } }), "a.b"),
        (json!({ "a": { "$in": {} } }), "a.$in"),
        (json!({ "$ref": "a" }), "$ref"),
    ] {
        assert_eq!(parse(pattern).expect_err("refused").path, path);
    }
}

/// A value of this many objects, one in the other.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }))
}

#[test]
fn a_pattern_has_as_many_parts_as_it_may_and_no_more() {
    let why = |pattern: Value| parse(pattern).err().map(|refused| refused.why);
    let (deep, many) =
        ("is nested more than 12 deep", "is one too many: a filter has at most 256 parts");
    assert_eq!(why(nested(MAX_DEPTH)), None);
    assert_eq!(why(nested(MAX_DEPTH + 1)), Some(deep));
    let under = |depth, inner: Value| (0..depth).fold(inner, |inner, _| json!({ "a": inner }));
    for inner in [json!([1]), json!({ "$or": [1] }), json!({ "$and": [1] }), json!({ "$not": 1 })] {
        assert_eq!(why(under(MAX_DEPTH - 1, inner.clone())), None, "{inner}");
        assert_eq!(why(under(MAX_DEPTH, inner.clone())), Some(deep), "{inner}");
    }
    let fields = |count| Value::from_iter((0..count).map(|n| (format!("k{n}"), json!(n))));
    assert_eq!(why(fields(MAX_NODES)), None);
    assert_eq!(why(fields(MAX_NODES + 1)), Some(many));
    // The list is a part, and so is each member; an operator with its operand is one.
    assert_eq!(why(json!({ "a": vec![1; MAX_NODES - 1] })), None);
    assert_eq!(why(json!({ "a": vec![1; MAX_NODES] })), Some(many));
    let operators = |count| json!({ "$or": vec![json!({ "$gt": 1 }); count] });
    assert_eq!(why(operators(MAX_NODES / 2)), None);
    assert_eq!(why(operators(MAX_NODES / 2 + 1)), Some(many));
}

#[test]
fn a_pattern_and_an_operand_are_kept_up_to_their_bounds() {
    let why = |pattern: Value| parse(pattern).err().map(|refused| refused.why);
    // `{"a":"…"}` has eight characters beside the text.
    assert_eq!(why(json!({ "a": "x".repeat(MAX_BYTES - 8) })), None);
    assert_eq!(why(json!({ "a": "x".repeat(MAX_BYTES - 7) })), Some("is longer than 8192 bytes"));
    assert_eq!(MAX_BYTES, 8192);
    // The operand of `{"a":{"$eq":…}}` begins two deep.
    let lists = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(why(json!({ "a": { "$eq": lists(62) } })), None);
    let deep = "is an object, and values in it are nested at most 64 deep";
    assert_eq!(why(json!({ "a": { "$eq": lists(63) } })), Some(deep));
    assert_eq!(why(json!({ "a": { "$eq": nested(62) } })), None);
    assert_eq!(why(json!({ "a": { "$eq": nested(63) } })), Some(deep));
    for other in [json!([]), json!(1), json!("a"), json!(null)] {
        assert_eq!(why(other.clone()), Some(deep), "{other}");
    }
}

#[test]
fn an_operand_is_what_its_operator_can_compare() {
    for (operator, good, bad) in [
        ("$exist", vec![json!(true), json!(false)], vec![json!(null), json!(1), json!("true")]),
        ("$gt", vec![json!(1), json!("a")], vec![json!(true), json!([1]), json!({ "a": 1 })]),
        ("$lte", vec![json!(1), json!("a")], vec![json!(null), json!([1])]),
        ("$startsWith", vec![json!("a"), json!(["a", "b"])], vec![json!(1), json!(["a", 1])]),
        ("$endsWith", vec![json!("a"), json!([])], vec![json!(null), json!({ "a": "b" })]),
        ("$in", vec![json!([1]), json!("a"), json!(1)], vec![json!({ "a": 1 })]),
        ("$nin", vec![json!([1]), json!("a")], vec![json!({ "a": 1 })]),
        ("$eq", vec![json!({ "a": 1 }), json!([1]), json!(null)], vec![]),
        ("$neq", vec![json!({ "a": 1 }), json!(true)], vec![]),
    ] {
        for (operands, valid) in [(good, true), (bad, false)] {
            for operand in operands {
                let pattern = json!({ "a": { operator: operand } });
                assert_eq!(parse(pattern.clone()).is_ok(), valid, "{pattern}");
            }
        }
    }
}

#[test]
fn filters_are_equal_by_their_text_and_copies_mean_the_same() {
    let one = parse(json!({ "a": 1 })).expect("valid");
    assert_eq!((one.text(), one.is_empty()), (r#"{"a":1}"#, false));
    assert!(parse(json!({})).expect("valid").is_empty());
    let copy = one.clone();
    assert_eq!(copy, one);
    assert_ne!(parse(json!({ "a": 2 })).expect("valid"), one);
    let matches = |text: &str| copy.matches(&Payload::new(text.as_bytes()));
    assert!(matches(r#"{"a":1}"#) && !matches(r#"{"a":2}"#));
    for bad in ["[]", "1", "null"] {
        assert!(serde_json::from_str::<ContentFilter>(bad).is_err(), "{bad}");
    }
}
