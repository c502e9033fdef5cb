//! Listeners: connections that take the deliveries of one endpoint and say how each went.
//!
//! Nothing here writes a delivery. What a client answers goes to `deliver` by way of the outbox, and so do
//! the bells for what waited. A delivery that cannot be pushed is left to the end of its claim.

use adapters::{Unavailable, table::StoredConnection};
use domain::{
    id::{DeliveryId, EndpointId},
    listener::{HandOver, HandedAnswer, HandedToken, Listening, PAGE},
    live::{
        action::{Conclusion, Listen, MAX_SUBSCRIPTIONS},
        message::{DeliveryName, ListenerName, ListenerState, LiveEvent},
        refusal::{LiveRefusal, RefusalCode},
        subscription::{FactFilter, LiveSubscription},
        topic::{Subject, Topic},
    },
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{Live, audience::Judged, push::Reach, subscribe::unavailable};

impl Live {
    /// Has a connection take the deliveries of a listener from now on, and rings for those that wait. A
    /// connection that took them before is told. Asking again rings for what waits by then.
    pub(crate) async fn listen(
        &self,
        stored: &StoredConnection,
        wanted: Listen,
        action: &str,
    ) -> Result<LiveEvent, LiveRefusal> {
        may_listen(stored, action)?;
        let Listen { listener: name, application, after_ms } = wanted;
        let application = self.application(stored, application.as_deref(), action).await?;
        let topic = match self.table.listener(&application, &name).await.map_err(unavailable)? {
            Some(listener) => Topic::listener(application, listener.endpoint),
            None => return Err(LiveRefusal::not_found(action)),
        };
        let (connection, now) = (&stored.connection, self.clock.now());
        if !connection.grant.admits(&topic, now) {
            return Err(LiveRefusal::not_found(action));
        }
        let (after, until) = (after_ms.map(Timestamp), connection.ends_at());
        let listening = Listening {
            connection: connection.id.clone(),
            protocol: connection.protocol,
            until,
            after,
        };
        let subscription = subscription_of(&listening, Some(name.clone()));
        // The connection names the topic before the topic names the connection, so that nothing is left
        // when the connection ends.
        let subscribed = self.table.subscribe(&topic, &subscription, MAX_SUBSCRIPTIONS, now).await;
        match subscribed.map_err(unavailable)? {
            adapters::table::SubscribeOutcome::TooMany => {
                return Err(LiveRefusal::too_many(action, MAX_SUBSCRIPTIONS));
            }
            adapters::table::SubscribeOutcome::Gone => {
                let why = "the connection has ended";
                return Err(LiveRefusal::new(RefusalCode::Unavailable, why));
            }
            _ => (),
        }
        let before = self.table.listen(&topic, &listening).await.map_err(unavailable)?;
        if let Some(before) = before.filter(|before| before.connection != connection.id) {
            self.tell_taken_over(&topic, &before, &name).await;
        }
        let Subject::Listener(endpoint) = &topic.subject else {
            return Err(LiveRefusal::not_found(action));
        };
        let (waiting, more) = self.wake(endpoint, after).await.map_err(unavailable)?;
        let endpoint_id = endpoint.to_string();
        Ok(LiveEvent::Listening(ListenerState { listener: name, endpoint_id, waiting, more }))
    }

    /// Rings for the first deliveries that wait. Their number, and whether there are more.
    async fn wake(
        &self,
        endpoint: &EndpointId,
        after: Option<Timestamp>,
    ) -> Result<(usize, bool), Unavailable> {
        let after = after.unwrap_or_default();
        let (waiting, more) = self.table.waiting(endpoint, after, PAGE).await?;
        self.outbox.wake(endpoint, &waiting).await?;
        Ok((waiting.len(), more))
    }

    /// Tells a connection that another takes its deliveries. Whether it hears that or not, it gets no more.
    async fn tell_taken_over(&self, topic: &Topic, before: &Listening, name: &str) {
        let told = async {
            self.table.unsubscribe(topic, &before.connection).await?;
            let message = ListenerName { listener: name.to_owned() };
            let frame = LiveEvent::TakenOver(message).frame(before.protocol);
            self.send(&before.connection, &[frame]).await
        };
        if let Err(error) = told.await {
            let connection = &before.connection;
            warn!(%error, connection, "a client is not told that another took over");
        }
    }

    /// Brings the answer of a client to `deliver`.
    pub(crate) async fn concluded(
        &self,
        stored: &StoredConnection,
        conclusion: Conclusion,
        action: &str,
    ) -> Result<LiveEvent, LiveRefusal> {
        may_listen(stored, action)?;
        let invalid = |why: String| LiveRefusal::new(RefusalCode::Invalid, why).of(action);
        let outcome = conclusion.outcome();
        let Conclusion { delivery: name, token, ms, body, .. } = conclusion;
        let token = HandedToken::parse(&token);
        let HandedToken { event, claim } =
            token.map_err(|error| invalid(format!("token: {error}")))?;
        let delivery = DeliveryId::parse(&name);
        let delivery = delivery.map_err(|error| invalid(format!("delivery: {error}")))?;
        let answer = HandedAnswer { event, delivery, claim, outcome, ms, body };
        self.outbox.answer(answer).await.map_err(unavailable)?;
        Ok(LiveEvent::Confirmed(DeliveryName { delivery: name }))
    }

    /// Pushes a claimed delivery to the connection that listens. If there is none by now, `deliver` is
    /// told, and the delivery waits. If AWS fails, the claim ends and the delivery is rung for: it is not
    /// pushed again, so that it holds up none behind it.
    pub(crate) async fn hand_over(&self, mut handed: HandOver) {
        let Some(left) = handed.time_left(self.clock.now()) else {
            info!(delivery = %handed.id, "a delivery came too late to be handed over");
            return;
        };
        handed.delivery.timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let unreached = handed.unreached();
        let (id, topic) = (handed.id.clone(), handed.topic.clone());
        let pushed = async {
            match self.push_delivery(&topic, handed).await? {
                Reach::Reached => Ok(()),
                Reach::Gone => self.outbox.answer(unreached).await,
            }
        };
        if let Err(error) = pushed.await {
            warn!(%error, delivery = %id, "a delivery was not handed over; its claim will end");
        }
    }

    async fn push_delivery(&self, topic: &Topic, handed: HandOver) -> Result<Reach, Unavailable> {
        let now = self.clock.now();
        let listening = self.table.listening(topic).await?;
        let Some(listening) = listening.filter(|listening| now < listening.until) else {
            return Ok(Reach::Gone);
        };
        let connection = listening.connection.as_str();
        let subscription = subscription_of(&listening, None);
        let judged = self.audience.judge(topic, vec![subscription], now).await?;
        let Judged { admitted, revoked, .. } = judged;
        let reach = if admitted.is_empty() {
            if !revoked.is_empty() {
                self.dismiss(connection, listening.protocol).await?;
            }
            Reach::Gone
        } else {
            let frame = LiveEvent::Delivery(handed.delivery).frame(listening.protocol);
            self.pushes.push(connection, &[frame]).await?
        };
        if reach == Reach::Gone {
            self.table.stop_listening(&topic.key(), connection).await?;
            self.forget(connection).await?;
        }
        Ok(reach)
    }
}

/// Requires a connection of a key that may publish.
fn may_listen(stored: &StoredConnection, action: &str) -> Result<(), LiveRefusal> {
    match stored.connection.grant.may_listen() {
        true => Ok(()),
        false => {
            let why = "listening needs a ticket that was made with a key of scope publish or admin";
            Err(LiveRefusal::new(RefusalCode::Forbidden, why).of(action))
        }
    }
}

/// The subscription of the connection that listens.
fn subscription_of(listening: &Listening, name: Option<String>) -> LiveSubscription {
    LiveSubscription {
        connection: listening.connection.clone(),
        protocol: listening.protocol,
        name,
        filter: FactFilter::default(),
        refusals: false,
        after: std::collections::BTreeMap::default(),
        caught_up: None,
    }
}
