//! Actions of clients in both protocols: their answers, and the refusals of bad ones.

use super::*;

/// A token's connection would not do: most of these are about several topics.
async fn connected() -> World {
    let world = World::start().await;
    world.job(&acme(), "modal-7").await;
    world.json("c=", World::grant("acme")).await;
    world
}

#[tokio::test]
async fn each_action_of_the_json_protocol_is_answered() {
    let world = connected().await;
    for (action, answer) in [
        (json!({ "action": "ping" }), json!({ "event": "pong" })),
        (
            json!({ "action": "subscribe_logs", "job_id": "modal-7", "project_id": "p" }),
            json!({ "event": "subscribed", "action": "subscribe_logs", "job_id": "modal-7",
                "status": "started", "type": "modal" }),
        ),
        (
            json!({ "action": "subscribe_logs", "job_id": "modal-7" }),
            json!({ "event": "subscribed", "action": "subscribe_logs", "job_id": "modal-7",
                "status": "already_active", "type": "modal" }),
        ),
        (
            json!({ "action": "unsubscribe_logs", "job_id": "modal-7" }),
            json!({ "event": "unsubscribed", "job_id": "modal-7" }),
        ),
        (
            json!({ "action": "subscribe_project", "project_id": 12 }),
            json!({ "event": "subscribed_project", "project_id": "12" }),
        ),
        (
            json!({ "action": "subscribe_events", "filter": { "type": "job.*" } }),
            json!({ "event": "subscribed", "action": "subscribe_events",
                "application": acme(), "status": "started" }),
        ),
        (
            json!({ "action": "subscribe_letters" }),
            json!({ "event": "subscribed", "action": "subscribe_letters",
                "application": acme(), "status": "started" }),
        ),
        (
            json!({ "action": "subscribe_tasks" }),
            json!({ "event": "subscribed", "action": "subscribe_tasks",
                "application": acme(), "status": "started" }),
        ),
    ] {
        assert_eq!(world.ask("c=", action.clone()).await, answer, "{action}");
    }
}

