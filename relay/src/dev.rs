//! `relay dev`: runs the handlers of the functions over the AWS clients that they use on AWS, against
//! DynamoDB, SQS, S3 and Secrets Manager served inside this process.

mod bundle;
mod drain;
mod keys;
mod poller;
mod settings;
mod welcome;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use domain::outgoing::HeaderStyle;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::{
    bundle::Bundle,
    settings::{BundleError, Settings},
};

/// The arguments of `relay dev`.
#[derive(Clone, Debug, Parser)]
pub struct DevArgs {
    /// Port of the API and of `/in/…`. DynamoDB, SQS, S3 and Secrets Manager listen on the four
    /// ports above it.
    #[arg(long, default_value_t = 8788)]
    pub port: u16,
    /// Directory for the relay's data and keys; created if missing.
    #[arg(long, default_value = ".relay")]
    pub data: PathBuf,
    /// Time between two sweeps for due work, such as 200ms or 1s. A deployed relay sweeps every minute.
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    pub sweep_every: Duration,
    /// Admin key of the API. The default is the key in the data directory, which the first start makes.
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
    /// URL of an EventBridge that has these event buses, such as an emulator; `relay dev` includes none.
    #[arg(long, env = "AWS_ENDPOINT_URL_EVENTBRIDGE")]
    pub event_bridge_url: Option<String>,
}

/// Runs the relay until SIGTERM or Ctrl-C, then finishes the work under way.
pub fn main(args: DevArgs) -> ExitCode {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // dynoxide warns of each conditional write that fails, which is normal operation here.
    let levels = adapters::log::levels(std::env::var("RUST_LOG").ok())
        .with_target("dynoxide", tracing::Level::ERROR);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the error of a command")]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("relay: {error}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "the output of a command")]
async fn run(args: DevArgs) -> Result<(), BundleError> {
    let secrets = keys::RelayKeys::load(&args.data, args.admin_key)?;
    let settings = Settings {
        data: Some(args.data.clone()),
        port: args.port,
        sweep_every: args.sweep_every,
        destinations: format!("{},{}", args.destination_queues, args.destination_event_buses),
        event_bridge: args.event_bridge_url,
        header_style: args.header_style,
        strict_event_types: args.strict_event_types,
        ..Settings::new(secrets.clone())
    };
    let bundle = Bundle::start(settings).await?;
    let demo = welcome::DemoSource::install(&bundle, &secrets).await?;
    let environment = args.data.join("env");
    keys::write_private(&environment, &bundle.environment_file())?;
    println!("{}", welcome::text(&bundle, &secrets, &demo, &environment));
    stop_asked().await;
    println!("stopping: waiting for the work under way");
    bundle.stop().await;
    Ok(())
}

/// Waits for SIGTERM or Ctrl-C.
async fn stop_asked() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => (),
        _ = terminate.recv() => (),
    }
}
