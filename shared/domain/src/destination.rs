//! Destinations of deliveries: HTTP, queues of SQS, event buses of EventBridge, channels of Redis for
//! receivers that still listen there, and listeners.

mod aws;

use percent_encoding::percent_decode_str;

pub use self::aws::{
    AwsDestination, AwsDestinations, DestinationBus, DestinationQueue, InvalidAwsDestination,
};
use crate::{
    address::{Forbidden, Rule, Target},
    listener,
};

/// The destination of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An HTTP server, which receives a POST.
    Http(Target),
    /// A channel of a Redis server, on which the body is published.
    Redis(RedisChannel),
    /// A queue of SQS, which receives a message.
    Queue(DestinationQueue),
    /// An event bus of EventBridge, which receives an event.
    Bus(DestinationBus),
    /// A listener, by its name. The relay calls nothing: the delivery is handed to a connection.
    Listener(String),
}

/// A channel of a Redis server: `redis://host:port/channel`, or `rediss://` with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisChannel {
    /// The server, under the same rule for addresses as any other. The URL in it is the `http` or
    /// `https` one of the same host.
    pub server: Target,
    /// The name of the channel.
    pub name: String,
}

/// The port of Redis if the URL names none.
const REDIS_PORT: u16 = 6379;

impl Rule {
    /// Reads the URL or ARN of an endpoint, and judges what can be judged before the host is
    /// resolved. Without TLS a Redis server is only called in networks that the rule allows.
    ///
    /// # Errors
    /// If deliveries must not go there, or the text is neither a URL nor an ARN.
    pub fn destination(&self, text: &str) -> Result<Destination, Forbidden> {
        if let Some(name) = listener::name_of(text) {
            return Ok(Destination::Listener(name.to_owned()));
        }
        if text.starts_with("arn:") {
            return Ok(match self.destinations.find(text)? {
                AwsDestination::Queue(queue) => Destination::Queue(queue),
                AwsDestination::Bus(bus) => Destination::Bus(bus),
            });
        }
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("rediss://") {
            ("https://", rest)
        } else if let Some(rest) = text.strip_prefix("redis://") {
            ("http://", rest)
        } else {
            return self.target(text).map(Destination::Http);
        };
        // Only the schemes of the web have hosts that are read as addresses.
        let mut server = self.target(&format!("{scheme}{rest}"))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let named = port.is_some_and(|port| port.parse() == Ok(server.port));
        if !named {
            server.port = REDIS_PORT;
        }
        let path = server.url.path().trim_start_matches('/');
        let name = percent_decode_str(path).decode_utf8().ok();
        let name = name.filter(|name| (1..=256).contains(&name.len()));
        let name = name.ok_or(Forbidden::Channel)?.into_owned();
        Ok(Destination::Redis(RedisChannel { server, name }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::address::Network;

    #[test]
    fn a_channel_is_read_from_its_url() {
        let rule = Rule {
            allowed: Network::parse_list("127.0.0.0/8").expect("a network"),
            ..Rule::default()
        };
        for (url, port, name) in [
            ("redis://127.0.0.1:7000/model:ready", 7000, "model:ready"),
            ("redis://127.0.0.1/a/b?x=1", 6379, "a/b"),
            ("redis://localhost/a%3Ab%20c", 6379, "a:b c"),
            ("redis://127.0.0.1:80/a", 80, "a"),
            ("redis://127.0.0.1/50%off", 6379, "50%off"),
            ("rediss://redis.example.com/ready", 6379, "ready"),
            ("rediss://redis.example.com:443/ready", 443, "ready"),
            ("rediss://[2606:4700::1]:6380/ready", 6380, "ready"),
            ("rediss://[2606:4700::1]/ready", 6379, "ready"),
        ] {
            match rule.destination(url) {
                Ok(Destination::Redis(channel)) => {
                    assert_eq!((channel.server.port, channel.name.as_str()), (port, name), "{url}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
        assert!(matches!(rule.destination("https://example.com/"), Ok(Destination::Http(_))));
        let listener = Destination::Listener("ann".to_owned());
        assert_eq!(rule.destination("listener:ann"), Ok(listener));
        assert_eq!(rule.destination("listener:a/b"), Err(Forbidden::Scheme));
    }

    #[test]
    fn a_server_is_judged_as_any_other() {
        let rule = Rule::default();
        let loopback = Forbidden::Address(Ipv4Addr::LOCALHOST.into());
        for (url, why) in [
            ("redis://redis.example.com/a", Forbidden::Scheme),
            ("rediss://127.0.0.1/a", loopback.clone()),
            ("rediss://2130706433/a", loopback.clone()),
            ("rediss://0x7f.1/a", loopback.clone()),
            ("rediss://localhost/a", loopback),
            ("rediss://:password@redis.example.com/a", Forbidden::UserInfo),
            ("rediss://redis.example.com", Forbidden::Channel),
            ("rediss://redis.example.com/", Forbidden::Channel),
            ("rediss://redis.example.com/%ff", Forbidden::Channel),
            ("rediss://redis.internal/a", Forbidden::Host),
            ("rediss://", Forbidden::Unreadable),
        ] {
            assert_eq!(rule.destination(url), Err(why), "{url}");
        }
    }
}
