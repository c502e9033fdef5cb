//! Frames of clients: what they ask for, and what they are answered.

use adapters::{
    Unavailable,
    table::{StoredConnection, WriteOutcome},
};
use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use domain::live::{
    action::Action,
    message::LiveEvent,
    protocol::Protocol,
    refusal::{LiveRefusal, RefusalCode},
    socket_io::{self, Heard, hear},
    topic::Topic,
};
use serde_json::{Map, Value};
use tracing::{info, warn};

use crate::{Live, push::Reach};

impl Live {
    /// Answers a frame of a client. What cannot be answered is logged: the client asks again.
    pub(crate) async fn frame(&self, id: &str, request: &ApiGatewayWebsocketProxyRequest) {
        let text = match request.is_base64_encoded {
            // Neither protocol has binary frames.
            true => None,
            false => Some(request.body.as_deref().unwrap_or_default()),
        };
        if let Err(error) = self.try_frame(id, text).await {
            warn!(%error, connection = id, "a frame was not answered");
        }
    }

    async fn try_frame(&self, id: &str, text: Option<&str>) -> Result<(), Unavailable> {
        let Some(stored) = self.table.connection(id).await? else {
            self.pushes.close(id).await;
            return Ok(());
        };
        if !self.audience.may_go_on(&stored, self.clock.now()).await? {
            return self.dismiss(id, stored.connection.protocol).await;
        }
        match stored.connection.protocol {
            Protocol::Json => {
                let action = match text {
                    Some(text) => Action::parse(text),
                    None => Err(LiveRefusal::new(
                        RefusalCode::Unreadable,
                        "the message is binary; messages are text",
                    )),
                };
                let event = self.answer(&stored, action).await;
                self.send(id, &[event.frame(Protocol::Json)]).await
            }
            Protocol::SocketIo => self.packet(&stored, text).await,
        }
    }

    /// Answers a frame of a client of Socket.IO.
    async fn packet(
        &self,
        stored: &StoredConnection,
        text: Option<&str>,
    ) -> Result<(), Unavailable> {
        let id = stored.connection.id.as_str();
        let heard = match text {
            Some(text) => hear(text, stored.entered),
            None => Heard::Broken("binary frames are not taken".to_owned()),
        };
        match heard {
            Heard::Join => match self.table.enter(id, self.clock.now()).await? {
                WriteOutcome::Done => self.send(id, &[socket_io::connected(id)]).await,
                WriteOutcome::Refused => self.end(id, "the client entered twice at once").await,
            },
            Heard::WrongNamespace(namespace) => {
                self.send(id, &[socket_io::wrong_namespace(&namespace)]).await
            }
            Heard::Call { name, fields, ack } => self.call(stored, &name, fields, ack).await,
            Heard::WrongValues { name, ack } => {
                let why = "beside the name of an event there is one object, or nothing";
                let refusal = LiveRefusal::new(RefusalCode::Invalid, why);
                let known = domain::live::action::ACTIONS.contains(&name.as_str());
                let refusal = if known { refusal.of(&name) } else { refusal };
                self.reply(id, LiveEvent::Error(refusal), ack).await
            }
            Heard::Ping(text) => self.send(id, &[format!("3{text}")]).await,
            Heard::Leave => self.end(id, "the client left").await,
            Heard::Alive => {
                self.table.keep_awake(id, self.clock.now()).await?;
                self.renew(stored).await
            }
            Heard::Broken(why) => self.end(id, &why).await,
        }
    }

    async fn call(
        &self,
        stored: &StoredConnection,
        name: &str,
        fields: Map<String, Value>,
        ack: Option<u64>,
    ) -> Result<(), Unavailable> {
        let event = self.answer(stored, Action::read(name, fields)).await;
        self.reply(&stored.connection.id, event, ack).await
    }

    /// Sends an answer as an event, and as the acknowledgement that the client asked for.
    async fn reply(&self, id: &str, event: LiveEvent, ack: Option<u64>) -> Result<(), Unavailable> {
        let mut frames = vec![event.frame(Protocol::SocketIo)];
        frames.extend(ack.map(|ack| socket_io::acknowledged(ack, &event)));
        self.send(id, &frames).await
    }

    /// Does what a client asks for. A failure is an answer, too.
    async fn answer(
        &self,
        stored: &StoredConnection,
        action: Result<Action, LiveRefusal>,
    ) -> LiveEvent {
        let action = match action {
            Ok(action) => action,
            Err(refusal) => return LiveEvent::Error(refusal),
        };
        let name = action.name();
        match self.act(stored, action).await {
            Ok(event) => event,
            Err(refusal) => LiveEvent::Error(refusal.of(name)),
        }
    }

    /// Pushes frames, and removes the connection if it has ended.
    pub(crate) async fn send(&self, id: &str, frames: &[String]) -> Result<(), Unavailable> {
        match self.pushes.push(id, frames).await? {
            Reach::Reached => Ok(()),
            Reach::Gone => self.forget(id).await,
        }
    }

    /// Removes what is kept of a connection that has ended.
    pub(crate) async fn forget(&self, id: &str) -> Result<(), Unavailable> {
        self.audience.forget(id);
        self.table.close_connection(id).await
    }

    /// Closes a connection and forgets its subscriptions.
    async fn end(&self, id: &str, why: &str) -> Result<(), Unavailable> {
        info!(connection = id, why, "a connection is closed");
        self.pushes.close(id).await;
        self.forget(id).await
    }

    /// Tells a client that its right has ended, and closes its connection.
    pub(crate) async fn dismiss(&self, id: &str, protocol: Protocol) -> Result<(), Unavailable> {
        let why = "the right to listen has ended: connect again with a new ticket or token";
        let refusal = LiveRefusal::new(RefusalCode::Unauthorized, why);
        let told = self.pushes.push(id, &[LiveEvent::Error(refusal).frame(protocol)]).await;
        if let Err(error) = told {
            warn!(%error, connection = id, "a client is not told why its connection is closed");
        }
        self.end(id, "its right has ended").await
    }

    /// Renews the marks of the applications that a connection watches.
    pub(crate) async fn renew(&self, stored: &StoredConnection) -> Result<(), Unavailable> {
        let of_topics = stored.topics.iter().filter_map(|key| key.parse::<Topic>().ok());
        let mut applications: Vec<_> = of_topics.map(|topic| topic.application).collect();
        applications.extend(stored.connection.grant.application.clone());
        applications.sort();
        applications.dedup();
        for application in &applications {
            self.watch(application).await?;
        }
        Ok(())
    }
}
