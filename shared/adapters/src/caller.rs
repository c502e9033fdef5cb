//! Calls endpoints over the public internet.
//!
//! One call, one connection, in plain steps: resolve, judge, dial what was judged, shake hands,
//! post, read a bounded prefix of the answer. There is no proxy, no redirect and no pool, so there
//! is no way to an address that was not judged for this very call.

#[cfg(feature = "aws")]
mod aws;
mod call;
mod connection;
#[cfg(feature = "aws")]
mod eventbridge;
mod exchange;
mod get;
mod heard;
mod redis;
#[cfg(feature = "aws")]
mod sqs;
mod words;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

#[cfg(feature = "aws")]
use domain::destination::AwsDestinations;
use domain::{
    address::{Rule, Target},
    destination::Destination,
    retry::{CallOutcome, ErrorClass},
};
use http::{HeaderMap, Method, Response};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls};
use url::Host;

#[cfg(feature = "aws")]
pub use self::{aws::AwsSenders, eventbridge::EventBridge};
use self::{
    call::Failure,
    exchange::{BODY_TIME, location, outcome, prefix, request, send},
};
pub use self::{
    call::{CallLabel, MAX_KEPT, OutboundCall},
    connection::Connection,
    get::{FetchRequest, FetchResult},
};

/// Makes the calls of deliveries: to URLs, queues, buses and Redis.
#[derive(Clone)]
pub struct Caller {
    rule: Rule,
    tls: TlsConnector,
    names: Resolver,
    #[cfg(feature = "aws")]
    senders: AwsSenders,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// Looks up the addresses of a name and a port. One lookup is made per call, and the addresses that it found
/// are judged and dialled, so that no other answer comes in between.
type Resolver = Arc<dyn Fn(String, u16) -> AddressLookup + Send + Sync>;

/// The addresses of a name, once they are known.
type AddressLookup = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The result of a call.
#[derive(Clone, Debug)]
pub struct CallResult {
    /// The outcome of the call, by which the delivery is judged.
    pub outcome: CallOutcome,
    /// The first bytes of the answer, as text.
    pub response: String,
    /// A description of the outcome for people.
    pub detail: String,
    /// The time from the beginning of the call to its outcome.
    pub took: Duration,
}

/// An answer, before the time that it took is known.
struct Answer {
    outcome: CallOutcome,
    response: String,
    detail: String,
}

impl Caller {
    /// This caller, which from now on also sends to these destinations in AWS, with these clients.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn sending_to(mut self, destinations: AwsDestinations, senders: AwsSenders) -> Self {
        self.rule.destinations = destinations;
        self.senders = senders;
        self
    }

    /// A caller that keeps to a rule.
    pub fn new(rule: Rule) -> Self {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        Self {
            rule,
            tls,
            names: Arc::new(system),
            #[cfg(feature = "aws")]
            senders: AwsSenders::default(),
        }
    }

    /// The rule it keeps to.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Posts a body; sends, puts or publishes it if the URL is that of a queue, an event bus or a Redis channel. Every
    /// way of failing is an outcome, never an error.
    pub async fn post(&self, call: OutboundCall<'_>) -> CallResult {
        self.send(Method::POST, call).await
    }

    /// Calls as [`Self::post`] does, with another method.
    pub async fn send(&self, method: Method, call: OutboundCall<'_>) -> CallResult {
        let (started, timeout) = (Instant::now(), call.timeout);
        let done = self.exchange(method, call).await;
        let took = started.elapsed().min(timeout);
        match done {
            Ok(Answer { outcome, response, detail }) => {
                CallResult { outcome, response, detail, took }
            }
            Err(Failure(class, detail)) => CallResult {
                outcome: CallOutcome::Failed(class),
                response: String::new(),
                detail,
                took,
            },
        }
    }

    /// Judges whether an address may be called now, its name resolved as for a call. Nothing is called.
    ///
    /// # Errors
    /// The reason, as a sentence without its full stop.
    pub async fn judge(&self, url: &str) -> Result<(), String> {
        let target = match self.rule.destination(url).map_err(|why| why.to_string())? {
            Destination::Http(target) => target,
            Destination::Redis(channel) => channel.server,
            Destination::Queue(_) | Destination::Bus(_) | Destination::Listener(_) => return Ok(()),
        };
        let encrypted = target.url.scheme() == "https";
        let addresses = self.resolve(&target).await;
        let addresses =
            addresses.map_err(|Failure(_, why)| format!("the name does not resolve: {why}"))?;
        if addresses.is_empty() {
            return Err("the name has no addresses".to_owned());
        }
        for address in addresses {
            self.rule.judge(address.ip(), encrypted).map_err(|why| why.to_string())?;
        }
        Ok(())
    }

