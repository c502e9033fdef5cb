//! Bodies that bring lines, and those that do not.

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn place() -> BatchPlace<'static> {
    BatchPlace { job: "job-1", ..BatchPlace::default() }
}

fn read(body: &str) -> Result<LogBatch, LogFault> {
    read_json(body.as_bytes(), &place(), NOW)
}

fn why(fault: Result<LogBatch, LogFault>) -> String {
    fault.expect_err("refused").to_string()
}

#[test]
fn a_body_of_json_brings_texts_and_objects() {
    let body = r#"{"stream":"job-1","first_seq":120,"job_id":"job-1","lines":["one",
        {"message":"two","timestamp":"2027-01-15T08:00:00.250Z","level":"WARN"}]}"#;
    let batch = read(body).expect("read");
    assert_eq!((batch.stream.as_str(), batch.next_seq()), ("job-1", Seq::Number(122)));
    assert_eq!((batch.received_at, batch.replaced), (NOW, 0));
    let lines = &batch.lines;
    assert_eq!((lines[0].seq.clone(), lines[0].message.as_str()), (Seq::Number(120), "one"));
    assert_eq!((lines[0].at, lines[0].level.as_deref()), (NOW, None));
    assert_eq!((lines[1].seq.clone(), lines[1].message.as_str()), (Seq::Number(121), "two"));
    assert_eq!(lines[1].at, Timestamp(1_800_000_000_250));
    assert_eq!(lines[1].level.as_deref(), Some("warning"));
}

#[test]
fn a_body_of_text_brings_its_lines() {
    let place = BatchPlace { stream: Some("out"), first_seq: Some(7), ..place() };
    let batch = read_text(b"one\n\nthr\xe9e\r\n10%\r100%\n", &place, NOW).expect("read");
    let texts: Vec<_> = batch.lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(texts, ["one", "", "thr\u{fffd}e", "100%"]);
    assert_eq!((batch.stream.as_str(), batch.next_seq()), ("out", Seq::Number(11)));
    assert_eq!(batch.replaced, 1);
    assert_eq!(read_text(b"x", &place, NOW).expect("read").lines.len(), 1);
    assert_eq!(read_text(b"\n\n", &place, NOW).expect("read").lines.len(), 2);
}

