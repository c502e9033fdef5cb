//! The right to hear a topic: tenants, tokens, keys that are revoked.

use super::*;

use domain::{
    batch::Batch,
    live::news::{BatchNews, EventNews, JobNews},
    portal::PortalMark,
};

#[tokio::test]
async fn nobody_hears_what_is_of_another_tenant() {
    let world = World::start().await;
    let applications = ["acme", "globex"].map(ApplicationId::named);
    let mut cases = 0;
    for owner in &applications {
        world.known(owner).await;
        world.job(owner, "j").await;
        let mut batch = Batch::unknown(owner.clone(), "b", NOW);
        batch.version = 1;
        let written = world.table().put_batch(&batch, None).await.expect("kept");
        assert_eq!(written, WriteOutcome::Done);
    }
    for listener in ["acme", "globex", "everything"] {
        for owner in &applications {
            let id = format!("{listener}-{owner}=");
            world.json(&id, World::grant(listener)).await;
            let job = Job::unknown(tenure(owner), owner.as_str(), "j", NOW).id;
            let batch = Batch::unknown(owner.clone(), "b", NOW).id;
            for wanted in [
                json!({ "action": "subscribe_logs", "job_id": job }),
                json!({ "action": "subscribe_project", "project_id": "p", "application": owner }),
                json!({ "action": "join_batch", "batch_id": batch }),
                json!({ "action": "subscribe_events", "application": owner }),
                json!({ "action": "subscribe_letters", "application": owner }),
                json!({ "action": "subscribe_tasks", "application": owner }),
            ] {
                let answer = world.ask(&id, wanted.clone()).await;
                let hears = listener == "everything" || *owner == ApplicationId::named(listener);
                let name = wanted["action"].as_str().expect("text");
                let refused = json!({ "event": "error", "code": "not_found", "action": name,
                    "message": "there is no such thing, or it is not yours" });
                assert_eq!(answer == refused, !hears, "{listener} {wanted}: {answer}");
                assert_eq!(answer["event"] == "error", !hears, "{listener} {wanted}: {answer}");
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 36);
    // What is told reaches those who may hear it, each once.
    world.work().await;
    for owner in &applications {
        for listener in ["acme", "globex", "everything"] {
            world.gateway.take(&format!("{listener}-{owner}="));
        }
        world.tell(Topic::events(owner.clone()), [event(owner)]).await;
        world.work().await;
        for listener in ["acme", "globex", "everything"] {
            let heard = world.gateway.take_json(&format!("{listener}-{owner}="));
            let hears = listener == "everything" || *owner == ApplicationId::named(listener);
            assert_eq!(heard.len(), usize::from(hears), "{listener} {owner}: {heard:?}");
        }
    }
}

fn event(application: &ApplicationId) -> News {
    let id = domain::id::EventId::derive(&[application.as_str()]);
    let event = domain::event::Event::by_relay(id, application.clone(), "invoice.paid", b"{}", NOW);
    News::Event(EventNews::of(&event))
}

#[tokio::test]
async fn a_token_is_for_its_own_topic() {
    let world = World::start().await;
    let job = world.job(&acme(), "j").await;
    world.job(&acme(), "k").await;
    let token = world.token("acme", Topic::job(acme(), job.id.clone()));
    assert_eq!(world.upgrade("c=", &[("token", &token)]).await, 200);
    world.work().await;
    world.gateway.take("c=");
    let wanted = json!({ "action": "subscribe_logs", "job_id": "j" });
    assert_eq!(world.ask("c=", wanted).await["event"], "subscribed");
    for wanted in [
        json!({ "action": "subscribe_logs", "job_id": "k" }),
        json!({ "action": "subscribe_project", "project_id": "p" }),
        json!({ "action": "subscribe_events" }),
        json!({ "action": "subscribe_letters" }),
        json!({ "action": "subscribe_tasks" }),
    ] {
        assert_eq!(world.ask("c=", wanted.clone()).await["code"], "not_found", "{wanted}");
    }
}

#[tokio::test]
async fn a_revoked_key_hears_nothing_after_five_minutes_at_the_latest() {
    let world = World::start().await;
    let job = world.job(&acme(), "j").await;
    world.json("a=", World::grant("acme")).await;
    world.socket_io("b=", World::grant("everything")).await;
    for (id, frame) in [
        ("a=", r#"{"action":"subscribe_project","project_id":"p"}"#),
        ("b=", r#"42["subscribe_project",{"project_id":"p","application":"acme"}]"#),
    ] {
        world.say(id, frame).await;
        world.gateway.take(id);
    }
    assert_eq!(world.table().delete_key("acme").await.expect("done"), WriteOutcome::Done);
    let project = || Topic::project(acme(), "p".to_owned());
    let news = || [News::Job(JobNews::of(&job, job.status, None))];
    world.live.clock.advance(connection::RECHECK);
    world.tell(project(), news()).await;
    world.work().await;
    let heard = world.gateway.take_json("a=");
    assert_eq!(heard.len(), 1);
    assert_eq!((&heard[0]["event"], &heard[0]["code"]), (&json!("error"), &json!("unauthorized")));
    assert!(world.gateway.has_closed("a=") && !world.gateway.has_closed("b="));
    assert_eq!(world.gateway.take("b=").len(), 1, "another key's right holds");
    let left = world.table().audience(&project()).await.expect("read").subscriptions;
    assert_eq!(left.iter().map(|it| it.connection.as_str()).collect::<Vec<_>>(), ["b="]);
    // One that asks for something is told at once by an instance that does not know it.
    world.json("c=", World::grant("globex")).await;
    assert_eq!(world.table().delete_key("globex").await.expect("done"), WriteOutcome::Done);
    world.live.clock.advance(connection::RECHECK);
    world.say("c=", r#"{"action":"ping"}"#).await;
    assert_eq!(world.gateway.take_json("c=")[0]["code"], "unauthorized");
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let world = World::start().await;
    let topic = Topic::project(acme(), "p".to_owned());
    let token = world.token("acme", topic.clone());
    assert_eq!(world.upgrade("c=", &[("token", &token)]).await, 200);
    world.work().await;
    let hello = &world.gateway.take_json("c=")[0];
    assert_eq!(hello["expires_at"], NOW.plus(Duration::from_secs(600)).rfc3339());
    world.say("c=", r#"{"action":"subscribe_project","project_id":"p"}"#).await;
    world.gateway.take("c=");
    world.live.clock.advance(Duration::from_secs(600));
    let batch = Batch::unknown(acme(), "b", NOW);
    world.tell(topic, [News::Batch(BatchNews::of(&batch))]).await;
    world.work().await;
    assert_eq!(world.gateway.take_json("c=")[0]["code"], "unauthorized");
    assert!(world.gateway.has_closed("c="));
}

/// The grant of a portal of `acme`, which the owner calls so.
fn portal(session: &str) -> Grant {
    let mark = PortalMark { revision: 0, session: Some(session.to_owned()) };
    Grant { portal: Some(mark), scope: KeyScope::Read, ..World::grant("acme") }
}

/// Ends the portals of `acme`, or those that the owner calls so.
async fn end_portals(world: &World, sessions: &[String]) {
    let known = world.table().portal_endings(&acme()).await.expect("read");
    let next = known.and(sessions, Duration::ZERO, world.live.clock.now()).expect("few");
    let kept = world.table().put_portal_endings(&acme(), known.revision, &next).await;
    assert_eq!(kept.expect("kept"), WriteOutcome::Done);
}

#[tokio::test]
async fn a_portal_hears_of_its_events_and_letters_and_of_nothing_else() {
    let world = World::start().await;
    let job = world.job(&acme(), "j").await;
    let mut batch = Batch::unknown(acme(), "b", NOW);
    batch.version = 1;
    let written = world.table().put_batch(&batch, None).await.expect("kept");
    assert_eq!(written, WriteOutcome::Done);
    world.json("c=", portal("ann")).await;
    for (wanted, heard) in [
        (json!({ "action": "subscribe_events" }), true),
        (json!({ "action": "subscribe_letters" }), true),
        (json!({ "action": "subscribe_events", "application": "globex" }), false),
        (json!({ "action": "subscribe_letters", "application": "globex" }), false),
        (json!({ "action": "subscribe_logs", "job_id": job.id }), false),
        (json!({ "action": "subscribe_logs", "job_id": "j" }), false),
        (json!({ "action": "subscribe_project", "project_id": "p" }), false),
        (json!({ "action": "join_batch", "batch_id": batch.id }), false),
    ] {
        let answer = world.ask("c=", wanted.clone()).await;
        assert_eq!(answer["event"] != "error", heard, "{wanted}: {answer}");
        assert!(heard || answer["code"] == "not_found", "{wanted}: {answer}");
    }
    let listen = world.ask("c=", json!({ "action": "listen", "listener": "ann" })).await;
    assert_eq!(listen["event"], "error", "{listen}");
    // The connection of its key hears all of it.
    world.json("k=", World::grant("acme")).await;
    let answer = world.ask("k=", json!({ "action": "subscribe_logs", "job_id": "j" })).await;
    assert_eq!(answer["event"], "subscribed");
}

#[tokio::test]
async fn a_portal_that_was_ended_opens_nothing_and_hears_nothing_after_five_minutes() {
    let world = World::start().await;
    world.known(&acme()).await;
    for (id, grant) in [("a=", portal("ann")), ("b=", portal("bob")), ("k=", World::grant("acme"))]
    {
        world.json(id, grant).await;
        assert_ne!(world.ask(id, json!({ "action": "subscribe_events" })).await["event"], "error");
    }
    let waiting = world.ticket(portal("ann")).await;
    end_portals(&world, &["ann".to_owned()]).await;
    assert_eq!(world.upgrade("late=", &[("ticket", &waiting)]).await, 401);
    let bob = world.ticket(portal("bob")).await;
    assert_eq!(world.upgrade("bob=", &[("ticket", &bob)]).await, 200);
    world.live.clock.advance(connection::RECHECK);
    world.tell(Topic::events(acme()), [event(&acme())]).await;
    world.work().await;
    assert_eq!(world.gateway.take_json("a=")[0]["code"], "unauthorized");
    assert!(world.gateway.has_closed("a="));
    for id in ["b=", "k="] {
        assert_eq!(world.gateway.take(id).len(), 1, "{id} still hears");
    }
    end_portals(&world, &[]).await;
    world.live.clock.advance(connection::RECHECK);
    world.say("b=", r#"{"action":"ping"}"#).await;
    assert_eq!(world.gateway.take_json("b=")[0]["code"], "unauthorized");
    world.say("k=", r#"{"action":"ping"}"#).await;
    assert_eq!(world.gateway.take_json("k=")[0]["event"], "pong");
}