    async fn exchange(&self, method: Method, call: OutboundCall<'_>) -> Result<Answer, Failure> {
        let (timeout, until) = (call.timeout, Instant::now() + call.timeout);
        let answered = match self.rule.destination(call.url)? {
            Destination::Redis(channel) => within(timeout, self.publish(&channel, &call)).await,
            #[cfg(feature = "aws")]
            Destination::Queue(queue) => within(timeout, self.enqueue(&queue, &call)).await,
            #[cfg(feature = "aws")]
            Destination::Bus(bus) => within(timeout, self.senders.put(&bus, &call)).await,
            Destination::Listener(_) => {
                let why = "a delivery to a listener is handed over, and never called";
                return Err(Failure::new(ErrorClass::Relay, why));
            }
            #[cfg(not(feature = "aws"))]
            Destination::Queue(_) | Destination::Bus(_) => {
                Err(Failure::new(ErrorClass::Relay, "this program has no client of AWS"))
            }
            Destination::Http(_) => {
                let head = self.response(method, call.url, call.headers, call.body);
                let response = within(timeout, head).await?;
                // The head has said what the answer is, whatever becomes of its body.
                let (outcome, detail) = (outcome(&response, call.now), location(&response));
                let until = until.min(Instant::now() + BODY_TIME);
                let response = prefix(response.into_body(), until).await;
                return Ok(Answer { outcome, response, detail });
            }
        };
        answered.map(|(outcome, response)| Answer { outcome, response, detail: String::new() })
    }

    /// The head of an answer; its body is still to be read.
    async fn response(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Failure> {
        let target = self.rule.target(url)?;
        let encrypted = target.url.scheme() == "https";
        let stream = self.dial(&target, encrypted).await?;
        let request = request(method, &target, headers, body)?;
        if encrypted {
            send(self.handshake(&target, stream).await?, request).await
        } else {
            send(stream, request).await
        }
    }

    /// Connects to an address that was judged. One forbidden address among several forbids them
    /// all: an honest name has none.
    async fn dial(&self, target: &Target, encrypted: bool) -> Result<TcpStream, Failure> {
        let addresses = self.resolve(target).await?;
        for address in &addresses {
            self.rule.judge(address.ip(), encrypted)?;
        }
        let mut last = None;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(error) => Failure::new(ErrorClass::Connect, error),
            None => Failure::new(ErrorClass::Dns, "the name has no addresses"),
        })
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, Failure> {
        match &target.host {
            Host::Ipv4(ip) => Ok(vec![(*ip, target.port).into()]),
            Host::Ipv6(ip) => Ok(vec![(*ip, target.port).into()]),
            Host::Domain(name) => {
                let asked = (self.names)(name.clone(), target.port).await;
                asked.map_err(|error| Failure::new(ErrorClass::Dns, error))
            }
        }
    }

    async fn handshake(
        &self,
        target: &Target,
        stream: TcpStream,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static, Failure> {
        let name = match &target.host {
            Host::Domain(name) => rustls::pki_types::ServerName::try_from(name.clone())
                .map_err(|error| Failure::new(ErrorClass::Tls, error))?,
            Host::Ipv4(ip) => IpAddr::V4(*ip).into(),
            Host::Ipv6(ip) => IpAddr::V6(*ip).into(),
        };
        let shaken = self.tls.connect(name, stream).await;
        shaken.map_err(|error| Failure::new(ErrorClass::Tls, words::of_tls(&error)))
    }
}

/// Asks the resolver of the system.
fn system(name: String, port: u16) -> AddressLookup {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
}

/// One deadline over all of a call.
async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(timeout, call).await {
        Ok(done) => done,
        Err(_) => Err(Failure(
            ErrorClass::Timeout,
            format!("no complete answer within {} s", timeout.as_secs()),
        )),
    }
}

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod tests;
