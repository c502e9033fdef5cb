//! `relay dev`: runs the handlers of the functions over the AWS clients that they use on AWS, against
//! DynamoDB, SQS, S3, Secrets Manager and API Gateway served inside this process.

mod bundle;
mod drain;
mod gateway;
mod keys;
mod poller;
mod settings;
mod welcome;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use domain::{origins::AllowedOrigins, outgoing::HeaderStyle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::{
    bundle::Bundle,
    settings::{BundleError, Settings},
};

/// The arguments of `relay dev`.
#[derive(Clone, Debug, Parser)]
pub struct DevArgs {
    /// Port of the API and of `/in/…`; 0 is any free port.
    #[arg(long, default_value_t = 8788)]
    pub port: u16,
    /// Port of DynamoDB; SQS, S3, Secrets Manager and the management API of the WebSocket API listen on
    /// the four ports above it. The default is any free ports. The file `env` in the data directory names
    /// them.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=65_531))]
    pub aws_port: Option<u16>,
    /// Directory for the relay's data and keys; created if missing.
    #[arg(long, default_value = ".relay")]
    pub data: PathBuf,
    /// Time between two sweeps for due work, such as 200ms or 1s. A deployed relay sweeps every minute.
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    pub sweep_every: Duration,
    /// Admin key of the API: any text of at least 24 characters. The default is the key in the data
    /// directory, which the first start makes.
    #[arg(long, env = "RELAY_ADMIN_KEY", hide_env_values = true)]
    pub admin_key: Option<String>,
    /// ARNs of local SQS queues to which endpoints may deliver, separated by commas.
    #[arg(long, env = "DESTINATION_QUEUES", default_value = "")]
    pub destination_queues: String,
    /// ARNs of event buses to which endpoints may deliver, separated by commas.
    #[arg(long, env = "DESTINATION_EVENT_BUSES", default_value = "")]
    pub destination_event_buses: String,
    /// Names of the headers of Standard Webhooks for endpoints that choose none: standard (webhook-id
    /// and so on), or svix (svix-id and so on beside them).
    #[arg(long, env = "RELAY_HEADER_STYLE", default_value = "standard")]
    pub header_style: HeaderStyle,
    /// Refuse endpoints that name an event type which does not exist, instead of a warning.
    #[arg(long, env = "RELAY_STRICT_EVENT_TYPES")]
    pub strict_event_types: bool,
    /// Origins whose pages may use the API from a browser, separated by commas, such as
    /// http://localhost:5173.
    #[arg(long, env = "ALLOWED_ORIGINS", default_value = "")]
    pub allowed_origins: AllowedOrigins,
    /// URL of an EventBridge that has these event buses, such as an emulator; `relay dev` includes none.
    #[arg(long, env = "AWS_ENDPOINT_URL_EVENTBRIDGE")]
    pub event_bridge_url: Option<String>,
}

/// The exit code of a relay that was ended before its work was finished, as after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Runs the relay until SIGTERM or Ctrl-C, then finishes the work under way within 10 s. A second
/// signal ends it at once.
pub fn main(args: DevArgs) -> ExitCode {
    // Whatever is created from here on is for its owner alone: bodies of events lie in the files.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    allow_many_connections();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // dynoxide warns of each conditional write that fails, which is normal operation here.
    let levels = adapters::log::levels(std::env::var("RUST_LOG").ok())
        .with_target("dynoxide", tracing::Level::ERROR);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let ended = match runtime.block_on(run(args)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    };
    // A thread that still waits for the disk does not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    ended
}

/// Raises the limit of open files as far as this process may: each connection is one.
fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // The old limit does for a start.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[expect(clippy::print_stderr, reason = "the error of a command")]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("relay: {error}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "the output of a command")]
async fn run(args: DevArgs) -> Result<ExitCode, BundleError> {
    let mut signals = Signals::new().map_err(BundleError::Signals)?;
    let secrets = keys::RelayKeys::load(&args.data, args.admin_key)?;
    let settings = Settings {
        data: Some(args.data.clone()),
        port: args.port,
        aws_port: args.aws_port,
        sweep_every: args.sweep_every,
        destinations: format!("{},{}", args.destination_queues, args.destination_event_buses),
        event_bridge: args.event_bridge_url,
        header_style: args.header_style,
        strict_event_types: args.strict_event_types,
        allowed_origins: args.allowed_origins,
        ..Settings::new(secrets.clone())
    };
    let bundle = Bundle::start(settings).await?;
    let demo = welcome::DemoSource::install(&bundle, &secrets).await?;
    let environment = args.data.join("env");
    keys::write_private(&environment, &bundle.environment_file())?;
    println!("{}", welcome::text(&bundle, &secrets, &demo, &environment));
    signals.next().await;
    println!("stopping: the work under way has 10 s; a second signal ends the relay at once");
    tokio::select! {
        () = bundle.stop() => Ok(ExitCode::SUCCESS),
        () = signals.next() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// SIGTERM and SIGINT, heard from the start on: none is lost between two waits.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate? })
    }

    /// Waits for the next of the two.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}
