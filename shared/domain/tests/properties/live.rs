//! Messages of clients of live updates, topics, tickets and tokens, with any content.

use domain::{
    id::{ApplicationId, BatchId, EndpointId, JobId},
    live::{
        action::{ACTIONS, Action},
        engine_io::EnginePacket,
        frames::log_frames,
        message::LineEntry,
        protocol::Protocol,
        socket_io::{self, Heard, SocketPacket, hear},
        ticket::Ticket,
        token::{self, LiveToken},
        topic::{MAX_KEY, Topic},
    },
    log::{Seq, StreamName},
    secret::Secret,
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::{config, json, object};

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
            format!("42{ack}{}", serde_json::json!([name, { "job_id": name }]))
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
        let value = serde_json::json!({ "message": text });
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
        prop_assert_eq!(serde_json::from_str::<Value>(json).expect("JSON"), serde_json::json!([value]));
    }
}

/// Log lines of one stream, with any text.
fn log_lines() -> impl Strategy<Value = Vec<LineEntry>> {
    prop::collection::vec(any::<String>(), 0..60).prop_map(|texts| {
        let line = |(number, message): (usize, String)| LineEntry {
            seq: Seq::Number(number as u64),
            message,
            timestamp: String::new(),
            stream: StreamName::default(),
            level: None,
        };
        texts.into_iter().enumerate().map(line).collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_message_is_an_action_or_refused_in_few_words(text in frame(), message in json()) {
        for text in [text, message.to_string()] {
            if let Err(refusal) = Action::parse(&text) {
                prop_assert!(!refusal.message.is_empty() && refusal.message.len() < 1000);
            }
        }
    }

    #[test]
    fn any_fields_are_an_action_or_refused(action in 0..ACTIONS.len(), fields in object()) {
        let name = ACTIONS[action];
        match Action::read(name, fields) {
            Ok(read) => prop_assert_eq!(read.name(), name),
            Err(refusal) => prop_assert_eq!(refusal.action.as_deref(), Some(name)),
        }
    }

    #[test]
    fn any_query_is_one_of_the_protocols_or_refused(
        version in any::<Option<String>>(),
        transport in any::<Option<String>>(),
    ) {
        let asked = Protocol::asked(version.as_deref(), transport.as_deref());
        prop_assert_eq!(asked.is_ok(), version.is_none() && transport.is_none());
    }

    #[test]
    fn any_text_opens_nothing(text in any::<String>(), secret in any::<[u8; 32]>()) {
        let (secret, now) = (Secret::new(secret), Timestamp::from_secs(1_700_000_000));
        for text in [format!("rlv1_{text}"), text.clone()] {
            prop_assert!(LiveToken::open(&text, &secret, now).is_err());
        }
        prop_assert_eq!(Ticket::hash(&text), None);
    }

    #[test]
    fn a_token_opens_its_topic_with_its_secret_alone(
        topic in topic(),
        secret in any::<[u8; 32]>(),
        other in any::<[u8; 32]>(),
    ) {
        let now = Timestamp::from_secs(1_700_000_000);
        let expires_at = now.plus(token::DEFAULT_LIFE);
        let token = LiveToken { topic, key: "k".to_owned(), expires_at };
        let text = token.sign(&Secret::new(secret));
        prop_assert_eq!(LiveToken::open(&text, &Secret::new(secret), now), Ok(token));
        prop_assert!(secret == other || LiveToken::open(&text, &Secret::new(other), now).is_err());
    }

    #[test]
    fn lines_reach_a_client_once_and_in_order(lines in log_lines(), singly in 0..40usize) {
        let texts: Vec<_> = lines.iter().map(|line| line.message.clone()).collect();
        let mut heard = Vec::new();
        for frame in log_frames(Protocol::Json, "j", &lines, singly) {
            let message: Value = serde_json::from_str(&frame).expect("JSON");
            let lines = message["lines"].as_array().expect("a list").iter();
            heard.extend(lines.map(|line| line["message"].as_str().expect("text").to_owned()));
        }
        prop_assert_eq!(&heard, &texts);
        let (mut heard, mut count) = (Vec::new(), 0);
        for frame in log_frames(Protocol::SocketIo, "j", &lines, singly) {
            let event: Value =
                serde_json::from_str(frame.strip_prefix("42").expect("an event")).expect("JSON");
            count += event[1]["lines"].as_u64().unwrap_or(1);
            heard.push(event[1]["message"].as_str().expect("text").to_owned());
        }
        prop_assert_eq!(heard.join("\n"), texts.join("\n"));
        prop_assert_eq!(count, lines.len() as u64);
    }
}