#[tokio::test]
async fn what_is_refused_is_answered_and_the_connection_stays() {
    let world = connected().await;
    let (long, huge) = ("x".repeat(10_240), "x".repeat(128 * 1024 + 1));
    for (frame, code, says) in [
        ("", "unreadable", "JSON"),
        ("{", "unreadable", "JSON"),
        ("[]", "unreadable", "object"),
        (huge.as_str(), "too_large", "larger"),
        ("{}", "invalid", "action: is missing"),
        (r#"{"action":1}"#, "invalid", "action"),
        (r#"{"action":"subscribe_log"}"#, "unknown_action", "did you mean `subscribe_logs`?"),
        (r#"{"action":"x"}"#, "unknown_action", "known are subscribe_logs, unsubscribe_logs"),
        (r#"{"action":"subscribe_logs"}"#, "invalid", "job_id"),
        (r#"{"action":"subscribe_logs","job_id":""}"#, "invalid", "job_id: is 1 to"),
        (r#"{"action":"subscribe_logs","jobid":"a"}"#, "invalid", "job_id"),
        (r#"{"action":"subscribe_logs","job_id":"modal-7","after":{"":1}}"#, "invalid", "after"),
        (r#"{"action":"subscribe_logs","job_id":"nobody"}"#, "not_found", "no such thing"),
        (r#"{"action":"join_batch","batch_id":"nobody"}"#, "not_found", "no such thing"),
        (r#"{"action":"subscribe_events","application":"nobody"}"#, "not_found", "no such thing"),
    ] {
        world.say("c=", frame).await;
        let heard = world.gateway.take_json("c=");
        let shown = &frame[..frame.len().min(80)];
        assert_eq!(heard.len(), 1, "{shown}");
        assert_eq!((&heard[0]["event"], &heard[0]["code"]), (&json!("error"), &json!(code)));
        let message = heard[0]["message"].as_str().expect("text");
        assert!(message.contains(says) && message.len() < 1000, "{shown}: {message}");
    }
    let long = world.ask("c=", json!({ "action": "subscribe_logs", "job_id": long })).await;
    assert_eq!((&long["code"], &long["action"]), (&json!("invalid"), &json!("subscribe_logs")));
    world.say_binary("c=", "AAEC").await;
    assert_eq!(world.gateway.take_json("c=")[0]["code"], "unreadable");
    assert_eq!(world.ask("c=", json!({ "action": "ping" })).await["event"], "pong");
}

#[tokio::test]
async fn a_connection_hears_a_hundred_topics_and_no_more() {
    let world = World::start().await;
    world.json("c=", World::grant("acme")).await;
    for number in 0..100 {
        let wanted = json!({ "action": "subscribe_project", "project_id": number });
        assert_eq!(world.ask("c=", wanted).await["event"], "subscribed_project", "{number}");
    }
    let wanted = json!({ "action": "subscribe_project", "project_id": 100 });
    assert_eq!(world.ask("c=", wanted).await["code"], "too_many");
    let known = json!({ "action": "subscribe_project", "project_id": 7 });
    assert_eq!(world.ask("c=", known).await["event"], "subscribed_project");
}

#[tokio::test]
async fn who_sees_several_applications_names_one() {
    let world = World::start().await;
    world.json("c=", World::grant("everything")).await;
    for name in ["acme", "globex"] {
        let id = ApplicationId::named(name);
        let application =
            domain::application::Application::new(id, Some(name.to_owned()), name, NOW);
        let created = world.table().create_application(&application).await.expect("kept");
        assert_eq!(created, WriteOutcome::Done);
    }
    let answer = world.ask("c=", json!({ "action": "subscribe_letters" })).await;
    assert_eq!(answer["code"], "ambiguous");
    let wanted = json!({ "action": "subscribe_letters", "application": "globex" });
    assert_eq!(world.ask("c=", wanted).await["application"], json!(ApplicationId::named("globex")));
    // Jobs of two applications bear a name.
    for name in ["acme", "globex"] {
        world.job(&ApplicationId::named(name), "twice").await;
    }
    let wanted = json!({ "action": "subscribe_logs", "job_id": "twice" });
    assert_eq!(world.ask("c=", wanted).await["code"], "ambiguous");
    let wanted = json!({ "action": "subscribe_logs", "job_id": "twice", "source": acme() });
    assert_eq!(world.ask("c=", wanted).await["event"], "subscribed");
}

#[tokio::test]
async fn socket_io_clients_are_answered_by_events_and_acknowledgements() {
    let world = World::start().await;
    world.job(&acme(), "local-3").await;
    world.socket_io("c=", World::grant("acme")).await;
    let subscribed =
        r#"{"action":"subscribe_logs","job_id":"local-3","status":"started","type":"local"}"#;
    let error = r#"{"code":"not_found","message":"there is no such thing, or it is not yours","action":"subscribe_logs"}"#;
    for (frame, expected) in [
        (
            r#"42["subscribe_logs",{"job_id":"local-3"}]"#,
            vec![format!(r#"42["subscribed",{subscribed}]"#)],
        ),
        (
            r#"4217["subscribe_project",{"project_id":"p"}]"#,
            vec![
                r#"42["subscribed_project",{"project_id":"p"}]"#.to_owned(),
                r#"4317[{"event":"subscribed_project","project_id":"p"}]"#.to_owned(),
            ],
        ),
        (r#"42["subscribe_logs",{"job_id":"nobody"}]"#, vec![format!(r#"42["error",{error}]"#)]),
        (r#"40/admin,"#, vec![r#"44/admin,{"message":"Invalid namespace"}"#.to_owned()]),
        ("2probe", vec!["3probe".to_owned()]),
        ("3", vec![]),
        ("6", vec![]),
    ] {
        world.say("c=", frame).await;
        assert_eq!(world.gateway.take("c="), expected, "{frame}");
    }
    for frame in [r#"42["subscribe_logs"]"#, r#"42["subscribe_logs",[1]]"#, r#"42["x",1,2]"#] {
        world.say("c=", frame).await;
        let heard = world.gateway.take("c=");
        assert!(heard[0].starts_with(r#"42["error",{"code":"#), "{frame}: {heard:?}");
    }
    assert!(!world.gateway.has_closed("c="));
}

#[tokio::test]
async fn a_socket_io_client_that_breaks_the_protocol_is_disconnected() {
    let world = World::start().await;
    for (number, frame) in
        ["42", "42[]", r#"42["x""#, "40", r#"{"action":"ping"}"#, "45-[]", "7", "0{}", "41", "1"]
            .into_iter()
            .enumerate()
    {
        let id = format!("{number}=");
        world.socket_io(&id, World::grant("acme")).await;
        world.say(&id, frame).await;
        assert!(world.gateway.has_closed(&id), "{frame}");
        assert!(world.table().connection(&id).await.expect("read").is_none(), "{frame}");
    }
    // Before it has entered.
    let ticket = world.ticket(World::grant("acme")).await;
    let query = [("EIO", "4"), ("transport", "websocket"), ("ticket", ticket.as_str())];
    assert_eq!(world.upgrade("early=", &query).await, 200);
    world.say("early=", r#"42["subscribe_project",{"project_id":"p"}]"#).await;
    assert!(world.gateway.has_closed("early="));
}
