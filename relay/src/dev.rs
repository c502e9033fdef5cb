//! `relay dev`: the same handlers over the same AWS clients as in the cloud, against DynamoDB, SQS,
//! S3 and Secrets Manager served inside this process.

mod bundle;
mod keys;
mod poller;
mod settings;
mod welcome;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::{
    bundle::Bundle,
    settings::{BundleError, Settings},
};

/// What `relay dev` can be told.
#[derive(Clone, Debug, Parser)]
pub struct DevArgs {
    /// Where senders, subscribers' tools and the API find it. DynamoDB, SQS, S3 and Secrets Manager
    /// listen on the four ports above it.
    #[arg(long, default_value_t = 8788)]
    pub port: u16,
    /// Where its data lies.
    #[arg(long, default_value = ".relay")]
    pub data: PathBuf,
    /// How often it looks for what is due; a deployed relay does every minute.
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    pub sweep_every: Duration,
    /// The admin key; made and kept in the data directory if there is none.
    #[arg(long, env = "RELAY_ADMIN_KEY", hide_env_values = true)]
    pub admin_key: Option<String>,
    /// Queues of the local SQS that deliveries may go to: ARNs with commas between them.
    #[arg(long, env = "DESTINATION_QUEUES", default_value = "")]
    pub destination_queues: String,
    /// Event buses that deliveries may go to: ARNs with commas between them.
    #[arg(long, env = "DESTINATION_EVENT_BUSES", default_value = "")]
    pub destination_event_buses: String,
    /// Where an EventBridge listens that has these buses, such as an emulator; none is brought along.
    #[arg(long, env = "AWS_ENDPOINT_URL_EVENTBRIDGE")]
    pub event_bridge_url: Option<String>,
}

/// Runs until SIGTERM or Ctrl-C, then drains.
pub fn main(args: DevArgs) -> ExitCode {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A condition that does not hold is an answer like any other, not a warning.
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

#[expect(clippy::print_stderr, reason = "a command line says what stopped it")]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("relay: {error}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "what to do next is what the command prints")]
async fn run(args: DevArgs) -> Result<(), BundleError> {
    let secrets = keys::RelayKeys::load(&args.data, args.admin_key)?;
    let settings = Settings {
        data: Some(args.data.clone()),
        port: args.port,
        sweep_every: args.sweep_every,
        destinations: format!("{},{}", args.destination_queues, args.destination_event_buses),
        event_bridge: args.event_bridge_url,
        ..Settings::new(secrets.clone())
    };
    let bundle = Bundle::start(settings).await?;
    let demo = welcome::DemoSource::install(&bundle, &secrets).await?;
    let environment = args.data.join("env");
    keys::write_private(&environment, &bundle.environment_file())?;
    println!("{}", welcome::text(&bundle, &secrets, &demo, &environment));
    stop_asked().await;
    println!("draining …");
    bundle.stop().await;
    Ok(())
}

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
