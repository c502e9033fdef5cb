//! `relay dev`: runs the handlers of the functions over the AWS clients that they use on AWS, against
//! DynamoDB, SQS, S3, Secrets Manager and API Gateway served inside this process.

mod bundle;
mod demo;
mod drain;
mod gateway;
mod keys;
mod poller;
mod rounds;
mod settings;
mod talk;
mod welcome;

use std::{io::ErrorKind, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use domain::{dashboard::Dashboard, origins::AllowedOrigins, outgoing::HeaderStyle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::{
    Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt,
};

pub use self::{
    bundle::Bundle,
    settings::{BundleError, Settings},
};
use self::{
    demo::Demo,
    talk::{Talk, TalkForm},
    welcome::{DemoSource, Notices},
};

/// The arguments of `relay dev`.
#[derive(Clone, Debug, Parser)]
pub struct DevArgs {
    /// Port of the API and of `/in/…`; 0 is any free port. The default is 8788, or the next free one if
    /// another program listens there.
    #[arg(long)]
    pub port: Option<u16>,
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
    /// Serves no pages; nobody can log in to them then.
    #[arg(long)]
    pub no_dashboard: bool,
    /// Origins whose pages may frame the portal of an application and the console of a job, separated by
    /// commas.
    #[arg(long, env = "PORTAL_FRAME_ANCESTORS", default_value = "")]
    pub portal_frame_ancestors: AllowedOrigins,
    /// Starts a receiver, an endpoint and a sender that reports a job every second, to see how it goes.
    #[arg(long)]
    pub demo: bool,
    /// Prints no line per request and per attempt.
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// Prints JSON lines: the addresses, then one object per request and per attempt.
    #[arg(long)]
    pub json: bool,
    /// URL of an EventBridge that has these event buses, such as an emulator; `relay dev` includes none.
    #[arg(long, env = "AWS_ENDPOINT_URL_EVENTBRIDGE")]
    pub event_bridge_url: Option<String>,
}

/// The port of a relay whose owner chooses none.
const USUAL_PORT: u16 = 8788;
/// Ports above the usual one that are tried if it is taken.
const NEXT_PORTS: u16 = 20;

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
        .with_target("dynoxide", tracing::Level::ERROR)
        .with_target(adapters::access::TARGET, LevelFilter::OFF);
    let form = if args.json { TalkForm::Json } else { TalkForm::Text };
    let talk =
        (!args.quiet).then(|| Talk::start(form, std::io::stdout()).with_filter(talk::heard()));
    tracing_subscriber::registry().with(lines.with_filter(levels)).with(talk).init();
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
        port: args.port.unwrap_or(USUAL_PORT),
        aws_port: args.aws_port,
        sweep_every: args.sweep_every,
        destinations: format!("{},{}", args.destination_queues, args.destination_event_buses),
        event_bridge: args.event_bridge_url,
        header_style: args.header_style,
        strict_event_types: args.strict_event_types,
        allowed_origins: args.allowed_origins,
        dashboard: Dashboard {
            is_served: !args.no_dashboard,
            portal_frames: args.portal_frame_ancestors,
        },
        ..Settings::new(secrets.clone())
    };
    let (bundle, taken) = start(settings, args.port.is_none()).await?;
    let source = DemoSource::install(&bundle, &secrets).await?;
    let environment = args.data.join("env");
    keys::write_private(&environment, &bundle.environment_file())?;
    let demo = match args.demo {
        true => Some(Demo::start(&bundle, &source).await?),
        false => None,
    };
    let receiver = demo.as_ref().map(|demo| demo.receiver().to_owned());
    // Last of all: the code in the link is good for a minute.
    let notices = Notices { page: bundle.page_link().await?, taken, receiver };
    println!(
        "{}",
        match args.json {
            true => welcome::json(&bundle, &notices, &environment),
            false => welcome::text(&bundle, &secrets, &source, &notices, &environment),
        }
    );
    signals.next().await;
    if !args.json {
        println!("stopping: the work under way has 10 s; a second signal ends the relay at once");
    }
    let stop = async {
        if let Some(demo) = demo {
            demo.stop().await;
        }
        bundle.stop().await;
    };
    tokio::select! {
        () = stop => Ok(ExitCode::SUCCESS),
        () = signals.next() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// Starts the relay. If the usual port is taken and may be another one, tries those above it; the
/// second part is then the port that was taken.
async fn start(settings: Settings, any: bool) -> Result<(Bundle, Option<u16>), BundleError> {
    let usual = settings.port;
    let mut port = usual;
    loop {
        match Bundle::start(Settings { port, ..settings.clone() }).await {
            Err(BundleError::Port(_, error))
                if any && error.kind() == ErrorKind::AddrInUse && port < usual + NEXT_PORTS =>
            {
                port += 1;
            }
            started => return Ok((started?, (port != usual).then_some(usual))),
        }
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
