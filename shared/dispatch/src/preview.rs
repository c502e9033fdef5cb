//! The request that an attempt would send, without sending it.

use adapters::Unavailable;
use domain::{
    delivery::{Delivery, DeliveryState},
    destination::Destination,
    endpoint::Endpoint,
    event::Event,
};

use crate::{compose, context::CallContext};

/// A request as it may be shown: `***` stands for secrets and signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPreview {
    /// The HTTP method, or the name of the call to a queue, an event bus or a Redis server.
    pub method: String,
    /// The URL or ARN.
    pub url: String,
    /// The headers, by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl CallContext {
    /// The request that the next attempt of a delivery would send, or the reason why none could be sent. Of
    /// a delivery that has ended, the headers are those of its last attempt. Nothing is written, and the
    /// delivery is not claimed.
    ///
    /// # Errors
    /// Fails if AWS does.
    pub async fn preview(
        &self,
        event: &Event,
        endpoint: &Endpoint,
        delivery: &Delivery,
    ) -> Result<Result<RequestPreview, &'static str>, Unavailable> {
        let content = match self.content(event, endpoint).await? {
            Ok(content) => content,
            Err(why) => return Ok(Err(why)),
        };
        let (vault, style, at) = (&self.vault, self.header_style, self.context.clock.now());
        let request = compose::request(vault, style, event, endpoint, delivery, content, at);
        Ok(request.map(|request| {
            let ended = delivery.state != DeliveryState::Pending && !delivery.sent.is_empty();
            let headers = match ended {
                true => delivery.sent.clone().into_iter().collect(),
                false => compose::shown_one_by_one(&request),
            };
            let (method, url) = (self.method(endpoint), endpoint.url.clone());
            RequestPreview { method, url, headers, body: request.body }
        }))
    }

    /// The name of the call that a delivery to an endpoint is.
    fn method(&self, endpoint: &Endpoint) -> String {
        match self.caller.rule().destination(&endpoint.url) {
            Ok(Destination::Queue(_)) => "SendMessage".to_owned(),
            Ok(Destination::Bus(_)) => "PutEvents".to_owned(),
            Ok(Destination::Redis(_)) => "PUBLISH".to_owned(),
            // An address that is forbidden by now was one of HTTP, too.
            Ok(Destination::Http(_) | Destination::Listener(_)) | Err(_) => {
                endpoint.bare.map_or("POST", |method| method.word()).to_owned()
            }
        }
    }
}
