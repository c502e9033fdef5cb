//! What clients of live updates send, and the topics that they hear.

use domain::{
    id::{ApplicationId, BatchId, EndpointId, JobId},
    live::{
        engine_io::EnginePacket,
        socket_io::{self, Heard, SocketPacket, hear},
        topic::{MAX_KEY, Topic},
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;

fn topic() -> impl Strategy<Value = Topic> {
    let random = (any::<[u8; 16]>(), any::<[u8; 16]>());
    let project = prop_oneof![".{1,300}", "[a-z:#/ ]{1,40}", ".{1,40}"];
    (random, project, 0..6u8).prop_map(|((application, id), project, kind)| {
        let application = ApplicationId::random(application);
        match kind {
            0 => Topic::events(application),
            1 => Topic::letters(application),
            2 => Topic::job(application, JobId::random(id)),
            3 => Topic::batch(application, BatchId::random(id)),
            4 => Topic::listener(application, EndpointId::random(id)),
            _ => Topic::project(application, project),
        }
    })
}

/// Frames that are nearly those of a client.
fn frame() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r#"[0-6]?[0-6]?(/[a-z]{0,4},?)?[0-9]{0,25}[\[\]{}",:a-z0-9é]{0,20}"#,
        (any::<String>(), any::<Option<u64>>()).prop_map(|(name, ack)| {
            let ack = ack.map(|ack| ack.to_string()).unwrap_or_default();
            format!("42{ack}{}", json!([name, { "job_id": name }]))
        }),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_topic_reads_back_and_has_a_short_key(topic in topic()) {
        prop_assert_eq!(topic.to_string().parse::<Topic>().expect("ours"), topic.clone());
        let key = topic.key();
        prop_assert!(key.len() <= MAX_KEY && key.is_ascii() && !key.contains('#'), "{}", key);
    }

    #[test]
    fn any_text_is_a_topic_or_none(text in any::<String>()) {
        if let Ok(topic) = text.parse::<Topic>() {
            prop_assert_eq!(topic.to_string(), text);
        }
    }

    #[test]
    fn any_frame_is_heard_without_a_panic(frame in frame(), entered in any::<bool>()) {
        let packet = EnginePacket::parse(&frame);
        if let Ok(packet @ (EnginePacket::Message(_) | EnginePacket::Ping(_))) = packet {
            prop_assert_eq!(packet.print(), frame.clone());
        }
        let heard = hear(&frame, entered);
        // Nobody is let in twice, and nobody speaks before that.
        match heard {
            Heard::Join => prop_assert!(!entered),
            Heard::Call { .. } | Heard::WrongValues { .. } => prop_assert!(entered),
            _ => {}
        }
    }

    #[test]
    fn what_the_server_says_is_a_packet_that_reads_back(
        name in "[a-z_]{1,20}",
        text in any::<String>(),
        ack in any::<u64>(),
    ) {
        let value = json!({ "message": text });
        let frame = socket_io::event(&name, &value);
        let Ok(EnginePacket::Message(packet)) = EnginePacket::parse(&frame) else {
            return Err(TestCaseError::fail(frame));
        };
        let read = SocketPacket::parse(packet);
        let said = |name: &str| SocketPacket::Event {
            namespace: "/".to_owned(),
            ack: None,
            name: name.to_owned(),
            values: vec![value.clone()],
        };
        match read {
            Ok(read) => prop_assert_eq!(read, said(&name)),
            Err(_) => prop_assert!(["connect", "disconnect"].contains(&name.as_str()), "{}", name),
        }
        let frame = socket_io::acknowledged(ack, &value);
        let json = frame.strip_prefix(&format!("43{ack}")).expect("an acknowledgement");
        prop_assert_eq!(serde_json::from_str::<Value>(json).expect("JSON"), json!([value]));
    }
}
