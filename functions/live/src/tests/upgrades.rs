//! Upgrades to a WebSocket that are accepted, and those that are refused.

use super::*;

#[tokio::test]
async fn a_ticket_opens_once_from_its_own_origin_within_its_time() {
    let world = World::start().await;
    let grant = || World::grant("acme");
    for (id, made, asked, status) in [
        ("a", None, None, 200),
        ("b", Some(PAGE), Some(PAGE), 200),
        ("c", Some(PAGE), None, 401),
        ("d", None, Some(PAGE), 200),
        ("e", Some(PAGE), Some("https://evil.example"), 401),
    ] {
        let ticket = world.ticket_from(grant(), made).await;
        let query = [("ticket", ticket.as_str())];
        assert_eq!(world.upgrade_from(id, &query, asked).await, status, "{made:?} {asked:?}");
        assert_eq!(world.upgrade_from(id, &query, made).await, 401, "used, whoever used it");
    }
    let ticket = world.ticket(grant()).await;
    world.live.clock.advance(domain::live::ticket::LIFE);
    assert_eq!(world.upgrade("late", &[("ticket", &ticket)]).await, 401);
}

#[tokio::test]
async fn of_two_who_use_a_ticket_at_once_one_is_let_in() {
    let world = World::start().await;
    for round in 0..8 {
        let ticket = world.ticket(World::grant("acme")).await;
        let (one, other) = (format!("one{round}"), format!("other{round}"));
        let query = [("ticket", ticket.as_str())];
        let (one, other) =
            futures::join!(world.upgrade(&one, &query), world.upgrade(&other, &query));
        let mut statuses = [one, other];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }
}

#[tokio::test]
async fn a_token_opens_until_it_expires_or_its_key_is_revoked() {
    let world = World::start().await;
    let token = world.token("acme", Topic::project(acme(), "p".to_owned()));
    for id in ["a", "b"] {
        assert_eq!(world.upgrade(id, &[("token", &token)]).await, 200, "as often as one likes");
    }
    let forged = format!("{}A", &token[..token.len() - 1]);
    let forged = if forged == token { format!("{}B", &token[..token.len() - 1]) } else { forged };
    assert_eq!(world.upgrade("c", &[("token", &forged)]).await, 401);
    assert_eq!(world.table().delete_key("acme").await.expect("done"), WriteOutcome::Done);
    assert_eq!(world.upgrade("d", &[("token", &token)]).await, 401);
    let of_admin = world.token("admin", Topic::project(acme(), "p".to_owned()));
    assert_eq!(world.upgrade("e", &[("token", &of_admin)]).await, 200);
    world.live.clock.advance(Duration::from_secs(600));
    assert_eq!(world.upgrade("f", &[("token", &of_admin)]).await, 401);
}

#[tokio::test]
async fn an_upgrade_without_a_right_or_in_another_protocol_leaves_nothing() {
    let world = World::start().await;
    let token = world.token("acme", Topic::project(acme(), "p".to_owned()));
    let ticket = world.ticket(World::grant("acme")).await;
    for (query, status) in [
        (vec![], 401),
        (vec![("ticket", "")], 401),
        (vec![("token", "")], 401),
        (vec![("token", "rk_admin_secret")], 401),
        (vec![("token", &token), ("ticket", &ticket)], 401),
        (vec![("token", &token), ("tokn", "x")], 400),
        (vec![("token", &token), ("EIO", "3"), ("transport", "websocket")], 400),
        (vec![("token", &token), ("EIO", "4"), ("transport", "polling")], 400),
        (vec![("EIO", "4"), ("transport", "websocket")], 401),
        (vec![("token", &token), ("EIO", "4"), ("transport", "websocket"), ("t", "Px")], 200),
    ] {
        assert_eq!(world.upgrade("c=", &query).await, status, "{query:?}");
        let kept = world.table().connection("c=").await.expect("read");
        assert_eq!(kept.is_some(), status == 200, "{query:?}");
    }
}

#[tokio::test]
async fn the_first_frame_waits_until_the_gateway_knows_the_connection() {
    let world = World::start().await;
    let ticket = world.ticket(World::grant("acme")).await;
    assert_eq!(world.upgrade("c=", &[("ticket", &ticket)]).await, 200);
    world.gateway.answer("c=", &[410, 410, 404, 410]);
    world.work().await;
    assert_eq!(world.gateway.take_json("c=")[0]["event"], "hello");
    // One that never comes is given up, and nothing of it stays.
    let ticket = world.ticket(World::grant("acme")).await;
    assert_eq!(world.upgrade("gone=", &[("ticket", &ticket)]).await, 200);
    world.gateway.answer("gone=", &[410; 100]);
    world.work().await;
    assert!(world.gateway.take("gone=").is_empty());
    assert!(world.table().connection("gone=").await.expect("read").is_none());
}

#[tokio::test]
async fn a_connection_that_leaves_takes_everything_with_it() {
    let world = World::start().await;
    world.job(&acme(), "j").await;
    world.socket_io("c=", World::grant("acme")).await;
    world.say("c=", r#"42["subscribe_logs",{"job_id":"j"}]"#).await;
    let topic = Topic::job(acme(), Job::unknown(tenure(&acme()), "acme", "j", NOW).id);
    assert_eq!(world.table().audience(&topic).await.expect("read").subscriptions.len(), 1);
    world.leave("c=").await;
    assert!(world.table().audience(&topic).await.expect("read").subscriptions.is_empty());
    assert!(world.table().connection("c=").await.expect("read").is_none());
    assert!(world.table().awake().await.expect("read").is_empty());
    world.leave("c=").await;
    // A frame that was under way closes what is left of it.
    world.say("c=", "2").await;
    assert!(world.gateway.has_closed("c="));
}

#[tokio::test]
async fn an_event_of_no_known_kind_is_an_error_and_a_message_of_none_holds_nothing_up() {
    let world = World::start().await;
    for event in [json!(null), json!({}), json!({ "awslogs": {} }), json!({ "Records": 1 })] {
        assert!(world.live.handle(event.clone()).await.is_err(), "{event}");
    }
    let bodies = ["garbage".to_owned(), LiveMessage::Open("nobody=".to_owned()).print()];
    assert_eq!(World::failures_of(&world.live, &bodies).await, Vec::<String>::new());
}
