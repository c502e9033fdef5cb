//! How to start a relay on this machine, and why it may not start.

use std::{io, path::PathBuf, time::Duration};

use adapters::{Unavailable, clock::Clock};
use domain::{
    address::{Network, Rule},
    destination::AwsDestinations,
};
use local::{Options, Ports, QueueTimes, ResourceNames};

use super::keys::RelayKeys;

/// The account that everything claims to be in.
pub(super) const ACCOUNT: &str = "000000000000";

/// How to start a bundle.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where its data lies; in memory if nowhere.
    pub data: Option<PathBuf>,
    /// Its port, the AWS services on the four above it; 0 for any free ones.
    pub port: u16,
    /// How often it looks for what is due.
    pub sweep_every: Duration,
    /// Networks it may call besides the public internet.
    pub allowed_networks: String,
    /// Queues of its SQS, and event buses, that deliveries may go to: ARNs with commas between them.
    pub destinations: String,
    /// Where an EventBridge listens that has those buses; this mode brings none.
    pub event_bridge: Option<String>,
    /// How patient its queues are.
    pub queues: QueueTimes,
    /// Its keys.
    pub secrets: RelayKeys,
    /// Its clock.
    pub clock: Clock,
}

/// Why a bundle did not start.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The services beneath it.
    #[error(transparent)]
    Aws(#[from] local::LocalAwsError),
    /// The table.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Its port.
    #[error("port {0} cannot be listened on: {1} (is another relay running? --port chooses)")]
    Port(u16, io::Error),
    /// A file of its own.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// A key that was cut short.
    #[error("{0} is not a key; remove it to have a new one made")]
    Key(PathBuf),
    /// Networks that are none.
    #[error(transparent)]
    Network(#[from] domain::address::InvalidNetwork),
    /// Queues or event buses that are none.
    #[error(transparent)]
    Neighbour(#[from] domain::destination::InvalidAwsDestination),
    /// Event buses that nothing has.
    #[error("--destination-event-buses needs --event-bridge-url: there is no EventBridge in here")]
    NoEventBridge,
}

impl Settings {
    /// In memory, on free ports, calling loopback receivers.
    pub fn new(secrets: RelayKeys) -> Self {
        // A batch that died with its process should come back soon: nobody else holds it here.
        let queues = QueueTimes {
            inbox_visibility: 10,
            dead_letter_visibility: 10,
            ..QueueTimes::default()
        };
        Self {
            data: None,
            port: 0,
            sweep_every: Duration::from_secs(1),
            allowed_networks: "127.0.0.0/8,::1/128".to_owned(),
            destinations: String::new(),
            event_bridge: None,
            queues,
            secrets,
            clock: Clock::system(),
        }
    }

    /// With keys of its own, for tests.
    pub fn fresh() -> Self {
        Self::new(RelayKeys::fresh())
    }

    pub(super) fn rule(&self) -> Result<Rule, BundleError> {
        Ok(Rule { allowed: Network::parse_list(&self.allowed_networks)?, ..Rule::default() })
    }

    /// What deliveries may go to besides HTTP.
    pub(super) fn destinations(&self) -> Result<AwsDestinations, BundleError> {
        let destinations = AwsDestinations::parse_list(&self.destinations, local::REGION, ACCOUNT)?;
        if destinations.have_a_bus() && self.event_bridge.is_none() {
            return Err(BundleError::NoEventBridge);
        }
        Ok(destinations)
    }

    /// How the services beneath it start.
    pub(super) fn options(&self) -> Options {
        let above = |n: u16| if self.port == 0 { 0 } else { self.port.saturating_add(n) };
        let names = ResourceNames::default();
        let text = |secret: &domain::secret::Secret| secret.as_str().unwrap_or_default().to_owned();
        Options {
            data: self.data.clone(),
            ports: Ports { dynamodb: above(1), sqs: above(2), s3: above(3), secrets: above(4) },
            queues: self.queues,
            queue_clock_stands_still: false,
            secret_values: vec![
                (names.master_key_secret.clone(), text(&self.secrets.master)),
                (names.admin_key_secret.clone(), text(&self.secrets.admin)),
            ],
            names,
        }
    }
}