#[test]
fn what_stands_beside_a_body_holds_where_the_body_is_silent() {
    let beside = BatchPlace { stream: Some("query"), first_seq: Some(9), ..place() };
    let batch = read_json(br#"{"lines":["a"]}"#, &beside, NOW).expect("read");
    assert_eq!((batch.stream.as_str(), batch.first), ("query", Seq::Number(9)));
    let body = br#"{"stream":"body","first_seq":1,"lines":["a"]}"#;
    let batch = read_json(body, &beside, NOW).expect("read");
    assert_eq!((batch.stream.as_str(), batch.first), ("body", Seq::Number(1)));
    let batch = read(r#"{"first_seq":1,"stream":null,"lines":["a"]}"#).expect("read");
    assert_eq!(batch.stream.as_str(), "main");
}

#[test]
fn a_signed_body_names_everything_itself() {
    let signed = BatchPlace { stream: Some("query"), first_seq: Some(9), signed: true, ..place() };
    let read = |body: &str| read_json(body.as_bytes(), &signed, NOW);
    assert!(read(r#"{"job_id":"job-1","stream":"s","first_seq":1,"lines":["a"]}"#).is_ok());
    let unbound = read(r#"{"stream":"s","first_seq":1,"lines":["a"]}"#);
    assert!(why(unbound).starts_with("job_id: is missing"));
    let unbound = read(r#"{"job_id":"job-1","stream":"s","lines":["a"]}"#);
    assert!(why(unbound).starts_with("first_seq: is missing"));
    let batch = read(r#"{"job_id":"job-1","first_seq":1,"lines":["a"]}"#).expect("read");
    assert_eq!(batch.stream.as_str(), "main", "not what an address says that nobody signed");
    assert!(why(read_text(b"a", &signed, NOW)).contains("is JSON"));
}

#[test]
fn what_cannot_be_used_is_named() {
    let lines =
        |count: usize| format!(r#"{{"first_seq":1,"lines":[{}]}}"#, vec!["\"a\""; count].join(","));
    for (body, wanted) in [
        (r#"{"first_seq":1,"lines":[]}"#, "lines: has 1 to 500 lines, and 0 came"),
        (&lines(501), "lines: has 1 to 500 lines, and 501 came"),
        (r#"{"first_seq":1}"#, "lines: is missing"),
        (r#"{"first_seq":1,"lines":"a"}"#, "lines: is a list of lines"),
        (r#"{"first_seq":1,"lines":["a",7]}"#, "lines.1: is a text, or an object with `message`"),
        (
            r#"{"first_seq":1,"lines":["a",null]}"#,
            "lines.1: is a text, or an object with `message`",
        ),
        (r#"{"first_seq":1,"lines":[{"message":7}]}"#, "lines.0.message: is a text"),
        (r#"{"first_seq":1,"lines":[{"level":"info"}]}"#, "lines.0.message: is a text"),
        (r#"{"first_seq":1,"lines":[{"message":"a","level":7}]}"#, "lines.0.level: is a text"),
        (
            r#"{"first_seq":1,"lines":[{"message":"a","mesage":"b"}]}"#,
            "lines.0.mesage: is not known here; did you mean `message`?",
        ),
        (
            r#"{"first_seq":1,"line":["a"],"lines":["a"]}"#,
            "line: is not known here; did you mean `lines`?",
        ),
        (
            r#"{"firstSeq":1,"lines":["a"]}"#,
            "firstSeq: is not known here; did you mean `first_seq`?",
        ),
        (
            r#"{"first_seq":1,"lines":["a"],"planted-secret":1}"#,
            "a name is not known here; known are stream, first_seq, lines, job_id",
        ),
        (r#"{"first_seq":1,"lines":["a"],"lines":["b"]}"#, "lines: stands there twice"),
        (
            r#"{"lines":["a"]}"#,
            "first_seq: is missing; a sender counts the lines of a stream from 1",
        ),
        (
            r#"{"first_seq":1,"lines":["a"],"job_id":"job-2"}"#,
            "job_id: is not the job of the address",
        ),
        (
            r#"{"first_seq":1,"lines":["a"],"stream":""}"#,
            "stream: has 1 to 128 bytes, none of them a control character",
        ),
        (r#"{"first_seq":1,"lines":["a"],"stream":7}"#, "stream: is a text"),
        (
            r#"{"first_seq":1,"lines":["a"],"stream":"a\nb"}"#,
            "stream: has 1 to 128 bytes, none of them a control character",
        ),
        (r#"["a"]"#, "body: is an object with `first_seq` and `lines`"),
        (
            r#"{"first_seq":1,"lines":["a"]"#,
            "the body is not JSON: EOF while parsing an object at line 1 column 28",
        ),
        ("", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        (
            r#"{"first_seq":1,"lines":[{"message":"a","timestamp":"yesterday"}]}"#,
            "lines.0.timestamp: is a time in RFC 3339, or seconds or milliseconds since 1970",
        ),
        (
            r#"{"first_seq":1,"lines":[{"message":"a","timestamp":1e999}]}"#,
            "lines.0.timestamp: is a time in RFC 3339, or seconds or milliseconds since 1970",
        ),
    ] {
        assert_eq!(why(read(body)), wanted, "{body}");
    }
    assert!(read(&lines(500)).is_ok());
    let large = format!(r#"{{"first_seq":1,"lines":["{}"]}}"#, "x".repeat(MAX_BODY));
    assert_eq!(read(&large), Err(LogFault::TooLarge));
    assert_eq!(read_text(large.as_bytes(), &place(), NOW), Err(LogFault::TooLarge));
    assert!(why(read_text(b"", &place(), NOW)).starts_with("lines: has 1 to 500"));
    assert!(why(read_text(&[b'\n'; 501], &place(), NOW)).contains("501 came"));
}

#[test]
fn a_number_is_whole_and_has_63_bits() {
    let with = |seq: &str| read(&format!(r#"{{"first_seq":{seq},"lines":["a","b"]}}"#));
    let wanted = "first_seq: is a whole number from 1 to 9223372036854775807";
    for bad in [
        "0",
        "-1",
        "1.5",
        "1e3",
        "9223372036854775808",
        "99999999999999999999",
        "\"1\"",
        "true",
        "[1]",
    ] {
        assert_eq!(why(with(bad)), wanted, "{bad}");
    }
    // Neither the last line nor the one that would follow may leave the range.
    assert_eq!(why(with("9223372036854775807")), wanted);
    assert_eq!(why(with("9223372036854775806")), wanted);
    let last = with("9223372036854775805").expect("in range");
    assert_eq!(last.next_seq(), Seq::Number(MAX_SEQ));
}

#[test]
fn times_that_cannot_be_are_those_at_which_the_lines_came() {
    let hour = 3_600_000;
    for (given, kept) in [
        ("1800000000", NOW),
        ("1799996400.5", Timestamp(NOW.0 - hour + 500)),
        ("1799996400500", Timestamp(NOW.0 - hour + 500)),
        ("\"2027-01-15T07:00:00Z\"", Timestamp(NOW.0 - hour)),
        ("1800000060", Timestamp(NOW.0 + 60_000)),
        ("1800000061", NOW),
        ("\"9999-01-01T00:00:00Z\"", NOW),
        ("0", NOW),
        ("-1", NOW),
        ("1e300", NOW),
        ("\"1970-01-01T00:00:00Z\"", NOW),
        ("null", NOW),
    ] {
        let body = format!(r#"{{"first_seq":1,"lines":[{{"message":"a","timestamp":{given}}}]}}"#);
        assert_eq!(read(&body).expect("read").lines[0].at, kept, "{given}");
    }
}

#[test]
fn what_a_job_prints_is_never_refused() {
    let body = b"\xef\xbb\xbf{\"first_seq\":1,\"lines\":[\"caf\xe9\",\"\\ud83d\",\"\\u0000\",\"\\ud83d\\ude0a\",\"a\\rb\"]}";
    let batch = read_json(body, &place(), NOW).expect("read");
    let texts: Vec<_> = batch.lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(texts, ["caf\u{fffd}", "\u{fffd}", "\u{fffd}", "😊", "b"]);
    assert_eq!(batch.replaced, 3);
}
