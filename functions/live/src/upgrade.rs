//! Accepting a connection. Nothing can be pushed before the answer, so the first frame is left to
//! the queue.

use adapters::Unavailable;
use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use domain::live::{
    connection::LiveConnection, grant::Grant, news::LiveMessage, protocol::Protocol,
    ticket::Ticket, token::LiveToken, url,
};
use tracing::{info, warn};

use crate::Live;

/// Parameters of an upgrade that clients of the JSON protocol send.
const PARAMETERS: [&str; 2] = [url::TICKET, url::TOKEN];

/// The answer to an upgrade, as a status of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    Accepted = 200,
    /// The client speaks a protocol that is not spoken here, or sends a parameter that is not known.
    Unsuitable = 400,
    /// There is no ticket or token, or it opens nothing. Nobody learns why.
    Unauthorized = 401,
    /// AWS did not answer. The client may try again.
    Unavailable = 503,
}

impl Live {
    /// Answers an event of the WebSocket API with a status of HTTP.
    pub(crate) async fn socket(&self, request: &ApiGatewayWebsocketProxyRequest) -> u16 {
        let context = &request.request_context;
        let Some(connection) = context.connection_id.as_deref() else {
            warn!("an event of the WebSocket API names no connection");
            return Upgrade::Unsuitable as u16;
        };
        match context.event_type.as_deref() {
            Some("CONNECT") => self.connect(connection, request).await as u16,
            Some("DISCONNECT") => {
                if let Err(error) = self.table.close_connection(connection).await {
                    warn!(%error, connection, "what is left of a connection expires");
                }
                200
            }
            _ => {
                self.frame(connection, request).await;
                200
            }
        }
    }

    async fn connect(&self, id: &str, request: &ApiGatewayWebsocketProxyRequest) -> Upgrade {
        let query = &request.query_string_parameters;
        let protocol = match Protocol::asked(query.first("EIO"), query.first("transport")) {
            Ok(protocol) => protocol,
            Err(reason) => {
                info!(%reason, "an upgrade is refused");
                return Upgrade::Unsuitable;
            }
        };
        // Libraries of Socket.IO send parameters of their own, and users of them any.
        let unknown = || query.iter().any(|(name, _)| !PARAMETERS.contains(&name));
        if protocol == Protocol::Json && unknown() {
            info!(reason = "a parameter other than ticket and token", "an upgrade is refused");
            return Upgrade::Unsuitable;
        }
        let origin = request.headers.get("origin").and_then(|origin| origin.to_str().ok());
        let grant = match (query.first(url::TICKET), query.first(url::TOKEN)) {
            (Some(ticket), None) => self.grant_of_ticket(ticket, origin).await,
            (None, Some(token)) => self.grant_of_token(token).await,
            _ => Ok(Err("neither or both of ticket and token".to_owned())),
        };
        let accepted = match grant {
            Ok(Ok(grant)) => self.open(id, protocol, grant).await,
            Ok(Err(reason)) => {
                info!(reason, "an upgrade is refused");
                return Upgrade::Unauthorized;
            }
            Err(error) => Err(error),
        };
        match accepted {
            Ok(()) => Upgrade::Accepted,
            Err(error) => {
                warn!(%error, "an upgrade is refused for now");
                Upgrade::Unavailable
            }
        }
    }

    /// The grant of a ticket, which is used up; or why it opens nothing.
    async fn grant_of_ticket(
        &self,
        text: &str,
        origin: Option<&str>,
    ) -> Result<Result<Grant, String>, Unavailable> {
        let Some(hash) = Ticket::hash(text) else {
            return Ok(Err("the text has not the form of a ticket".to_owned()));
        };
        let Some(ticket) = self.table.take_ticket(&hash).await? else {
            return Ok(Err("the ticket is unknown or used".to_owned()));
        };
        if !ticket.admits(origin, self.clock.now()) {
            return Ok(Err("the ticket has expired or is of another origin".to_owned()));
        }
        self.of_a_right_that_holds(ticket.grant).await
    }

    /// The grant of a token; or why it opens nothing.
    async fn grant_of_token(&self, text: &str) -> Result<Result<Grant, String>, Unavailable> {
        match LiveToken::open(text, self.vault.live_tokens(), self.clock.now()) {
            Ok(token) => self.of_a_right_that_holds(token.grant()).await,
            Err(reason) => Ok(Err(reason.to_string())),
        }
    }

    async fn of_a_right_that_holds(
        &self,
        grant: Grant,
    ) -> Result<Result<Grant, String>, Unavailable> {
        match self.audience.holds(&grant, self.clock.now()).await? {
            true => Ok(Ok(grant)),
            false => Ok(Err("the key behind it was revoked, or its portal ended".to_owned())),
        }
    }

    /// Writes the connection, and sees to its first frame. If the process dies in between, the client
    /// is refused and the item expires.
    async fn open(&self, id: &str, protocol: Protocol, grant: Grant) -> Result<(), Unavailable> {
        let now = self.clock.now();
        if let Some(application) = &grant.application {
            // Those who tell learn of it until the client has subscribed.
            self.watch(application).await?;
        }
        let connection = LiveConnection { id: id.to_owned(), protocol, grant, opened_at: now };
        // One that is there is of the same event, which came twice.
        self.table.open_connection(&connection).await?.either_way();
        self.queue.tell(&LiveMessage::Open(id.to_owned())).await
    }
}
