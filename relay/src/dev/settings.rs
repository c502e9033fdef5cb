//! The settings of a local relay and the error of a start that failed.

use std::{io, path::PathBuf, time::Duration};

use adapters::{Unavailable, clock::Clock};
use domain::{
    address::{Network, Rule},
    dashboard::Dashboard,
    destination::AwsDestinations,
    origins::AllowedOrigins,
    outgoing::HeaderStyle,
};
use local::{Options, Ports, QueueTimes, ResourceNames, WebSocketLimits};

use super::keys::RelayKeys;
use crate::remote::RemoteError;

/// The AWS account id of every local resource.
pub(super) const ACCOUNT: &str = "000000000000";

/// The settings with which [`Bundle::start`](super::Bundle::start) starts a relay.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory; `None` keeps the data in memory.
    pub data: Option<PathBuf>,
    /// The port of the API; 0 is any free port.
    pub port: u16,
    /// The port of DynamoDB; SQS, S3, Secrets Manager and the management API of the WebSocket API listen
    /// on the four above it. `None` means any free ports.
    pub aws_port: Option<u16>,
    /// Time between two sweeps; at least 10 ms.
    pub sweep_every: Duration,
    /// Networks that the relay may call besides the public internet, separated by commas.
    pub allowed_networks: String,
    /// ARNs of local queues and of event buses to which endpoints may deliver, separated by commas.
    pub destinations: String,
    /// The URL of an EventBridge that has those event buses; the local services include none.
    pub event_bridge: Option<String>,
    /// Names of the headers of Standard Webhooks, for endpoints that choose none.
    pub header_style: HeaderStyle,
    /// Whether endpoints that name an event type which does not exist are refused.
    pub strict_event_types: bool,
    /// Origins whose pages may use the API from a browser.
    pub allowed_origins: AllowedOrigins,
    /// Whether pages are served, and who may frame them.
    pub dashboard: Dashboard,
    /// Visibility timeouts of the queues.
    pub queues: QueueTimes,
    /// The times after which live connections are closed.
    pub websocket_limits: WebSocketLimits,
    /// The master key and the admin key.
    pub secrets: RelayKeys,
    /// The clock of all handlers.
    pub clock: Clock,
}

/// The reason why a bundle did not start.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The local AWS services did not start.
    #[error(transparent)]
    Aws(#[from] local::LocalAwsError),
    /// The table did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The operating system refused to bind the port.
    #[error(
        "cannot listen on port {0}: {1}; stop what listens there, choose another port with --port, or leave --port out to \
         get the next free one"
    )]
    Port(u16, io::Error),
    /// A file of the data directory cannot be read or written.
    #[error("cannot read or write {0}: {1}; --data names another data directory")]
    Io(PathBuf, io::Error),
    /// A key file holds fewer than 32 characters.
    #[error(
        "the key in {0} is shorter than 32 characters; restore the file, or remove it and restart to make a \
         new key (a new master key cannot decrypt the stored secrets)"
    )]
    Key(PathBuf),
    /// The given admin key is too short, or no header can carry it.
    #[error("RELAY_ADMIN_KEY or --admin-key: {0}")]
    AdminKey(#[from] domain::key::InvalidAdminKey),
    /// The receiver of `--demo` cannot listen.
    #[error("cannot listen on 127.0.0.1 for the receiver of --demo: {0}")]
    Demo(io::Error),
    /// The endpoint of `--demo` cannot be made.
    #[error("cannot make the endpoint of --demo: {0}")]
    Endpoint(RemoteError),
    /// The operating system refused to report signals.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// `allowed_networks` contains text that is no network.
    #[error(transparent)]
    Network(#[from] domain::address::InvalidNetwork),
    /// `destinations` contains text that is no ARN of a queue or event bus.
    #[error(transparent)]
    Destination(#[from] domain::destination::InvalidAwsDestination),
    /// Event buses are allowed, but no EventBridge is given.
    #[error(
        "--destination-event-buses requires --event-bridge-url; `relay dev` includes no EventBridge"
    )]
    NoEventBridge,
}

impl Settings {
    /// Settings for a relay in memory on free ports that may call receivers on loopback.
    pub fn new(secrets: RelayKeys) -> Self {
        // Short, because after a crash no other process holds the messages that were in flight.
        let queues = QueueTimes {
            inbox_visibility: 10,
            outbox_visibility: 10,
            live_visibility: 10,
            dead_letter_visibility: 10,
            ..QueueTimes::default()
        };
        Self {
            data: None,
            port: 0,
            aws_port: None,
            sweep_every: Duration::from_secs(1),
            allowed_networks: "127.0.0.0/8,::1/128".to_owned(),
            destinations: String::new(),
            event_bridge: None,
            header_style: HeaderStyle::default(),
            strict_event_types: false,
            allowed_origins: AllowedOrigins::default(),
            dashboard: Dashboard::default(),
            queues,
            websocket_limits: WebSocketLimits::default(),
            secrets,
            clock: Clock::system(),
        }
    }

    /// Settings with random keys, for tests.
    pub fn fresh() -> Self {
        Self::new(RelayKeys::fresh())
    }

    /// The networks that the relay may call.
    ///
    /// # Errors
    /// [`BundleError::Network`] if `allowed_networks` contains text that is no network.
    pub(super) fn rule(&self) -> Result<Rule, BundleError> {
        Ok(Rule { allowed: Network::parse_list(&self.allowed_networks)?, ..Rule::default() })
    }

    /// The queues and event buses to which endpoints may deliver.
    ///
    /// # Errors
    /// [`BundleError::Destination`] for text that is no ARN of a queue or event bus,
    /// [`BundleError::NoEventBridge`] for event buses without an EventBridge.
    pub(super) fn destinations(&self) -> Result<AwsDestinations, BundleError> {
        let destinations = AwsDestinations::parse_list(&self.destinations, local::REGION, ACCOUNT)?;
        if destinations.have_a_bus() && self.event_bridge.is_none() {
            return Err(BundleError::NoEventBridge);
        }
        Ok(destinations)
    }

    /// The options of the local AWS services.
    pub(super) fn options(&self) -> Options {
        let above = |n: u16| self.aws_port.map_or(0, |port| port.saturating_add(n));
        let names = ResourceNames::default();
        let master = self.secrets.master.as_str().unwrap_or_default().to_owned();
        let admin = self.secrets.admin.reveal().to_owned();
        Options {
            data: self.data.clone(),
            ports: Ports {
                dynamodb: above(0),
                sqs: above(1),
                s3: above(2),
                secrets: above(3),
                websocket: above(4),
            },
            queues: self.queues,
            websocket_limits: self.websocket_limits,
            queue_clock_stands_still: false,
            keeps_ledger: false,
            access_key: self.secrets.access_key(),
            secret_values: vec![
                (names.master_key_secret.clone(), master),
                (names.admin_key_secret.clone(), admin),
            ],
            names,
        }
    }
}
