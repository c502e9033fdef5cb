//! Packets of clients, and the answers to them.

use serde_json::json;

use super::*;

#[test]
fn packets_of_clients_are_read() {
    let root = || NAMESPACE.to_owned();
    let event = |namespace: &str, ack, values: Vec<Value>| SocketPacket::Event {
        namespace: namespace.to_owned(),
        ack,
        name: "subscribe_logs".to_owned(),
        values,
    };
    for (text, packet) in [
        ("0", SocketPacket::Connect { namespace: root() }),
        (r#"0{"token":"x"}"#, SocketPacket::Connect { namespace: root() }),
        ("0/,{}", SocketPacket::Connect { namespace: root() }),
        ("0/admin", SocketPacket::Connect { namespace: "/admin".to_owned() }),
        ("0/admin?a=1,{}", SocketPacket::Connect { namespace: "/admin".to_owned() }),
        ("1", SocketPacket::Disconnect { namespace: root() }),
        ("1/admin,", SocketPacket::Disconnect { namespace: "/admin".to_owned() }),
        (r#"2["subscribe_logs"]"#, event("/", None, vec![])),
        (r#"2["subscribe_logs",{"a":1}]"#, event("/", None, vec![json!({"a":1})])),
        (r#"20["subscribe_logs",1,2]"#, event("/", Some(0), vec![json!(1), json!(2)])),
        (r#"2/x,17["subscribe_logs"]"#, event("/x", Some(17), vec![])),
        ("318446744073709551615[]", SocketPacket::Ack { namespace: root() }),
    ] {
        assert_eq!(SocketPacket::parse(text), Ok(packet), "{text}");
    }
}

#[test]
fn what_no_client_may_send_is_refused_with_the_reason() {
    let deep = format!("2[\"a\",{}{}]", "[".repeat(500), "]".repeat(500));
    for (text, why) in [
        ("", InvalidPacket::Kind),
        ("4{}", InvalidPacket::Kind),
        ("7", InvalidPacket::Kind),
        ("é", InvalidPacket::Kind),
        (r#"51-["a",{"_placeholder":true,"num":0}]"#, InvalidPacket::Binary),
        ("61-[]", InvalidPacket::Binary),
        ("2", InvalidPacket::Content),
        ("2[]", InvalidPacket::Content),
        (r#"2["x""#, InvalidPacket::Content),
        (r#"2["x"]["y"]"#, InvalidPacket::Content),
        (r#"2{"a":1}"#, InvalidPacket::Content),
        ("2[7]", InvalidPacket::Content),
        ("2[null,1]", InvalidPacket::Content),
        (r#"2["connect"]"#, InvalidPacket::Content),
        (r#"2["disconnect",{}]"#, InvalidPacket::Content),
        ("2subscribe", InvalidPacket::Content),
        ("2/a", InvalidPacket::Content),
        ("0[]", InvalidPacket::Content),
        ("0/,[1]", InvalidPacket::Content),
        ("1{}", InvalidPacket::Content),
        ("3[]", InvalidPacket::Content),
        ("37", InvalidPacket::Content),
        ("37{}", InvalidPacket::Content),
        (r#"218446744073709551616["a"]"#, InvalidPacket::Number),
        (deep.as_str(), InvalidPacket::Content),
    ] {
        assert_eq!(SocketPacket::parse(text), Err(why), "{text}");
    }
}

#[test]
fn frames_of_the_server_are_what_clients_expect() {
    assert_eq!(connected("abc"), r#"40{"sid":"abc"}"#);
    assert_eq!(wrong_namespace("/admin"), r#"44/admin,{"message":"Invalid namespace"}"#);
    assert_eq!(
        event("log_line", &json!({"message":"\"\n"})),
        r#"42["log_line",{"message":"\"\n"}]"#
    );
    assert_eq!(acknowledged(3, &json!({"ok":true})), r#"433[{"ok":true}]"#);
}

#[test]
fn a_client_enters_speaks_and_leaves() {
    let call = |fields: Value, ack| match fields {
        Value::Object(fields) => Heard::Call { name: "join_batch".to_owned(), fields, ack },
        _ => panic!("an object"),
    };
    let wrong = |ack| Heard::WrongValues { name: "join_batch".to_owned(), ack };
    for (frame, entered, heard) in [
        ("40", false, Heard::Join),
        (r#"40{"token":"x"}"#, false, Heard::Join),
        ("40/admin,", false, Heard::WrongNamespace("/admin".to_owned())),
        ("40/admin,", true, Heard::WrongNamespace("/admin".to_owned())),
        (r#"42["join_batch",{"batch_id":"b"}]"#, true, call(json!({"batch_id":"b"}), None)),
        (r#"427["join_batch",{}]"#, true, call(json!({}), Some(7))),
        (r#"42["join_batch"]"#, true, call(json!({}), None)),
        (r#"42["join_batch","b"]"#, true, wrong(None)),
        (r#"429["join_batch",{},{}]"#, true, wrong(Some(9))),
        ("431[]", true, Heard::Alive),
        ("2", true, Heard::Ping(String::new())),
        ("2probe", false, Heard::Ping("probe".to_owned())),
        ("3", true, Heard::Alive),
        ("6", true, Heard::Alive),
        ("41", true, Heard::Leave),
        ("41/admin,", true, Heard::Alive),
        ("1", false, Heard::Leave),
    ] {
        assert_eq!(hear(frame, entered), heard, "{frame}");
    }
}

#[test]
fn a_client_that_breaks_the_protocol_is_disconnected_with_a_reason() {
    for (frame, entered) in [
        ("", false),
        ("not a packet", true),
        (r#"{"action":"ping"}"#, true),
        ("42", true),
        ("42[]", true),
        (r#"42["x""#, true),
        // Enters twice; speaks before it has entered; speaks where it has not entered.
        ("40", true),
        (r#"42["join_batch",{}]"#, false),
        (r#"42/admin,["join_batch",{}]"#, true),
        ("431[]", false),
        (r#"451-["a",{"_placeholder":true,"num":0}]"#, true),
        ("0{}", true),
        ("5", true),
    ] {
        let Heard::Broken(why) = hear(frame, entered) else { panic!("{frame}") };
        assert!(!why.is_empty(), "{frame}");
    }
}
